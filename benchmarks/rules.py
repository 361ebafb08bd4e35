"""The workspace's judgement of what it received, after the load, by the playground's rules."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.slack import JsonObject, Received
from playground.slack.validation.validators import (
    TEXT_LIMIT,
    exceed_message_limits,
    find_block_errors,
    find_view_errors,
)

RESPONSE_URL_USES = 5


def refused(received: Sequence[Received]) -> list[str]:
    """Why each refused payload was refused: empty if the workspace took them all."""
    reasons = [f"{item.method} of {item.number}: {problem}" for item in received for problem in _wrong_with(item)[:1]]
    uses = Counter((item.origin, item.number) for item in received if item.method == "response_url")
    return reasons + [
        f"response_url of {origin} {number}: used {used} times"
        for (origin, number), used in uses.items()
        if used > RESPONSE_URL_USES
    ]


def _wrong_with(item: Received) -> list[str]:
    payload = item.payload
    if "view" in payload:
        return find_view_errors(_parsed(payload["view"]))
    is_message = item.method in {"response_url", "acknowledgement"} or item.method.startswith("chat.post")
    return _wrong_with_message(payload) if is_message else []


def _wrong_with_message(payload: JsonObject) -> list[str]:
    if payload.get("delete_original"):
        return []
    text, blocks = payload.get("text") or "", _parsed(payload.get("blocks") or [])
    if not text and not blocks:
        return ["no_text"]
    if len(text) > TEXT_LIMIT:
        return ["msg_too_long"]
    if wrong := find_block_errors(blocks):
        return wrong
    return ["msg_blocks_too_long"] if exceed_message_limits(blocks) else []


def _parsed(value: Any) -> Any:
    """Form-encoded calls carry blocks and views as JSON."""
    return json.loads(value) if isinstance(value, str) else value
