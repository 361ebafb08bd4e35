"""Something wrong with the demonstration model, on demand: how the bot copes is a thing to see."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal, get_args

Trouble = Literal["slow", "rate_limited", "broken"]
TROUBLES: Final[tuple[Trouble, ...]] = get_args(Trouble)

SLOWER: Final = 20
_STATUS: Final[dict[Trouble | None, int]] = {"rate_limited": 429, "broken": 503}


class FailedCall(Exception):  # noqa: N818 - as a server's answer, it is told by its status
    """A model's server that answered with an error; what it means is told in `faults`, as for real ones."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"status {status_code}")
        self.status_code = status_code


class Troubles:
    """What every call meets from now on: `now` is None while all is well, and stays until it is changed.

    `think` is what a `DemonstrationModel` is to wait with: `DemonstrationModel(latency_s=0.2, sleep=troubles.think)`.
    """

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.now: Trouble | None = None
        self._sleep = sleep

    async def think(self, seconds: float) -> None:
        """Wait, SLOWER times as long where it is slow. Raises FailedCall where it is limited or broken."""
        await self._sleep(seconds * SLOWER if self.now == "slow" else seconds)
        if (status := _STATUS.get(self.now)) is not None:
            raise FailedCall(status)
