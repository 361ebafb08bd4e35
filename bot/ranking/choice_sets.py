"""Choice sets ready for learning, made from log entries, and the reasons why entries are left out."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from bot.edits import measure_similarity
from storage.records import Candidate, Choice, LogEntry, Turn

Weights = Literal["picks", "kept"]
"""What a pick counts: `picks` 1 each; `kept` by what became of the text, see `ChoiceSet.kept`."""

ExclusionReason = Literal["undecided", "expired", "failed", "one_candidate", "malformed", "repeated"]

UNSENT: Final = 0.3
"""What a pick counts that was clicked but not sent, or edited in a way that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCandidate:
    """One candidate as it was shown, at its 1-based position among those shown.

    Positions have no gaps, also where a candidate failed and left its place empty.
    """

    id: str
    position: int
    style: str
    model: str
    text: str
    mean_logprob: float | None = None
    first_propensity: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceSet:
    """A choice set: two or more candidates in the order shown, and which was picked.

    `picked` is the index into `shown`; None is the outside option: dismissed, or asked for others instead.
    `kept` is how much of the pick was sent: 1 as it was, the similarity if edited, 0.3 if not sent or not known.
    `agent` stands for the person within the log; two workspaces' agents never share one.
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

    def weight(self, weights: Weights) -> float:
        """Weigh this choice for a fit."""
        return 1.0 if weights == "picks" or self.picked is None else self.kept


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """The choice sets of a log in its order, with counts of the entries left out, by reason."""

    choice_sets: tuple[ChoiceSet, ...]
    left_out: dict[ExclusionReason, int]


def drop_repeats(choice_sets: Iterable[ChoiceSet]) -> list[ChoiceSet]:
    """Drop choice sets that repeat another: word for word, position for position, and with the same choice.

    As evidence, a log that was read in twice, under whatever ids, persons and times, is one.
    """
    found: dict[bytes, ChoiceSet] = {}
    for choice_set in choice_sets:
        found.setdefault(_hash_content(choice_set), choice_set)
    return list(found.values())


def _hash_content(choice_set: ChoiceSet) -> bytes:
    """Hash a choice set's texts and its choice."""
    said = [(turn.role, turn.text) for turn in choice_set.conversation]
    texts = [candidate.text for candidate in choice_set.shown]
    return hashlib.blake2b(repr((said, texts, choice_set.picked)).encode(), digest_size=16).digest()


def collect_training_set(entries: Iterable[LogEntry]) -> TrainingSet:
    """Collect all entries that can be learned from.

    Of a request that stands twice, the first counts: under its id, or under another with the same words, choice and
    time.
    """
    found: list[ChoiceSet] = []
    left_out: Counter[ExclusionReason] = Counter()
    seen: set[str | tuple[datetime, bytes]] = set()
    for entry in entries:
        choice_set = "repeated" if entry.request.id in seen else to_choice_set(entry)
        seen.add(entry.request.id)
        if isinstance(choice_set, ChoiceSet):
            said = (choice_set.at, _hash_content(choice_set))
            choice_set = "repeated" if said in seen else choice_set
            seen.add(said)
        if isinstance(choice_set, ChoiceSet):
            found.append(choice_set)
        else:
            left_out[choice_set] += 1
    return TrainingSet(choice_sets=tuple(found), left_out=dict(left_out))


def to_choice_set(entry: LogEntry) -> ChoiceSet | ExclusionReason:
    """Turn an entry into a choice set; else return the reason why it is none."""
    reason = _find_exclusion(entry)
    if reason is not None:
        return reason
    visible, choice = entry.visible, entry.choice
    picked = _find_picked(visible, choice)
    if picked == "malformed" or not _is_whole(visible):
        return "malformed"
    return ChoiceSet(
        request_id=entry.request.id,
        agent=hash_agent(entry),
        at=entry.request.created_at,
        prompt_version=entry.request.prompt_version,
        conversation=entry.request.conversation,
        shown=to_shown_candidates(visible),
        picked=picked,
        kept=1.0 if picked is None or choice is None else _measure_kept(entry, choice, visible[picked]),
        order_propensity=keep_probability(entry.request.order_propensity),
    )


def hash_agent(entry: LogEntry) -> str:
    """Hash the person of an entry, team and agent: models hold the hash, and no id.

    Slack's user ids are unique within a workspace only.
    """
    named = f"{entry.request.team_id}/{entry.request.agent_id}"
    return hashlib.blake2b(named.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def to_shown_candidates(visible: Iterable[Candidate]) -> tuple[ShownCandidate, ...]:
    """Turn visible candidates into what the ranking reads, in the order shown.

    Positions are counted without gaps, as agents count them; numbers that are not finite are missing.
    """
    return tuple(
        ShownCandidate(
            id=candidate.id,
            position=place,
            style=candidate.style,
            model=candidate.model,
            text=candidate.text or "",
            mean_logprob=keep_finite(candidate.mean_logprob),
            first_propensity=keep_probability(candidate.first_propensity),
        )
        for place, candidate in enumerate(visible, start=1)
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
    if request.status == "failed" or not entry.visible:
        return "failed"
    is_open = entry.choice is None and request.status != "redrafted"
    if is_open or (entry.choice is not None and entry.choice.kind == "tied"):
        return "undecided"
    return "one_candidate" if len(entry.visible) == 1 else None


def _find_picked(visible: tuple[Candidate, ...], choice: Choice | None) -> int | Literal["malformed"] | None:
    """Find the index of the picked candidate; None if none was picked."""
    if choice is None or choice.kind == "dismissed":
        return None
    places = [index for index, candidate in enumerate(visible) if candidate.id == choice.candidate_id]
    return places[0] if len(places) == 1 else "malformed"


def _is_whole(visible: tuple[Candidate, ...]) -> bool:
    """Tell if each position holds one candidate.

    If replies are shown as they are done, one that failed leaves its position empty.
    """
    return len({candidate.position for candidate in visible}) == len(visible)


def _measure_kept(entry: LogEntry, choice: Choice, candidate: Candidate) -> float:
    """Measure how much of the pick was sent: 1 as it was, the similarity if edited, UNSENT if not sent."""
    if choice.kind == "edited":
        return _measure_similarity(choice, candidate)
    events = {event.type for event in entry.events}
    return UNSENT if "used" in events and "sent" not in events else 1.0


def _measure_similarity(choice: Choice, candidate: Candidate) -> float:
    """Read or measure the similarity of an edit, 0 to 1; UNSENT if it is not known."""
    told = keep_finite(choice.edit_similarity)
    if told is not None:
        return min(1.0, max(0.0, told))
    if choice.final_text is None or candidate.text is None:
        return UNSENT
    return measure_similarity(candidate.text, choice.final_text)
