"""A person's open modals: open, push, update, close them, for views.* and for answers to submissions."""

from dataclasses import replace
from typing import Any

from playground.slack.errors import SlackError
from playground.slack.objects import Json, View
from playground.slack.state import State, fill_view_ids
from playground.slack.validation import validators

STACK_LIMIT = 3


def check_view(view: Any, *, pointer: str = "/view") -> Json:
    """Return the view if it is valid. Raises SlackError(invalid_arguments)."""
    if wrong := validators.find_view_errors(view, pointer):
        raise SlackError.from_reasons("invalid_arguments", wrong)
    assert isinstance(view, dict)
    return view


def exchange_trigger(state: State, trigger_id: str) -> str:
    """Use up a trigger and return its person's id. Raises SlackError: invalid, expired, exchanged."""
    trigger = state.triggers.get(trigger_id)
    if trigger is None:
        raise SlackError("invalid_trigger_id")
    if trigger.is_exchanged:
        raise SlackError("exchanged_trigger_id")
    if state.clock.now() > trigger.expires_at:
        raise SlackError("expired_trigger_id")
    state.triggers[trigger_id] = replace(trigger, is_exchanged=True)
    return trigger.user_id


def open_view(state: State, user_id: str, content: Json) -> View:
    """Open a new modal in place of all that this person had open."""
    state.drop_views(user_id, state.list_open_views(user_id))
    return _put_on_top(state, user_id, content, previous=None)


def push_view(state: State, user_id: str, content: Json) -> View:
    """Push a new modal over the open ones. Raises SlackError(push_limit_reached) above three."""
    stack = state.list_open_views(user_id)
    if len(stack) >= STACK_LIMIT:
        raise SlackError("push_limit_reached")
    return _put_on_top(state, user_id, content, previous=stack[-1] if stack else None)


def _put_on_top(state: State, user_id: str, content: Json, previous: View | None) -> View:
    _check_external_id(state, content)
    view = state.build_view(user_id=user_id, type_="modal", content=content, previous=previous)
    state.stacks.setdefault(user_id, []).append(view.id)
    return state.put_view(view)


def _check_external_id(state: State, content: Json) -> None:
    external_id = content.get("external_id")
    open_ids = {view_id for stack in state.stacks.values() for view_id in stack}
    if external_id and any(state.views[view_id].content.get("external_id") == external_id for view_id in open_ids):
        raise SlackError.from_reasons("duplicate_external_id", [f"[ERROR] external_id {external_id} is in use"])


def update_view(state: State, view: View, content: Json) -> View:
    """Give the view other content. Entered values stay in the blocks that keep their block_id."""
    if view.type == "modal" and view.id not in state.stacks.get(view.user_id, ()):
        raise SlackError("not_found")
    fresh = replace(view, content=fill_view_ids(content), hash=state.new_hash(), errors=())
    return state.put_view(fresh)


def show_errors(state: State, view: View, errors: dict[str, str]) -> View:
    """Show errors beside their inputs in the modal."""
    return state.put_view(replace(view, errors=tuple(errors.items())))


def close_view(state: State, view: View) -> None:
    """Close this modal; the one below is seen again."""
    state.drop_views(view.user_id, [view])


def clear_views(state: State, user_id: str) -> None:
    """Close all of this person's modals."""
    state.drop_views(user_id, state.list_open_views(user_id))
