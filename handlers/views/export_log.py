"""`/suggest export`: an admin says which requests and in which form; the file comes as a direct message.

What takes long, reading the log and writing the file, is an `Exporter`'s, which does it beside the bot.
"""

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.i18n.texts import Texts, texts_for
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.background_tasks import BackgroundTasks
from handlers.blocks.forms import build_export_view
from handlers.blocks.messages import build_notice
from handlers.payloads import ExportSubmission, MalformedPayload, parse_export_submission
from handlers.slack.client import BotIdentity
from handlers.slack.ephemeral import EphemeralMessages, NotShown
from handlers.slack.errors import translate_errors
from handlers.slack.users import Users
from storage.errors import Redelivered, Unavailable
from storage.records import ResponseUrl

LARGEST: Final = 1_000_000_000
"""Bytes: Slack takes no more."""

_UPLOAD_LIMIT: Final = aiohttp.ClientTimeout(total=600)
_REMEMBERED: Final = 200

Ack = Callable[..., Awaitable[Any]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """What an admin wants, of which workspace. `since`: made at that time or later; None: everything."""

    team_id: str
    user_id: str
    form: str
    since: datetime | None
    pseudonyms: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """A file that is there until it is let go, with the name to give it, and how many requests are in it."""

    path: Path
    name: str
    requests: int


class ExportFailed(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """No file was made; the message says why, without anything that people wrote."""


class Exporter(Protocol):
    """Writes exports without holding up the bot, and notes who wanted them."""

    def export(self, order: ExportOrder) -> AbstractAsyncContextManager[ExportFile]:
        """The file, for as long as the block lasts. Raises ExportFailed."""
        ...


class Seen(Protocol):
    """What Slack has delivered, on all replicas."""

    async def take(self, key: str, *, at: datetime) -> None:
        """Raises Redelivered if it was taken before; Unavailable."""
        ...


class Exports:
    """The modal, and what follows it."""

    def __init__(
        self,
        *,
        exporter: Exporter,
        seen: Seen,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        private: EphemeralMessages,
        users: Users,
        admins: frozenset[str],
        tasks: BackgroundTasks,
        identity: BotIdentity,
        now: Callable[[], datetime],
    ) -> None:
        self._exporter = exporter
        self._seen = seen
        self._client = client
        self._session = session
        self._ephemeral = private
        self._users = users
        self._admins = admins
        self._tasks = tasks
        self._identity = identity
        self._now = now
        self._busy: set[str] = set()
        self._ways: OrderedDict[str, ResponseUrl | None] = OrderedDict()

    async def open(self, *, user_id: str, trigger_id: str, response_url: ResponseUrl | None, texts: Texts) -> None:
        """Ask for range and form. Where no modal opens, the admin is told."""
        self._ways[user_id] = response_url
        _forget_the_oldest(self._ways)
        try:
            async with translate_errors():
                await self._client.views_open(trigger_id=trigger_id, view=build_export_view(texts))
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            _log.warning("views.open did not work: %s", error)
            await self._tell(user_id, texts("export-not-opened"))

    async def on_submit(self, ack: Ack, body: dict[str, Any]) -> None:
        """Close the modal, and begin, once however often Slack delivers it. Who is no admin any more is told."""
        await ack()
        try:
            wish = parse_export_submission(body)
        except MalformedPayload as error:
            _log.warning("malformed wish for an export: %s", error)
            return
        self._tasks.spawn(self._answer(wish), name=f"export for {wish.user_id}")

    async def _answer(self, wish: ExportSubmission) -> None:
        person = await self._users.get(wish.user_id)
        texts = texts_for(person.locale)
        is_home = self._identity.is_home_of(wish.team_id, wish.origin)
        if not (is_home and (person.is_admin or wish.user_id in self._admins)):
            await self._tell(wish.user_id, texts("not-allowed", who=texts("helpers-admins")))
        else:
            await self._begin(wish, texts)

    async def _begin(self, wish: ExportSubmission, texts: Texts) -> None:
        try:
            await self._seen.take(f"export:{wish.view_id}", at=self._now())
        except Redelivered:
            return
        except Unavailable as error:
            _log.warning("an export could not begin: %s", error)
            await self._tell(wish.user_id, texts("export-failed"))
            return
        if self._busy:
            await self._tell(wish.user_id, texts("export-busy"))
            return
        self._busy.add(wish.user_id)
        try:
            await self._tell(wish.user_id, await self._carried_out(wish, texts))
        finally:
            self._busy.discard(wish.user_id)

    async def _carried_out(self, wish: ExportSubmission, texts: Texts) -> str:
        """The sentence that tells how it ended."""
        order = ExportOrder(
            team_id=wish.team_id,
            user_id=wish.user_id,
            form=wish.form,
            since=None if wish.days is None else self._now() - timedelta(days=wish.days),
            pseudonyms=wish.pseudonyms,
        )
        try:
            async with self._exporter.export(order) as made:
                if not made.requests:
                    return texts("export-nothing")
                size = made.path.stat().st_size
                if not size:
                    return texts("export-empty", count=made.requests)
                if size > LARGEST:
                    return texts("export-too-large")
                await self._send(wish.user_id, made, texts)
                return texts("export-done", count=made.requests)
        except ExportFailed as error:
            _log.warning("an export failed: %s", error)
            return texts("export-failed")
        except _NotSent as error:
            _log.warning("an export could not be sent: %s", error)
            return error.sentence

    async def _send(self, user_id: str, made: ExportFile, texts: Texts) -> None:
        """The file into the direct message with this person. Raises _NotSent."""
        size = made.path.stat().st_size
        async with _sending(texts, texts("export-dm-closed")):
            direct = await self._client.conversations_open(users=user_id)
        async with _sending(texts, texts("export-not-uploaded")):
            place = await self._client.files_getUploadURLExternal(filename=made.name, length=size)
        async with _sending(texts, texts("export-not-uploaded")):
            with made.path.open("rb") as file:
                answer = await self._session.post(
                    str(place["upload_url"]),
                    data=file,
                    headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)},
                    timeout=_UPLOAD_LIMIT,
                )
                answer.release()
        if answer.status != 200:
            raise _NotSent(texts("export-not-uploaded"), f"the upload was answered with {answer.status}")
        async with _sending(texts, texts("export-dm-closed")):
            await self._client.files_completeUploadExternal(
                files=[{"id": str(place["file_id"]), "title": made.name}],
                channel_id=str(direct["channel"]["id"]),
                initial_comment=texts("export-comment", count=made.requests),
            )

    async def _tell(self, user_id: str, sentence: str) -> None:
        """By the way that the command brought, else directly."""
        notice = build_notice(sentence)
        try:
            await self._ephemeral.answer(self._ways.get(user_id), notice)
        except NotShown:
            try:
                async with translate_errors():
                    direct = await self._client.conversations_open(users=user_id)
                    await self._client.chat_postMessage(
                        channel=str(direct["channel"]["id"]), text=notice.text, blocks=list(notice.blocks)
                    )
            except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
                _log.warning("the admin could not be told how the export ended: %s", error)


class _NotSent(Exception):  # noqa: N818 - it is told, as an outcome
    """The file did not reach the direct message; `sentence` tells the admin."""

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(reason)
        self.sentence = sentence


@asynccontextmanager
async def _sending(texts: Texts, sentence: str) -> AsyncIterator[None]:
    """A step of sending, whose failure becomes _NotSent: by this sentence, but for a scope that is missing."""
    try:
        async with translate_errors():
            yield
    except DeliveryRefused as error:
        lacking = str(error) == "missing_scope"
        raise _NotSent(texts("export-missing-scope") if lacking else sentence, str(error)) from error
    except (DeliveryUncertain, DeliveryThrottled) as error:
        raise _NotSent(texts("export-not-uploaded"), str(error)) from error


def _forget_the_oldest(kept: OrderedDict[str, Any]) -> None:
    while len(kept) > _REMEMBERED:
        kept.popitem(last=False)
