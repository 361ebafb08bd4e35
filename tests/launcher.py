"""Starts commands for the tests: each is `suggest …` in a process of its own, forked off this one, which has everything
imported already. It reads a JSON line for each order on stdin, and answers with one on stdout; see `nursery`.

The fault tests' hooks are put in here, in the forked process, so that the product has no code for tests: a bot may be
told to kill itself at the n-th commit or network call after SIGUSR1, to look for dead replicas more often, or to have a
full disk.
"""

import ctypes
import fcntl
import functools
import gc
import importlib
import itertools
import json
import os
import resource
import signal
import sys
import termios
import threading
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import httpcore2
from coverage import Coverage
from slack_bolt.app.async_app import AsyncApp
from sqlalchemy import text

import bot.operations.recovery
import cli.commands.backup
import cli.commands.batch
import cli.commands.demo
import cli.commands.doctor
import cli.commands.export
import cli.commands.import_
import cli.commands.try_
import cli.lifecycle
import cli.logs
import cli.main
from bot.drafting.http import Server
from bot.i18n.texts import get_texts
from storage import schema
from storage.engine.database import Database
from storage.engine.transaction import Step, Transaction
from tests.patience import lengthen_limits

_DIE_WITH_PARENT = 1
_LATE = ("bot.drafting.chat_model", "h11", "langchain_core.tracers.langchain", "openai.resources.chat", "stdnum.iban")
"""What a first call, draft or request would import."""


class Points:
    """The commits and network calls of this process, in order; the `kill_at`-th is its last moment.

    A commit is passed in the database's thread, a call in the loop's: one at a time, so that none is counted for two.
    """

    def __init__(self, file: str, kill_at: int | None) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._kill_at = kill_at
        self._turn = threading.Lock()
        self._counted: int | None = None
        signal.signal(signal.SIGUSR1, self._arm)

    def _arm(self, *_: object) -> None:
        self._counted = 0
        os.write(self._file, b"armed\n")

    def pass_(self, name: str) -> None:
        if self._counted is None:
            return
        with self._turn:
            self._counted += 1
            os.write(self._file, f"{name}\n".encode())
            if self._counted == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def watch(points: Points) -> None:
    """Pass a point before and after each commit and each call to Slack or to the model."""
    write, request = Database.write, aiohttp.ClientSession._request

    @asynccontextmanager
    async def watched_write(self: Database) -> AsyncIterator[Any]:
        async with write(self) as connection:
            yield connection
            points.pass_("before a commit")
        points.pass_("after a commit")

    def watch_steps(commit: Any) -> Any:
        async def watched(self: Database, step: Step[Any]) -> Any:
            async def watched_step(connection: Transaction) -> Any:
                result = await step(connection)
                points.pass_("before a commit")
                return result

            result = await commit(self, watched_step)
            points.pass_("after a commit")
            return result

        return watched

    async def watched_request(self: Any, method: str, url: Any, **options: Any) -> Any:
        name = _call(str(url))
        points.pass_(f"before {name}")
        answer = await request(self, method, url, **options)
        points.pass_(f"after {name}")
        return answer

    Database.write = watched_write  # type: ignore[method-assign,assignment]
    Database.run, Database.ride = watch_steps(Database.run), watch_steps(Database.ride)  # type: ignore[method-assign]
    aiohttp.ClientSession._request = watched_request  # type: ignore[method-assign]


def _call(url: str) -> str:
    if url.endswith("/chat/completions"):
        return "the model"
    return url.rpartition("/api/")[2] if "/api/" in url else "response_url"


def turn_read_only_on_signal() -> None:
    """SIGUSR2 makes SQLite refuse writes, as for a file that may only be read; the next one, take them again."""
    write, turned = Database.write, itertools.cycle([True, False])
    now = {"read_only": False}

    @asynccontextmanager
    async def refuse(connection: Transaction) -> AsyncIterator[None]:
        await connection.execute(text(f"PRAGMA query_only = {int(now['read_only'])}"))
        try:
            yield
        finally:
            await connection.execute(text("PRAGMA query_only = 0"))

    @asynccontextmanager
    async def refusing_write(self: Database) -> AsyncIterator[Any]:
        async with write(self) as connection, refuse(connection):
            yield connection

    def refuse_steps(commit: Any) -> Any:
        async def refusing(self: Database, step: Step[Any]) -> Any:
            async def refusing_step(connection: Transaction) -> Any:
                async with refuse(connection):
                    return await step(connection)

            return await commit(self, refusing_step)

        return refusing

    signal.signal(signal.SIGUSR2, lambda *_: now.update(read_only=next(turned)))
    Database.write = refusing_write  # type: ignore[method-assign,assignment]
    Database.run, Database.ride = refuse_steps(Database.run), refuse_steps(Database.ride)  # type: ignore[method-assign]


def start_coverage(env: dict[str, str]) -> Coverage | None:
    """Measure this forked process by itself, where the one that it was forked off is measured.

    Greenlets are followed on PostgreSQL only. Coverage keeps them in a dictionary written in Python, and clears what is
    raised from there: also the KeyboardInterrupt or SystemExit of a signal's handler, and the command would go on.
    """
    if (parent := Coverage.current()) is None:
        return None
    parent.stop()
    has_greenlets = env.get("SUGGEST_DATABASE_URL", "").startswith("postgres")
    coverage = Coverage(data_suffix=True, concurrency=["thread", *(["greenlet"] if has_greenlets else [])])
    coverage.start()
    return coverage


def save_coverage(coverage: Coverage) -> None:
    """Save what was measured; no signal and no limit of a file breaks it off."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    coverage.stop()
    coverage.save()


def live(order: dict[str, Any], streams: list[int]) -> int:
    """The forked process, from here to its exit code."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["folder"])
    take_streams(streams, has_terminal=order.get("has_terminal", False))
    if order.get("points"):
        watch(Points(order["points"], order.get("kill_at")))
    if heartbeat_s := order.get("heartbeat_s"):
        cli.lifecycle.HEARTBEAT_S = heartbeat_s
        bot.operations.recovery.DEAD_AFTER = timedelta(seconds=4 * heartbeat_s)
    if order.get("read_only_on_signal"):
        turn_read_only_on_signal()
    if not order.get("has_real_limits"):
        lengthen_limits(setattr)
    if room := order.get("room"):
        order["file_limit"] = room + max(file.stat().st_size for file in Path(order["folder"]).glob("*.db*"))
    if limit := order.get("file_limit"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    sys.argv = ["suggest", *order["args"]]
    try:
        cli.main.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    except KeyboardInterrupt:
        return 130
    except BaseException:  # noqa: BLE001 - as the interpreter does at its end
        traceback.print_exc()
    return 1


def open_streams(order: dict[str, Any]) -> list[int]:
    """What stdin, stdout and stderr will be. Before the fork, so that who ordered may close theirs after the answer."""
    read = os.O_NOCTTY | (os.O_RDWR if order.get("has_terminal") else os.O_RDONLY)
    write = os.O_NOCTTY | os.O_WRONLY | os.O_CREAT | os.O_APPEND
    stderr = order["stderr"]
    return [
        os.open(order.get("stdin", os.devnull), read),
        os.open(order.get("stdout", stderr), write),
        os.open(stderr, write),
    ]


def take_streams(streams: list[int], *, has_terminal: bool) -> None:
    """Make these stdin, stdout and stderr, as a starting interpreter does."""
    if has_terminal:
        os.setsid()
        fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
        os.close(stream)
    encoding = os.environ.get("PYTHONIOENCODING", "utf-8")
    sys.stdin = os.fdopen(0, encoding=encoding, closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding=encoding, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding=encoding, errors="backslashreplace", buffering=1, closefd=False)


def fork(order: dict[str, Any]) -> int:
    """The process id of the command."""
    streams = open_streams(order)
    if pid := os.fork():
        for stream in streams:
            os.close(stream)
        return pid
    coverage = start_coverage(order["env"])
    code = 1
    try:
        code = live(order, streams)
        sys.stdout.flush()
    finally:
        sys.stderr.flush()
        if coverage is not None:
            save_coverage(coverage)
        os._exit(code)


def warm_up() -> None:
    """Do once what each bot would take a third of a second for; what is here already is left out of its collector."""
    for name in _LATE:
        importlib.import_module(name)
    httpcore2.default_ssl_context = functools.cache(httpcore2.default_ssl_context)
    Server(base_url="http://127.0.0.1:1", api_key=None)
    AsyncApp(signing_secret="none", token="xoxb-none", name="none")
    get_texts("en-US")
    schema.get_head()
    gc.collect()
    gc.freeze()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run of tests, which ends this one
    warm_up()
    for line in sys.stdin:
        order = json.loads(line)
        if (pid := order.get("reap")) is not None:
            _, status = os.waitpid(pid, 0)
            answer = {"code": os.waitstatus_to_exitcode(status)}
        else:
            answer = {"pid": fork(order)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
