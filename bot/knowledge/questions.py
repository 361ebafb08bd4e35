"""The question of a request: what its customer asks, without placeholders."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from storage.records import Turn

PLACEHOLDER: Final = re.compile(r"\[[A-Z][A-Z_]*_\d+\]")
_ASKED_CHARACTERS: Final = 2000


def take_question(conversation: Sequence[Turn]) -> str:
    """Take the customer's messages since the team last wrote, or the last one, without placeholders."""
    since: list[str] = []
    for turn in reversed(conversation):
        if turn.role != "customer":
            if since:
                break
            continue
        since.append(turn.text)
    return PLACEHOLDER.sub(" ", "\n".join(reversed(since)))[-_ASKED_CHARACTERS:]


def lacks_page(retrieved: Sequence[Mapping[str, Any]] | None) -> bool:
    """Tell if the knowledge was searched, and nothing was found but earlier replies."""
    return retrieved is not None and all(found.get("earlier") for found in retrieved)
