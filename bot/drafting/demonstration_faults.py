"""Simulated faults of the demonstration model, on demand, to show how the bot copes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal, get_args

SimulatedFault = Literal["slow", "rate_limited", "broken"]
SIMULATED_FAULTS: Final[tuple[SimulatedFault, ...]] = get_args(SimulatedFault)

SLOWDOWN: Final = 20
_STATUS: Final[dict[SimulatedFault | None, int]] = {"rate_limited": 429, "broken": 503}


class SimulatedFailure(Exception):  # noqa: N818 - named for what happened
    """A simulated error of a model's server; `errors.classify_failure` reads its status, as for real ones."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"status {status_code}")
        self.status_code = status_code


class FaultSimulator:
    """Simulates a fault in every call: `current` is None while all is well, and stays until it is changed.

    A `DemonstrationModel` is to wait with it: `DemonstrationModel(latency_s=0.2, sleep=simulator.wait_or_fail)`.
    """

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.current: SimulatedFault | None = None
        self._sleep = sleep

    async def wait_or_fail(self, seconds: float) -> None:
        """Wait, SLOWDOWN times as long if the fault is `slow`. Raises SimulatedFailure for the other faults."""
        await self._sleep(seconds * SLOWDOWN if self.current == "slow" else seconds)
        if (status := _STATUS.get(self.current)) is not None:
            raise SimulatedFailure(status)
