"""The requests that a web server is answering, so that none outlives it."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler


class RunningRequests:
    """Keeps the tasks of a server's handlers. aiohttp loses sight of one whose client has left, and lets it wait."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    @web.middleware
    async def track(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Keep the task that answers this request until it has."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            return await handler(request)
        finally:
            self._tasks.discard(task)

    async def cancel(self) -> None:
        """Cancel what is still running, and wait until it has ended."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
