"""Socket Mode: one-time tickets, hello, envelopes and their acknowledgements, disconnects; at most ten connections."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import aiohttp
from aiohttp import web

from playground.slack.change_bus import ChangeBus
from playground.slack.fault_injection import FaultInjector
from playground.slack.journal import Journal
from playground.slack.objects import Json
from playground.slack.people.directory import APP_ID
from playground.slack.state import State

CONNECTIONS_LIMIT = 10
Reason = Literal["warning", "refresh_requested", "link_disabled"]


@dataclass(slots=True, kw_only=True, eq=False)
class _SocketConnection:
    socket: web.WebSocketResponse
    request: web.Request
    waiting: dict[str, "asyncio.Future[Json]"] = field(default_factory=dict)
    is_retiring: bool = False


class SocketModeServer:
    """Sends envelopes round-robin to the connections that are not about to be closed."""

    def __init__(self, *, state: State, journal: Journal, faults: FaultInjector) -> None:
        self._state = state
        self._journal = journal
        self._faults = faults
        self._changes: ChangeBus = state.changes
        self._connections: deque[_SocketConnection] = deque()

    @property
    def count(self) -> int:
        return len(self._connections)

    @property
    def is_connected(self) -> bool:
        return bool(self._connections)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        refused = self._faults.take_refused_socket()
        if refused or ticket not in self._state.socket_tickets or self.count >= CONNECTIONS_LIMIT:
            entry = self._journal.record_request(to="slack", via="socket", name="connect", body={})
            self._journal.record_answer(entry, status=403, body="", error="socket_refused")
            return web.Response(status=403)
        self._state.socket_tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = _SocketConnection(socket=socket, request=request)
        self._connections.append(connection)
        try:
            await self._serve(connection)
        finally:
            self._drop(connection)
        return socket

    async def send(self, envelope: Json) -> Json:
        """Send an envelope, return the app's acknowledgement. Raises ConnectionError if the connection breaks."""
        connection = self._pick_connection()
        acknowledgement: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope["envelope_id"]] = acknowledgement
        try:
            await connection.socket.send_str(json.dumps(envelope))
            return await acknowledgement
        finally:
            connection.waiting.pop(envelope["envelope_id"], None)

    async def disconnect(self, reason: Reason = "refresh_requested") -> None:
        """Send `disconnect` to every connection. New envelopes go to fresh connections, once there are any."""
        for connection in tuple(self._connections):
            connection.is_retiring = True
            await self._send(connection, {"type": "disconnect", "reason": reason, "debug_info": _DEBUG})
            if reason == "link_disabled":
                await connection.socket.close()

    def cut(self) -> None:
        """Break every connection without a `disconnect` message."""
        for connection in tuple(self._connections):
            if connection.request.transport is not None:
                connection.request.transport.abort()

    async def close(self) -> None:
        for connection in tuple(self._connections):
            await connection.socket.close()

    async def _serve(self, connection: _SocketConnection) -> None:
        hello = {
            "type": "hello",
            "num_connections": self.count,
            "debug_info": _DEBUG,
            "connection_info": {"app_id": APP_ID},
        }
        await self._send(connection, hello)
        self._changes.publish(("sockets", ""), self.count)
        async for message in connection.socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                _resolve_acknowledgement(connection, message.data)

    async def _send(self, connection: _SocketConnection, message: Json) -> None:
        self._journal.record_request(to="bot", via="socket", name=message["type"], body=message)
        await connection.socket.send_str(json.dumps(message))

    def _pick_connection(self) -> _SocketConnection:
        self._connections.rotate(-1)
        fresh = [connection for connection in self._connections if not connection.is_retiring]
        return (fresh or list(self._connections))[-1]

    def _drop(self, connection: _SocketConnection) -> None:
        self._connections.remove(connection)
        for acknowledgement in connection.waiting.values():
            if not acknowledgement.done():
                acknowledgement.set_exception(ConnectionError("the socket went before the acknowledgement"))
        self._changes.publish(("sockets", ""), self.count)


_DEBUG = {"host": "playground", "build_number": 1, "approximate_connection_time": 18060}


def _resolve_acknowledgement(connection: _SocketConnection, text: str) -> None:
    """Give the acknowledgement to the waiting envelope; ignore a late or unknown one, as Slack does."""
    try:
        message = json.loads(text)
    except ValueError:
        return
    if not isinstance(message, dict):
        return
    acknowledgement = connection.waiting.get(str(message.get("envelope_id")))
    if acknowledgement is not None and not acknowledgement.done():
        acknowledgement.set_result(message)
