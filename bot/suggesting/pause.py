"""Drafting can be paused everywhere at once, by an admin."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from bot.errors import DraftingPaused
from storage.repositories.switches import PAUSED, Switches

REMEMBERED_S: Final = 2.0


class PauseSwitch:
    """Whether drafting is paused; asked of the database every REMEMBERED_S at most."""

    def __init__(self, *, switches: Switches, now: Callable[[], datetime], clock: Callable[[], float]) -> None:
        self._switches = switches
        self._now = now
        self._clock = clock
        self._paused = False
        self._asked_at = float("-inf")

    async def check(self) -> None:
        """Raises DraftingPaused, Unavailable."""
        if self._clock() - self._asked_at > REMEMBERED_S:
            self._paused = await self._switches.is_on(PAUSED)
            self._asked_at = self._clock()
        if self._paused:
            raise DraftingPaused

    async def pause(self, *, by: str) -> bool:
        """Stop drafting on every replica. False where it was stopped already."""
        return await self._turn(to=True, by=by)

    async def resume(self, *, by: str) -> bool:
        """Start drafting again. False where nothing was stopped."""
        return await self._turn(to=False, by=by)

    async def _turn(self, *, to: bool, by: str) -> bool:
        changed = await self._switches.turn(PAUSED, to=to, by=by, at=self._now())
        self._paused, self._asked_at = to, self._clock()
        return changed
