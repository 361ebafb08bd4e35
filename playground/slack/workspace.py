"""The workspace itself: started, driven by people's actions, watched, stopped."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from aiohttp import web

from playground.running_requests import RunningRequests
from playground.slack import view_stack
from playground.slack.clock import PATIENCE_S, Clock, Timing
from playground.slack.config import AppConfig
from playground.slack.dispatch import acknowledgements, events
from playground.slack.dispatch.dispatcher import Dispatch, Dispatcher, DispatchOutcome, RawResponse, Signature
from playground.slack.dispatch.payloads import PayloadFactory
from playground.slack.dispatch.socket_mode import SocketModeServer
from playground.slack.errors import ImpossibleAction
from playground.slack.fault_injection import FaultInjector
from playground.slack.http.application import build_application
from playground.slack.http.response_urls import ResponseUrls
from playground.slack.http.uploads import Uploads
from playground.slack.http.web_api import WebApi
from playground.slack.journal import Journal, Via
from playground.slack.methods.chat import join_thread
from playground.slack.objects import Channel, Ephemeral, Json, Message, Token, User, View, surface_key
from playground.slack.people import interactions
from playground.slack.people.directory import BOT_USER_ID, TEAM_ID, Channels, People
from playground.slack.people.interactions import Surface
from playground.slack.state import MessageChange, State

T = TypeVar("T")
USER_SCOPES = frozenset({"chat:write"})


class Workspace:
    """One workspace with one installed app, made by `start`.

    People act through its async methods, which return when the app has acknowledged, or has failed to.
    """

    people = People
    channels = Channels
    team_id = TEAM_ID
    bot_user_id = BOT_USER_ID

    def __init__(self, *, config: AppConfig, timing: Timing, enterprise_id: str | None = None) -> None:
        self.clock = Clock()
        self.faults = FaultInjector()
        self.journal = Journal(self.clock.real)
        self.state = State(config=config, clock=self.clock, timing=timing)
        self.sockets = SocketModeServer(state=self.state, journal=self.journal, faults=self.faults)
        self.state.enterprise_id = enterprise_id
        self.payloads = PayloadFactory(self.state, enterprise_id)
        self.signing_secret = secrets.token_hex(16)
        self.dispatcher = Dispatcher(
            clock=self.clock,
            journal=self.journal,
            sockets=self.sockets,
            signing_secret=self.signing_secret,
            acknowledge_within=timing.acknowledge,
        )
        self.bot_token = self.state.issue_token("bot", BOT_USER_ID, config.bot_scopes).value
        self.app_token = self.state.issue_token("app", BOT_USER_ID, {"connections:write"}).value
        self.state.message_listeners.append(self._dispatch_message_events)
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending = 0

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        config: AppConfig | None = None,
        timing: Timing | None = None,
        enterprise_id: str | None = None,
        port: int = 0,
        routes: Iterable[web.AbstractRouteDef] = (),
    ) -> AsyncIterator["Workspace"]:
        """Serve a workspace on 127.0.0.1 until the block ends. Port 0 takes a free one; `routes` are added."""
        workspace = cls(config=config or AppConfig(), timing=timing or Timing(), enterprise_id=enterprise_id)
        running = RunningRequests()
        app = workspace._build_application(routes)
        app.middlewares.append(running.track)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        host, bound_port = runner.addresses[0][:2]
        workspace.state.base_url = f"http://{host}:{bound_port}"
        try:
            yield workspace
        finally:
            await workspace._stop()
            await runner.cleanup()
            await running.cancel()

    # --- what the app is configured with ---------------------------------------------------

    @property
    def url(self) -> str:
        return self.state.base_url

    @property
    def api_url(self) -> str:
        return f"{self.state.base_url}/api/"

    @property
    def config(self) -> AppConfig:
        return self.state.config

    @property
    def request_url(self) -> str | None:
        """The URL to which commands, clicks and events are posted; None means Socket Mode."""
        return self.dispatcher.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self.dispatcher.request_url = url

    def issue_user_token(self, user: User, scopes: Iterable[str] = USER_SCOPES) -> Token:
        """Issue a token by which the app acts as this person."""
        return self.state.issue_token("user", user.id, scopes)

    def change_channel(self, channel: Channel, **changes: Any) -> Channel:
        """Change fields of a channel: `change_channel(channels.lobby, is_archived=True)`."""
        changed = replace(self.state.channels[channel.id], **changes)
        self.state.channels[channel.id] = changed
        return changed

    def change_user(self, user: User, **changes: Any) -> User:
        """Change fields of a person: `change_user(people.agent, locale="zh-TW")`."""
        changed = replace(self.state.users[user.id], **changes)
        self.state.users[user.id] = changed
        return changed

    # --- what people do --------------------------------------------------------------------

    async def run_command(self, user: User, channel: Channel, command: str, text: str = "") -> DispatchOutcome:
        """Type `/command text`. Raises ImpossibleAction for a command that the app does not declare."""
        return await self.dispatch(self.prepare_command(user, channel, command, text))

    def prepare_command(self, user: User, channel: Channel, command: str, text: str = "") -> Dispatch:
        """Build a command's dispatch without sending it, to send it twice at once, or changed."""
        self._check_member(user, channel)
        if command not in {declared.command for declared in self.config.commands}:
            raise ImpossibleAction(f"{command} is not a command here")
        if user.is_stranger:
            raise ImpossibleAction("people of other teams cannot run this team's commands")
        payload = self.payloads.build_command(user, self.state.channels[channel.id], command, text)
        return Dispatch(kind="slash_commands", name=command, payload=payload, user_id=user.id, channel_id=channel.id)

    async def click(
        self, user: User, surface: Surface, action_id: str, *, value: str | None = None, block_id: str | None = None
    ) -> DispatchOutcome:
        """Click the first button that fits, as this record shows it, even if the message has changed since."""
        return await self.dispatch(self.prepare_click(user, surface, action_id, value=value, block_id=block_id))

    def prepare_click(
        self, user: User, surface: Surface, action_id: str, *, value: str | None = None, block_id: str | None = None
    ) -> Dispatch:
        """Build a click's dispatch without sending it."""
        block, element = interactions.find_element(surface, action_id, value=value, block_id=block_id)
        return self._prepare_action(user, surface, interactions.build_click(block, element, ts=self.clock.ts()))

    async def select(
        self, user: User, surface: Surface, action_id: str, chosen: Any, *, block_id: str | None = None
    ) -> DispatchOutcome:
        """Choose in a select, an overflow menu, a date picker: an option's value, an id, a date, or several."""
        block, element = interactions.find_element(surface, action_id, value=None, block_id=block_id)
        action = interactions.build_selection(block, element, chosen, ts=self.clock.ts())
        if element["type"] != "overflow":
            self._enter(user, surface, block, element, chosen)
        return await self.dispatch(self._prepare_action(user, surface, action))

    def enter(self, user: User, surface: Surface, action_id: str, chosen: Any, *, block_id: str | None = None) -> None:
        """Fill in an input; the app gets it with the next click or submission."""
        block, element = interactions.find_element(surface, action_id, value=None, block_id=block_id)
        self._enter(user, surface, block, element, chosen)

    async def submit(self, user: User, view: View, values: dict[str, dict[str, Any]] | None = None) -> DispatchOutcome:
        """Fill in `{block_id: {action_id: value}}` and submit.

        Raises ImpossibleAction if a required input is empty, or the modal is not the one on top.
        """
        view = self._check_on_top(user, view)
        for block_id, inputs in (values or {}).items():
            for action_id, chosen in inputs.items():
                self.enter(user, view, action_id, chosen, block_id=block_id)
        held = interactions.read_values(view, self.state.entered.get((user.id, surface_key(view)), {}))
        interactions.check_complete(view, held)
        payload = self.payloads.build_view_submission(user, view, held)
        return await self.dispatch(
            Dispatch(
                kind="interactive",
                name=f"view_submission:{view.callback_id}",
                payload=payload,
                user_id=user.id,
                view_id=view.id,
            )
        )

    async def close_view(self, user: User, view: View) -> DispatchOutcome | None:
        """Close the modal by its Cancel. The outcome is None if the app did not ask to be told."""
        self._check_on_top(user, view)
        view_stack.close_view(self.state, view)
        if not view.content.get("notify_on_close"):
            return None
        payload = self.payloads.build_view_closed(user, view, is_cleared=False)
        name = f"view_closed:{view.callback_id}"
        return await self.dispatch(Dispatch(kind="interactive", name=name, payload=payload, user_id=user.id))

    async def run_message_shortcut(self, user: User, message: Message, callback_id: str) -> DispatchOutcome:
        """Choose the app's shortcut in the message's menu."""
        self._check_shortcut(callback_id, "message")
        payload = self.payloads.build_message_shortcut(user, message, callback_id)
        return await self._run_shortcut(user, payload)

    async def run_global_shortcut(self, user: User, callback_id: str) -> DispatchOutcome:
        """Choose the app's shortcut beside the composer."""
        self._check_shortcut(callback_id, "global")
        return await self._run_shortcut(user, self.payloads.build_global_shortcut(user, callback_id))

    def write(
        self,
        user: User,
        channel: Channel,
        text: str,
        *,
        thread_ts: str | None = None,
        attachments: Iterable[Json] = (),
    ) -> Message:
        """Post a message; `text` is as Slack keeps it (`<@U1>`, `&amp;`). Its events are sent in the background.

        A message that the user forwards is an attachment.
        """
        self._check_member(user, channel)
        if channel.kind == "im" and not (self.config.messages_tab and self.config.takes_messages):
            raise ImpossibleAction("the bot takes no messages: its Messages tab is off, or read-only")
        message = Message(
            ts=self.clock.ts(),
            channel_id=channel.id,
            user_id=user.id,
            text=text,
            thread_ts=join_thread(self.state, channel, thread_ts),
            attachments=tuple(attachments),
        )
        return self.state.put_message(message)

    async def open_home(self, user: User, *, tab: str = "home") -> DispatchOutcome | None:
        """Open a tab of the app, `home` or `messages`. The outcome is None if the app does not subscribe to that."""
        if "app_home_opened" not in self.config.bot_events:
            return None
        event = events.build_app_home_opened(self.state, user, tab)
        return await self.dispatch(self._prepare_event(event))

    def reload(self, user: User) -> None:
        """Restart the person's client: ephemerals vanish, modals close."""
        for ephemeral in self.state.list_ephemerals(user.id):
            self.state.delete_ephemeral(ephemeral)
        view_stack.clear_views(self.state, user.id)

    # --- what networks do ------------------------------------------------------------------

    async def dispatch(self, dispatch: Dispatch) -> DispatchOutcome:
        """Send a dispatch to the app: a prepared one, one of the caller's own, or an `outcome.dispatch` once more."""
        self._pending += 1
        try:
            outcome = await self.dispatcher.dispatch(dispatch)
            return outcome if dispatch.kind == "events_api" else self._apply_acknowledgement(outcome)
        finally:
            self._pending -= 1
            self.state.changes.publish(("settled", ""), dispatch)

    async def dispatch_twice(self, dispatch: Dispatch) -> tuple[DispatchOutcome, DispatchOutcome]:
        """Send the same dispatch twice at once."""
        first, second = await asyncio.gather(self.dispatch(dispatch), self.dispatch(dispatch))
        return first, second

    async def send_raw(
        self,
        body: bytes,
        *,
        content_type: str = "application/x-www-form-urlencoded",
        signature: Signature = "right",
    ) -> RawResponse:
        """Send any bytes to the request URL, with a right, wrong, stale or missing signature."""
        return await self.dispatcher.send_raw(body, content_type=content_type, signature=signature)

    # --- what is to be seen ----------------------------------------------------------------

    def messages(self, channel: Channel) -> list[Message]:
        """Return the channel's messages, threads included, oldest first."""
        return list(self.state.messages[channel.id].values())

    def ephemerals(self, user: User) -> list[Ephemeral]:
        """Return the messages that this person alone sees, oldest first."""
        return self.state.list_ephemerals(user.id)

    def open_views(self, user: User) -> list[View]:
        """Return the person's modals, from the lowest to the one on top."""
        return self.state.list_open_views(user.id)

    def home(self, user: User) -> View | None:
        return self.state.homes.get(user.id)

    async def wait_for_message(
        self, channel: Channel, matches: Callable[[Message], bool] | None = None, *, within: float = PATIENCE_S
    ) -> Message:
        """Return the newest message that matches, else the next one, posted or changed. Raises TimeoutError."""
        seen = self.messages(channel)[::-1]
        return await self._wait_for_record(("message", channel.id), seen, matches, within)

    async def wait_for_ephemeral(
        self, user: User, matches: Callable[[Ephemeral], bool] | None = None, *, within: float = PATIENCE_S
    ) -> Ephemeral:
        """Wait as `wait_for_message` does, for a message that this person alone sees."""
        return await self._wait_for_record(("ephemeral", user.id), self.ephemerals(user)[::-1], matches, within)

    async def wait_for_view(
        self, user: User, matches: Callable[[View], bool] | None = None, *, within: float = PATIENCE_S
    ) -> View:
        """Wait as `wait_for_message` does, for a modal of the person's."""
        return await self._wait_for_record(("modal", user.id), self.open_views(user)[::-1], matches, within)

    async def wait_for_home(
        self, user: User, matches: Callable[[View], bool] | None = None, *, within: float = PATIENCE_S
    ) -> View:
        """Wait as `wait_for_message` does, for the person's Home tab."""
        home = self.home(user)
        return await self._wait_for_record(("home", user.id), [home] if home else [], matches, within)

    async def wait_until(self, holds: Callable[[], bool], *, within: float = PATIENCE_S) -> None:
        """Return once `holds()`; ask again after every change of the workspace. Raises TimeoutError."""
        async with asyncio.timeout(within):
            await self.state.changes.wait_until(holds)

    async def wait_for_app(self, *, within: float = PATIENCE_S) -> None:
        """Return once an app is connected over Socket Mode. Raises TimeoutError."""
        await self.wait_until(lambda: self.sockets.is_connected, within=within)

    async def wait_until_idle(self, *, within: float = PATIENCE_S) -> None:
        """Return once no dispatch is in flight; retries are not waited for. Raises TimeoutError."""
        await self.wait_until(lambda: self._pending == 0, within=within)

    # --- inside ----------------------------------------------------------------------------

    def _build_application(self, routes: Iterable[web.AbstractRouteDef]) -> web.Application:
        app = build_application(
            web_api=WebApi(state=self.state, journal=self.journal, faults=self.faults),
            response_urls=ResponseUrls(state=self.state, journal=self.journal, faults=self.faults),
            uploads=Uploads(state=self.state, journal=self.journal),
            sockets=self.sockets,
        )
        app.add_routes(routes)
        return app

    async def _stop(self) -> None:
        self.clock.stop()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sockets.close()
        await self.dispatcher.close()

    async def _wait_for_record(
        self, topic: tuple[str, str], seen: list[T], matches: Callable[[T], bool] | None, within: float
    ) -> T:
        try:
            async with asyncio.timeout(within):
                return await self.state.changes.wait_for_record(topic, seen, matches or (lambda _: True))
        except TimeoutError as error:
            refused = [f"{entry.name}: {entry.error}" for entry in self.journal.refusals()]
            there = [getattr(record, "text", None) or getattr(record, "title", "") for record in seen]
            raise TimeoutError(f"no such {topic[0]} within {within} s; there: {there}; refused: {refused}") from error

    def _apply_acknowledgement(self, outcome: DispatchOutcome) -> DispatchOutcome:
        """Carry out the acknowledgement's body; write into the journal if Slack would refuse it."""
        after = acknowledgements.apply_acknowledgement(self.state, outcome)
        if after.error != outcome.error:
            via: Via = "http" if self.request_url else "socket"
            entry = self.journal.record_request(to="slack", via=via, name="acknowledgement", body=outcome.body)
            self.journal.record_answer(entry, status=None, body={"reasons": after.reasons}, error=after.error)
        return after

    def _prepare_action(self, user: User, surface: Surface, action: Json) -> Dispatch:
        self._check_visible(user, surface)
        entered = self.state.entered.get((user.id, surface_key(surface)), {})
        payload = self.payloads.build_block_actions(user, surface, action, interactions.read_values(surface, entered))
        name = f"block_actions:{action['action_id']}"
        return Dispatch(kind="interactive", name=name, payload=payload, user_id=user.id)

    async def _run_shortcut(self, user: User, payload: Json) -> DispatchOutcome:
        name = f"{payload['type']}:{payload['callback_id']}"
        return await self.dispatch(Dispatch(kind="interactive", name=name, payload=payload, user_id=user.id))

    def _enter(self, user: User, surface: Surface, block: Json, element: Json, chosen: Any) -> None:
        entered = self.state.entered.setdefault((user.id, surface_key(surface)), {})
        entered.setdefault(block["block_id"], {})[element["action_id"]] = interactions.build_state_entry(
            element, chosen
        )

    def _check_member(self, user: User, channel: Channel) -> None:
        now = self.state.channels[channel.id]
        if user.id not in now.members:
            raise ImpossibleAction(f"{user.name} is not in {now.name}")
        if now.is_archived:
            raise ImpossibleAction(f"{now.name} is archived")

    def _check_visible(self, user: User, surface: Surface) -> None:
        if not self.config.interactivity:
            raise ImpossibleAction("the app's manifest does not enable interactivity")
        if isinstance(surface, Message):
            visible = user.id in self.state.channels[surface.channel_id].members
        else:
            visible = surface.user_id == user.id
        if not visible:
            raise ImpossibleAction(f"{user.name} does not see that")

    def _check_on_top(self, user: User, view: View) -> View:
        """Return the modal as it is now. Raises ImpossibleAction if it is not on top."""
        stack = self.open_views(user)
        if not stack or stack[-1].id != view.id:
            raise ImpossibleAction(f"{view.title or view.id} is not the modal on top")
        return stack[-1]

    def _check_shortcut(self, callback_id: str, type_: str) -> None:
        if (callback_id, type_) not in {(s.callback_id, s.type) for s in self.config.shortcuts}:
            raise ImpossibleAction(f"the bot has no {type_} shortcut {callback_id}")

    def _prepare_event(self, event: Json) -> Dispatch:
        return Dispatch(
            kind="events_api",
            name=f"event:{event['type']}",
            payload=self.payloads.build_event(event),
            user_id=str(event.get("user", "")),
            channel_id=event.get("channel"),
        )

    def _dispatch_message_events(self, change: MessageChange) -> None:
        for event in events.build_message_events(self.state, change):
            self._spawn(self._dispatch_event(self._prepare_event(event)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._pending += 1
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _dispatch_event(self, dispatch: Dispatch) -> None:
        """Send an event, again at Slack's intervals until it is acknowledged."""
        try:
            outcome = await self.dispatch(dispatch)
        finally:
            self._pending -= 1
            self.state.changes.publish(("settled", ""), dispatch)
        for retry, pause in enumerate(self.state.timing.event_retries, start=1):
            if outcome.error is None or not outcome.may_retry:
                return
            await self.clock.sleep(pause)
            reason = _RETRY_REASONS[outcome.error]
            outcome = await self.dispatch(replace(dispatch, retry=retry, retry_reason=reason))


_RETRY_REASONS = {
    "operation_timeout": "http_timeout",
    "http_error": "http_error",
    "connection_failed": "connection_failed",
}
