"""Choice sets ready for learning, made from log entries, and the reasons why entries are left out."""

import hashlib
import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from bot.edits import measure_similarity
from bot.ordering.policies import OrderPolicy, PlackettLuce, Uniform
from storage.records import Candidate, Choice, LogEntry, Request, Turn

Weights = Literal["picks", "kept"]
"""What a pick counts: `picks` 1 each; `kept` by what became of the text, see `ChoiceSet.kept`."""

ExclusionReason = Literal[
    "older", "undecided", "expired", "failed", "not_shown", "one_candidate", "one_by_one", "malformed", "repeated"
]

NEWEST: Final = 50_000
"""Choice sets that are learned from: more would tell hardly anything, and tastes, prompts and models change."""

ERA: Final = 25_000
"""Requests after which the evidence of a long log begins anew: it reaches back as far as what is learned from."""

UNSENT: Final = 0.3
"""What a pick counts that was clicked but not sent, or edited in a way that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCandidate:
    """One candidate as it was shown, at its 1-based position among those shown; `style` is as it was worded.

    Positions have no gaps, also where a candidate failed and left its place empty.
    """

    id: str
    position: int
    style: str
    model: str
    text: str
    mean_logprob: float | None = None
    first_propensity: float | None = None
    cited_shares: tuple[float | None, ...] = ()

    @property
    def style_key(self) -> str:
        return self.style


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceSet:
    """A choice set: two or more candidates in the order shown, and which was picked.

    `picked` is the index into `shown`; None is the outside option: dismissed, or asked for others instead.
    `kept` is how much of the pick was sent: 1 as it was, the similarity if edited, 0.3 if not sent or not known.
    `agent` stands for the person within the log; two workspaces' agents never share one. `shifts` are the probabilities
    of the order shown and of its cyclic shifts, given that it is one of them; None if it is not known how it was drawn.
    """

    request_id: str
    agent: str
    at: datetime
    prompt_version: str
    conversation: tuple[Turn, ...]
    shown: tuple[ShownCandidate, ...]
    picked: int | None
    kept: float = 1.0
    order_propensity: float | None = None
    shifts: tuple[float, ...] | None = None
    thread: str = ""

    def weight(self, weights: Weights) -> float:
        """Weigh this choice for a fit."""
        return 1.0 if weights == "picks" or self.picked is None else self.kept


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """The newest choice sets of a log in the order of time, with counts of the entries left out, by reason.

    The `era`-th era of the log begins at `era_start`, an index into the choice sets.
    """

    choice_sets: tuple[ChoiceSet, ...]
    left_out: dict[ExclusionReason, int]
    era: int = 1
    era_start: int = 0

    @property
    def requests(self) -> int:
        """Requests in all: learned from, and left out."""
        return len(self.choice_sets) + sum(self.left_out.values())


class TrainingSetCollector:
    """Collects what can be learned from, in flat memory. A request that stands twice is known by its id.

    `older`: requests before the first that is added.
    """

    def __init__(self, *, older: int = 0, newest: int = NEWEST) -> None:
        self._found: deque[tuple[int, ChoiceSet]] = deque(maxlen=newest)
        self._left_out: Counter[ExclusionReason] = Counter({"older": older})
        self._seen: set[bytes] = set()
        self._number = older

    def add(self, entry: LogEntry) -> None:
        """Add an entry, the next in the order of time."""
        key = hashlib.blake2b(entry.request.id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        choice_set = "repeated" if key in self._seen else to_choice_set(entry)
        self._seen.add(key)
        if isinstance(choice_set, ChoiceSet):
            self._left_out["older"] += len(self._found) == self._found.maxlen
            self._found.append((self._number, choice_set))
        else:
            self._left_out[choice_set] += 1
        self._number += 1

    def build(self) -> TrainingSet:
        """Build the training set of all that was added."""
        found = sorted(self._found, key=lambda numbered: numbered[1].at)
        first = self._found[0][0] if self._left_out["older"] and self._found else 0
        era = -(-first // ERA)
        return TrainingSet(
            choice_sets=tuple(choice_set for _, choice_set in found),
            left_out={reason: count for reason, count in self._left_out.items() if count},
            era=1 + era,
            era_start=sum(number < era * ERA for number, _ in found),
        )


def collect_training_set(entries: Iterable[LogEntry]) -> TrainingSet:
    """Collect the newest entries that can be learned from."""
    collector = TrainingSetCollector()
    for entry in entries:
        collector.add(entry)
    return collector.build()


def to_choice_set(entry: LogEntry) -> ChoiceSet | ExclusionReason:
    """Turn an entry into a choice set; else return the reason why it is none."""
    reason = _find_exclusion(entry)
    if reason is not None:
        return reason
    visible, choice = entry.visible, entry.choice
    picked = _find_picked(visible, choice)
    if picked == "malformed" or len({candidate.position for candidate in visible}) < len(visible):
        return "malformed"
    return replace(
        build_choice_set(entry, visible),
        picked=picked,
        kept=1.0 if picked is None or choice is None else _measure_kept(entry, choice, visible[picked]),
        order_propensity=keep_probability(entry.request.order_propensity),
        shifts=_compute_shifts(entry.request, visible),
    )


def build_choice_set(entry: LogEntry, candidates: Iterable[Candidate]) -> ChoiceSet:
    """Build a choice set of these candidates, in this order, as if nothing was chosen.

    Positions are counted without gaps, as agents count them; numbers that are not finite are missing. The agent is a
    hash of team and user, since Slack's user ids are unique within a workspace only: models hold no id.
    """
    request = entry.request
    agent = f"{request.team_id}/{request.agent_id}".encode("utf-8", "surrogatepass")
    shown = tuple(
        ShownCandidate(
            id=candidate.id,
            position=place,
            style=candidate.style_key,
            model=candidate.model,
            text=candidate.text or "",
            mean_logprob=keep_finite(candidate.mean_logprob),
            first_propensity=keep_probability(candidate.first_propensity),
            cited_shares=candidate.cited_shares,
        )
        for place, candidate in enumerate(candidates, start=1)
    )
    return ChoiceSet(
        request_id=request.id,
        agent=hashlib.blake2b(agent, digest_size=8).hexdigest(),
        at=request.created_at,
        prompt_version=request.prompt_version,
        conversation=request.conversation,
        shown=shown,
        picked=None,
        thread=request.thread_ts or request.channel_id,
    )


def keep_finite(value: float | None) -> float | None:
    """Return the number; None if it is missing, NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def keep_probability(value: float | None) -> float | None:
    """Return the probability of something that happened: above 0, at most 1; else None."""
    return value if value is not None and 0 < value <= 1 else None


def _find_exclusion(entry: LogEntry) -> ExclusionReason | None:
    """Find the reason to leave an entry out, before its candidates are looked at.

    Expired entries may hold late choices; a redrafted one is decided without a choice.
    """
    request = entry.request
    if request.status == "expired":
        return "expired"
    if request.status == "drafted":
        return "not_shown"
    if request.status == "failed" or not entry.visible:
        return "failed"
    is_open = entry.choice is None and request.status != "redrafted"
    if is_open or (entry.choice is not None and entry.choice.kind == "tied"):
        return "undecided"
    if len(entry.visible) == 1:
        return "one_candidate"
    return "one_by_one" if _is_one_by_one(entry) else None


def _is_one_by_one(entry: LogEntry) -> bool:
    """Tell if replies appeared one after another, so that speed had a part in what was picked.

    Those shown in full are of agents who passed the fast replies over, so they are no fair sample either.
    """
    placed, choice = entry.visible, entry.choice
    seen = {candidate.id for candidate in placed} if choice is None else {*choice.visible_candidate_ids}
    is_whole = not seen or seen >= {candidate.id for candidate in placed}
    decided_early = any(candidate.error == "cancelled" for candidate in entry.candidates)
    return decided_early or not is_whole or len({candidate.shown_at for candidate in placed}) > 1


def _compute_shifts(request: Request, shown: Sequence[Candidate]) -> tuple[float, ...] | None:
    """Compute the probabilities of the order shown and its cyclic shifts, by the policy logged; None if unknown."""
    places, told = range(len(shown)), keep_probability(request.order_propensity)
    scores = [candidate.score for candidate in shown if candidate.score is not None]
    try:
        policy: OrderPolicy = Uniform() if request.policy == "uniform" else PlackettLuce(**request.policy_params)
    except (TypeError, ValueError):
        return None
    if request.policy == "unlogged" or (request.policy != "uniform" and len(scores) < len(shown)):
        return None
    orders = ([*places[shift:], *places[:shift]] for shift in places)
    probabilities = [policy.order_probability(scores or [0.0] * len(shown), order) for order in orders]
    if told is not None and not math.isclose(told, probabilities[0], rel_tol=1e-3):
        return None
    return tuple(probability / sum(probabilities) for probability in probabilities)


def _find_picked(visible: tuple[Candidate, ...], choice: Choice | None) -> int | Literal["malformed"] | None:
    """Find the index of the picked candidate; None if none was picked, "malformed" if not exactly one is it."""
    if choice is None or choice.kind == "dismissed":
        return None
    places = [index for index, candidate in enumerate(visible) if candidate.id == choice.candidate_id]
    return places[0] if len(places) == 1 else "malformed"


def _measure_kept(entry: LogEntry, choice: Choice, candidate: Candidate) -> float:
    """Measure how much of the pick was sent: 1 as it was, the similarity if edited, UNSENT if not sent or not known."""
    if choice.kind == "edited":
        similarity = keep_finite(choice.edit_similarity)
        if similarity is not None:
            return min(1.0, max(0.0, similarity))
        if choice.final_text is None or candidate.text is None:
            return UNSENT
        return measure_similarity(candidate.text, choice.final_text)
    events = {event.type for event in entry.events}
    is_unsent = "used" in events and "sent" not in events and entry.request.surface != "compare"  # which sends nothing
    return UNSENT if is_unsent else 1.0
