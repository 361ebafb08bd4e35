"""Find what Slack would refuse in a message's blocks or in a view; limits of lengths."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from playground.slack.objects import Json
from playground.slack.validation.block_kit import MESSAGE_BLOCK, VIEWS
from playground.slack.validation.json_shapes import Findings, array, tagged_union

TEXT_LIMIT = 40_000
UPDATE_TEXT_LIMIT = 4_000
MESSAGE_BLOCKS_LIMIT = 50
BLOCKS_CHARACTERS_LIMIT = 11_000
BLOCKS_JSON_LIMIT = 13_000
MARKDOWN_LIMIT = 12_000
VIEW_BYTES_LIMIT = 250_000

_message_blocks = array(MESSAGE_BLOCK, least=0, most=MESSAGE_BLOCKS_LIMIT)
_view = tagged_union(VIEWS)


def find_block_errors(blocks: Any, pointer: str = "/blocks") -> list[str]:
    """Return the errors in a message's blocks, each with its JSON pointer."""
    found = Findings()
    _message_blocks(found, blocks, pointer)
    if not found.messages:
        _check_unique_ids(found, blocks, pointer)
        markdown = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
        if markdown > MARKDOWN_LIMIT:
            found.add(f"markdown blocks must be less than {MARKDOWN_LIMIT + 1} characters together", pointer)
    return found.messages


def find_view_errors(view: Any, pointer: str = "/view") -> list[str]:
    """Return the errors in a modal or a Home tab, each with its JSON pointer."""
    found = Findings()
    _view(found, view, pointer)
    if not found.messages:
        _check_unique_ids(found, view["blocks"], f"{pointer}/blocks")
        has_input = any(block["type"] == "input" for block in view["blocks"])
        if view["type"] == "modal" and has_input and "submit" not in view:
            found.add("missing required field: submit (needed with input blocks)", pointer)
        if len(json.dumps(view)) > VIEW_BYTES_LIMIT:
            found.add("view_too_large", pointer)
    return found.messages


def count_characters(blocks: Iterable[Json]) -> int:
    """Count the characters of text that the blocks show."""
    return sum(len(shown) for block in blocks for shown in _find_texts(block))


def exceed_message_limits(blocks: Iterable[Json]) -> bool:
    """Tell if a message's blocks are more than Slack takes together: the text that they show, or their JSON."""
    shown = list(blocks)
    is_long = count_characters(shown) > BLOCKS_CHARACTERS_LIMIT
    return is_long or len(json.dumps(shown, ensure_ascii=False)) > BLOCKS_JSON_LIMIT


def _find_texts(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for item in part:
            yield from _find_texts(item)
    elif isinstance(part, dict):
        for name, item in part.items():
            if name == "text" and isinstance(item, str):
                yield item
            else:
                yield from _find_texts(item)


def _check_unique_ids(found: Findings, blocks: list[Json], pointer: str) -> None:
    for index in _find_repeated([block.get("block_id") for block in blocks]):
        found.add("`block_id` already exists", f"{pointer}/{index}/block_id")
    for at, block in enumerate(blocks):
        if block["type"] not in {"actions", "context_actions"}:
            continue
        for index in _find_repeated([element.get("action_id") for element in block["elements"]]):
            found.add("`action_id` already exists", f"{pointer}/{at}/elements/{index}/action_id")


def _find_repeated(ids: list[str | None]) -> list[int]:
    """Return the indexes of ids that have come before."""
    seen: Counter[str] = Counter()
    places = []
    for index, name in enumerate(ids):
        if name is None:
            continue
        if seen[name]:
            places.append(index)
        seen[name] += 1
    return places
