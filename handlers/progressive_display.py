"""Candidates that fill their places in a live message as they are done: nothing visible moves or goes.

One task drafts, and commits each candidate; another paints the newest state, as often as the live message may be
painted. What was painted is recorded as visible. A decision on the request stops both.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from bot.i18n.texts import Texts
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from bot.suggesting.suggest import Suggester
from handlers.blocks.candidates import MessageLayout, StyleLabels, build_places
from handlers.slack.errors import CLOSED
from handlers.slack.live_message import LiveMessage, LiveMessages, Modal
from storage.errors import DatabaseUnavailable
from storage.records import LogEntry, Request

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Progress:
    """One progressive display: the newest state, and what has become of it.

    `placed` are the candidates that have been given room, `below` those of them that have messages of their own.
    """

    request: Request
    live: LiveMessage
    texts: Texts
    note: str | None = None
    base: str | None = None
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
        """Tell whether nothing is to be painted any more."""
        return self.is_left or self.stop.is_set()


class ProgressiveDisplay:
    """Shows candidates as they are done."""

    def __init__(self, *, suggester: Suggester, live_messages: LiveMessages, now: Callable[[], datetime]) -> None:
        self._suggester = suggester
        self._live_messages = live_messages
        self._now = now
        self._running: dict[str, _Progress] = {}

    def build_empty_places(self, request: Request, texts: Texts, *, base: str | None) -> MessageLayout:
        """Build the places before anything is drafted."""
        entry = LogEntry(request=request, candidates=(), choice=None)
        return build_places(entry, texts, self._label_styles(request), base=base)

    def _label_styles(self, request: Request) -> StyleLabels:
        return StyleLabels(styles=self._suggester.label_styles(request))

    async def run(
        self, request: Request, live: LiveMessage, texts: Texts, *, note: str | None = None
    ) -> LogEntry | None:
        """Draft the request into its live message, to the end.

        Returns the newest state where Slack did not take what there is to show, else None. Raises OwnershipLost,
        DatabaseUnavailable.
        """
        progress = _Progress(request=request, live=live, texts=texts, note=note)
        self._running[request.id] = progress
        painting = asyncio.create_task(self._paint_all(progress), name=f"paint {request.id}")
        try:
            await self._draft(progress)
        finally:
            progress.is_whole = True
            progress.changed.set()
            await asyncio.wait({painting})
            self._running.pop(request.id, None)
        painting.result()
        if progress.is_lost and not progress.is_over():
            return progress.newest
        if progress.newest is not None and progress.newest.request.status != "failed":
            self._suggester.log_progressive_end(progress.newest, shown_at=progress.shown_at)
        return None

    async def stop(self, request_id: str | None) -> None:
        """Cancel what is still drafted, and paint nothing any more: the agent has decided."""
        progress = self._running.get(request_id or "")
        if progress is not None:
            progress.stop.set()
            progress.changed.set()
            await progress.painted.wait()

    async def leave(self, request_id: str) -> None:
        """Paint nothing any more, since something else is about to stand there; drafting goes on."""
        progress = self._running.get(request_id)
        if progress is not None:
            progress.is_left = True
            progress.changed.set()
            await progress.painted.wait()

    async def _draft(self, progress: _Progress) -> None:
        """Draft, and keep the newest state."""
        progress.base = await self._suggester.find_base(progress.request)
        async for entry in self._suggester.draft_progressively(progress.request, stop=progress.stop):
            progress.newest = entry
            progress.changed.set()

    async def _paint_all(self, progress: _Progress) -> None:
        """Paint the newest state whenever it has changed and may be painted, until all is drafted."""
        try:
            while not progress.is_over():
                await progress.changed.wait()
                await self._live_messages.wait(progress.live)
                progress.changed.clear()
                is_last, entry = progress.is_whole, progress.newest
                if entry is not None and not progress.is_over() and not await self._paint(progress, entry):
                    return
                if is_last:
                    return
        finally:
            progress.painted.set()

    async def _paint(self, progress: _Progress, entry: LogEntry) -> bool:
        """Paint one state, and record what it shows. Returns False where there is nothing to paint on any more."""
        if entry.choice is not None or entry.request.status == "redrafted":
            return False
        layout = self._lay_out(progress, entry)
        if layout == progress.shown:
            return True
        try:
            if not await self._paint_guarded(progress, layout):
                return False  # another replica has changed it, where the agent clicked
        except DeliveryRefused as refusal:
            _log.info("not painted: %s", refusal.reason, extra={"request_id": progress.request.id})
            # What was closed by the agent, `/suggest last` shows.
            progress.is_lost = not isinstance(progress.live, Modal) or refusal.reason != CLOSED
            return False
        except (DeliveryUncertain, DeliveryThrottled) as error:
            _log.warning("not painted: %s", error, extra={"request_id": progress.request.id})
            progress.live.forget()
            progress.is_lost = True
            return True
        progress.is_lost = False
        progress.shown = layout
        await self._record(progress, entry)
        return True

    def _lay_out(self, progress: _Progress, entry: LogEntry) -> MessageLayout:
        """Lay out the state: each new candidate in its place if a message has room for it, else in one of its own.

        What is visible never moves.
        """
        is_modal = isinstance(progress.live, Modal)
        labels = self._label_styles(entry.request)
        lay_out = partial(build_places, entry, progress.texts, labels, note=progress.note, base=progress.base)
        if is_modal:
            return lay_out()
        new = [candidate.id for candidate in entry.visible if candidate.id not in progress.placed]
        progress.placed.update(new)
        progress.below.update(new)
        for candidate_id in new:
            if lay_out(below=progress.below - {candidate_id}).fits:
                progress.below.discard(candidate_id)
        return lay_out(below=progress.below)

    async def _paint_guarded(self, progress: _Progress, layout: MessageLayout) -> bool:
        """Paint, unless the agent has decided meanwhile: then it returns False.

        Raises as `LiveMessages.paint` does.
        """
        paint = partial(self._live_messages.paint, progress.live, progress.request, layout.first, layout.further)
        try:
            await paint()
        except DeliveryRefused as refusal:
            if refusal.reason != "hash_conflict":
                raise
            if await self._suggester.is_decided(progress.request.id):
                return False
            # Nobody has decided, so what stands there is older than this: an update of ours whose answer was lost.
            progress.live.forget()
            await paint()
        return True

    async def _record(self, progress: _Progress, entry: LogEntry) -> None:
        """Record which candidates are visible since when; a failure is logged."""
        if not entry.visible:
            return
        at = self._now()
        progress.shown_at = progress.shown_at or at
        try:
            await self._suggester.record_visible(entry, at=at)
        except DatabaseUnavailable as error:
            # They are recorded and visible; a click records when they were shown.
            _log.warning("shown, but not recorded as shown: %s", error, extra={"request_id": entry.request.id})
