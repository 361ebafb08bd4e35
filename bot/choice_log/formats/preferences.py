"""Training data derived from choices: preference pairs, labelled replies, conversations with the reply that was sent.

A pair says: the agent would rather send this than that. Three kinds:

all_shown    the chosen candidate over each other one that the agent saw
skip_above   the chosen candidate over those shown above it
edited       the agent's text over the candidate that they changed into it

Under a learned order, what stands above is what the ranker liked, and a choice says as much about the order as about
the texts. So pairs between candidates are drawn: each is written as often, in expectation, as it would have been
chosen had every order been equally probable. Trainers do not read weights; they count rows.

Refusals are labels, not pairs: of those dismissed, each shown candidate is labelled false. Who redrafts, or never
decides, says nothing about a single text.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final, Literal

from bot.choice_log.formats.json_lines import dumps
from bot.edits import measure_similarity
from bot.ordering.shuffle import seed_random
from storage.records import Candidate, Choice, LogEntry

PairKind = Literal["edited", "skip_above", "all_shown"]

_ROLES: Final = {"customer": "user", "agent": "assistant"}

WITHOUT_TEXT: Final = "without their texts"
UNDECIDED: Final = "undecided"
NO_REPLY: Final = "without a chosen reply"
NO_PAIR: Final = "without a pair"
NO_DRAW: Final = "without a drawn pair"
REWRITTEN: Final = "mostly rewritten"
NOT_DRAWN: Final = "not drawn"

MAX_ORDER_WEIGHT: Final = 20.0
"""Twice what an order that is uniform one time in ten can weigh: other systems' logs may hold any propensity."""

LEAST_KEPT: Final = 0.5
"""A draft of which less than this was sent was not preferred to anything."""

RULE: Final = (
    "Each pair of candidates is written as often, in expectation, as its draw_weight: order_weight * kept. "
    "order_weight is (1/n!) / order_propensity, n being the candidates that had a place, at most max_order_weight; "
    "1 where the order was uniform, or its propensity was not logged. kept is the share of the chosen draft that was "
    "sent; below least_kept there is no pair. Pairs of the kind edited are written once. One number is drawn for each "
    "request, from the seed and the request's id, and rounds its weights up or down (systematic sampling)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencePair:
    """A preferred text, the text of the candidate it was preferred to, and why we think so.

    `chosen` is the candidate clicked. `weight` makes each choice count alike, for trainers that can weigh; it has no
    part in the draw. `kept` is the share of `preferred` that was sent.
    """

    kind: PairKind
    preferred: str
    rejected: str
    chosen: Candidate
    passed_by: Candidate
    weight: float
    kept: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDraw:
    """One row: the pair, its expected number of rows (`weight`), and which of its rows this is, from 1.

    `order_weight` is None where the propensity of the order was not logged.
    """

    pair: PreferencePair
    order_weight: float | None
    weight: float
    seed: int
    number: int


def find_pairs(entry: LogEntry, kinds: Sequence[PairKind]) -> list[PreferencePair]:
    """Find the pairs of these kinds in one request, in this order; equal texts are none."""
    chosen = _find_chosen(entry)
    if chosen is None:
        return []
    found = [pair for kind in kinds for pair in _PAIRINGS[kind](entry, chosen)]
    return [pair for pair in found if pair.preferred != pair.rejected]


def weigh_order(entry: LogEntry) -> float | None:
    """Compute (1/n!) ÷ order_propensity, at most MAX_ORDER_WEIGHT; None if the propensity was not logged."""
    request = entry.request
    if request.policy == "unlogged" or not request.order_propensity:
        return None
    if request.policy == "uniform":
        return 1.0
    return min(MAX_ORDER_WEIGHT, 1 / math.factorial(len(entry.visible)) / request.order_propensity)


def draw_copies(weights: Sequence[float], at: float) -> list[int]:
    """Draw the number of rows for each weight by systematic sampling; `at` is uniform in [0, 1).

    It is the whole part of the weight, and one more with the probability of the rest. The sum is that of the weights,
    rounded up or down.
    """
    ends = accumulate(weights, initial=at)
    return [math.floor(end) - math.floor(start) for start, end in pairwise(ends)]


def _find_chosen(entry: LogEntry) -> Candidate | None:
    choice = entry.choice
    return next((one for one in entry.candidates if choice is not None and one.id == choice.candidate_id), None)


def list_seen(entry: LogEntry) -> tuple[Candidate, ...]:
    """List the candidates visible at the click, in the order shown; all that were placed if nobody clicked.

    Where replies are shown one by one, some may have had a place and were not visible yet: the choice does not name
    them, or they have no `shown_at`, or a later one, while others have one.
    """
    choice = entry.choice
    if choice is None:
        return entry.visible
    known = choice.visible_candidate_ids or [one.id for one in entry.visible]
    timed = any(one.shown_at is not None for one in entry.visible)
    return tuple(
        one
        for one in entry.visible
        if one.id == choice.candidate_id
        or (one.id in known and (not timed or (one.shown_at is not None and one.shown_at <= choice.chosen_at)))
    )


def _pair_edited(entry: LogEntry, chosen: Candidate) -> Iterator[PreferencePair]:
    """Pair the agent's text with the candidate that they changed into it."""
    choice = entry.choice
    if choice is not None and choice.kind == "edited" and choice.final_text and chosen.text:
        yield PreferencePair(
            kind="edited",
            preferred=choice.final_text,
            rejected=chosen.text,
            chosen=chosen,
            passed_by=chosen,
            weight=1.0,
        )


def _pair_skip_above(entry: LogEntry, chosen: Candidate) -> Iterator[PreferencePair]:
    others = [one for one in list_seen(entry) if (one.position or 0) < (chosen.position or 0)]
    yield from _pair_with_others(others, entry.choice, chosen, kind="skip_above", weight=1.0)


def _pair_all_shown(entry: LogEntry, chosen: Candidate) -> Iterator[PreferencePair]:
    others = [one for one in list_seen(entry) if one.id != chosen.id]
    yield from _pair_with_others(others, entry.choice, chosen, kind="all_shown", weight=1.0 / max(1, len(others)))


def _pair_with_others(
    others: Sequence[Candidate], choice: Choice | None, chosen: Candidate, *, kind: PairKind, weight: float
) -> Iterator[PreferencePair]:
    """Pair the chosen candidate with each of the others."""
    kept = _compute_kept_share(choice, chosen)
    for other in others:
        if chosen.text and other.text:
            yield PreferencePair(
                kind=kind,
                preferred=chosen.text,
                rejected=other.text,
                chosen=chosen,
                passed_by=other,
                weight=weight,
                kept=kept,
            )


def _compute_kept_share(choice: Choice | None, chosen: Candidate) -> float:
    """Compute the share of the draft that was sent: 1 if used as it was, half if an edit is not known."""
    if choice is None or choice.kind != "edited":
        return 1.0
    if choice.edit_similarity is not None:
        return choice.edit_similarity
    return LEAST_KEPT if not choice.final_text else measure_similarity(chosen.text or "", choice.final_text)


_PAIRINGS: Final[dict[PairKind, Callable[[LogEntry, Candidate], Iterator[PreferencePair]]]] = {
    "edited": _pair_edited,
    "skip_above": _pair_skip_above,
    "all_shown": _pair_all_shown,
}


class Preferences:
    """Builds lines of preferences, drawn from the pairs of each request by RULE.

    The draw of a request depends on its id and the seed alone. `left_out` counts requests that give none, by reason.
    """

    def __init__(
        self, kinds: Sequence[PairKind], line: Callable[[LogEntry, PairDraw], dict[str, Any]], *, seed: int = 0
    ) -> None:
        self._kinds = kinds
        self._line = line
        self._seed = seed
        self.left_out: Counter[str] = Counter()
        self._pairs_left_out: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._weights = self._squares = 0.0

    def lines(self, entry: LogEntry) -> list[str]:
        self._counts["requests"] += 1
        if not _has_texts(entry):
            self.left_out[WITHOUT_TEXT] += 1
            return []
        found = find_pairs(entry, self._kinds)
        if not found:
            self.left_out[NO_PAIR] += 1
            return []
        order_weight = weigh_order(entry)
        self._count_choice_set(order_weight, len(found))
        drawn = self._draw(entry, found, order_weight)
        self._counts["rows_written"] += len(drawn)
        if not drawn:
            self.left_out[NO_DRAW] += 1
        return [_line(self._line(entry, draw)) for draw in drawn]

    @property
    def provenance(self) -> Mapping[str, Any]:
        """The rule, the seed, and the numbers of choice sets and pairs; no ids and no texts."""
        counts = ("requests", "choice_sets", "choice_sets_without_propensity", "choice_sets_at_max_order_weight")
        return {
            "rule": RULE,
            "seed": self._seed,
            "pairs": list(self._kinds),
            "max_order_weight": MAX_ORDER_WEIGHT,
            "least_kept": LEAST_KEPT,
            **{name: self._counts[name] for name in counts},
            "effective_choice_sets": round(self._weights**2 / self._squares, 1) if self._squares else 0.0,
            "requests_left_out": dict(self.left_out),
            "pairs_considered": self._counts["pairs_considered"],
            "pairs_written": self._counts["pairs_written"],
            "pairs_left_out": dict(+self._pairs_left_out),
            "rows_written": self._counts["rows_written"],
        }

    def _count_choice_set(self, order_weight: float | None, pairs_considered: int) -> None:
        self._counts["choice_sets"] += 1
        self._counts["choice_sets_without_propensity"] += order_weight is None
        self._counts["choice_sets_at_max_order_weight"] += order_weight == MAX_ORDER_WEIGHT
        self._counts["pairs_considered"] += pairs_considered
        weight = 1.0 if order_weight is None else order_weight
        self._weights += weight
        self._squares += weight * weight

    def _draw(self, entry: LogEntry, found: Sequence[PreferencePair], order_weight: float | None) -> list[PairDraw]:
        eligible = [pair for pair in found if pair.kept >= LEAST_KEPT]
        factor = 1.0 if order_weight is None else order_weight
        # an edit compares two texts in one place: the order has no part in it
        weights = [1.0 if pair.kind == "edited" else factor * pair.kept for pair in eligible]
        at = seed_random(entry.request.id, f"pairs:{self._seed}").random()
        copies = draw_copies(weights, at)
        self._pairs_left_out[REWRITTEN] += len(found) - len(eligible)
        self._pairs_left_out[NOT_DRAWN] += copies.count(0)
        self._counts["pairs_written"] += len(copies) - copies.count(0)
        return [
            PairDraw(pair=pair, order_weight=order_weight, weight=weight, seed=self._seed, number=number)
            for pair, weight, count in zip(eligible, weights, copies, strict=True)
            for number in range(1, count + 1)
        ]


class KtoLabels:
    """Builds replies with a label (KTO): true for the chosen one as it was sent, false for those dismissed.

    `left_out` counts the requests that give none, by reason.
    """

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()

    def lines(self, entry: LogEntry) -> list[str]:
        if entry.choice is None:
            self.left_out[UNDECIDED] += 1
            return []
        found = _label_replies(entry, entry.choice) if _has_texts(entry) else []
        if not found:
            self.left_out[WITHOUT_TEXT] += 1
        return [_line(_to_kto(entry, candidate, text, label=label)) for candidate, text, label in found]


class SftConversations:
    """Builds conversations that end in the reply that was chosen, as it was sent (SFT)."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()

    def lines(self, entry: LogEntry) -> list[str]:
        if _find_chosen(entry) is None or entry.choice is None:
            self.left_out[NO_REPLY] += 1
            return []
        if not _has_texts(entry) or not entry.choice.final_text:
            self.left_out[WITHOUT_TEXT] += 1
            return []
        return [_line({"messages": [*to_prompt(entry), _to_assistant_message(entry.choice.final_text)]})]


def _label_replies(entry: LogEntry, choice: Choice) -> list[tuple[Candidate, str, bool]]:
    if choice.kind == "dismissed":
        return [(one, one.text, False) for one in list_seen(entry) if one.text]
    chosen = _find_chosen(entry)
    return [(chosen, choice.final_text, True)] if chosen is not None and choice.final_text else []


def to_trl(entry: LogEntry, draw: PairDraw) -> dict[str, Any]:
    """Convert to TRL's preference format, with an explicit prompt, and the provenance of the pair."""
    pair = draw.pair
    return {
        "prompt": to_prompt(entry),
        "chosen": [_to_assistant_message(pair.preferred)],
        "rejected": [_to_assistant_message(pair.rejected)],
        "provenance": {
            "request_id": entry.request.id,
            "pair": pair.kind,
            "weight": pair.weight,
            "draw_weight": draw.weight,
            "order_weight": 1.0 if draw.order_weight is None else draw.order_weight,
            "order_logged": draw.order_weight is not None,
            "kept": pair.kept,
            "seed": draw.seed,
            "draw": draw.number,
            "chosen_candidate_id": pair.chosen.id,
            "rejected_candidate_id": pair.passed_by.id,
            "chosen_position": pair.chosen.position,
            "rejected_position": pair.passed_by.position,
            "chosen_first_propensity": pair.chosen.first_propensity,
            "rejected_first_propensity": pair.passed_by.first_propensity,
            "chosen_inclusion_propensity": pair.chosen.inclusion_propensity,
            "rejected_inclusion_propensity": pair.passed_by.inclusion_propensity,
            **_describe_request(entry),
        },
    }


def to_openai(entry: LogEntry, draw: PairDraw) -> dict[str, Any]:
    """Convert to the preference format of OpenAI, Together and Fireworks; they take no other fields."""
    return {
        "input": {"messages": to_prompt(entry)},
        "preferred_output": [_to_assistant_message(draw.pair.preferred)],
        "non_preferred_output": [_to_assistant_message(draw.pair.rejected)],
    }


def _to_kto(entry: LogEntry, candidate: Candidate, text: str, *, label: bool) -> dict[str, Any]:
    return {
        "prompt": to_prompt(entry),
        "completion": [_to_assistant_message(text)],
        "label": label,
        "provenance": {
            "request_id": entry.request.id,
            "candidate_id": candidate.id,
            "kind": entry.choice and entry.choice.kind,
            "reason": (entry.choice and entry.choice.reason) or "",
            "position": candidate.position,
            "first_propensity": candidate.first_propensity,
            "inclusion_propensity": candidate.inclusion_propensity,
            **_describe_request(entry),
        },
    }


def _describe_request(entry: LogEntry) -> dict[str, Any]:
    # A column of nulls has no type, and loaders then refuse the text that comes later: so "" where nothing ranked.
    return {
        "order_propensity": entry.request.order_propensity,
        "policy": entry.request.policy,
        "prompt_version": entry.request.prompt_version,
        "ranker_version": entry.request.ranker_version or "",
    }


def to_prompt(entry: LogEntry) -> list[dict[str, str]]:
    """Convert the conversation to chat messages, with the agent's hint before it as the system's."""
    hint = [{"role": "system", "content": entry.request.hint}] if entry.request.hint else []
    return hint + [{"role": _ROLES[turn.role], "content": turn.text} for turn in entry.request.conversation]


def _to_assistant_message(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _has_texts(entry: LogEntry) -> bool:
    return any(turn.text for turn in entry.request.conversation)


def _line(value: dict[str, Any]) -> str:
    return dumps(value) + "\n"
