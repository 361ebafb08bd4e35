"""Pausing: an admin stops drafting on all replicas at once, and resumes it."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from bot.errors import DraftingPaused
from storage.repositories.switches import PAUSED, Switches

CACHED_S: Final = 2.0


class PauseSwitch:
    """The switch that pauses drafting; read from the database every CACHED_S seconds at most."""

    def __init__(self, *, switches: Switches, now: Callable[[], datetime], clock: Callable[[], float]) -> None:
        self._switches = switches
        self._now = now
        self._clock = clock
        self._paused = False
        self._read_at = float("-inf")

    async def check(self) -> None:
        """Check the switch. Raises DraftingPaused, DatabaseUnavailable."""
        if self._clock() - self._read_at > CACHED_S:
            await self.is_paused()
        if self._paused:
            raise DraftingPaused

    async def is_paused(self) -> bool:
        """Read the switch from the database. Raises DatabaseUnavailable."""
        self._paused = await self._switches.is_on(PAUSED)
        self._read_at = self._clock()
        return self._paused

    async def pause(self, *, by: str) -> bool:
        """Stop drafting on every replica. Returns False if it was stopped already."""
        return await self._turn(to=True, by=by)

    async def resume(self, *, by: str) -> bool:
        """Start drafting again. Returns False if it was not stopped."""
        return await self._turn(to=False, by=by)

    async def _turn(self, *, to: bool, by: str) -> bool:
        changed = await self._switches.turn(PAUSED, to=to, by=by, at=self._now())
        self._paused, self._read_at = to, self._clock()
        return changed
