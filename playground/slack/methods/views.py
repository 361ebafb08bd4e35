"""views.*: modals by trigger, updates by id and hash, the Home tab."""

from typing import Any

from playground.slack import view_stack
from playground.slack.errors import SlackError
from playground.slack.methods.call import MethodCall
from playground.slack.objects import Json, View
from playground.slack.serializers import view_to_json
from playground.slack.state import State
from playground.slack.validation.message_content import decode_json


def open_(state: State, call: MethodCall) -> Json:
    content = _read_content(call, "modal")
    user_id = view_stack.exchange_trigger(state, _read_trigger_id(call))
    return _build_response(view_stack.open_view(state, user_id, content))


def push(state: State, call: MethodCall) -> Json:
    content = _read_content(call, "modal")
    user_id = view_stack.exchange_trigger(state, _read_trigger_id(call))
    return _build_response(view_stack.push_view(state, user_id, content))


def update(state: State, call: MethodCall) -> Json:
    view = _find_view(state, call)
    _check_hash(call, view)
    return _build_response(view_stack.update_view(state, view, _read_content(call, view.type)))


def publish(state: State, call: MethodCall) -> Json:
    if not state.config.home_tab:
        raise SlackError("not_enabled")
    user_id = call.require("user_id")
    if user_id not in state.users:
        raise SlackError("user_not_found")
    content = _read_content(call, "home")
    before = state.homes.get(user_id)
    if before is None:
        return _build_response(
            state.put_view(state.build_view(user_id=user_id, type_="home", content=content, previous=None))
        )
    _check_hash(call, before)
    return _build_response(view_stack.update_view(state, before, content))


def _build_response(view: View) -> Json:
    return {"ok": True, "view": view_to_json(view)}


def _read_content(call: MethodCall, type_: str) -> Json:
    view: Any = decode_json(call.args, "view", "invalid_arguments")
    content = view_stack.check_view(view)
    if content["type"] != type_:
        raise SlackError.from_reasons("invalid_arguments", [f"[ERROR] must be a {type_} [json-pointer:/view/type]"])
    return content


def _read_trigger_id(call: MethodCall) -> str:
    trigger_id = call.args.get("trigger_id") or call.args.get("interactivity_pointer")
    if not trigger_id:
        raise SlackError.from_reasons("invalid_arguments", ["[ERROR] missing required field: trigger_id"])
    return str(trigger_id)


def _find_view(state: State, call: MethodCall) -> View:
    if external_id := call.args.get("external_id"):
        found = [view for view in state.views.values() if view.content.get("external_id") == external_id]
    else:
        found = [view for view in state.views.values() if view.id == call.require("view_id")]
    if not found:
        raise SlackError("not_found")
    return found[-1]


def _check_hash(call: MethodCall, view: View) -> None:
    wanted = call.args.get("hash")
    if wanted and wanted != view.hash:
        raise SlackError("hash_conflict", view=view_to_json(view))
