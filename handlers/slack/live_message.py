"""Where the candidates of a request stand and can be changed: a modal, or a message between the agent and the bot.

Private messages in channels are no boards: Slack lets nobody change them but through a click's own way back. Boards are
remembered by this process alone. After a restart a click brings its modal with it, and whoever has to be told something
without a click is told privately.
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

from bot.i18n.texts import Texts, texts_for
from bot.suggesting.deliver import DeliveryRefused
from handlers.blocks.candidates import Layout, build_candidates_view
from handlers.blocks.elements import Block
from handlers.blocks.messages import Message
from handlers.slack.errors import telling_apart
from storage.records import Request

MODAL_EVERY_S: Final = 0.3
MESSAGE_EVERY_S: Final = 1.0

FIRST: Final = ""
"""The name of the first of a board's messages."""

_MOST: Final = 5_000

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Modal:
    """A modal. `hash` is of its newest state that we know of: an update with it fails where somebody was faster."""

    view_id: str
    hash: str | None = None
    every_s: float = MODAL_EVERY_S
    painted_at: float | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def forget(self) -> None:
        """What we know of its state is no longer true."""
        self.hash = None


@dataclass(slots=True, kw_only=True)
class DirectMessage:
    """A message of ours in the conversation between the agent and the bot, with those that follow it, by name.

    `painted` is what stands in each, as far as we know; the first has no name.
    """

    channel_id: str
    message_ts: str
    thread_ts: str | None = None
    further: dict[str, str] = field(default_factory=dict)
    painted: dict[str, Message] = field(default_factory=dict)
    every_s: float = MESSAGE_EVERY_S
    painted_at: float | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def forget(self) -> None:
        """What we know of its state is no longer true."""
        self.painted.clear()


Board = Modal | DirectMessage


class Boards:
    """The boards of the newest requests, and how to change them: not faster than each may be."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._clock = clock
        self._sleep = sleep
        self._known: OrderedDict[str, Board] = OrderedDict()

    def of(self, request: Request) -> Board | None:
        """The request's board, or its parent's, which a redraft takes over."""
        return self._known.get(request.id) or self._known.get(request.parent_request_id or "")

    def put(self, request_id: str, board: Board) -> None:
        self._known[request_id] = board
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def leave(self, request: Request) -> None:
        """The request stands elsewhere now, in a message of its own, or nobody can change its board."""
        for request_id in (request.id, request.parent_request_id or ""):
            self._known.pop(request_id, None)

    def see(self, request_id: str, view_id: str) -> None:
        """A click came from this modal, or from one over it."""
        known = self._known.get(request_id)
        if not isinstance(known, Modal) or known.view_id != view_id:
            self.put(request_id, Modal(view_id=view_id))

    async def open(self, request: Request, trigger_id: str, view: Block) -> Modal:
        """A new modal for the request. Raises Refused, Uncertain, Throttled."""
        async with telling_apart():
            answer = await self._client.views_open(trigger_id=trigger_id, view=view)
            modal = Modal(view_id=answer["view"]["id"], hash=answer["view"].get("hash"))
        self.put(request.id, modal)
        return modal

    async def post(self, request: Request, message: Message) -> DirectMessage:
        """A new message for the request. Raises Refused, Uncertain, Throttled."""
        channel_id, ts = await self._post(request.channel_id, request.thread_ts, message)
        posted = DirectMessage(
            channel_id=channel_id, message_ts=ts, thread_ts=request.thread_ts, painted={FIRST: message}
        )
        self.put(request.id, posted)
        return posted

    async def paint(
        self,
        board: Board,
        request: Request,
        message: Message,
        further: Mapping[str, Message] = MappingProxyType({}),
    ) -> None:
        """Other blocks in the board, unless it was changed behind our back; `further` are messages that follow the
        first, or in a modal stand under it. Raises Refused (`hash_conflict` for that), Uncertain, Throttled.
        """
        async with self._turn(board):
            if isinstance(board, DirectMessage):
                await self._update_messages(board, {FIRST: message, **further})
            else:
                layout = Layout(first=message, further=dict(further))
                await self._update_view(board, request, layout.blocks, guard=board.hash)

    async def remove(self, board: DirectMessage) -> None:
        """Take its messages away; those that are gone are fine. Raises Uncertain, Throttled."""
        await self._delete(board, list(board.further))
        await self._delete_message(board.channel_id, board.message_ts)

    async def replace(self, request: Request, messages: Sequence[Message]) -> bool:
        """Whatever stood in the request's modal, these now. False where it has none. Raises as `paint` does."""
        board = self.of(request)
        if not isinstance(board, Modal):
            return False
        async with self._turn(board):
            shown = [block for message in messages for block in message.blocks]
            await self._update_view(board, request, shown, guard=None)
        self.put(request.id, board)
        return True

    async def wait(self, board: Board) -> None:
        """Until it may be painted again."""
        if board.painted_at is not None:
            await self._sleep(max(0.0, board.painted_at + board.every_s - self._clock()))

    @asynccontextmanager
    async def _turn(self, board: Board) -> AsyncIterator[None]:
        async with board.turn:
            await self.wait(board)
            began_at = board.painted_at = self._clock()
            try:
                yield
            finally:
                if self._clock() > began_at + board.every_s:
                    # It waited as Slack told, say, and was painted only now.
                    board.painted_at = self._clock()

    async def _update_view(self, modal: Modal, request: Request, shown: Sequence[Block], *, guard: str | None) -> None:
        texts: Texts = texts_for(request.locale)
        arguments: dict[str, Any] = {} if guard is None else {"hash": guard}
        async with telling_apart():
            view = build_candidates_view(request, shown, texts)
            answer = await self._client.views_update(view_id=modal.view_id, view=view, **arguments)
            modal.hash = answer["view"].get("hash")

    async def _update_messages(self, board: DirectMessage, messages: Mapping[str, Message]) -> None:
        """Change what has changed, post what is new, delete what is no longer there."""
        stamps = {FIRST: board.message_ts, **board.further}
        for name, message in messages.items():
            if board.painted.get(name) == message:
                continue
            if name in stamps:
                await self._update_message(board.channel_id, stamps[name], message)
            else:
                _, board.further[name] = await self._post(board.channel_id, board.thread_ts, message)
            board.painted[name] = message
        await self._delete(board, [name for name in board.further if name not in messages])

    async def _update_message(self, channel_id: str, ts: str, message: Message) -> None:
        async with telling_apart():
            await self._client.chat_update(channel=channel_id, ts=ts, text=message.text, blocks=list(message.blocks))

    async def _post(self, channel_id: str, thread_ts: str | None, message: Message) -> tuple[str, str]:
        async with telling_apart():
            answer = await self._client.chat_postMessage(
                channel=channel_id, thread_ts=thread_ts, text=message.text, blocks=list(message.blocks)
            )
            return answer["channel"], answer["ts"]

    async def _delete(self, board: DirectMessage, names: Sequence[str]) -> None:
        for name in names:
            await self._delete_message(board.channel_id, board.further[name])
            del board.further[name]
            board.painted.pop(name, None)

    async def _delete_message(self, channel_id: str, ts: str) -> None:
        try:
            async with telling_apart():
                await self._client.chat_delete(channel=channel_id, ts=ts)
        except DeliveryRefused as refusal:
            _log.info("not deleted: %s", refusal.reason)
