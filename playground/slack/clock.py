"""The workspace's time: the machine's, plus the seconds by which a test advanced it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

PATIENCE_S: Final = 120.0
"""How long a test waits for what the app does, unless it says otherwise. Long, since a machine may be busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Slack's own limits, in seconds; a test may make them shorter."""

    acknowledge: float = 3.0
    trigger: float = 3.0
    response_url: float = 1800.0
    event_retries: tuple[float, ...] = (0.0, 60.0, 300.0)


class Clock:
    """Seconds since the epoch. `advance` makes them pass at once for everything that waits on this clock."""

    def __init__(self, real: Callable[[], float] = time.time) -> None:
        self.real = real
        self._ahead = 0.0
        self._moved = asyncio.Event()
        self._last_ts = 0
        self._is_stopped = False

    def now(self) -> float:
        return self.real() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds
        self._wake()

    def stop(self) -> None:
        """Wake every sleeper, and let nobody sleep any more."""
        self._is_stopped = True
        self._wake()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def ts(self) -> str:
        """Return a new message timestamp: unique, later than every earlier one."""
        self._last_ts = max(int(self.now() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    async def sleep(self, seconds: float) -> None:
        until = self.now() + seconds
        while (left := until - self.now()) > 0 and not self._is_stopped:
            moved = self._moved
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await moved.wait()
