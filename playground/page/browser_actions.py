"""The actions of the person at the page, by name: each takes a JSON object and answers with one.

    reload    {as}                                         their client starts anew; answers {vanished}, ephemerals
    write     {as, channel, text, thread_ts?}              `text` as typed: `@Suggest` becomes a mention
    command   {as, channel, command, text}
    click     {as, surface, block_id, action_id}           `surface`: {message | ephemeral: "C1/ts"} or {view: "V1"}
    select    {as, surface, block_id, action_id, chosen}   an option's value
    submit    {as, view, values}                           `values`: {block_id: {action_id: value}}
    close     {as, view}
    shortcut  {as, callback_id, message?}                  with `message` ("C1/ts") the message's, else the global one
    home      {as, tab?}                                   `messages` for the tab with direct messages
    fault     {name}                                       one of `FAULTS`, or `model_<name>` of the model's faults

The answer tells the app's acknowledgement: {acknowledged, problem, ack_ms, ts}; `problem` in words, or null.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from playground.slack.dispatch.dispatcher import DispatchOutcome
from playground.slack.errors import ImpossibleAction, SlackError
from playground.slack.fault_injection import LostResponse, RateLimited
from playground.slack.objects import Channel, Json, Message, User, View
from playground.slack.people.interactions import Surface
from playground.slack.state import State
from playground.slack.workspace import Workspace

T = TypeVar("T")

POST = "chat.postMessage"
MODEL_FAULTS = ("none", "slow", "rate_limited", "broken")

PROBLEMS = {
    "operation_timeout": "The bot did not acknowledge within 3 seconds.",
    "connection_failed": "The bot is not connected.",
    "http_error": "The bot answered with an error.",
}


class MalformedRequest(Exception):  # noqa: N818 - it names a situation
    """The page named something unknown, or sent no known shape."""


class ActionRequest:
    """The body of one request. Reading a field raises MalformedRequest if it is missing or wrong."""

    def __init__(self, state: State, body: Json) -> None:
        self._state = state
        self._body = body

    def read_text(self, name: str) -> str:
        value = self._body.get(name)
        if not isinstance(value, str):
            raise MalformedRequest(f"{name} must be a text")
        return value

    def read_optional_text(self, name: str) -> str | None:
        return None if self._body.get(name) is None else self.read_text(name)

    def read_object(self, name: str) -> Json:
        value = self._body.get(name)
        if not isinstance(value, dict):
            raise MalformedRequest(f"{name} must be an object")
        return value

    @property
    def chosen(self) -> Any:
        return self._body.get("chosen")

    @property
    def user(self) -> User:
        return _look_up(self._state.users, self.read_text("as"), "person")

    @property
    def channel(self) -> Channel:
        return _look_up(self._state.channels, self.read_text("channel"), "channel")

    @property
    def view(self) -> View:
        return _look_up(self._state.views, self.read_text("view"), "view")

    @property
    def surface(self) -> Surface:
        """The message, the private message or the view that holds the element."""
        match self.read_object("surface"):
            case {"message": str(place)}:
                return _find_message(self._state, place)
            case {"ephemeral": str(place)}:
                known = {f"{e.channel_id}/{e.ts}": e for e in self._state.list_ephemerals(self.user.id)}
                return _look_up(known, place, "private message")
            case {"view": str(view_id)}:
                return _look_up(self._state.views, view_id, "view")
        raise MalformedRequest("surface must name a message, an ephemeral or a view")

    @property
    def message(self) -> Message:
        return _find_message(self._state, self.read_text("message"))


def _find_message(state: State, place: str) -> Message:
    channel_id, _, ts = place.partition("/")
    return _look_up(state.messages.get(channel_id, {}), ts, "message")


def _look_up(records: Mapping[str, T], key: str, noun: str) -> T:
    if key not in records:
        raise MalformedRequest(f"There is no such {noun} any more.")
    return records[key]


class BrowserActions:
    """Runs the page's actions in the workspace. `_next_click_comes_twice` holds for one click."""

    def __init__(self, workspace: Workspace, *, model_faults: Callable[[str], None]) -> None:
        self._workspace = workspace
        self._model_faults = model_faults
        self._next_click_comes_twice = False
        self._actions: dict[str, Callable[[ActionRequest], Awaitable[Json]]] = {
            "reload": self._reload,
            "write": self._write,
            "command": self._command,
            "click": self._click,
            "select": self._select,
            "submit": self._submit,
            "close": self._close,
            "shortcut": self._shortcut,
            "home": self._home,
            "fault": self._fault,
        }

    async def run(self, name: str, raw: str) -> tuple[int, Json]:
        """Run one action; return the HTTP status and the answer's JSON."""
        action = self._actions.get(name)
        if action is None:
            return 404, {"error": "The page asked for something unknown."}
        try:
            return 200, await action(self._parse_request(raw))
        except MalformedRequest as problem:
            return 400, {"error": str(problem)}
        except ImpossibleAction as problem:
            return 409, {"error": f"Not possible: {problem}."}
        except SlackError as refusal:
            return 409, {"error": f"Not possible: {refusal.code}."}

    def _parse_request(self, raw: str) -> ActionRequest:
        try:
            body = json.loads(raw)
        except ValueError as error:
            raise MalformedRequest("the body must be JSON") from error
        if not isinstance(body, dict):
            raise MalformedRequest("the body must be an object")
        return ActionRequest(self._workspace.state, body)

    async def _reload(self, request: ActionRequest) -> Json:
        vanished = len(self._workspace.ephemerals(request.user))
        self._workspace.reload(request.user)
        return {"vanished": vanished}

    async def _write(self, request: ActionRequest) -> Json:
        text = escape_typed_text(self._workspace.state, request.read_text("text"))
        message = self._workspace.write(
            request.user, request.channel, text, thread_ts=request.read_optional_text("thread_ts")
        )
        return {"ts": message.ts}

    async def _command(self, request: ActionRequest) -> Json:
        outcome = await self._workspace.run_command(
            request.user, request.channel, request.read_text("command"), request.read_text("text")
        )
        return self._describe_outcome(outcome)

    async def _click(self, request: ActionRequest) -> Json:
        click = self._workspace.prepare_click(
            request.user, request.surface, request.read_text("action_id"), block_id=request.read_text("block_id")
        )
        if not self._next_click_comes_twice:
            return self._describe_outcome(await self._workspace.dispatch(click))
        self._next_click_comes_twice = False
        first, _ = await self._workspace.dispatch_twice(click)
        return self._describe_outcome(first)

    async def _select(self, request: ActionRequest) -> Json:
        outcome = await self._workspace.select(
            request.user,
            request.surface,
            request.read_text("action_id"),
            request.chosen,
            block_id=request.read_text("block_id"),
        )
        return self._describe_outcome(outcome)

    async def _submit(self, request: ActionRequest) -> Json:
        return self._describe_outcome(
            await self._workspace.submit(request.user, request.view, request.read_object("values"))
        )

    async def _close(self, request: ActionRequest) -> Json:
        return self._describe_outcome(await self._workspace.close_view(request.user, request.view))

    async def _shortcut(self, request: ActionRequest) -> Json:
        callback_id = request.read_text("callback_id")
        if request.read_optional_text("message") is None:
            return self._describe_outcome(await self._workspace.run_global_shortcut(request.user, callback_id))
        return self._describe_outcome(
            await self._workspace.run_message_shortcut(request.user, request.message, callback_id)
        )

    async def _home(self, request: ActionRequest) -> Json:
        tab = request.read_optional_text("tab") or "home"
        return self._describe_outcome(await self._workspace.open_home(request.user, tab=tab))

    async def _fault(self, request: ActionRequest) -> Json:
        name = request.read_text("name")
        if name.removeprefix("model_") in MODEL_FAULTS:
            self._model_faults(name.removeprefix("model_"))
        elif name in FAULTS:
            FAULTS[name](self._workspace)
        elif name == "click_twice":
            self._next_click_comes_twice = True
        else:
            raise MalformedRequest("There is no such fault.")
        return {}

    def _describe_outcome(self, outcome: DispatchOutcome | None) -> Json:
        ts = self._workspace.clock.ts()
        if outcome is None:
            return {"acknowledged": True, "problem": None, "ack_ms": 0.0, "ts": ts}
        problem = PROBLEMS.get(outcome.error or "", outcome.error)
        return {"acknowledged": outcome.acknowledged, "problem": problem, "ack_ms": outcome.ack_ms, "ts": ts}


def _rate_limit_next_post(workspace: Workspace) -> None:
    workspace.faults.plan(POST, RateLimited(retry_after=2))


def _lose_next_answer(workspace: Workspace) -> None:
    workspace.faults.plan(POST, LostResponse())


def _cut_socket(workspace: Workspace) -> None:
    workspace.sockets.cut()


FAULTS: dict[str, Callable[[Workspace], None]] = {
    "post_rate_limited": _rate_limit_next_post,
    "post_answer_lost": _lose_next_answer,
    "socket_cut": _cut_socket,
}

_MENTION = re.compile(r"(?<![\w@])@([\w.-]*\w)")


def escape_typed_text(state: State, typed: str) -> str:
    """Return typed text as Slack keeps it: escaped, with mentions of people, `@here`, `@channel` and `@everyone`."""
    names = {user.name.lower(): f"<@{user.id}>" for user in state.users.values()}
    names |= {word: f"<!{word}>" for word in ("here", "channel", "everyone")}
    escaped = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTION.sub(lambda found: names.get(found[1].lower(), found[0]), escaped)
