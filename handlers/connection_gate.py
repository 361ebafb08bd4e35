"""A bound on HTTP connections: those that send no request in time make room for those that do.

Who opens connections and says nothing, or a byte now and then, would else hold all files that the process may open.
"""

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

REQUEST_LIMIT_S: Final = 30.0
"""From the connection to the end of the first request's head, and from there to the end of each body."""
MOST_CONNECTIONS: Final = 1_000
_LOOK_EVERY_S: Final = 1.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ConnectionGate:
    """Makes the protocol of each connection, for `loop.create_server`; closes those that are too late or too many."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._server: web.Server | None = None
        self._opened_at: dict[web.RequestHandler, float] = {}
        self._answering: set[asyncio.BaseProtocol] = set()
        self._has_asked: set[asyncio.BaseProtocol] = set()

    def guard(self, server: web.Server) -> None:
        """Make protocols of this server."""
        self._server = server

    def __call__(self) -> asyncio.Protocol:
        """Make a connection's protocol. One too many closes the oldest that asks for nothing; else itself."""
        if len(self._opened_at) >= self._limit and not self._make_room():
            return _Refusal()
        assert self._server is not None
        handler = self._server()
        self._opened_at[handler] = time.monotonic()
        return handler

    @web.middleware
    async def read_in_time(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Read the body, and answer: a middleware."""
        try:
            async with asyncio.timeout(REQUEST_LIMIT_S):
                await request.read()
        except TimeoutError:
            return _refuse(408, "The body did not arrive in time.\n")
        except (web.RequestPayloadError, ConnectionError):
            return _refuse(400, "The body is broken, or did not arrive whole.\n")
        self._has_asked.add(request.protocol)
        self._answering.add(request.protocol)
        try:
            return await handler(request)
        finally:
            self._answering.discard(request.protocol)

    async def watch(self) -> None:
        """Close connections that sent no request in time, until this is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._forget_closed()
            latest = time.monotonic() - REQUEST_LIMIT_S
            for handler, opened_at in list(self._opened_at.items()):
                if opened_at < latest and handler not in self._has_asked:
                    self._close(handler)

    def _make_room(self) -> bool:
        """Close a connection that nobody waits at, the oldest of those that never asked first."""
        self._forget_closed()
        if len(self._opened_at) < self._limit:
            return True
        idle = [handler for handler in self._opened_at if handler not in self._answering]
        if not idle:
            return False
        self._close(min(idle, key=lambda handler: (handler in self._has_asked, self._opened_at[handler])))
        return True

    def _forget_closed(self) -> None:
        open_ones = set(self._server.connections) if self._server is not None else set()
        young = time.monotonic() - _LOOK_EVERY_S  # its protocol is made before its transport
        for handler in [each for each, at in self._opened_at.items() if at < young and each not in open_ones]:
            del self._opened_at[handler]
        self._has_asked &= open_ones

    def _close(self, handler: web.RequestHandler) -> None:
        del self._opened_at[handler]
        handler.force_close()


def _refuse(status: int, text: str) -> web.Response:
    """Answer, and close the connection."""
    refusal = web.Response(status=status, text=text)
    refusal.force_close()
    return refusal


class _Refusal(asyncio.Protocol):
    """A connection that is closed at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


def choose_limit() -> int:
    """Choose a bound that leaves most of the files that this process may open to what it opens itself."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, max(32, files // 4))
