"""Work that goes on after the acknowledgement: held, watched, and drained at shutdown."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger(__name__)


class BackgroundTasks:
    """A supervised set of tasks. asyncio keeps only weak references: a task that nobody holds may vanish."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Start `work`; an exception that it lets out is a bug, and is logged with its traceback."""
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._finish)

    def __len__(self) -> int:
        return len(self._running)

    async def drain(self, limit_s: float) -> int:
        """Let what runs finish within `limit_s`, then cancel the rest and wait for it.

        Returns the number of tasks that were cancelled.
        """
        if not self._running:
            return 0
        _, late = await asyncio.wait(self._running, timeout=limit_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        return len(late)

    def _finish(self, task: asyncio.Task[None]) -> None:
        """Let go of a task that is done, and log the exception that it let out."""
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("%s failed", task.get_name(), exc_info=task.exception())
