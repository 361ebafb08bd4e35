"""Exports for Slack: one at a time in each process, made beside the bot and sent as a direct message."""

import logging
from collections import OrderedDict
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from bot.i18n.texts import Texts
from handlers.blocks.messages import build_notice
from handlers.slack.ephemeral import EphemeralMessages, NotShown
from handlers.slack.file_uploads import FileNotSent, FileUploads
from storage.records import ResponseUrl

MAX_BYTES: Final = 1_000_000_000
"""Slack takes no larger files."""

_REMEMBERED: Final = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """The export that an admin wants, of which workspace. `since`: made at that time or later; None: everything."""

    team_id: str
    user_id: str
    form: str
    since: datetime | None
    pseudonyms: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """A file that exists until its block ends, how many requests are in it, and the file that tells how it was made."""

    path: Path
    requests: int
    provenance: Path | None = None


class ExportFailed(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """No file was made; the message says why, without anything that people wrote."""


class Exporter(Protocol):
    """Writes exports without holding up the bot, and notes who wanted them."""

    def export(self, order: ExportOrder) -> AbstractAsyncContextManager[ExportFile]:
        """Make the file, for as long as the block lasts. Raises ExportFailed."""
        ...


class KeyRegistry(Protocol):
    """Keys of what Slack has delivered, on all replicas."""

    async def claim(self, key: str, *, at: datetime) -> None:
        """Raises DuplicateDelivery if it was taken before; DatabaseUnavailable."""
        ...


class ExportJobs:
    """Carries out exports, and tells each admin how theirs ended."""

    def __init__(self, *, exporter: Exporter, files: FileUploads, ephemeral: EphemeralMessages) -> None:
        self._exporter = exporter
        self._files = files
        self._ephemeral = ephemeral
        self._busy: set[str] = set()
        self._response_urls: OrderedDict[str, ResponseUrl | None] = OrderedDict()

    def remember(self, user_id: str, response_url: ResponseUrl | None) -> None:
        """Tell this admin by this URL from now on: a submitted modal brings none."""
        self._response_urls[user_id] = response_url
        while len(self._response_urls) > _REMEMBERED:
            self._response_urls.popitem(last=False)

    async def run(self, order: ExportOrder, texts: Texts) -> None:
        """Make the file and send it, unless another is being made; say that it begins, and how it ended."""
        if self._busy:
            await self.tell(order.user_id, texts("export-busy"), team_id=order.team_id)
            return
        self._busy.add(order.user_id)
        try:
            await self.tell(order.user_id, texts("export-begun"), team_id=order.team_id)
            await self.tell(order.user_id, await self._carry_out(order, texts), team_id=order.team_id)
        finally:
            self._busy.discard(order.user_id)

    async def tell(self, user_id: str, sentence: str, *, team_id: str) -> None:
        """Say something to an admin by the URL that their command brought, else directly."""
        notice = build_notice(sentence)
        try:
            await self._ephemeral.respond(self._response_urls.get(user_id), notice)
        except NotShown:
            try:
                await self._ephemeral.send_directly(user_id, notice, team_id=team_id)
            except NotShown as error:
                _log.warning("the admin could not be told how the export ended: %s", error)

    async def _carry_out(self, order: ExportOrder, texts: Texts) -> str:
        """Make the file and send it. Returns the sentence that tells how it ended."""
        try:
            async with self._exporter.export(order) as made:
                if not made.requests:
                    return texts("export-nothing")
                size = made.path.stat().st_size
                if not size:
                    return texts("export-empty", count=made.requests)
                if size > MAX_BYTES:
                    return texts("export-too-large")
                paths = [made.path] if made.provenance is None else [made.path, made.provenance]
                comment = texts("export-comment", count=made.requests)
                await self._files.send(order.user_id, paths, team_id=order.team_id, comment=comment)
                return texts("export-done", count=made.requests)
        except ExportFailed as error:
            _log.warning("an export failed: %s", error)
            return texts("export-failed")
        except FileNotSent as error:
            _log.warning("an export could not be sent: %s", error)
            return texts(
                {
                    "direct_message": "export-dm-closed",
                    "upload": "export-not-uploaded",
                    "scope": "export-missing-scope",
                }[error.obstacle]
            )
