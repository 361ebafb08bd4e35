"""api.*, apps.*, auth.*, users.* and usergroups.*: who the token is, and who else there is."""

from playground.slack.errors import SlackError
from playground.slack.methods.call import MethodCall
from playground.slack.objects import Json
from playground.slack.people.directory import APP_ID, BOT_ID, BOT_USER_ID, TEAM_ID, TEAM_NAME
from playground.slack.serializers import user_to_json
from playground.slack.state import State
from playground.slack.validation.message_content import is_true


def echo_arguments(_state: State, call: MethodCall) -> Json:
    if "error" in call.args:
        raise SlackError(str(call.args["error"]), args=call.args)
    return {"ok": True, "args": call.args}


def open_connection(state: State, _call: MethodCall) -> Json:
    return {"ok": True, "url": state.issue_socket_url()}


def describe_token(state: State, call: MethodCall) -> Json:
    user = state.users[call.token.user_id]
    who: Json = {"url": f"{state.base_url}/", "team": TEAM_NAME, "user": user.name, "team_id": TEAM_ID}
    who |= {"ok": True, "user_id": user.id, "is_enterprise_install": state.enterprise_id is not None}
    who |= {} if state.enterprise_id is None else {"enterprise_id": state.enterprise_id}
    return who | ({"bot_id": BOT_ID, "app_id": APP_ID} if user.id == BOT_USER_ID else {})


def get_user(state: State, call: MethodCall) -> Json:
    user = state.users.get(call.require("user"))
    if user is None:
        raise SlackError("user_not_found")
    locale = user.locale if is_true(call.args.get("include_locale")) else None
    return {"ok": True, "user": user_to_json(state, user, locale=locale)}


def list_usergroup_members(state: State, call: MethodCall) -> Json:
    members = state.usergroups.get(call.require("usergroup"))
    if members is None:
        raise SlackError("no_such_subteam")
    return {"ok": True, "users": sorted(members)}
