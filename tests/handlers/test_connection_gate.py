"""The HTTP front where others hold its connections: it answers, and says nothing of each."""

import asyncio
import logging
import os
import resource
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from handlers import connection_gate
from handlers.http import Check, Health, build_health_app, listen
from tests.conftest import StageMaker

FILES = 1_024
HALF_OPEN = 1_100


@asynccontextmanager
async def serve_health() -> AsyncIterator[int]:
    async def ready() -> tuple[Check, ...]:
        return ()

    async def expose() -> tuple[bytes, str]:
        return b"", "text/plain"

    runner, port = await listen(build_health_app(Health(ready=ready, metrics=expose)), host="127.0.0.1", port=0)
    try:
        yield port
    finally:
        await runner.cleanup()


@pytest.fixture
def few_files() -> Iterator[None]:
    """What this process may open, which the bot runs in."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def open_half(stack: AsyncExitStack, port: int, said: bytes) -> asyncio.StreamReader:
    """Open a connection that says a part of a request, and nothing more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stack.callback(writer.close)
    writer.write(said)
    return reader


HOLDER = """
import socket, sys
port, count, said = int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3])
held = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
for one in held:
    try:
        one.sendall(said)
    except OSError:
        pass
print("held", flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def hold_half_open(port: int, said: bytes) -> AsyncIterator[None]:
    """Hold connections from another process, each of which says a part of a request, and nothing more."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({2 * HALF_OPEN}, {2 * HALF_OPEN}))"
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", limit + HOLDER, str(port), str(HALF_OPEN), said.hex(), stdin=PIPE, stdout=PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        await holder.communicate(b"")  # closes its stdin


@pytest.mark.parametrize(
    "said", [b"", b"POST /slack/ev", b"POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Length: 99\r\n\r\nx"]
)
async def test_half_open_connections_do_not_make_it_deaf(
    said: bytes, few_files: None, stage_with: StageMaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with stage_with() as stage, hold_half_open(stage.port, said), aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{stage.port}/healthz") as answer:
            assert answer.status == 200
        await stage.suggested("Where is my order?")
        assert len(os.listdir("/proc/self/fd")) < FILES // 2  # noqa: PTH208 - asynchronous
    assert not [record for record in caplog.records if record.name.startswith(("aiohttp", "asyncio"))]


async def test_what_does_not_arrive_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_gate, "REQUEST_LIMIT_S", 0.2)
    async with serve_health() as port, AsyncExitStack() as stack:
        async with asyncio.timeout(120):
            assert await (await open_half(stack, port, b"GET /heal")).read() == b""
            slow = await open_half(stack, port, b"GET /healthz HTTP/1.1\r\nHost: bot\r\nContent-Length: 9\r\n\r\nx")
            assert (await slow.read()).startswith(b"HTTP/1.1 408 ")


async def test_a_connection_that_is_kept_is_not_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies keep them for the next delivery."""
    monkeypatch.setattr(connection_gate, "REQUEST_LIMIT_S", 0.2)
    async with serve_health() as port, AsyncExitStack() as stack, asyncio.timeout(120):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stack.callback(writer.close)
        for _ in range(2):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n")
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
            assert await (await open_half(stack, port, b"")).read() == b"", "the other has had its time"


@pytest.mark.parametrize(
    "said", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"\r\n" * 9_000, b"A" * 90_000]
)
async def test_what_is_no_http_leaves_no_traceback(said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serve_health() as port, AsyncExitStack() as stack, aiohttp.ClientSession() as session:
        await open_half(stack, port, said + b"\r\n\r\n")
        async with session.get(f"http://127.0.0.1:{port}/healthz") as answer:
            assert answer.status == 200
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ("Content-Encoding: gzip\r\nContent-Length: 5", b"hello", b"400"),
        ("Content-Encoding: deflate\r\nContent-Length: 5", b"hello", b"400"),
        ("Transfer-Encoding: chunked", b"zz\r\nhello\r\n", b"400"),
        ("X-Slack-Signature: v0=\u00e9\r\nX-Slack-Request-Timestamp: {now}\r\nContent-Length: 5", b"hello", b"401"),
        ("X-Slack-Signature: v0=0\r\nX-Slack-Request-Timestamp: {now}\r\nContent-Length: 2", b"\xff{", b"400"),
        ("Content-Length: 99", b"hello", b""),
        ("Transfer-Encoding: chunked", b"9\r\nhello", b""),
    ],
)
async def test_a_broken_delivery_is_refused_without_a_traceback(
    headers: str, body: bytes, status: bytes, stage_with: StageMaker, caplog: pytest.LogCaptureFixture
) -> None:
    """Also one whose sender hangs up before its end, which is not answered."""
    caplog.set_level(logging.INFO)
    head = f"POST /slack/events HTTP/1.1\r\nHost: bot\r\n{headers.format(now=int(time.time()))}\r\n\r\n"
    async with stage_with() as stage, asyncio.timeout(120):
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(head.encode() + body)
        if status:
            assert (await reader.readline()).split()[1] == status
        writer.close()
        await writer.wait_closed()
        await stage.suggested("Where is my order?")
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "body", ['{"type": "event_callback"', "[1, 2", "  {broken", "[]", "payload={broken", '{"a": 1}x']
)
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json", "application/x-www-form-urlencoded", "application/vnd.api+json"]
)
async def test_broken_json_is_refused_in_any_content_type(body: str, content_type: str, stage_with: StageMaker) -> None:
    async with stage_with() as stage:
        delivery = await stage.slack.send_raw(body.encode(), content_type=content_type)
        assert delivery.status == 400
