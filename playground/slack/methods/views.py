"""views.*: modals by trigger, updates by id and hash, the Home tab."""

from typing import Any

from playground.slack import view_stack
from playground.slack.errors import SlackError
from playground.slack.methods.call import Call
from playground.slack.objects import Json, View
from playground.slack.serializers import view_json
from playground.slack.state import State
from playground.slack.validation.message_content import decoded


def open_(state: State, call: Call) -> Json:
    content = _content(call, "modal")
    user_id = view_stack.exchange(state, _trigger(call))
    return _answer(view_stack.opened(state, user_id, content))


def push(state: State, call: Call) -> Json:
    content = _content(call, "modal")
    user_id = view_stack.exchange(state, _trigger(call))
    return _answer(view_stack.pushed(state, user_id, content))


def update(state: State, call: Call) -> Json:
    view = _existing(state, call)
    _hash_is_current(call, view)
    return _answer(view_stack.updated(state, view, _content(call, view.type)))


def publish(state: State, call: Call) -> Json:
    if not state.config.home_tab:
        raise SlackError("not_enabled")
    user_id = call.required("user_id")
    if user_id not in state.users:
        raise SlackError("user_not_found")
    content = _content(call, "home")
    before = state.homes.get(user_id)
    if before is None:
        return _answer(state.put_view(state.new_view(user_id=user_id, type_="home", content=content, previous=None)))
    _hash_is_current(call, before)
    return _answer(view_stack.updated(state, before, content))


def _answer(view: View) -> Json:
    return {"ok": True, "view": view_json(view)}


def _content(call: Call, type_: str) -> Json:
    view: Any = decoded(call.args, "view", "invalid_arguments")
    content = view_stack.checked(view)
    if content["type"] != type_:
        raise SlackError.because("invalid_arguments", [f"[ERROR] must be a {type_} [json-pointer:/view/type]"])
    return content


def _trigger(call: Call) -> str:
    trigger_id = call.args.get("trigger_id") or call.args.get("interactivity_pointer")
    if not trigger_id:
        raise SlackError.because("invalid_arguments", ["[ERROR] missing required field: trigger_id"])
    return str(trigger_id)


def _existing(state: State, call: Call) -> View:
    if external_id := call.args.get("external_id"):
        found = [view for view in state.views.values() if view.content.get("external_id") == external_id]
    else:
        found = [view for view in state.views.values() if view.id == call.required("view_id")]
    if not found:
        raise SlackError("not_found")
    return found[-1]


def _hash_is_current(call: Call, view: View) -> None:
    wanted = call.args.get("hash")
    if wanted and wanted != view.hash:
        raise SlackError("hash_conflict", view=view_json(view))
