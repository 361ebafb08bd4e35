"""In which channels replies may be asked for and sent."""

from dataclasses import dataclass
from typing import Final

from bot.errors import Barred
from storage.records import Surface

_PLACED: Final[frozenset[Surface]] = frozenset({"slash", "shortcut", "mention"})
"""Surfaces that are in a conversation; the others are between the agent and the bot alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The allowed channels, by id; all where none is named. `helpers` are whom an agent can ask."""

    channels: frozenset[str] = frozenset()
    helpers: tuple[str, ...] = ()

    def check(self, channel_id: str, surface: Surface) -> None:
        """Raises Barred where this channel is not an allowed one."""
        if self.channels and surface in _PLACED and channel_id not in self.channels:
            raise Barred("place", helpers=self.helpers)


ANYWHERE: Final = Places()
