"""Where else replies are asked for: a message's menu, a mention in a thread, a direct message, a pasted message.

As with the command: parse, commit, acknowledge; then what takes time. A thread is read after the acknowledgement, since
a modal has to be open within three seconds.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.i18n.texts import Texts, texts_for
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from bot.suggesting.suggest import Ask, Suggester
from handlers.background_tasks import BackgroundTasks
from handlers.blocks.action_ids import MESSAGE_BLOCK
from handlers.blocks.candidates import build_candidates_view
from handlers.blocks.forms import build_notice_view, build_paste_view
from handlers.blocks.messages import build_notice, unlink_users
from handlers.colleague_notices import ColleagueNotices
from handlers.commands.suggest import command_word, split_hint
from handlers.display import ReplyDisplay, to_response_url
from handlers.error_messages import report_errors
from handlers.payloads import (
    MalformedPayload,
    MessageShortcut,
    PasteSubmission,
    EventMessage,
    parse_global_shortcut,
    parse_message_shortcut,
    parse_paste_submission,
    parse_event_message,
)
from handlers.slack.client import BotIdentity
from handlers.slack.ephemeral import EphemeralMessages, NotShown
from handlers.slack.errors import translate_errors
from handlers.slack.live_message import LiveMessages, Modal
from handlers.slack.threads import TargetMessage, Threads, kind_of, plain, text_of
from handlers.slack.users import Users
from storage.errors import Unavailable
from storage.records import Request, Turn

LAST_RETRY: Final = "3"
"""Slack delivers an event four times at most: what is not taken then, it forgets."""

_USED: Final = "exchanged_trigger_id"
"""Slack has opened a window by this trigger before: the shortcut was delivered twice."""

Ack = Callable[..., Awaitable[BoltResponse]]
Next = Callable[[], Awaitable[None]]
Work = Coroutine[Any, Any, None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A message to us that Slack delivered, with what answering it takes."""

    written: EventMessage
    locale: str
    texts: Texts


class Surfaces:
    """Handles the shortcuts, the modal to paste in, mentions and direct messages."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        suggester: Suggester,
        display: ReplyDisplay,
        live_messages: LiveMessages,
        threads: Threads,
        private: EphemeralMessages,
        colleagues: ColleagueNotices,
        users: Users,
        tasks: BackgroundTasks,
        identity: BotIdentity,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._suggester = suggester
        self._display = display
        self._live_messages = live_messages
        self._threads = threads
        self._ephemeral = private
        self._colleagues = colleagues
        self._users = users
        self._tasks = tasks
        self._identity = identity
        self._now = now

    # --- a message's menu -----------------------------------------------------------------------------

    async def on_message_shortcut(self, ack: Ack, body: dict[str, Any]) -> None:
        """Replies to this message, in a modal that opens at once."""
        try:
            shortcut = parse_message_shortcut(body)
        except MalformedPayload as error:
            _log.warning("malformed shortcut: %s", error)
            await ack()
            return
        locale = (await self._users.get(shortcut.user_id)).locale
        texts = texts_for(locale)
        async with report_errors(partial(self._refuse, ack, shortcut, texts), texts, again=ack):
            text = text_of(shortcut.message)
            if not text:
                await self._refuse(ack, shortcut, texts, texts("nothing-said"))
                return
            request = await self._suggester.accept(self._asked(shortcut, locale, text))
            await ack()
            self._after(request, texts, self._colleagues.tell(request))
            self._after(request, texts, self._in_modal(shortcut, request, texts))

    def _asked(self, shortcut: MessageShortcut, locale: str, text: str) -> Ask:
        return Ask(
            team_id=shortcut.team_id,
            is_of_grid=self._identity.shares_grid(shortcut.origin),
            channel_id=shortcut.channel_id,
            thread_ts=shortcut.thread_ts,
            agent_id=shortcut.user_id,
            pointed_ts=shortcut.ts,
            surface="shortcut",
            locale=locale,
            conversation=(Turn(role="customer", text=text),),
            idempotency_key=f"shortcut:{shortcut.trigger_id}",
            response_url=to_response_url(shortcut.response_url, self._now()),
        )

    async def _in_modal(self, shortcut: MessageShortcut, request: Request, texts: Texts) -> None:
        pointed = TargetMessage(channel_id=request.channel_id, thread_ts=shortcut.thread_ts, message=shortcut.message)
        placeholders = await self._display.placeholders(request, texts)
        try:
            view = build_candidates_view(request, placeholders.blocks, texts)
            modal = await self._live_messages.open(request, shortcut.trigger_id, view)
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            _log.warning("views.open did not work: %s", error, extra={"request_id": request.id})
            read, note = await self._read(pointed, request, texts)
            await self._display.draft_and_show(read, texts, note=note or texts("modal-not-opened"))
            return
        read, note = await self._read(pointed, request, texts)
        await self._display.unfold(read, modal, texts, note=note)

    async def _read(self, pointed: TargetMessage, request: Request, texts: Texts) -> tuple[Request, str | None]:
        """The request with its thread, as far as it can be read; and what the agent is told where it cannot."""
        thread = await self._threads.read(pointed)
        if thread.problem is not None:
            _log.info("thread not read: %s", thread.problem, extra={"request_id": request.id})
        note: str | None = None
        if thread.problem is not None:
            is_something = bool(thread.turns or request.conversation)
            note = texts(f"thread-{thread.problem}" if is_something else f"unread-{thread.problem}")
        if not thread.turns:
            return request, note
        seen_ts = thread.latest_ts if thread.problem is None else None
        return await self._suggester.record_conversation(request, thread.turns, seen_ts=seen_ts), note

    async def _refuse(self, ack: Ack, shortcut: MessageShortcut, texts: Texts, sentence: str) -> None:
        await ack()
        self._tasks.spawn(self._tell(shortcut, texts, sentence), name="refuse a shortcut")

    async def _tell(self, shortcut: MessageShortcut, texts: Texts, sentence: str) -> None:
        """In a modal, where the agent looks; else beside the conversation."""
        message = build_notice(sentence)
        try:
            async with translate_errors():
                view = build_notice_view(message, texts)
                await self._client.views_open(trigger_id=shortcut.trigger_id, view=view)
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled):
            await self._ephemeral.tell(shortcut.user_id, message)

    # --- a pasted message -----------------------------------------------------------------------------

    async def on_global_shortcut(self, ack: Ack, body: dict[str, Any]) -> None:
        """A modal to paste a customer's message in; nothing is asked for yet."""
        await ack()
        try:
            shortcut = parse_global_shortcut(body)
        except MalformedPayload as error:
            _log.warning("malformed shortcut: %s", error)
            return
        texts = texts_for((await self._users.get(shortcut.user_id)).locale)
        try:
            async with translate_errors():
                await self._client.views_open(trigger_id=shortcut.trigger_id, view=build_paste_view(texts))
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            _log.warning("views.open did not work: %s", error)
            if not isinstance(error, DeliveryRefused) or error.reason != _USED:
                await self._ephemeral.tell(shortcut.user_id, build_notice(texts("paste-not-opened")))

    async def on_pasted(self, ack: Ack, body: dict[str, Any]) -> None:
        """The pasted message: the same modal shows the replies. What goes wrong is said in it, where the text stays."""
        try:
            pasted = parse_paste_submission(body)
        except MalformedPayload as error:
            _log.warning("malformed submission: %s", error)
            await ack()
            return
        locale = (await self._users.get(pasted.user_id)).locale
        texts = texts_for(locale)

        async def refuse(sentence: str) -> None:
            await ack(response_action="errors", errors={MESSAGE_BLOCK: unlink_users(sentence)})

        async with report_errors(refuse, texts, again=ack):
            if not pasted.message:
                await refuse(texts("nothing-said"))
                return
            request = await self._suggester.accept(self._of_pasted(pasted, locale))
            modal = Modal(view_id=pasted.view_id)
            self._live_messages.put(request.id, modal)
            placeholders = await self._display.placeholders(request, texts)
            await ack(response_action="update", view=build_candidates_view(request, placeholders.blocks, texts))
            self._after(request, texts, self._display.unfold(request, modal, texts))

    def _of_pasted(self, pasted: PasteSubmission, locale: str) -> Ask:
        return Ask(
            team_id=pasted.team_id,
            is_of_grid=self._identity.shares_grid(pasted.origin),
            # There is no conversation around it: what has to be told is told to the agent.
            channel_id=pasted.user_id,
            agent_id=pasted.user_id,
            surface="global",
            locale=locale,
            conversation=(Turn(role="customer", text=pasted.message),),
            hint=pasted.hint,
            idempotency_key=f"view:{pasted.view_id}:{pasted.view_hash}",
        )

    # --- messages to us -------------------------------------------------------------------------------

    async def on_mention(self, ack: Ack, body: dict[str, Any], request: AsyncBoltRequest) -> BoltResponse:
        """A mention in a thread: private candidates there. What follows the mention is the hint."""
        return await self._taken(ack, body, request, self._mentioned)

    async def on_direct_message(self, ack: Ack, body: dict[str, Any], request: AsyncBoltRequest) -> BoltResponse:
        """A direct message is the customer's; the candidates are a message there."""
        event = body.get("event")
        if not isinstance(event, Mapping) or not _is_direct(event):
            return await ack()
        return await self._taken(ack, body, request, self._sent)

    async def _taken(
        self,
        ack: Ack,
        body: dict[str, Any],
        request: AsyncBoltRequest,
        step: Callable[[Delivered], Awaitable[None]],
    ) -> BoltResponse:
        """Acknowledged when it is committed; where the database does not take it, Slack delivers it again."""
        try:
            written = parse_event_message(body)
        except MalformedPayload as error:
            _log.warning("malformed event: %s", error)
            return await ack()
        locale = (await self._users.get(written.user_id)).locale
        delivered = Delivered(written=written, locale=locale, texts=texts_for(locale))
        answer: BoltResponse | None = None
        async with report_errors(partial(self._answer, written), delivered.texts):
            try:
                await step(delivered)
            except Unavailable as error:
                if request.headers.get("x-slack-retry-num", [""])[0] == LAST_RETRY:
                    raise
                _log.warning("an event was not taken: %s", error)
                answer = BoltResponse(status=503, body="")
        return answer or await ack()

    async def _mentioned(self, delivered: Delivered) -> None:
        written, texts = delivered.written, delivered.texts
        if written.thread_ts is None:
            self._suggester.check_channel(written.channel_id, "mention")
            await self._answer(written, texts("mention-outside"))
            return
        hint = re.sub(rf"<@{self._identity.bot_user_id}(\|[^>]*)?>", "", written.text).strip()
        ask = Ask(
            team_id=written.team_id,
            is_of_grid=self._identity.shares_grid(written.origin),
            channel_id=written.channel_id,
            thread_ts=written.thread_ts,
            agent_id=written.user_id,
            surface="mention",
            locale=delivered.locale,
            conversation=(),
            hint=plain(hint) or None,
            idempotency_key=f"event:{written.event_id}",
        )
        request = await self._suggester.accept(ask)
        self._after(request, texts, self._colleagues.tell(request))
        self._after(request, texts, self.in_thread(request, texts))

    async def in_thread(self, request: Request, texts: Texts, *, started_at: datetime | None = None) -> None:
        """Read the thread, draft, and show all together; or say why there is nothing to reply to."""
        assert request.thread_ts is not None
        message = {} if request.pointed_ts is None else {"ts": request.pointed_ts}
        pointed = TargetMessage(channel_id=request.channel_id, thread_ts=request.thread_ts, message=message)
        read, note = await self._read(pointed, request, texts)
        if not read.conversation:
            await self._suggester.give_up(read)
            await self._ephemeral.show(read, [build_notice(note or texts("nothing-said"))])
            return
        await self._display.draft_and_show(read, texts, started_at=started_at, note=note)

    async def _sent(self, delivered: Delivered) -> None:
        written, texts = delivered.written, delivered.texts
        message, hint = split_hint(plain(written.text))
        if command_word(message) in {"", "help"}:
            await self._answer(written, texts("usage-direct"))
            return
        ask = Ask(
            team_id=written.team_id,
            is_of_grid=self._identity.shares_grid(written.origin),
            channel_id=written.channel_id,
            thread_ts=written.thread_ts,
            agent_id=written.user_id,
            surface="dm",
            locale=delivered.locale,
            conversation=(Turn(role="customer", text=message),),
            hint=hint,
            idempotency_key=f"event:{written.event_id}",
        )
        request = await self._suggester.accept(ask)
        self._after(request, texts, self._in_direct_message(request, texts))

    async def _in_direct_message(self, request: Request, texts: Texts) -> None:
        try:
            placeholders = await self._display.placeholders(request, texts)
            posted = await self._live_messages.post(request, placeholders.first)
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            _log.warning("no message to fill: %s", error, extra={"request_id": request.id})
            await self._display.draft_and_show(request, texts)
            return
        await self._display.unfold(request, posted, texts)

    async def _answer(self, written: EventMessage, sentence: str) -> None:
        """A sentence to who wrote, in the background: an event has to be acknowledged."""
        work = self._ephemeral.beside(
            channel_id=written.channel_id,
            user_id=written.user_id,
            thread_ts=written.thread_ts,
            message=build_notice(sentence),
        )
        self._tasks.spawn(_if_possible(work), name="answer an event")

    def _after(self, request: Request, texts: Texts, work: Work) -> None:
        self._tasks.spawn(self._display.run_and_report(request, texts, work), name=f"draft {request.id}")


def _is_direct(event: Mapping[str, Any]) -> bool:
    """A message that somebody wrote to us: no edit, no deletion. Those of apps, ours too, do not come past the gate."""
    return event.get("channel_type") == "im" and kind_of(event) in {None, "file_share"} and not event.get("hidden")


async def _if_possible(work: Work) -> None:
    try:
        await work
    except NotShown as error:
        _log.warning("who wrote to us could not be told: %s", error)
