"""Check received payloads against the playground's rules, after the load."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.slack_server import JsonObject, Received
from playground.slack.validation.validators import (
    TEXT_LIMIT,
    exceed_message_limits,
    find_block_errors,
    find_view_errors,
)

RESPONSE_URL_USES = 5


def find_refusals(received: Sequence[Received]) -> list[str]:
    """Return the reason for each payload that Slack would refuse."""
    reasons = [f"{item.method} of {item.number}: {problem}" for item in received for problem in _find_errors(item)[:1]]
    uses = Counter((item.origin, item.number) for item in received if item.method == "response_url")
    return reasons + [
        f"response_url of {origin} {number}: used {used} times"
        for (origin, number), used in uses.items()
        if used > RESPONSE_URL_USES
    ]


def _find_errors(item: Received) -> list[str]:
    payload = item.payload
    if "view" in payload:
        return find_view_errors(_decode(payload["view"]))
    is_message = item.method in {"response_url", "acknowledgement"} or item.method.startswith("chat.post")
    return _find_message_errors(payload) if is_message else []


def _find_message_errors(payload: JsonObject) -> list[str]:
    if payload.get("delete_original"):
        return []
    text, blocks = payload.get("text") or "", _decode(payload.get("blocks") or [])
    if not text and not blocks:
        return ["no_text"]
    if len(text) > TEXT_LIMIT:
        return ["msg_too_long"]
    if wrong := find_block_errors(blocks):
        return wrong
    return ["msg_blocks_too_long"] if exceed_message_limits(blocks) else []


def _decode(value: Any) -> Any:
    """Decode blocks and views, which form-encoded calls carry as JSON."""
    return json.loads(value) if isinstance(value, str) else value
