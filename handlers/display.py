"""From a committed request to what the agent sees: drafted, shown privately, and recorded as shown."""

import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from datetime import datetime
from typing import Any

from bot.i18n.texts import Texts
from bot.suggesting.choose import RecordedChoice
from bot.suggesting.deliver import Deliverer, DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from bot.suggesting.suggest import Suggester
from bot.surfaces import SURFACES
from handlers.blocks.candidates import (
    MessageLayout,
    StyleLabels,
    build_candidates,
    build_candidates_view,
    build_failure,
)
from handlers.blocks.confirmations import build_delivery, build_dismissal
from handlers.blocks.elements import Block
from handlers.blocks.limits import MODAL_BLOCKS
from handlers.blocks.messages import BlockMessage, build_notice
from handlers.error_messages import report_errors
from handlers.progressive_display import ProgressiveDisplay
from handlers.slack.agent_view import show_at_work
from handlers.slack.client import Installations
from handlers.slack.ephemeral import EphemeralMessages, NotShown
from handlers.slack.live_message import DirectMessage, LiveMessage, LiveMessages
from handlers.slack.threads import TargetMessage, Threads
from storage.errors import DatabaseUnavailable
from storage.records import LogEntry, Request

_log = logging.getLogger(__name__)


class ReplyDisplay:
    """Brings candidates and confirmations before the agent."""

    def __init__(
        self,
        *,
        suggester: Suggester,
        installations: Installations,
        ephemeral: EphemeralMessages,
        live_messages: LiveMessages,
        progressive: ProgressiveDisplay,
        threads: Threads,
        now: Callable[[], datetime],
    ) -> None:
        self._live_messages = live_messages
        self._progressive = progressive
        self._threads = threads
        self._suggester = suggester
        self._installations = installations
        self._ephemeral = ephemeral
        self._now = now

    async def build_empty_places(self, request: Request, texts: Texts) -> MessageLayout:
        """Build the request's places before anything is drafted."""
        base = await self._suggester.find_base(request)
        return self._progressive.build_empty_places(await self._suggester.restore_originals(request), texts, base=base)

    async def draft_progressively(
        self, request: Request, live: LiveMessage, texts: Texts, *, note: str | None = None
    ) -> None:
        """Draft, and show each candidate in the live message as soon as it is done."""
        try:
            async with self._show_at_work(request):
                lost = await self._progressive.run(request, live, texts, note=note)
        except DatabaseUnavailable as error:
            # What goes on when the database is back is shown anew: nothing in this live message is filled any more.
            _log.warning("drafting interrupted: %s", error, extra={"request_id": request.id})
            self._live_messages.forget(request)
            if not await self._say(live, request, texts("drafting-interrupted")):
                await self._ephemeral.show(request, [build_notice(texts("drafting-interrupted"))])
            return
        if lost is None:
            return
        if lost.request.status == "failed":
            work = self._ephemeral.show(lost.request, [build_failure(lost, texts)])
        else:
            work = self.show(lost, texts, note=note)
        await self._show_elsewhere(live, lost.request, texts, work)

    def _show_at_work(self, request: Request) -> AbstractAsyncContextManager[None]:
        """Show in the thread of a direct message that the bot is at work."""
        if request.surface != "dm" or request.thread_ts is None:
            return nullcontext()
        client = self._installations.find(request.team_id).client
        return show_at_work(client, request.channel_id, request.thread_ts)

    async def _show_elsewhere(
        self, live: LiveMessage, request: Request, texts: Texts, work: Coroutine[Any, Any, None]
    ) -> None:
        """Show by `work` what the live message did not take, and say so there: nobody is to wait before an old state.

        Raises NotShown where neither could be done.
        """
        self._live_messages.forget(request)
        try:
            await work
        except NotShown:
            if not await self._say(live, request, texts("board-not-taken")):
                raise
        else:
            if not await self._say(live, request, texts("board-moved")) and isinstance(live, DirectMessage):
                await self._remove(live, request)

    async def _say(self, live: LiveMessage, request: Request, sentence: str) -> bool:
        """Put one sentence in the place of all that the live message shows. Returns False where it takes none."""
        live.forget()
        try:
            await self._live_messages.paint(live, request, build_notice(sentence))
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            _log.info("the live message takes nothing: %s", error, extra={"request_id": request.id})
            return False
        return True

    async def _remove(self, live: DirectMessage, request: Request) -> None:
        """Delete a message that nobody is to wait before; a failure is logged."""
        try:
            await self._live_messages.remove(live, request)
        except (DeliveryUncertain, DeliveryThrottled) as error:
            _log.warning("a message could not be taken away: %s", error)

    async def redraft(self, request: Request, texts: Texts) -> None:
        """Draft others in the place of the parent's candidates, whose drafting ends. A thread is read anew before."""
        await self._progressive.stop(request.parent_request_id)
        live = self._live_messages.find(request)
        if live is None:
            on_their_way = build_notice(texts("on-their-way", count=request.k_requested))
            await self._ephemeral.show(request, [on_their_way], replace=True)
            await self.draft_and_show(await self._reread_thread(request), texts, replace=True)
            return
        self._live_messages.remember(request.id, live)
        try:
            live.forget()
            layout = await self.build_empty_places(request, texts)
            await self._live_messages.paint(live, request, layout.first, layout.further)
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            _log.info("the live message is gone: %s", error, extra={"request_id": request.id})
            work = self.draft_and_show(await self._reread_thread(request), texts)
            await self._show_elsewhere(live, request, texts, work)
            return
        await self.draft_progressively(await self._reread_thread(request), live, texts)

    async def draft_in_thread(self, request: Request, texts: Texts, *, started_at: datetime | None = None) -> None:
        """Read the thread, draft, and show all together; or say why there is nothing to reply to."""
        read, note = await self.read_thread(_to_target(request), request, texts)
        if not read.conversation:
            await self._suggester.give_up(read)
            await self._ephemeral.show(read, [build_notice(note or texts("nothing-said"))])
            return
        await self.draft_and_show(read, texts, started_at=started_at, note=note)

    async def read_thread(self, target: TargetMessage, request: Request, texts: Texts) -> tuple[Request, str | None]:
        """Read the thread into the request as far as possible. Also returns what to tell the agent where it is not."""
        thread = await self._threads.read(target)
        is_something = bool(thread.turns or request.conversation)
        notes = [
            texts(f"thread-{problem}") if is_something else texts(f"unread-{problem}") for problem in thread.problems
        ]
        if notes:
            _log.info("thread not read whole: %s", ", ".join(thread.problems), extra={"request_id": request.id})
        note = " ".join(notes) or None
        if not thread.turns:
            return request, note
        return await self._suggester.record_conversation(request, thread.turns, seen_ts=thread.latest_ts), note

    async def _reread_thread(self, request: Request) -> Request:
        """Read the thread as it is now into the request; it stays as it was where it never was read, or cannot be."""
        if request.thread_ts is None or request.seen_ts is None:
            return request
        thread = await self._threads.read(_to_target(request))
        if thread.latest_ts is None or not thread.turns:
            return request
        return await self._suggester.record_conversation(request, thread.turns, seen_ts=thread.latest_ts)

    async def _report_interruption(self, request: Request, texts: Texts, error: DatabaseUnavailable) -> None:
        """Tell the agent that drafting was interrupted: the database is away."""
        _log.warning("drafting interrupted: %s", error, extra={"request_id": request.id})
        await self._ephemeral.show(request, [build_notice(texts("drafting-interrupted"))])

    async def _draft_to_end(self, request: Request, started_at: datetime | None) -> LogEntry:
        """Draft all candidates; on surfaces that fill in place, into the places drawn before."""
        if not SURFACES[request.surface].fills_in_place:
            return await self._suggester.draft(request, started_at=started_at)
        async with aclosing(self._suggester.draft_progressively(request, started_at=started_at)) as entries:
            return [entry async for entry in entries][-1]

    async def draft_and_show(
        self,
        request: Request,
        texts: Texts,
        *,
        started_at: datetime | None = None,
        note: str | None = None,
        replace: bool = False,
    ) -> None:
        """Draft, then show what there is; or say why there is nothing."""
        try:
            async with self._show_at_work(request):
                entry = await self._draft_to_end(request, started_at)
        except DatabaseUnavailable as error:
            await self._report_interruption(request, texts, error)
            return
        if entry.choice is not None or entry.request.status == "redrafted":
            return  # the agent decided on what a process before this one showed
        if entry.request.status == "failed":
            await self._ephemeral.show(entry.request, [build_failure(entry, texts)], replace=replace)
            return
        await self.show(entry, texts, note=note, replace=replace)

    async def _build(self, entry: LogEntry, texts: Texts, *, note: str | None = None) -> Sequence[BlockMessage]:
        """Build the candidates, with the labels that their playbook gives to styles, under what they were made from."""
        labels = StyleLabels(styles=self._suggester.label_styles(entry.request))
        return build_candidates(entry, texts, labels, note=note, base=await self._find_base(entry.request))

    async def _find_base(self, request: Request) -> str | None:
        """Find the reply that a request was made from; the others are shown without it if the database is away."""
        try:
            return await self._suggester.find_base(request)
        except DatabaseUnavailable as error:
            _log.warning("shown without the reply before: %s", error, extra={"request_id": request.id})
            return None

    async def show(self, entry: LogEntry, texts: Texts, *, note: str | None = None, replace: bool = False) -> None:
        """Show the candidates for the first time, and record them as shown. Raises NotShown."""
        messages = await self._build(entry, texts, note=note)
        try:
            await self._ephemeral.show(entry.request, messages, replace=replace)
        except NotShown:
            self._suggester.log_not_shown(entry)
            raise
        try:
            await self._suggester.record_shown(entry, at=self._now())
        except DatabaseUnavailable as error:
            # The candidates are recorded and visible; a click records when they were shown.
            _log.warning("shown, but not recorded as shown: %s", error, extra={"request_id": entry.request.id})

    async def show_again(
        self, entry: LogEntry, texts: Texts, *, note: str | None = None, replace: bool = False
    ) -> None:
        """Show the same candidates in the same places, and record that."""
        messages = await self._build(entry, texts, note=note)
        await self._ephemeral.show(entry.request, messages, replace=replace)
        await self._suggester.record_shown_again(entry.request)

    async def show_in_modal(self, entry: LogEntry, texts: Texts, *, trigger_id: str) -> None:
        """Show the same candidates in a modal; where it does not open, or is too small, in direct messages."""
        messages, request = await self._build(entry, texts), entry.request
        blocks = [block for message in messages for block in message.blocks]
        self._live_messages.forget(request)
        view = build_candidates_view(request, blocks, texts)
        if len(blocks) > MODAL_BLOCKS or not await self._open(request, view, trigger_id=trigger_id):
            for message in messages:
                await self._ephemeral.send_directly(request.agent_id, message, team_id=request.team_id)
        await self._suggester.record_shown_again(request)

    async def _open(self, request: Request, view: Block, *, trigger_id: str) -> bool:
        """Open a modal for the request. Returns False where Slack does not."""
        try:
            await self._live_messages.open(request, trigger_id, view)
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            _log.info("no modal for the candidates: %s", error, extra={"request_id": request.id})
            return False
        return True

    async def show_here(self, entry: LogEntry, texts: Texts) -> None:
        """Show the same candidates in the same places, where the agent asked to see them again."""
        messages = await self._build(entry, texts)
        self._live_messages.forget(entry.request)
        await self._ephemeral.show_here(entry.request, messages)
        await self._suggester.record_shown_again(entry.request)

    async def deliver_and_confirm(self, deliverer: Deliverer, chosen: RecordedChoice, texts: Texts) -> None:
        """Post the reply, and say what became of it in the place of the candidates."""
        await self._progressive.stop(chosen.request.id)
        try:
            outcome = await deliverer.deliver(chosen)
        except DatabaseUnavailable as error:
            _log.warning("delivery interrupted: %s", error, extra={"request_id": chosen.request.id})
            await self._ephemeral.show(chosen.request, [build_notice(texts("delivery-interrupted"))])
            return
        if outcome.state == "cancelled":
            return
        note = texts("unchecked") if chosen.freshness == "unknown" else None
        begins = outcome.begins
        link = None
        if begins is not None and begins.message_ts is not None:
            link = await self._ephemeral.find_link(chosen.request, begins.channel_id, begins.message_ts)
        messages = build_delivery(
            chosen.request,
            chosen.choice,
            outcome,
            texts,
            note=note,
            link=link,
            undo_key=chosen.undo_key,
            unfilled=chosen.unfilled,
        )
        await self._ephemeral.show(chosen.request, messages, replace=True)
        try:
            await deliverer.record_told(chosen)
        except DatabaseUnavailable as error:
            _log.warning("not recorded that the agent was told: %s", error, extra={"request_id": chosen.request.id})

    async def ask(self, request: Request, messages: Sequence[BlockMessage]) -> None:
        """Put a question in the place of the candidates."""
        await self._progressive.leave(request.id)
        await self._ephemeral.show(request, messages, replace=True)

    async def confirm_dismissal(self, chosen: RecordedChoice, texts: Texts) -> None:
        """Note in the place of the candidates that none was chosen."""
        await self._progressive.stop(chosen.request.id)
        message = build_dismissal(chosen.request, texts, undo_key=chosen.undo_key)
        await self._ephemeral.show(chosen.request, [message], replace=True)

    async def run_and_report(self, request: Request, texts: Texts, work: Coroutine[Any, Any, object]) -> None:
        """Do `work`; should it fail, tell the agent of the request."""

        async def tell(sentence: str) -> None:
            await self._ephemeral.show(request, [build_notice(sentence)])

        async with report_errors(tell, texts):
            await work


def _to_target(request: Request) -> TargetMessage:
    """The message that the agent pointed at; for a mention, the thread alone."""
    assert request.thread_ts is not None
    message = {} if request.pointed_ts is None else {"ts": request.pointed_ts}
    return TargetMessage(
        team_id=request.team_id, channel_id=request.channel_id, thread_ts=request.thread_ts, message=message
    )
