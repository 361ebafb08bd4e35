"""In which channels replies may be asked for and sent."""

from dataclasses import dataclass
from typing import Final

from bot.errors import AccessDenied
from storage.records import Surface

_PLACED: Final[frozenset[Surface]] = frozenset({"slash", "shortcut", "mention"})
"""Surfaces that are in a conversation; the others are between the agent and the bot alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedChannels:
    """The allowed channels, by id; all where none is named. `helpers` are whom an agent can ask."""

    channels: frozenset[str] = frozenset()
    helpers: tuple[str, ...] = ()

    def check(self, channel_id: str, surface: Surface) -> None:
        """Raises AccessDenied where this channel is not an allowed one."""
        if self.channels and surface in _PLACED and channel_id not in self.channels:
            raise AccessDenied("place", helpers=self.helpers)


ALL_CHANNELS: Final = AllowedChannels()
