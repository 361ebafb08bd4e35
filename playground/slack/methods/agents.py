"""agents.* and assistant.*, for apps with the agent view: the status of a thread, and prompts before one."""

from playground.slack.errors import SlackError
from playground.slack.methods.call import MethodCall, find_visible_channel
from playground.slack.objects import Json
from playground.slack.state import State
from playground.slack.validation.message_content import decode_json

STATUSES = frozenset({"active", "processing", "suspended", "closed"})
MOST_PROMPTS = 4


def set_status(state: State, call: MethodCall) -> Json:
    _check_agent(state)
    status = call.require("status")
    if status not in STATUSES:
        raise SlackError("invalid_arguments")
    channel = find_visible_channel(state, call, call.require("channel_id"))
    thread_ts = str(call.require("thread_ts"))
    if state.find_message(channel.id, thread_ts) is None:
        raise SlackError("invalid_thread_ts")
    state.put_session(channel.id, thread_ts, status)
    return {"ok": True, "status": status}


def set_suggested_prompts(state: State, call: MethodCall) -> Json:
    """Keep the prompts. With a `thread_ts` it does nothing, as Slack for apps with the agent view."""
    _check_agent(state)
    channel = find_visible_channel(state, call, call.require("channel_id"))
    call.require("prompts")
    prompts = decode_json(call.args, "prompts", "invalid_arguments")
    if not isinstance(prompts, list) or len(prompts) > MOST_PROMPTS:
        raise SlackError("invalid_arguments")
    if not all(isinstance(each, dict) and each.get("title") and each.get("message") for each in prompts):
        raise SlackError("invalid_arguments")
    if not call.args.get("thread_ts"):
        state.put_prompts(channel.id, tuple(prompts))
    return {"ok": True}


def _check_agent(state: State) -> None:
    if not state.config.is_agent:
        raise SlackError("feature_disabled")
