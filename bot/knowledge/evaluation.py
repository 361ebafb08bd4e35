"""Measures of a search: the share of questions for which it finds what was expected."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.knowledge.library import Library

DEPTH: Final = 10


class InvalidQuestions(ValueError):  # noqa: N818 - named for what was found
    """The file of questions cannot be used; the message says which line and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, and the ids or sources of the documents that answer it."""

    question: str
    expected: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question with what was found, best first, and the 1-based rank of the first that was expected."""

    question: str
    found: list[str]
    rank: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All questions with what was found."""

    answered: Sequence[Answered]

    def measure_hits(self, depth: int) -> float:
        """Return the share of questions with an expected document among the first `depth`."""
        return sum(one.rank is not None and one.rank <= depth for one in self.answered) / len(self.answered)

    @property
    def mrr(self) -> float:
        """Mean reciprocal rank among the first ten."""
        return sum(1 / one.rank for one in self.answered if one.rank is not None) / len(self.answered)


def parse_questions(text: str) -> list[Question]:
    """Parse JSON Lines of {"question", "expected": [id or source]}. Raises InvalidQuestions."""
    questions = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            fields: Any = json.loads(line)
        except (ValueError, RecursionError):
            raise InvalidQuestions(f"line {number} is no JSON") from None
        match fields:
            case {"question": str(question), "expected": [*expected]} if expected and question.strip():
                questions.append(Question(question=question, expected=frozenset(map(str, expected))))
            case _:
                raise InvalidQuestions(f'line {number} is not {{"question": "…", "expected": ["an id or source"]}}')
    if not questions:
        raise InvalidQuestions("there is no question in it")
    return questions


async def evaluate(library: Library, questions: Sequence[Question]) -> Evaluation:
    """Search for each question."""
    answered = []
    for one in questions:
        found = [row for row, _ in await library.rank(one.question, limit=DEPTH)]
        ranks = (n for n, row in enumerate(found, 1) if one.expected & {row.document_id, row.source})
        answered.append(
            Answered(question=one.question, found=[row.document_id for row in found], rank=next(ranks, None))
        )
    return Evaluation(answered=answered)
