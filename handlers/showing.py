"""From a committed request to what the agent sees: drafted, shown privately, and recorded as shown."""

import dataclasses
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final

from bot.choosing import Chosen
from bot.delivering import Deliverer
from bot.suggesting import Suggester
from handlers import blocks
from handlers.apologies import apologising
from handlers.private import NotShown, PrivateMessages
from handlers.texts import Texts
from storage.errors import Unavailable
from storage.records import LogEntry, Request, WayBack

RESPONSE_URL_LIFE: Final = timedelta(minutes=30)
"""How long Slack takes posts to a `response_url`."""

_log = logging.getLogger(__name__)


class Showing:
    """Brings candidates and confirmations before the agent."""

    def __init__(
        self, *, suggester: Suggester, private: PrivateMessages, labels: blocks.Labels, now: Callable[[], datetime]
    ) -> None:
        self._suggester = suggester
        self._private = private
        self._labels = labels
        self._now = now

    async def draft_and_show(
        self, request: Request, texts: Texts, *, started_at: datetime | None = None, replace: bool = False
    ) -> None:
        """Draft, then show what there is; or say why there is nothing."""
        try:
            entry = await self._suggester.draft(request, started_at=started_at)
        except Unavailable as error:
            _log.warning("drafting interrupted: %s", error, extra={"request_id": request.id})
            await self._private.show(request, [blocks.notice(texts("drafting-interrupted"))])
            return
        if entry.request.status == "failed":
            await self._private.show(entry.request, [blocks.failed(entry, texts)], replace=replace)
            return
        await self.show(entry, texts, replace=replace)

    async def show(self, entry: LogEntry, texts: Texts, *, replace: bool = False) -> None:
        """The candidates, for the first time; recorded as shown."""
        messages = blocks.candidates(entry, texts, self._labels)
        try:
            await self._private.show(entry.request, messages, replace=replace)
        except NotShown:
            self._suggester.not_shown(entry)
            raise
        try:
            await self._suggester.shown(entry, at=self._now())
        except Unavailable as error:
            # The candidates are recorded and visible; a click records when they were shown.
            _log.warning("shown, but not recorded as shown: %s", error, extra={"request_id": entry.request.id})

    async def show_again(
        self, entry: LogEntry, texts: Texts, *, note: str | None = None, replace: bool = False
    ) -> None:
        """The same candidates in the same places; recorded as shown once more."""
        messages = blocks.candidates(entry, texts, self._labels, note=note)
        await self._private.show(entry.request, messages, replace=replace)
        await self._suggester.shown_again(entry.request)

    async def deliver(self, deliverer: Deliverer, chosen: Chosen, texts: Texts) -> None:
        """Post the reply, and say what became of it in the place of the candidates."""
        try:
            outcome = await deliverer.deliver(chosen)
        except Unavailable as error:
            _log.warning("delivery interrupted: %s", error, extra={"request_id": chosen.request.id})
            await self._private.show(chosen.request, [blocks.notice(texts("delivery-interrupted"))])
            return
        if outcome.state == "cancelled":
            return
        messages = blocks.delivered(chosen.request, chosen.choice, outcome, texts)
        await self._private.show(chosen.request, messages, replace=True)
        try:
            await deliverer.told(chosen)
        except Unavailable as error:
            _log.warning("not recorded that the agent was told: %s", error, extra={"request_id": chosen.request.id})

    async def told(self, request: Request, texts: Texts, work: Coroutine[Any, Any, None]) -> None:
        """Do `work`; should it fail, tell the agent of the request."""

        async def tell(sentence: str) -> None:
            await self._private.show(request, [blocks.notice(sentence)])

        async with apologising(tell, texts):
            await work


def reached_by(request: Request, way_back: WayBack | None) -> Request:
    """The request with a newer way back to its agent."""
    if way_back is None:
        return request
    return dataclasses.replace(request, response_url=way_back.response_url, response_url_expires_at=way_back.expires_at)
