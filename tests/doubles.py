"""Servers on loopback that stand for what is between the bot and the others: an HTTP proxy, a SOCKS proxy."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class ProxyDouble:
    """A proxy that takes every connection to one target, whatever was asked for, and notes that."""

    target: tuple[str, int]
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def start(cls, kind: str, target: str) -> AsyncIterator["ProxyDouble"]:
        """Start an `http` or a `socks5` proxy before the server of a URL."""
        parts = urlsplit(target)
        assert parts.hostname is not None
        assert parts.port is not None
        double = cls(target=(parts.hostname, parts.port))
        answer = {"http": double._on_http, "socks5": double._on_socks}[kind]
        async with await asyncio.start_server(double._closing(answer), "127.0.0.1", 0) as server:
            double.port = server.sockets[0].getsockname()[1]
            yield double

    Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

    def _closing(self, handler: Handler) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await handler(reader, writer)
            writer.close()

        return handle

    async def _on_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n")
        method, url, _ = head.decode().split(" ", 2)
        self.asked.append(urlsplit(url).netloc)
        path = urlsplit(url)._replace(scheme="", netloc="").geturl()
        await self._relay(reader, writer, f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode())

    async def _on_socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        writer.write(b"\x05\x00")
        assert (await reader.readexactly(4))[3] == 3, "names are looked up by the proxy"
        host = await reader.readexactly((await reader.readexactly(1))[0])
        port = int.from_bytes(await reader.readexactly(2))
        self.asked.append(f"{host.decode()}:{port}")
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await self._relay(reader, writer, b"")

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes) -> None:
        there, back = await asyncio.open_connection(*self.target)
        back.write(first)
        await asyncio.wait(
            [asyncio.create_task(_copy(reader, back)), asyncio.create_task(_copy(there, writer))],
            return_when=asyncio.FIRST_COMPLETED,
        )
        back.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
