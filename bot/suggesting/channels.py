"""The channels in which replies may be asked for and sent."""

from dataclasses import dataclass
from typing import Final

from bot.errors import AccessDenied
from bot.surfaces import SURFACES
from storage.records import Surface


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedChannels:
    """The allowed channels, by id; all if none is named. `helpers` are user ids of those whom an agent can ask."""

    channels: frozenset[str] = frozenset()
    helpers: tuple[str, ...] = ()

    def check(self, channel_id: str, surface: Surface) -> None:
        """Check a channel. Raises AccessDenied if it is not allowed; direct messages and the terminal always are."""
        if self.channels and SURFACES[surface].is_in_channel and channel_id not in self.channels:
            raise AccessDenied("place", helpers=self.helpers)


ALL_CHANNELS: Final = AllowedChannels()
