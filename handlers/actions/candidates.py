"""The buttons, the select and the editor under the candidates: parse, commit, acknowledge; then what takes time.

A step commits and returns the work that follows the acknowledgement. `listening` makes a Bolt listener of it:

    app.action("use_candidate")(clicks.listening(clicks.use))
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, cast, get_args

from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import StaleConversation
from bot.i18n.texts import Texts, texts_for
from bot.suggesting.choose import Chooser, Click, EditorInput, RecordedChoice, RetractedChoice
from bot.suggesting.deliver import Deliverer, DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from bot.suggesting.redraft import Steering
from bot.suggesting.suggest import Suggester
from handlers.background_tasks import BackgroundTasks
from handlers.blocks.action_ids import LANGUAGE_BLOCK, REPLY_BLOCK
from handlers.blocks.confirmations import build_reason_note, build_stale_warning, parse_undo_block
from handlers.blocks.elements import Block
from handlers.blocks.forms import build_edit_view, build_language_view, build_notice_view, build_stale_edit_view
from handlers.blocks.messages import Message, build_notice, unlink_users
from handlers.display import ReplyDisplay, reached_by, to_response_url
from handlers.error_messages import report_errors
from handlers.payloads import (
    ActionPayload,
    LanguageSubmission,
    MalformedPayload,
    EditSubmission,
    parse_action,
    parse_language_submission,
    parse_edit_submission,
)
from handlers.slack.client import BotIdentity
from handlers.slack.ephemeral import EphemeralMessages
from handlers.slack.errors import translate_errors
from handlers.slack.live_message import LiveMessages
from handlers.slack.users import Users
from storage.errors import NotOpen
from storage.records import DismissReason, Steer

Ack = Callable[..., Awaitable[Any]]
Work = Coroutine[Any, Any, None]
Listener = Callable[[Ack, dict[str, Any]], Awaitable[None]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicked:
    """A click with what answering it takes."""

    action: ActionPayload
    click: Click
    texts: Texts


class Clicks:
    """Handles every button and the select, wherever candidates are shown, and the editor."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        suggester: Suggester,
        chooser: Chooser,
        deliverer: Deliverer,
        display: ReplyDisplay,
        private: EphemeralMessages,
        live_messages: LiveMessages,
        users: Users,
        tasks: BackgroundTasks,
        identity: BotIdentity,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._suggester = suggester
        self._chooser = chooser
        self._deliverer = deliverer
        self._display = display
        self._ephemeral = private
        self._live_messages = live_messages
        self._users = users
        self._tasks = tasks
        self._identity = identity
        self._now = now

    async def use(self, clicked: Clicked) -> Work:
        try:
            return await self._use(clicked, self._chooser.use)
        except StaleConversation as stale:
            request = reached_by(stale.request, clicked.click.response_url)
            return self._display.ask(request, build_stale_warning(stale, clicked.texts))

    async def use_anyway(self, clicked: Clicked) -> Work:
        """The agent knows that the conversation has moved on."""
        return await self._use(clicked, self._chooser.use_anyway)

    async def _use(self, clicked: Clicked, choose: Callable[[Click, str], Awaitable[RecordedChoice]]) -> Work:
        try:
            chosen = await choose(clicked.click, clicked.action.value)
        except NotOpen as closed:
            return await self._as_it_stands(clicked, closed)
        return self._display.deliver(self._deliverer, chosen, clicked.texts)

    async def edit(self, clicked: Clicked) -> Work:
        try:
            editing = await self._chooser.open_edit(clicked.click, clicked.action.value)
        except NotOpen as closed:
            return await self._as_it_stands(clicked, closed)
        return self._open_editor(clicked, editing)

    async def dismiss(self, clicked: Clicked) -> Work:
        try:
            chosen = await self._chooser.dismiss(clicked.click, clicked.action.value)
        except NotOpen as closed:
            return await self._as_it_stands(clicked, closed)
        return self._dismissed(chosen, clicked.texts)

    async def _as_it_stands(self, clicked: Clicked, closed: NotOpen) -> Work:
        """What was decided before, once more: its confirmation may have been lost, with its Undo. Raises `closed` where
        nothing is to be confirmed.
        """
        chosen = await self._deliverer.find_standing_choice(clicked.click, str(closed))
        if chosen is None:
            raise closed
        return self._confirm(chosen, clicked)

    async def _confirm(self, chosen: RecordedChoice, clicked: Clicked) -> None:
        if chosen.choice.kind == "dismissed":
            await self._dismissed(chosen, clicked.texts)
        else:
            await self._display.deliver(self._deliverer, chosen, clicked.texts)
        await self._answer(clicked, build_notice(clicked.texts("not-open")))

    def _dismissed(self, chosen: RecordedChoice, texts: Texts) -> Work:
        return self._display.dismissed(chosen, texts)

    async def give_reason(self, clicked: Clicked) -> Work:
        request_id, key = parse_undo_block(clicked.action.block_id)
        if clicked.action.value not in get_args(DismissReason) or not request_id:
            raise MalformedPayload("dismiss_reason")
        reason = cast("DismissReason", clicked.action.value)
        request = reached_by(await self._chooser.give_reason(clicked.click, request_id, reason), clicked.click.response_url)
        return self._ephemeral.show(request, [build_reason_note(request, clicked.texts, undo_key=key)], replace=True)

    async def redraft(self, clicked: Clicked) -> Work:
        request = await self._suggester.redraft(clicked.click, clicked.action.value)
        return self._display.redraft(request, clicked.texts)

    async def steer(self, clicked: Clicked) -> Work:
        """Others made of one candidate; for another language, which one is asked first."""
        steer, _, candidate_id = clicked.action.value.partition(":")
        if steer not in get_args(Steer):
            raise MalformedPayload("steer_candidate")
        if steer == "other_language":
            await self._chooser.keep_response_url(clicked.click, candidate_id)
            view = build_language_view(candidate_id, clicked.texts)
            return self._open(clicked, view, otherwise=clicked.texts("languages-not-opened"))
        steering = Steering(candidate_id=candidate_id, steer=cast("Steer", steer))
        request = await self._suggester.steer(clicked.click, steering)
        return self._display.redraft(request, clicked.texts)

    async def undo(self, clicked: Clicked) -> Work:
        _, key = parse_undo_block(clicked.action.block_id)
        undone = await self._chooser.undo(clicked.click, clicked.action.value, key=key)
        return self._reopen(undone, clicked)

    async def post(self, clicked: Clicked) -> Work:
        """The agent saw that a reply of unknown fate is missing in the conversation."""
        chosen = await self._deliverer.post_again(clicked.click, clicked.action.value)
        chosen = replace(chosen, undo_key=parse_undo_block(clicked.action.block_id)[1])
        return self._display.deliver(self._deliverer, chosen, clicked.texts)

    def listening(self, step: Callable[[Clicked], Awaitable[Work]]) -> Listener:
        """A Bolt listener that commits the step, acknowledges, and lets the rest run on; it always acknowledges."""

        async def on_click(ack: Ack, body: dict[str, Any]) -> None:
            try:
                clicked = await self._parse(body)
            except MalformedPayload as error:
                _log.warning("malformed click: %s", error)
                await ack()
                return
            async with report_errors(partial(self._refuse, ack, clicked), clicked.texts, again=ack):
                work = await step(clicked)
                await ack()
                self._after(clicked, work)

        return on_click

    async def on_submit(self, ack: Ack, body: dict[str, Any]) -> None:
        """The edited reply. What goes wrong is said in the editor, where the agent's text stays."""
        await self._submit(ack, body, self._chooser.edit)

    async def on_submit_anyway(self, ack: Ack, body: dict[str, Any]) -> None:
        """The edited reply, though the conversation has moved on."""
        await self._submit(ack, body, self._chooser.edit_anyway)

    async def _submit(
        self, ack: Ack, body: dict[str, Any], choose: Callable[[Click, str, str], Awaitable[RecordedChoice]]
    ) -> None:
        try:
            submission = parse_edit_submission(body)
        except MalformedPayload as error:
            _log.warning("malformed submission: %s", error)
            await ack()
            return
        texts = texts_for((await self._users.get(submission.user_id)).locale)

        async def refuse(sentence: str) -> None:
            await ack(response_action="errors", errors={REPLY_BLOCK: unlink_users(sentence)})

        async with report_errors(refuse, texts, again=ack):
            try:
                chosen = await choose(self._submitted(submission), submission.candidate_id, submission.text)
            except StaleConversation as stale:
                await ack(response_action="update", view=build_stale_edit_view(stale, submission.text, texts))
                return
            await ack()
            if submission.below is not None:
                self._live_messages.see(chosen.request.id, submission.below)
            self._tasks.spawn(
                self._display.run_and_report(chosen.request, texts, self._display.deliver(self._deliverer, chosen, texts)),
                name="after edit",
            )

    async def on_language(self, ack: Ack, body: dict[str, Any]) -> None:
        """The language for a reply. What goes wrong is said in the view, which stays."""
        try:
            chosen = parse_language_submission(body)
        except MalformedPayload as error:
            _log.warning("malformed choice of a language: %s", error)
            await ack()
            return
        texts = texts_for((await self._users.get(chosen.user_id)).locale)

        async def refuse(sentence: str) -> None:
            await ack(response_action="errors", errors={LANGUAGE_BLOCK: unlink_users(sentence)})

        async with report_errors(refuse, texts, again=ack):
            steering = Steering(candidate_id=chosen.candidate_id, steer="other_language", language=chosen.language)
            request = await self._suggester.steer(self._submitted(chosen), steering)
            await ack()
            if chosen.below is not None and request.parent_request_id is not None:
                self._live_messages.see(request.parent_request_id, chosen.below)
            self._tasks.spawn(
                self._display.run_and_report(request, texts, self._display.redraft(request, texts)),
                name="after a choice of language",
            )

    async def _reopen(self, undone: RetractedChoice, clicked: Clicked) -> None:
        gone = await self._deliverer.retract(undone.parts)
        note = clicked.texts("undone" if gone else "undone-not-deleted")
        request = reached_by(undone.entry.request, clicked.click.response_url)
        if not any(candidate.text for candidate in undone.entry.visible):
            sentence = f"{note} {clicked.texts('no-text-kept')}"
            await self._ephemeral.show(request, [build_notice(sentence)], replace=True)
            return
        entry = replace(undone.entry, request=request)
        await self._display.show_again(entry, clicked.texts, note=note, replace=True)

    async def _open_editor(self, clicked: Clicked, editing: EditorInput) -> None:
        view = build_edit_view(editing.candidate, clicked.texts, posts=editing.is_posted)
        await self._open(clicked, view, otherwise=clicked.texts("editor-not-opened"))

    async def _open(self, clicked: Clicked, view: Block, *, otherwise: str) -> None:
        try:
            await self._open_view(clicked, view)
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            _log.warning("a view was not opened: %s", error)
            await self._answer(clicked, build_notice(otherwise))

    async def _open_view(self, clicked: Clicked, view: Block) -> None:
        """A modal; over the one that was clicked in, if it was one."""
        trigger_id = clicked.action.trigger_id
        async with translate_errors():
            if clicked.action.view_id is None:
                await self._client.views_open(trigger_id=trigger_id, view=view)
            else:
                await self._client.views_push(trigger_id=trigger_id, view=view)

    async def _answer(self, clicked: Clicked, message: Message) -> None:
        """A sentence to who clicked, where they clicked. Raises NotShown."""
        action = clicked.action
        if clicked.click.response_url is not None:
            await self._ephemeral.answer(clicked.click.response_url, message)
        elif action.view_id is None:
            channel_id = action.channel_id or action.user_id
            await self._ephemeral.beside(channel_id=channel_id, user_id=action.user_id, thread_ts=None, message=message)
        else:
            await self._answer_in_view(clicked, message)

    async def _answer_in_view(self, clicked: Clicked, message: Message) -> None:
        try:
            await self._open_view(clicked, build_notice_view(message, clicked.texts))
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled):  # the trigger is used up, or too old
            await self._ephemeral.tell(clicked.action.user_id, message)

    async def _parse(self, body: dict[str, Any]) -> Clicked:
        action = parse_action(body)
        person = await self._users.get(action.user_id)
        click = Click(
            team_id=action.team_id,
            own_team_id=action.origin.own_team_id,
            is_of_grid=self._identity.shares_grid(action.origin),
            agent_id=action.user_id,
            idempotency_key=f"click:{action.user_id}:{action.action_ts}",
            response_url=to_response_url(action.response_url, self._now()),
            seen=action.seen,
        )
        if action.view_id is not None and action.request_id is not None:
            self._live_messages.see(action.request_id, action.view_id)
        return Clicked(action=action, click=click, texts=texts_for(person.locale))

    def _submitted(self, submission: EditSubmission | LanguageSubmission) -> Click:
        """A submitted view counts once, however often Slack delivers it."""
        return Click(
            team_id=submission.team_id,
            own_team_id=submission.origin.own_team_id,
            is_of_grid=self._identity.shares_grid(submission.origin),
            agent_id=submission.user_id,
            idempotency_key=f"view:{submission.view_id}:{submission.view_hash}",
        )

    async def _refuse(self, ack: Ack, clicked: Clicked, sentence: str) -> None:
        await ack()
        self._after(clicked, self._answer(clicked, build_notice(sentence)))

    def _after(self, clicked: Clicked, work: Work) -> None:
        """What takes time, behind the acknowledgement; should it fail, the agent is told."""

        async def tell(sentence: str) -> None:
            await self._answer(clicked, build_notice(sentence))

        async def watched() -> None:
            async with report_errors(tell, clicked.texts):
                await work

        self._tasks.spawn(watched(), name=f"after {clicked.action.action_id}")
