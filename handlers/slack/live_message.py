"""Live messages: where a request's candidates stand and can be changed, a modal or a direct message.

Private messages in channels are none: Slack lets nobody change them but through a click's own `response_url`. Live
messages are remembered by this process alone. After a restart a click brings its modal with it, and an agent who has to
be told something without a click is told privately.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.i18n.texts import Texts, get_texts
from bot.suggesting.deliver import DeliveryRefused
from handlers.blocks.candidates import MessageLayout, build_candidates_view
from handlers.blocks.elements import Block
from handlers.blocks.messages import BlockMessage
from handlers.slack.client import Installations
from handlers.slack.errors import translate_errors
from storage.records import Request

MODAL_EVERY_S: Final = 0.3
MESSAGE_EVERY_S: Final = 1.0

FIRST: Final = ""
"""The name of the first of its messages."""

_MOST: Final = 5_000

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Modal:
    """A modal. `hash` is of its newest state known: an update with it fails where somebody was faster."""

    view_id: str
    hash: str | None = None
    every_s: float = MODAL_EVERY_S
    painted_at: float | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def forget(self) -> None:
        """Forget its state, which is no longer true."""
        self.hash = None


@dataclass(slots=True, kw_only=True)
class DirectMessage:
    """A message in the conversation between the agent and the bot, with those that follow it, by name.

    `painted` is what stands in each, as far as known; the first has no name.
    """

    channel_id: str
    message_ts: str
    thread_ts: str | None = None
    further: dict[str, str] = field(default_factory=dict)
    painted: dict[str, BlockMessage] = field(default_factory=dict)
    every_s: float = MESSAGE_EVERY_S
    painted_at: float | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def forget(self) -> None:
        """Forget its state, which is no longer true."""
        self.painted.clear()


LiveMessage = Modal | DirectMessage


class LiveMessages:
    """The live messages of the newest requests, and how to change them: not faster than each may be."""

    def __init__(
        self,
        *,
        installations: Installations,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._installations = installations
        self._clock = clock
        self._sleep = sleep
        self._known: OrderedDict[str, LiveMessage] = OrderedDict()

    def find(self, request: Request) -> LiveMessage | None:
        """Find the request's live message, or its parent's, which a redraft takes over."""
        return self._known.get(request.id) or self._known.get(request.parent_request_id or "")

    def remember(self, request_id: str, live: LiveMessage) -> None:
        """Remember where the request's candidates stand."""
        self._known[request_id] = live
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def forget(self, request: Request) -> None:
        """Forget the request's live message: it stands elsewhere now, or nobody can change it."""
        for request_id in (request.id, request.parent_request_id or ""):
            self._known.pop(request_id, None)

    def remember_modal(self, request_id: str, view_id: str) -> None:
        """Remember the modal that a click came from, or one over it."""
        known = self._known.get(request_id)
        if not isinstance(known, Modal) or known.view_id != view_id:
            self.remember(request_id, Modal(view_id=view_id))

    async def open(self, request: Request, trigger_id: str, view: Block) -> Modal:
        """Open a modal for the request. Raises DeliveryRefused, DeliveryUncertain, DeliveryThrottled."""
        async with translate_errors():
            answer = await self._get_client(request).views_open(trigger_id=trigger_id, view=view)
            modal = Modal(view_id=answer["view"]["id"], hash=answer["view"].get("hash"))
        self.remember(request.id, modal)
        return modal

    async def post(self, request: Request, message: BlockMessage) -> DirectMessage:
        """Post a message for the request. Raises DeliveryRefused, DeliveryUncertain, DeliveryThrottled."""
        channel_id, ts = await _post(self._get_client(request), request.channel_id, request.thread_ts, message)
        posted = DirectMessage(
            channel_id=channel_id, message_ts=ts, thread_ts=request.thread_ts, painted={FIRST: message}
        )
        self.remember(request.id, posted)
        return posted

    async def paint(
        self,
        live: LiveMessage,
        request: Request,
        message: BlockMessage,
        further: Mapping[str, BlockMessage] = MappingProxyType({}),
    ) -> None:
        """Show other blocks there, unless it was changed behind our back.

        `further` are messages that follow the first, or in a modal stand under it. Raises DeliveryRefused
        (`hash_conflict` where it was changed), DeliveryUncertain, DeliveryThrottled.
        """
        async with self._turn(live):
            if isinstance(live, DirectMessage):
                await _update_messages(self._get_client(request), live, {FIRST: message, **further})
            else:
                layout = MessageLayout(first=message, further=dict(further))
                await self._update_view(live, request, layout.blocks, guard=live.hash)

    async def remove(self, live: DirectMessage, request: Request) -> None:
        """Delete its messages; those that are gone are fine. Raises DeliveryUncertain, DeliveryThrottled."""
        client = self._get_client(request)
        await _delete(client, live, list(live.further))
        await _delete_message(client, live.channel_id, live.message_ts)

    async def replace(self, request: Request, messages: Sequence[BlockMessage]) -> bool:
        """Replace whatever the request's modal shows. Returns False where it has none. Raises as `paint` does."""
        live = self.find(request)
        if not isinstance(live, Modal):
            return False
        async with self._turn(live):
            shown = [block for message in messages for block in message.blocks]
            await self._update_view(live, request, shown, guard=None)
        self.remember(request.id, live)
        return True

    async def wait(self, live: LiveMessage) -> None:
        """Wait until it may be painted again."""
        if live.painted_at is not None:
            await self._sleep(max(0.0, live.painted_at + live.every_s - self._clock()))

    @asynccontextmanager
    async def _turn(self, live: LiveMessage) -> AsyncIterator[None]:
        """Wait for the turn to paint, and note when it was painted."""
        async with live.turn:
            await self.wait(live)
            began_at = live.painted_at = self._clock()
            try:
                yield
            finally:
                if self._clock() > began_at + live.every_s:
                    # It waited as Slack told, say, and was painted only now.
                    live.painted_at = self._clock()

    async def _update_view(self, modal: Modal, request: Request, shown: Sequence[Block], *, guard: str | None) -> None:
        """Update the modal; `guard` is the hash of the state that is to be replaced."""
        texts: Texts = get_texts(request.locale, request.task)
        arguments: dict[str, Any] = {} if guard is None else {"hash": guard}
        async with translate_errors():
            view = build_candidates_view(request, shown, texts)
            answer = await self._get_client(request).views_update(view_id=modal.view_id, view=view, **arguments)
            modal.hash = answer["view"].get("hash")

    def _get_client(self, request: Request) -> AsyncWebClient:
        return self._installations.find(request.team_id).patient_client


async def _update_messages(client: AsyncWebClient, live: DirectMessage, messages: Mapping[str, BlockMessage]) -> None:
    """Change what has changed, post what is new, delete what is no longer there."""
    stamps = {FIRST: live.message_ts, **live.further}
    for name, message in messages.items():
        if live.painted.get(name) == message:
            continue
        if name in stamps:
            await _update_message(client, live.channel_id, stamps[name], message)
        else:
            _, live.further[name] = await _post(client, live.channel_id, live.thread_ts, message)
        live.painted[name] = message
    await _delete(client, live, [name for name in live.further if name not in messages])


async def _update_message(client: AsyncWebClient, channel_id: str, ts: str, message: BlockMessage) -> None:
    """Update one message."""
    async with translate_errors():
        await client.chat_update(channel=channel_id, ts=ts, text=message.text, blocks=list(message.blocks))


async def _post(
    client: AsyncWebClient, channel_id: str, thread_ts: str | None, message: BlockMessage
) -> tuple[str, str]:
    """Post a message. Returns its channel and timestamp."""
    async with translate_errors():
        answer = await client.chat_postMessage(
            channel=channel_id, thread_ts=thread_ts, text=message.text, blocks=list(message.blocks)
        )
        return answer["channel"], answer["ts"]


async def _delete(client: AsyncWebClient, live: DirectMessage, names: Sequence[str]) -> None:
    """Delete the messages with these names."""
    for name in names:
        await _delete_message(client, live.channel_id, live.further[name])
        del live.further[name]
        live.painted.pop(name, None)


async def _delete_message(client: AsyncWebClient, channel_id: str, ts: str) -> None:
    """Delete one message; a refusal is logged."""
    try:
        async with translate_errors():
            await client.chat_delete(channel=channel_id, ts=ts)
    except DeliveryRefused as refusal:
        _log.info("not deleted: %s", refusal.reason)
