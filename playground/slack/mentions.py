"""Mentions that notify people: `<!channel>`, `<@U1>` and `<!subteam^S1>`, wherever Slack parses them."""

import re
from collections.abc import Iterator
from typing import Any

from playground.slack.objects import Ephemeral, Message

_PING = re.compile(r"<(![a-z]+(?:\^[A-Z0-9]+)?|@[UW][A-Z0-9]+)(?:\|[^>]*)?>")
_BLOCKS = {
    "user": ("@", "user_id"),
    "broadcast": ("!", "range"),
    "usergroup": ("!subteam^", "usergroup_id"),
}


def find_mentions(message: Message | Ephemeral) -> frozenset[str]:
    """Find the mentions that notify, such as `{"!channel", "@U0AGENT"}`.

    `&lt;!channel&gt;` is inert, and so is all plain_text.
    """
    return frozenset([*_PING.findall(message.text), *_find_in_part(list(message.blocks))])


def _find_in_part(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for item in part:
            yield from _find_in_part(item)
    elif isinstance(part, dict):
        kind = part.get("type")
        if kind in {"mrkdwn", "markdown"}:
            yield from _PING.findall(part["text"])
        elif kind in _BLOCKS and _BLOCKS[kind][1] in part:
            sign, name = _BLOCKS[kind]
            yield f"{sign}{part[name]}"
        else:
            yield from _find_in_part(list(part.values()))
