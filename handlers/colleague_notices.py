"""Notices to agents who draft for the same message at once, so that the customer gets one answer."""

import logging

from bot.i18n.texts import get_texts
from bot.suggesting.suggest import Suggester
from handlers.blocks.messages import build_notice
from handlers.slack.ephemeral import EphemeralMessages, NotShown
from storage.errors import DatabaseUnavailable
from storage.records import Request

_log = logging.getLogger(__name__)


class ColleagueNotices:
    """Tells agents of each other by private messages. A courtesy: where it fails, nothing waits for it."""

    def __init__(self, *, suggester: Suggester, ephemeral: EphemeralMessages) -> None:
        self._suggester = suggester
        self._ephemeral = ephemeral

    async def tell(self, request: Request) -> None:
        """Tell the agent of this new request, and those who are at the same message, of each other."""
        try:
            others = await self._suggester.find_collisions(request)
        except DatabaseUnavailable as error:
            _log.warning("who else is at this message is not known: %s", error, extra={"request_id": request.id})
            return
        for other in others:
            await self._tell(
                request, get_texts(request.locale, request.task)("colleague-is-at-it", who=f"<@{other.agent_id}>")
            )
            await self._tell(other, get_texts(other.locale, other.task)("colleague-came", who=f"<@{request.agent_id}>"))

    async def _tell(self, request: Request, sentence: str) -> None:
        """Tell one agent; a failure is logged."""
        try:
            await self._ephemeral.show(request, [build_notice(sentence)])
        except NotShown as error:
            _log.warning("not told of a colleague: %s", error, extra={"request_id": request.id})
