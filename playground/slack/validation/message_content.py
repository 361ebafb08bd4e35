"""Parse and check the text and blocks of a message, sent as JSON or as a form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playground.slack.errors import SlackError
from playground.slack.objects import Json
from playground.slack.state import fill_block_ids
from playground.slack.validation import validators


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContent:
    """Text and blocks of a message. `blocks` is None if the app sent none: in an update, not the same as empty."""

    text: str
    blocks: tuple[Json, ...] | None


def decode_json(args: Mapping[str, Any], name: str, error: str) -> Any:
    """Return the argument, parsed if it came as a JSON string. Raises SlackError(error) if it is not JSON."""
    value = args.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as problem:
        raise SlackError(error) from problem


def parse_content(args: Mapping[str, Any]) -> MessageContent:
    """Parse text and blocks.

    Raises SlackError: no_text, invalid_blocks, invalid_blocks_format, msg_too_long, msg_blocks_too_long.
    """
    text = args.get("text") or ""
    if not isinstance(text, str):
        raise SlackError.from_reasons("invalid_arguments", ["[ERROR] must provide a string [json-pointer:/text]"])
    if len(text) > validators.TEXT_LIMIT:
        raise SlackError("msg_too_long")
    if "markdown_text" in args:
        return _parse_markdown(args, text)
    blocks = decode_json(args, "blocks", "invalid_blocks_format")
    if blocks is not None and not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if not text.strip() and not blocks and not args.get("attachments"):
        raise SlackError("no_text")
    if not blocks:
        return MessageContent(text=text, blocks=None if blocks is None else ())
    if wrong := validators.find_block_errors(blocks):
        reasons = [problem.removeprefix("[ERROR] ") for problem in wrong]
        raise SlackError("invalid_blocks", errors=reasons, response_metadata={"messages": wrong})
    if validators.exceed_message_limits(blocks):
        raise SlackError("msg_blocks_too_long")
    return MessageContent(text=text, blocks=fill_block_ids(blocks))


def _parse_markdown(args: Mapping[str, Any], text: str) -> MessageContent:
    markdown = args["markdown_text"]
    if text or args.get("blocks"):
        raise SlackError("markdown_text_conflict")
    if len(markdown) > validators.MARKDOWN_LIMIT:
        raise SlackError("msg_too_long")
    if not markdown.strip():
        raise SlackError("no_text")
    return MessageContent(text=markdown, blocks=None)


def is_true(value: object) -> bool:
    """Read one of Slack's booleans, from JSON or a form."""
    return value is True or str(value).lower() in {"true", "1"}
