"""Preference pairs, derived from choices and drawn so that they teach what agents meant.

A pair says: the agent would rather send this than that. Five kinds:

all_shown    the chosen candidate over each other one that the agent saw
skip_above   the chosen candidate over those shown above it
edited       the agent's text over the candidate that they changed into it
redrafted    the chosen candidate over those that the agent saw before, and asked for others instead of
steered      the candidate of which the agent wanted another version over the others; a weak pick

Under a learned order, what stands above is what the ranker liked, and a choice says as much about the order as about
the texts. So pairs between candidates are drawn: each is written as often, in expectation, as it would have been
chosen had every order been equally probable. Trainers do not read weights; they count rows.

In a comparison both texts were read: a preference is one pair, `all_shown`, also where `skip_above` was asked for.

Refusals are labels, not pairs: of those dismissed, each shown candidate is labelled false.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, BinaryIO, Final

from bot.choice_log.chat import WITHOUT_TEXT, Message, has_texts, to_line, to_prompt
from bot.choice_log.export_format import DerivedWriter, ExportOptions, PairKind
from bot.edits import measure_similarity
from bot.ordering.shuffle import seed_random
from storage.records import Candidate, Choice, Event, LogEntry

NO_PAIR: Final = "without a pair"
NO_DRAW: Final = "without a drawn pair"
REWRITTEN: Final = "mostly rewritten"
NOT_DRAWN: Final = "not drawn"

MAX_ORDER_WEIGHT: Final = 20.0
"""Twice what an order that is uniform one time in ten can weigh: other systems' logs may hold any propensity."""

LEAST_KEPT: Final = 0.5
"""A draft of which less than this was sent was not preferred to anything."""

STEER_CERTAINTY: Final = 0.3
"""Who wants a reply shorter likes it better than the others, and not enough to send it."""

_MAX_PARENTS: Final = 10_000
"""Requests that wait for their redraft, which is made minutes later."""

RULE: Final = (
    "Each pair of candidates is written as often, in expectation, as its draw_weight: order_weight * kept. "
    "order_weight is (1/n!) / order_propensity, n being the candidates that had a place, at most max_order_weight; "
    "1 where the order was uniform, or its propensity was not logged. kept is the share of the chosen draft that was "
    "sent; below least_kept there is no pair. Pairs of the kind steered count steer_certainty "
    "of that. Pairs of the kind edited are written once. One number is drawn for each "
    "request, from the seed and the request's id, and rounds its weights up or down (systematic sampling)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencePair:
    """A preferred text, the text of the candidate it was preferred to, and why we think so.

    `chosen` is the candidate clicked. `weight` makes each choice count alike, for trainers that can weigh; it has no
    part in the draw. `kept` is the share of `preferred` that was sent, `certainty` what else the pair counts.
    """

    kind: PairKind
    preferred: str
    rejected: str
    chosen: Candidate
    passed_by: Candidate
    weight: float = 1.0
    kept: float = 1.0
    certainty: float = 1.0


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


def find_pairs(entry: LogEntry, kinds: Sequence[PairKind], *, parent: LogEntry | None = None) -> list[PreferencePair]:
    """Find the pairs of these kinds in one request, in this order; equal texts are none.

    `parent` is the request that it was redrafted from.
    """
    if entry.request.surface == "compare":  # both texts were read, so what stands above has no part in it
        kinds = ("all_shown",) if {"all_shown", "skip_above"}.intersection(kinds) else ()
    found = [pair for kind in kinds for pair in _PAIRINGS[kind](entry, parent)]
    return [pair for pair in found if pair.preferred != pair.rejected]


def _find_redraft(entry: LogEntry) -> Event | None:
    if entry.choice is not None:
        return None
    return next((event for event in reversed(entry.events) if event.type == "redrafted"), None)


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


def find_chosen(entry: LogEntry) -> Candidate | None:
    """Find the candidate that the standing choice names."""
    choice = entry.choice
    return next((one for one in entry.candidates if choice is not None and one.id == choice.candidate_id), None)


def list_seen(entry: LogEntry) -> tuple[Candidate, ...]:
    """List the candidates visible at the click, in the order shown; all that were placed if nobody clicked.

    Where replies are shown one by one, some may have had a place and were not visible yet: the choice does not name
    them, or they have no `shown_at`, or a later one, while others have one. A click is a choice or a redraft.
    """
    choice, redraft = entry.choice, _find_redraft(entry)
    known: Sequence[str] = [one.id for one in entry.visible]
    if choice is not None:
        picked, decided_at, known = choice.candidate_id, choice.chosen_at, choice.visible_candidate_ids or known
    elif redraft is not None:
        picked, decided_at = redraft.candidate_id, redraft.at
    else:
        return entry.visible
    timed = any(one.shown_at is not None for one in entry.visible)
    return tuple(
        one
        for one in entry.visible
        if one.id == picked
        or (one.id in known and (not timed or (one.shown_at is not None and one.shown_at <= decided_at)))
    )


def _pair_edited(entry: LogEntry, _: LogEntry | None) -> list[PreferencePair]:
    """Pair the agent's text with the candidate that they changed into it."""
    choice, chosen = entry.choice, find_chosen(entry)
    if choice is None or chosen is None or choice.kind != "edited" or not choice.final_text or not chosen.text:
        return []
    pair = PreferencePair(
        kind="edited", preferred=choice.final_text, rejected=chosen.text, chosen=chosen, passed_by=chosen
    )
    return [pair]


def _pair_skip_above(entry: LogEntry, _: LogEntry | None) -> list[PreferencePair]:
    chosen = find_chosen(entry)
    above = 0 if chosen is None else chosen.position or 0
    others = [one for one in list_seen(entry) if (one.position or 0) < above]
    return [replace(pair, weight=1.0) for pair in _pair_with_others("skip_above", chosen, others, entry.choice)]


def _pair_all_shown(entry: LogEntry, _: LogEntry | None) -> list[PreferencePair]:
    return _pair_with_others("all_shown", find_chosen(entry), list_seen(entry), entry.choice)


def _pair_redrafted(entry: LogEntry, parent: LogEntry | None) -> list[PreferencePair]:
    return _pair_with_others("redrafted", find_chosen(entry), () if parent is None else list_seen(parent), entry.choice)


def _pair_steered(entry: LogEntry, _: LogEntry | None) -> list[PreferencePair]:
    """Pair the candidate of which the agent wanted another version with the others."""
    asked = _find_redraft(entry)
    steered = next((one for one in entry.visible if asked is not None and one.id == asked.candidate_id), None)
    found = _pair_with_others("steered", steered, list_seen(entry), None)
    return [replace(pair, certainty=STEER_CERTAINTY) for pair in found]


def _pair_with_others(
    kind: PairKind, chosen: Candidate | None, seen: Sequence[Candidate], choice: Choice | None
) -> list[PreferencePair]:
    """Pair the chosen candidate, if any, with each other one that was seen; together they weigh 1."""
    if chosen is None or not chosen.text:
        return []
    others, kept = [one for one in seen if one.id != chosen.id], _compute_kept_share(choice, chosen)
    return [
        PreferencePair(
            kind=kind,
            preferred=chosen.text,
            rejected=other.text,
            chosen=chosen,
            passed_by=other,
            weight=1.0 / len(others),
            kept=kept,
        )
        for other in others
        if other.text
    ]


def _compute_kept_share(choice: Choice | None, chosen: Candidate) -> float:
    """Compute the share of the draft that was sent: 1 if used as it was, half if an edit is not known."""
    if choice is None or choice.kind != "edited":
        return 1.0
    if choice.edit_similarity is not None:
        return choice.edit_similarity
    return LEAST_KEPT if not choice.final_text else measure_similarity(chosen.text or "", choice.final_text)


_PAIRINGS: Final[dict[PairKind, Callable[[LogEntry, LogEntry | None], list[PreferencePair]]]] = {
    "edited": _pair_edited,
    "skip_above": _pair_skip_above,
    "all_shown": _pair_all_shown,
    "redrafted": _pair_redrafted,
    "steered": _pair_steered,
}


ToRow = Callable[[LogEntry, list[Message], PairDraw], dict[str, Any]]


class Preferences:
    """Builds lines of preferences, drawn from the pairs of each request by RULE.

    The draw of a request depends on its id and the seed alone.
    """

    def __init__(self, options: ExportOptions, to_row: ToRow) -> None:
        self._options = options
        self._to_row = to_row
        self._parents: OrderedDict[str, LogEntry] = OrderedDict()
        self._pairs_left_out: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._weights = self._squares = 0.0

    def build_lines(self, entry: LogEntry) -> list[str] | str:
        """Build the lines of a request, or return the reason why it has none."""
        self._counts["requests"] += 1
        if not has_texts(entry):
            return WITHOUT_TEXT
        found = find_pairs(entry, self._options.pairs, parent=self._pass_on(entry))
        if not found:
            return NO_PAIR
        order_weight = weigh_order(entry)
        self._count_choice_set(order_weight, len(found))
        drawn = self._draw(entry, found, order_weight)
        self._counts["rows_written"] += len(drawn)
        prompt = to_prompt(entry, self._options.system)
        return [to_line(self._to_row(entry, prompt, draw)) for draw in drawn] or NO_DRAW

    def _pass_on(self, entry: LogEntry) -> LogEntry | None:
        """Return the request that this one was redrafted from, and hold this one for its own redraft."""
        parent = self._parents.pop(entry.request.parent_request_id or "", None)
        if entry.request.status == "redrafted":
            self._parents[entry.request.id] = entry
        if len(self._parents) > _MAX_PARENTS:
            self._parents.popitem(last=False)
        return parent

    def describe(self, left_out: Mapping[str, int]) -> Mapping[str, Any]:
        """Describe how the pairs were made: rule, seed, and numbers of choice sets and pairs; no ids and no texts."""
        counts = ("requests", "choice_sets", "choice_sets_without_propensity", "choice_sets_at_max_order_weight")
        return {
            "rule": RULE,
            "seed": self._options.seed,
            "pairs": list(self._options.pairs),
            "max_order_weight": MAX_ORDER_WEIGHT,
            "least_kept": LEAST_KEPT,
            "steer_certainty": STEER_CERTAINTY,
            **{name: self._counts[name] for name in counts},
            "effective_choice_sets": round(self._weights**2 / self._squares, 1) if self._squares else 0.0,
            "requests_left_out": dict(left_out),
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
        weights = [1.0 if pair.kind == "edited" else factor * pair.kept * pair.certainty for pair in eligible]
        at = seed_random(entry.request.id, f"pairs:{self._options.seed}").random()
        copies = draw_copies(weights, at)
        self._pairs_left_out[REWRITTEN] += len(found) - len(eligible)
        self._pairs_left_out[NOT_DRAWN] += copies.count(0)
        self._counts["pairs_written"] += len(copies) - copies.count(0)
        return [
            PairDraw(pair=pair, order_weight=order_weight, weight=weight, seed=self._options.seed, number=number)
            for pair, weight, count in zip(eligible, weights, copies, strict=True)
            for number in range(1, count + 1)
        ]


def open_pairs(file: BinaryIO, options: ExportOptions, *, to_row: ToRow) -> DerivedWriter:
    preferences = Preferences(options, to_row)
    return DerivedWriter(file, preferences.build_lines, preferences.describe)


def describe_request(entry: LogEntry) -> dict[str, Any]:
    # A column of nulls has no type, and loaders then refuse the text that comes later: so "" where nothing ranked.
    return {
        "order_propensity": entry.request.order_propensity,
        "policy": entry.request.policy,
        "prompt_version": entry.request.prompt_version,
        "ranker_version": entry.request.ranker_version or "",
    }
