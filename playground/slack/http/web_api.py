"""POST (or GET) /api/<method>: read the call, as slack_sdk and others send it, check its token and run it."""

import json
from collections.abc import Mapping

from aiohttp import web

from playground.slack.errors import SlackError
from playground.slack.fault_injection import FaultInjector
from playground.slack.http.responses import ApiResponse, respond_with_fault, to_http
from playground.slack.journal import Journal
from playground.slack.methods.call import MethodCall
from playground.slack.methods.method_table import METHODS, Method
from playground.slack.objects import Json, Token
from playground.slack.state import State


class WebApi:
    """Handles Web API calls, and writes their arguments and answers, without tokens, into the journal."""

    def __init__(self, *, state: State, journal: Journal, faults: FaultInjector) -> None:
        self._state = state
        self._journal = journal
        self._faults = faults

    async def handle(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        args = await _read_arguments(request)
        token = _read_bearer_token(request.headers) or args.get("token")
        args = {key: value for key, value in args.items() if key != "token"}
        entry = self._journal.record_request(to="slack", via="web_api", name=name, body=args)
        fault = self._faults.take(name, args.get("channel"))
        answer = await respond_with_fault(fault, lambda: self._run_method(name, token, args), self._state.clock.sleep)
        self._journal.record_answer(entry, status=answer.status, body=answer.body, error=answer.error)
        return to_http(request, answer)

    def _run_method(self, name: str, value: object, args: Json) -> ApiResponse:
        headers: dict[str, str] = {}
        try:
            method = _find_method(name)
            token = self._check_token(value, method)
            headers["x-oauth-scopes"] = ",".join(sorted(token.scopes))
            headers["x-accepted-oauth-scopes"] = method.scope
            call = MethodCall(method=name, args=args, token=token)
            if method.scope:
                call.require_scope(method.scope)
            return ApiResponse(status=200, body=method.run(self._state, call), headers=headers)
        except SlackError as refusal:
            return ApiResponse(status=200, body=refusal.body, error=refusal.code, headers=headers)

    def _check_token(self, value: object, method: Method) -> Token:
        if not value:
            raise SlackError("not_authed")
        token = self._state.tokens.get(str(value))
        if token is None:
            raise SlackError("invalid_auth")
        if token.refusal is not None:
            raise SlackError(token.refusal)
        if token.kind not in method.kinds:
            raise SlackError("not_allowed_token_type")
        return token


def _find_method(name: str) -> Method:
    if name not in METHODS:
        raise SlackError("unknown_method", req_method=name)
    return METHODS[name]


def _read_bearer_token(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme == "Bearer" else ""


async def _read_arguments(request: web.Request) -> Json:
    """Read the arguments of query, form or JSON body. A body that is neither counts as empty, as for Slack."""
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            body = {}
        return args | (body if isinstance(body, dict) else {})
    return args | {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
