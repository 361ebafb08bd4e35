"""`suggest knowledge eval`: measures the search against questions with known answers."""

from pathlib import Path
from typing import Annotated

import typer

from bot.knowledge.evaluation import InvalidQuestions, Question, evaluate, parse_questions
from cli.errors import SettingsError
from cli.knowledge import use_library
from cli.options import DatabaseFile, Json
from cli.render.json import list_evaluation
from cli.render.output import print_result
from cli.render.text import knowledge as text


def run(
    *,
    questions: Annotated[
        Path,
        typer.Argument(metavar="QUESTIONS.jsonl", help='Lines of {"question": "…", "expected": ["an id or source"]}.'),
    ],
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Measure how often the search finds what answers a question.

    It tells for how many that is found first, and among the first three.

    Example: suggest knowledge eval questions.jsonl
    """
    asked = _read_questions(questions)
    evaluation = use_library(database, lambda library: evaluate(library, asked))
    print_result(evaluation, as_json=as_json, to_text=text.render_evaluation, to_fields=list_evaluation)


def _read_questions(file: Path) -> list[Question]:
    try:
        return parse_questions(file.read_text(encoding="utf-8-sig"))
    except InvalidQuestions as error:
        raise SettingsError(f"{file}: {error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not UTF-8 text") from error
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
