"""Acknowledgement bodies: a command's becomes a message, a submission's tells what its modal does next."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from playground.slack import view_stack
from playground.slack.dispatch.dispatcher import DispatchOutcome
from playground.slack.errors import SlackError
from playground.slack.http.response_urls import post_message
from playground.slack.objects import Ephemeral, View
from playground.slack.people.directory import SLACKBOT_ID
from playground.slack.state import State
from playground.slack.validation.message_content import parse_content

TROUBLE = "We had some trouble connecting. Try again?"


def apply_acknowledgement(state: State, outcome: DispatchOutcome) -> DispatchOutcome:
    """Carry out the acknowledgement's body. The outcome gets an `error` if Slack would refuse the body."""
    if outcome.dispatch.kind == "slash_commands":
        return _apply_command_answer(state, outcome)
    if outcome.dispatch.payload["type"] == "view_submission":
        return _apply_submission_answer(state, outcome)
    return outcome


def _apply_command_answer(state: State, outcome: DispatchOutcome) -> DispatchOutcome:
    if outcome.acknowledged:
        outcome = _carry_out(outcome, lambda: _post_command_answer(state, outcome))
    if outcome.error is not None:
        _show_command_failure(state, outcome)
    return outcome


def _post_command_answer(state: State, outcome: DispatchOutcome) -> None:
    body = {"text": outcome.body} if isinstance(outcome.body, str) else outcome.body
    if not body:
        return
    assert outcome.dispatch.channel_id is not None
    post_message(
        state,
        channel_id=outcome.dispatch.channel_id,
        user_id=outcome.dispatch.user_id,
        content=parse_content(body),
        body=body,
    )


def _show_command_failure(state: State, outcome: DispatchOutcome) -> None:
    assert outcome.dispatch.channel_id is not None
    error = "operation_timeout" if outcome.error == "operation_timeout" else "dispatch_failed"
    state.put_ephemeral(
        Ephemeral(
            ts=state.clock.ts(),
            channel_id=outcome.dispatch.channel_id,
            user_id=outcome.dispatch.user_id,
            text=f'{outcome.dispatch.name} failed with the error "{error}"',
            author_id=SLACKBOT_ID,
        )
    )


def _apply_submission_answer(state: State, outcome: DispatchOutcome) -> DispatchOutcome:
    view = state.views[outcome.dispatch.view_id or ""]
    # The app may have closed or replaced it while it was answering.
    if view.id not in state.stacks.get(view.user_id, ()):
        return outcome
    if outcome.acknowledged:
        outcome = _carry_out(outcome, lambda: _run_response_action(state, view, outcome.body))
    if outcome.error is not None:
        view_stack.show_errors(state, view, {"": TROUBLE})
    return outcome


def _run_response_action(state: State, view: View, body: Any) -> None:
    action = body.get("response_action") if isinstance(body, dict) else None
    if action is None:
        view_stack.close_view(state, view)
    elif action == "clear":
        view_stack.clear_views(state, view.user_id)
    elif action == "errors":
        view_stack.show_errors(state, view, _check_errors(view, body.get("errors")))
    elif action == "update":
        view_stack.update_view(state, view, view_stack.check_view(body.get("view")))
    elif action == "push":
        view_stack.push_view(state, view.user_id, view_stack.check_view(body.get("view")))
    else:
        raise SlackError.from_reasons("invalid_response_action", [f"[ERROR] unknown response_action: {action}"])


def _check_errors(view: View, errors: Any) -> dict[str, str]:
    """Raise SlackError for errors on blocks that are no input of this view."""
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
        wrong = f"[ERROR] errors must name input blocks of the view: {', '.join(sorted(inputs))}"
        raise SlackError.from_reasons("invalid_response_action", [wrong])
    return {str(block_id): str(text) for block_id, text in errors.items()}


def _carry_out(outcome: DispatchOutcome, carry_out: Callable[[], None]) -> DispatchOutcome:
    try:
        carry_out()
    except SlackError as refusal:
        return replace(outcome, error=refusal.code, reasons=tuple(refusal.reasons))
    return outcome
