"""Candidates that fill their places on a board as they are done: nothing visible moves or goes.

One task drafts, and commits each candidate; another paints the newest state, as often as the board may be painted. What
was painted is recorded as visible. Whoever decides on the request stops both.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from bot.i18n.texts import Texts
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from bot.suggesting.suggest import Suggester
from handlers.blocks.candidates import Labels, MessageLayout, build_places
from handlers.blocks.limits import MODAL_ROOM, OWN_ROOM
from handlers.slack.live_message import LiveMessage, LiveMessages, Modal
from storage.errors import DatabaseUnavailable
from storage.records import LogEntry, Request

_log = logging.getLogger(__name__)

_CLOSED: Final = "not_found"
"""Refusal of an update by which we know that the agent has left the modal."""


@dataclass(slots=True, kw_only=True)
class _Course:
    """One unfolding: the newest state, and what has become of it.

    `placed` are the candidates that have been given room, `below` those of them that have messages of their own.
    """

    request: Request
    live: LiveMessage
    texts: Texts
    note: str | None = None
    newest: LogEntry | None = None
    is_whole: bool = False
    is_lost: bool = False
    is_left: bool = False
    shown: MessageLayout | None = None
    placed: set[str] = field(default_factory=set)
    below: set[str] = field(default_factory=set)
    shown_at: datetime | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    painted: asyncio.Event = field(default_factory=asyncio.Event)

    def is_over(self) -> bool:
        """Whether nothing is to be painted any more."""
        return self.is_left or self.stop.is_set()


class ProgressiveDisplay:
    """Shows candidates as they are done."""

    def __init__(
        self, *, suggester: Suggester, live_messages: LiveMessages, labels: Labels, now: Callable[[], datetime]
    ) -> None:
        self._suggester = suggester
        self._live_messages = live_messages
        self._labels = labels
        self._now = now
        self._running: dict[str, _Course] = {}

    def build_empty_places(self, request: Request, texts: Texts, *, note: str | None = None) -> MessageLayout:
        """The places before anything is drafted."""
        entry = LogEntry(request=request, candidates=(), choice=None)
        return build_places(entry, texts, self._labels, note=note, room=OWN_ROOM)

    async def run(
        self, request: Request, live: LiveMessage, texts: Texts, *, note: str | None = None
    ) -> LogEntry | None:
        """Draft the request on its board, to the end; the request, where Slack did not take what there is to show.

        Raises OwnershipLost, DatabaseUnavailable.
        """
        course = _Course(request=request, live=live, texts=texts, note=note)
        self._running[request.id] = course
        painting = asyncio.create_task(self._paint_all(course), name=f"paint {request.id}")
        try:
            await self._draft(course)
        finally:
            course.is_whole = True
            course.changed.set()
            await asyncio.wait({painting})
            self._running.pop(request.id, None)
        painting.result()
        if course.is_lost and not course.is_over():
            return course.newest
        if course.newest is not None and course.newest.request.status != "failed":
            self._suggester.log_progressive_end(course.newest, shown_at=course.shown_at)
        return None

    async def stop(self, request_id: str | None) -> None:
        """The agent has decided: what is still drafted is cancelled, and nothing is painted any more."""
        course = self._running.get(request_id or "")
        if course is not None:
            course.stop.set()
            course.changed.set()
            await course.painted.wait()

    async def leave(self, request_id: str) -> None:
        """Something else is about to stand on the board: nothing is painted any more; drafting goes on."""
        course = self._running.get(request_id)
        if course is not None:
            course.is_left = True
            course.changed.set()
            await course.painted.wait()

    async def _draft(self, course: _Course) -> None:
        async for entry in self._suggester.draft_progressively(course.request, stop=course.stop):
            course.newest = entry
            course.changed.set()

    async def _paint_all(self, course: _Course) -> None:
        try:
            while not course.is_over():
                await course.changed.wait()
                await self._live_messages.wait(course.live)
                course.changed.clear()
                is_last, entry = course.is_whole, course.newest
                if entry is not None and not course.is_over() and not await self._paint(course, entry):
                    return
                if is_last:
                    return
        finally:
            course.painted.set()

    async def _paint(self, course: _Course, entry: LogEntry) -> bool:
        """Paint one state, and record what it shows. False where there is nothing to paint on any more."""
        if entry.choice is not None or entry.request.status == "redrafted":
            return False
        layout = self._lay_out(course, entry)
        if layout == course.shown:
            return True
        try:
            if not await self._put(course, layout):
                return False  # another replica has changed it, where the agent clicked
        except DeliveryRefused as refusal:
            _log.info("not painted: %s", refusal.reason, extra={"request_id": course.request.id})
            # What was closed by the agent, `/suggest last` shows.
            course.is_lost = not isinstance(course.live, Modal) or refusal.reason != _CLOSED
            return False
        except (DeliveryUncertain, DeliveryThrottled) as error:
            _log.warning("not painted: %s", error, extra={"request_id": course.request.id})
            course.live.forget()
            course.is_lost = True
            return True
        course.is_lost = False
        course.shown = layout
        await self._record(course, entry)
        return True

    def _lay_out(self, course: _Course, entry: LogEntry) -> MessageLayout:
        """The state, with each new candidate in its place if a message has room for it, else in one of its own: what is
        visible never moves.
        """
        is_modal = isinstance(course.live, Modal)
        room = MODAL_ROOM // entry.request.k_requested if is_modal else OWN_ROOM
        lay_out = partial(build_places, entry, course.texts, self._labels, note=course.note, room=room)
        if is_modal:
            return lay_out()
        new = [candidate.id for candidate in entry.visible if candidate.id not in course.placed]
        course.placed.update(new)
        course.below.update(new)
        for candidate_id in new:
            if lay_out(below=course.below - {candidate_id}).fits:
                course.below.discard(candidate_id)
        return lay_out(below=course.below)

    async def _put(self, course: _Course, layout: MessageLayout) -> bool:
        """Paint; False where the agent has decided meanwhile. Raises as `LiveMessages.paint` does."""
        paint = partial(self._live_messages.paint, course.live, course.request, layout.first, layout.further)
        try:
            await paint()
        except DeliveryRefused as refusal:
            if refusal.reason != "hash_conflict":
                raise
            if await self._suggester.is_decided(course.request.id):
                return False
            # Nobody has decided, so what stands there is older than this: an update of ours whose answer was lost.
            course.live.forget()
            await paint()
        return True

    async def _record(self, course: _Course, entry: LogEntry) -> None:
        if not entry.visible:
            return
        at = self._now()
        course.shown_at = course.shown_at or at
        try:
            await self._suggester.record_visible(entry, at=at)
        except DatabaseUnavailable as error:
            # They are recorded and visible; a click records when they were shown.
            _log.warning("shown, but not recorded as shown: %s", error, extra={"request_id": entry.request.id})
