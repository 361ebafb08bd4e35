"""Training data derived from choices: preference pairs, labelled replies, conversations with the reply that was sent.

A pair says: the agent would rather send this than that. Two ways to know it:

edited       the agent's text over the candidate that they changed into it
skip_above   the chosen candidate over those shown above it, which were passed by; robust to position, since whoever
             chooses the third has most likely read the first two
all_shown    the chosen candidate over all others shown; on request only, with the weight 1/(K-1)

Refusals are labels, not pairs: of those dismissed, each shown candidate is labelled false. Who redrafts, or never
decides, says nothing about a single text.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from bot.choicelog.writing import dumps
from storage.records import Candidate, Choice, LogEntry

PairKind = Literal["edited", "skip_above", "all_shown"]

_ROLES: Final = {"customer": "user", "agent": "assistant"}

WITHOUT_TEXT: Final = "without their texts"
UNDECIDED: Final = "undecided"
NO_REPLY: Final = "without a chosen reply"
NO_PAIR: Final = "without a pair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What was preferred, to which candidate's text, and why we think so. `chosen` is the candidate clicked."""

    kind: PairKind
    preferred: str
    rejected: str
    chosen: Candidate
    passed_by: Candidate
    weight: float


def pairs(entry: LogEntry, kinds: Sequence[PairKind]) -> list[Pair]:
    """The pairs of these kinds that one request gives, in this order; equal texts are none."""
    chosen = _chosen(entry)
    if chosen is None:
        return []
    found = [pair for kind in kinds for pair in _FINDERS[kind](entry, chosen)]
    return [pair for pair in found if pair.preferred != pair.rejected]


def _chosen(entry: LogEntry) -> Candidate | None:
    choice = entry.choice
    return next((one for one in entry.candidates if choice is not None and one.id == choice.candidate_id), None)


def seen(entry: LogEntry) -> tuple[Candidate, ...]:
    """The candidates before the agent's eyes at the click, in the order shown; all that were placed if nobody clicked.

    Where replies are shown one by one, some may have had a place and were not visible yet.
    """
    known = entry.choice.visible_candidate_ids if entry.choice is not None else ()
    return tuple(one for one in entry.visible if one.id in known) if known else entry.visible


def _edited(entry: LogEntry, chosen: Candidate) -> Iterator[Pair]:
    choice = entry.choice
    if choice is not None and choice.kind == "edited" and choice.final_text and chosen.text:
        yield Pair(
            kind="edited",
            preferred=choice.final_text,
            rejected=chosen.text,
            chosen=chosen,
            passed_by=chosen,
            weight=1.0,
        )


def _skip_above(entry: LogEntry, chosen: Candidate) -> Iterator[Pair]:
    others = [one for one in seen(entry) if (one.position or 0) < (chosen.position or 0)]
    yield from _over(others, chosen, kind="skip_above", weight=1.0)


def _all_shown(entry: LogEntry, chosen: Candidate) -> Iterator[Pair]:
    others = [one for one in seen(entry) if one.id != chosen.id]
    yield from _over(others, chosen, kind="all_shown", weight=1.0 / max(1, len(others)))


def _over(others: Sequence[Candidate], chosen: Candidate, *, kind: PairKind, weight: float) -> Iterator[Pair]:
    for other in others:
        if chosen.text and other.text:
            yield Pair(
                kind=kind,
                preferred=chosen.text,
                rejected=other.text,
                chosen=chosen,
                passed_by=other,
                weight=weight,
            )


_FINDERS: Final[dict[PairKind, Callable[[LogEntry, Candidate], Iterator[Pair]]]] = {
    "edited": _edited,
    "skip_above": _skip_above,
    "all_shown": _all_shown,
}


class Preferences:
    """Requests as lines of preferences. `left_out` counts the requests that give none, by the reason."""

    def __init__(self, kinds: Sequence[PairKind], line: Callable[[LogEntry, Pair], dict[str, Any]]) -> None:
        self._kinds = kinds
        self._line = line
        self.left_out: Counter[str] = Counter()

    def lines(self, entry: LogEntry) -> list[str]:
        if not _has_texts(entry):
            self.left_out[WITHOUT_TEXT] += 1
            return []
        found = pairs(entry, self._kinds)
        if not found:
            self.left_out[NO_PAIR] += 1
        return [_line(self._line(entry, pair)) for pair in found]


class Labels:
    """Requests as replies with a label (KTO): true for what was chosen, as it was sent; false for what was shown and
    dismissed. `left_out` counts the requests that give none, by the reason.
    """

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()

    def lines(self, entry: LogEntry) -> list[str]:
        if entry.choice is None:
            self.left_out[UNDECIDED] += 1
            return []
        found = _labelled(entry, entry.choice) if _has_texts(entry) else []
        if not found:
            self.left_out[WITHOUT_TEXT] += 1
        return [_line(_kto(entry, candidate, text, label=label)) for candidate, text, label in found]


class Conversations:
    """Requests as conversations that end in the reply that was chosen, as it was sent (SFT)."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()

    def lines(self, entry: LogEntry) -> list[str]:
        if _chosen(entry) is None or entry.choice is None:
            self.left_out[NO_REPLY] += 1
            return []
        if not _has_texts(entry) or not entry.choice.final_text:
            self.left_out[WITHOUT_TEXT] += 1
            return []
        return [_line({"messages": [*prompt(entry), _assistant(entry.choice.final_text)]})]


def _labelled(entry: LogEntry, choice: Choice) -> list[tuple[Candidate, str, bool]]:
    if choice.kind == "dismissed":
        return [(one, one.text, False) for one in seen(entry) if one.text]
    chosen = _chosen(entry)
    return [(chosen, choice.final_text, True)] if chosen is not None and choice.final_text else []


def to_trl(entry: LogEntry, pair: Pair) -> dict[str, Any]:
    """TRL's preference form, with an explicit prompt, and where the pair comes from."""
    return {
        "prompt": prompt(entry),
        "chosen": [_assistant(pair.preferred)],
        "rejected": [_assistant(pair.rejected)],
        "provenance": {
            "request_id": entry.request.id,
            "pair": pair.kind,
            "weight": pair.weight,
            "chosen_candidate_id": pair.chosen.id,
            "rejected_candidate_id": pair.passed_by.id,
            "chosen_position": pair.chosen.position,
            "rejected_position": pair.passed_by.position,
            "chosen_first_propensity": pair.chosen.first_propensity,
            "rejected_first_propensity": pair.passed_by.first_propensity,
            "chosen_inclusion_propensity": pair.chosen.inclusion_propensity,
            "rejected_inclusion_propensity": pair.passed_by.inclusion_propensity,
            **_of_request(entry),
        },
    }


def to_openai(entry: LogEntry, pair: Pair) -> dict[str, Any]:
    """The preference form of OpenAI, Together and Fireworks. They take no other fields."""
    return {
        "input": {"messages": prompt(entry)},
        "preferred_output": [_assistant(pair.preferred)],
        "non_preferred_output": [_assistant(pair.rejected)],
    }


def _kto(entry: LogEntry, candidate: Candidate, text: str, *, label: bool) -> dict[str, Any]:
    return {
        "prompt": prompt(entry),
        "completion": [_assistant(text)],
        "label": label,
        "provenance": {
            "request_id": entry.request.id,
            "candidate_id": candidate.id,
            "kind": entry.choice and entry.choice.kind,
            "reason": (entry.choice and entry.choice.reason) or "",
            "position": candidate.position,
            "first_propensity": candidate.first_propensity,
            "inclusion_propensity": candidate.inclusion_propensity,
            **_of_request(entry),
        },
    }


def _of_request(entry: LogEntry) -> dict[str, Any]:
    # A column of nulls has no type, and loaders then refuse the text that comes later: so "" where nothing ranked.
    return {
        "order_propensity": entry.request.order_propensity,
        "policy": entry.request.policy,
        "prompt_version": entry.request.prompt_version,
        "ranker_version": entry.request.ranker_version or "",
    }


def prompt(entry: LogEntry) -> list[dict[str, str]]:
    """The conversation as chat messages, with the agent's hint before it as the system's."""
    hint = [{"role": "system", "content": entry.request.hint}] if entry.request.hint else []
    return hint + [{"role": _ROLES[turn.role], "content": turn.text} for turn in entry.request.conversation]


def _assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _has_texts(entry: LogEntry) -> bool:
    return any(turn.text for turn in entry.request.conversation)


def _line(value: dict[str, Any]) -> str:
    return dumps(value) + "\n"
