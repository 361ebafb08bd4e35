"""One reviewer's way through a comparison. Each display is committed before it is shown, each answer before the next.

review = Review(comparison, "ada", tools)
await review.load()
while (display := await review.show_next()) is not None:
    await review.answer(display, "first")
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import NAMESPACE_OID, uuid5

from bot.choice_log.fields import FIELDS
from bot.comparing.differences import Piece, find_differences
from bot.comparing.pairs import Comparison, Pair
from storage.engine.database import Database
from storage.errors import NothingToUndo, RequestClosed
from storage.queries.log_entries import ChoiceLog
from storage.records import Candidate, Choice, ChoiceKind, Event, EventType, LogEntry, Request, Selection
from storage.repositories.choices import Choices
from storage.repositories.imports import LogImporter
from storage.repositories.requests import Requests

HERE: Final = "cli"
"""The team and the channel of displays."""

Answer = Literal["first", "second", "tie", "both_bad", "skip"]
Outcome = Literal["a", "b", "tie", "both_bad", "skipped"]

ANSWERS: Final[dict[str, Answer]] = {"1": "first", "2": "second", "t": "tie", "b": "both_bad", "s": "skip"}
"""The answers by their keys."""

_KINDS: Final[dict[Answer, ChoiceKind]] = {"first": "used", "second": "used", "tie": "tied", "both_bad": "dismissed"}


class AnsweredElsewhere(Exception):  # noqa: N818 - named for what happened
    """The row was answered meanwhile, by another process under the same reviewer's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """A row on show: its place among `of` rows, and its two texts in the order shown."""

    number: int
    of: int
    pair: Pair
    entry: LogEntry

    @property
    def texts(self) -> tuple[str, str]:
        """The texts as they were compared, also where the log keeps none."""
        first, second = (self.pair.a if one.side == "a" else self.pair.b for one in self.entry.visible)
        return first.text or "", second.text or ""

    @property
    def differences(self) -> tuple[list[Piece], list[Piece]]:
        """The texts in pieces, with those marked in which they differ."""
        return find_differences(*self.texts)


def judge(entry: LogEntry) -> Outcome | None:
    """Tell what became of a display: which side was preferred, or what else; None while it is not answered."""
    choice = entry.choice
    if choice is None:
        last = [event.type for event in entry.events if event.type in {"skipped", "undone"}][-1:]
        return "skipped" if last == ["skipped"] else None
    if choice.kind == "tied":
        return "tie"
    if choice.kind == "dismissed":
        return "both_bad"
    return next((one.side for one in entry.candidates if one.id == choice.candidate_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTools:
    """The parts that a review works with. `redact` converts an entry to the form in which it is recorded."""

    database: Database
    requests: Requests
    choices: Choices
    redact: Callable[[LogEntry], LogEntry]
    rng: random.Random
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    app_version: str


class Review:
    """The rows of a comparison, as one reviewer has answered them so far."""

    def __init__(self, comparison: Comparison, reviewer: str, tools: ReviewTools) -> None:
        self.comparison = comparison
        self.reviewer = reviewer
        self._tools = tools
        self._log = ChoiceLog(tools.database)
        self._shown: dict[int, LogEntry] = {}

    async def load(self) -> None:
        """Read the reviewer's displays and answers from the log."""
        selection = Selection(agent_id=self.reviewer, comparison=self.comparison.id, include_simulated=True)
        async for entry in self._log.iter_entries(selection):
            if entry.request.surface == "compare" and entry.request.input_row is not None:
                self._shown[entry.request.input_row] = entry

    @property
    def outcomes(self) -> Counter[Outcome]:
        """The answers so far, counted."""
        rows = {pair.row for pair in self.comparison.pairs}
        judged = (judge(entry) for row, entry in self._shown.items() if row in rows)
        return Counter(outcome for outcome in judged if outcome is not None)

    async def show_next(self) -> Display | None:
        """Commit the display of the first row that is not answered, and return it; None where all are."""
        pairs = self.comparison.pairs
        for number, pair in enumerate(pairs, start=1):
            entry = self._shown.get(pair.row)
            if entry is None:
                entry = await self._record(pair)
            elif judge(entry) is None:
                event = replace(self._make_event(entry, "shown"), data={"again": True})
                await self._tools.requests.record_shown_again(event)
            if judge(entry) is None:
                return Display(number=number, of=len(pairs), pair=pair, entry=entry)
        return None

    async def answer(self, display: Display, answer: Answer, *, note: str | None = None) -> None:
        """Commit an answer. Raises AnsweredElsewhere, DatabaseUnavailable."""
        entry = display.entry
        if answer == "skip":
            await self._tools.requests.record_event(self._make_event(entry, "skipped"))
        else:
            choice = self._make_choice(entry, answer, note)
            event = replace(
                self._make_event(entry, choice.kind), candidate_id=choice.candidate_id, data={"choice_id": choice.id}
            )
            try:
                await self._tools.choices.record(choice, idempotency_key=self._make_key(), event=event)
            except RequestClosed as error:
                await self._reload(entry)
                raise AnsweredElsewhere from error
        await self._reload(entry)

    async def undo(self) -> bool:
        """Take the last answer back, so that its row is shown again. False if there is none.

        Raises AnsweredElsewhere, DatabaseUnavailable.
        """
        answered = [entry for entry in self._shown.values() if judge(entry) is not None]
        if not answered:
            return False
        entry = max(answered, key=_find_time)
        if entry.choice is None:
            await self._tools.requests.record_event(self._make_event(entry, "undone"))
        else:
            try:
                await self._tools.choices.retract(
                    entry.request.id,
                    agent_id=self.reviewer,
                    at=self._tools.now(),
                    idempotency_key=self._make_key(),
                )
            except NothingToUndo as error:
                await self._reload(entry)
                raise AnsweredElsewhere from error
        await self._reload(entry)
        return True

    async def _record(self, pair: Pair) -> LogEntry:
        """Draw the order of a row, and commit its display; one that another process committed is kept."""
        drawn = self._tools.redact(self._draw(pair))
        [verdict] = await LogImporter(self._tools.database, FIELDS).import_new([drawn])
        if verdict == "new":
            self._shown[pair.row] = drawn
        else:
            await self._reload(drawn)
        return self._shown[pair.row]

    def _draw(self, pair: Pair) -> LogEntry:
        at = self._tools.now()
        # From the row and the reviewer: two processes of one reviewer make one display.
        request_id = str(uuid5(NAMESPACE_OID, f"{self.comparison.id}/{self.reviewer}/{pair.row}"))
        request = Request(
            id=request_id,
            team_id=HERE,
            channel_id=HERE,
            agent_id=self.reviewer,
            surface="compare",
            locale=pair.request.locale,
            created_at=at,
            sent_to_slack_at=at,
            shown_at=at,
            status="shown",
            k_requested=2,
            prompt_version=pair.prompt_version,
            policy="uniform",
            order_propensity=0.5,
            simulated=pair.request.simulated,
            app_version=self._tools.app_version,
            conversation=pair.request.conversation,
            task=pair.request.task,
            input_row=pair.row,
            input=pair.request.input,
            retrieved=pair.retrieved,
            comparison=self.comparison.id,
        )
        a_is_first = self._tools.rng.random() < 0.5
        places = (1, 2) if a_is_first else (2, 1)
        a, b = (self._place(one, request, place) for one, place in zip((pair.a, pair.b), places, strict=True))
        return LogEntry(
            request=request,
            candidates=(replace(a, sample_index=0, side="a"), replace(b, sample_index=1, side="b")),
            choice=None,
            events=(Event(request_id=request_id, type="shown", at=at, agent_id=self.reviewer),),
        )

    def _place(self, candidate: Candidate, request: Request, position: int) -> Candidate:
        """Copy a candidate to its place. Its tokens and times were counted where it was drafted."""
        return replace(
            candidate,
            id=self._tools.new_id(),
            request_id=request.id,
            position=position,
            first_propensity=0.5,
            shown_at=request.shown_at,
            score=None,
            dropped_reason=None,
            duplicate_of=None,
            latency_ms=None,
            attempts=0,
            prompt_tokens=None,
            completion_tokens=None,
        )

    def _make_choice(self, entry: LogEntry, answer: Answer, note: str | None) -> Choice:
        at, shown = self._tools.now(), entry.request.shown_at
        picked = entry.visible[0 if answer == "first" else 1] if answer in {"first", "second"} else None
        choice = Choice(
            id=self._tools.new_id(),
            request_id=entry.request.id,
            kind=_KINDS[answer],
            candidate_id=picked.id if picked else None,
            final_text=picked.text if picked else None,
            edit_similarity=1.0 if picked else None,
            agent_id=self.reviewer,
            chosen_at=at,
            decision_ms=0 if shown is None else max(0, round((at - shown).total_seconds() * 1000)),
            visible_candidate_ids=tuple(one.id for one in entry.visible),
            note=note,
        )
        recorded = self._tools.redact(replace(entry, choice=choice, events=())).choice
        assert recorded is not None
        return recorded

    def _make_event(self, entry: LogEntry, kind: EventType) -> Event:
        return Event(request_id=entry.request.id, type=kind, at=self._tools.now(), agent_id=self.reviewer)

    def _make_key(self) -> str:
        return f"compare:{self._tools.new_id()}"

    async def _reload(self, entry: LogEntry) -> None:
        """Read a display again, as the log has it now."""
        found = await self._log.get_entry(entry.request.id)
        assert found is not None
        assert found.request.input_row is not None
        self._shown[found.request.input_row] = found


def _find_time(entry: LogEntry) -> datetime:
    """Find when a display was answered."""
    if entry.choice is not None:
        return entry.choice.chosen_at
    return max(event.at for event in entry.events if event.type == "skipped")
