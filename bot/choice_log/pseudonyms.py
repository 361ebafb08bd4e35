"""Pseudonyms for agents, channels, teams and threads: the same for the same one, as long as the key is the same.

HMAC-SHA-256 under a key, since the ids themselves could be guessed and tried. What people wrote is not changed.
"""

import hmac
import json
import secrets
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from bot.choice_log.fields import FIELDS
from storage.queries.export_rows import RawEntry, Row
from storage.tables import to_json

_ID_KINDS: Final = {
    "team_id": "team",
    "channel_id": "channel",
    "agent_id": "agent",
    "thread_ts": "ts",
    "message_ts": "ts",
}
_LENGTH: Final = 16


class Pseudonyms:
    """Pseudonyms under one key; without one, under a random key, so that no two exports match."""

    def __init__(self, key: bytes | None) -> None:
        key = key or secrets.token_bytes(32)

        @lru_cache(maxsize=100_000)
        def derive(kind: str, value: str) -> str:
            digest = hmac.digest(key, f"{kind}:{value}".encode("utf-8", "replace"), "sha256")
            return f"{kind}-{digest.hex()[:_LENGTH]}"

        self.derive: Callable[[str, str], str] = derive

    def replace_ids(self, raw: RawEntry) -> RawEntry:
        """Replace the ids in one request by pseudonyms, in the data of its events too."""
        return RawEntry(
            request=self._replace_in_row(raw.request, FIELDS.request),
            candidates=raw.candidates,
            choice=None if raw.choice is None else self._replace_in_row(raw.choice, FIELDS.choice),
            events=[self._replace_in_row(row, FIELDS.event) for row in raw.events],
        )

    def _replace_in_row(self, row: Row, names: Any) -> Row:
        changed = list(row)
        for place, name in enumerate(names):
            if name == "data" and row[place] != "{}":
                changed[place] = to_json(self._replace_in_data(json.loads(row[place])))
            elif name in _ID_KINDS and row[place] is not None:
                changed[place] = self.derive(_ID_KINDS[name], row[place])
        return tuple(changed)

    def _replace_in_data(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._replace_value(name, item) for name, item in value.items()}
        return [self._replace_in_data(item) for item in value] if isinstance(value, list) else value

    def _replace_value(self, name: str, value: Any) -> Any:
        if name not in _ID_KINDS:
            return self._replace_in_data(value)
        if isinstance(value, list):
            return [self._replace_value(name, item) for item in value]
        return value if value is None else self.derive(_ID_KINDS[name], str(value))
