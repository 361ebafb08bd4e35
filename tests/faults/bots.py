"""Bots as processes, between a workspace and a model's server that live in the test."""

import asyncio
import os
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text

from playground import User, Workspace
from playground.model_server import ModelDouble
from storage.engine.database import Database
from tests.conftest import read_log
from tests.nursery import the_nursery

T = TypeVar("T")
STOPPED_WITHIN_S = 120.0


class Bot:
    """One process of `suggest serve`."""

    def __init__(self, pid: int, log: Path, points: Path | None) -> None:
        self.pid = pid
        self.log = log
        self._points = points
        self._ended = asyncio.Event()
        self._pidfd = os.pidfd_open(pid)
        self.code: int | None = None
        asyncio.get_running_loop().add_reader(self._pidfd, self._end)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._ended.set()

    @property
    def is_alive(self) -> bool:
        return not self._ended.is_set()

    @property
    def errors(self) -> str:
        """What it wrote to stderr: its log."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def signal(self, number: signal.Signals) -> None:
        if self.is_alive:
            os.kill(self.pid, number)

    async def port(self) -> int:
        """Where it listens, as soon as it does."""
        found = await eventually(lambda: self._dead() or re.search(r"listening on http://[^:]+:(\d+)", self.errors))
        return int(found[1])

    def _dead(self) -> None:
        assert self.is_alive, f"the bot has ended:\n{self.errors}"

    async def arm(self) -> None:
        """Count its commits and network calls from now on."""
        assert self._points is not None
        self.signal(signal.SIGUSR1)
        await eventually(self._points.exists)
        await eventually(lambda: self.passed() is not None)

    def passed(self) -> list[str] | None:
        """The commits and network calls since it was armed."""
        assert self._points is not None
        armed, *names = self._points.read_text(encoding="utf-8").splitlines() or [""]
        return names if armed else None

    def turn_read_only(self) -> None:
        """Its database takes no writes; the next time, it takes them again."""
        self.signal(signal.SIGUSR2)

    async def wait(self, within_s: float = STOPPED_WITHIN_S) -> int:
        """The exit code; negative where a signal ended it."""
        async with asyncio.timeout(within_s):
            await self._ended.wait()
        if self.code is None:
            self.code = the_nursery().order(reap=self.pid)["code"]
        return self.code

    async def stop(self, within_s: float = STOPPED_WITHIN_S) -> None:
        """SIGTERM: it ends by itself, with 0, and without a traceback."""
        self.signal(signal.SIGTERM)
        code = await self.wait(within_s)
        assert code == 0, f"ended with {code}:\n{self.errors[-4000:]}"
        assert "Traceback" not in self.errors, self.errors[-4000:]

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """All that a database holds: the choice log as exported, and the deliveries."""

    log: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class Scene:
    """A workspace, a model, a database, and the bots that have lived there."""

    slack: Workspace
    model: ModelDouble
    folder: Path
    database_url: str
    env: dict[str, str] = field(default_factory=dict)
    bots: list[Bot] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    @property
    def agent(self) -> User:
        return self.slack.people.agent

    @property
    def bot(self) -> Bot:
        return self.bots[-1]

    async def start(self, *, over: str = "http", counted: bool = False, kill_at: int | None = None, **how: Any) -> Bot:
        """A bot that takes the workspace's deliveries from now on. `how`: settings, and orders of the launcher."""
        env = {name: value for name, value in how.items() if name.isupper()}
        number = next(self.numbers)
        points = self.folder / f"points{number}" if counted or kill_at else None
        log = self.folder / f"bot{number}.log"
        order = {
            "env": {**os.environ, **self.settings(), **self.env, **env},
            "folder": str(self.folder),
            "stderr": str(log),
            "points": points and str(points),
            "kill_at": kill_at,
            # A dead replica is found in a second: these tests have no half minute for each point.
            "heartbeat_s": 0.25 if self.database_url.startswith("postgres") else None,
            "args": ["serve", *(("--http", "127.0.0.1:0") if over == "http" else ("--health", "127.0.0.1:0"))],
            **{name: value for name, value in how.items() if not name.isupper()},
        }
        bot = Bot(the_nursery().order(**order)["pid"], log, points)
        self.bots.append(bot)
        port = await bot.port()
        if over == "http":
            self.slack.request_url = f"http://127.0.0.1:{port}/slack/events"
        else:
            await self.slack.wait_for_app()
        if points is not None:
            await bot.arm()
        return bot

    def settings(self) -> dict[str, str]:
        return {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "SLACK_API_URL": self.slack.api_url,
            "OPENAI_BASE_URL": self.model.base_url,
            "SUGGEST_DATABASE_URL": self.database_url,
            "SUGGEST_CANDIDATES": "2",
            "SUGGEST_AGENT_PER_MINUTE": "100000",
        }

    async def revive(self) -> None:
        """A bot that was killed is started again, as its supervisor would."""
        if not self.bot.is_alive:
            assert await self.bot.wait() == -signal.SIGKILL, self.bot.errors[-4000:]
            await self.start()

    async def seen(self, look: Callable[[], T | None], *, within_s: float = 120.0) -> T:
        """What the agent sees at last; a bot that is killed meanwhile is started again."""
        try:
            async with asyncio.timeout(within_s):
                while not (found := look()):
                    await self.revive()
                    await asyncio.sleep(0.01)
                return found
        except TimeoutError as error:
            raise AssertionError(self.told()) from error

    async def settle(self) -> Records:
        """Wait until nothing is left to do; then stop the bot, and read what it has recorded."""
        try:
            async with asyncio.timeout(120):
                while await self.left_over():
                    await self.revive()
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise AssertionError(f"never settled: {await self.left_over()}\n{self.told()}") from error
        await self.revive()
        self.bot.signal(signal.SIGTERM)
        if await self.bot.wait() == -signal.SIGKILL:  # its last point was in the very end
            await self.start()
            await self.bot.stop()
        assert self.bot.code == 0, self.bot.errors[-4000:]
        for bot in self.bots:
            assert "Traceback" not in bot.errors, bot.errors[-4000:]
        assert not await self.left_over()
        return await self.records()

    async def records(self) -> Records:
        log = await read_log(self.database_url)
        database = Database(self.database_url)
        try:
            async with database.read() as connection:
                rows = await connection.execute(text("SELECT * FROM deliveries ORDER BY request_id, part"))
                deliveries = [dict(row) for row in rows.mappings()]
        finally:
            await database.aclose()
        return Records(log=log, deliveries=deliveries)

    async def left_over(self) -> list[str]:
        """The requests in drafting, the deliveries on their way, and what is still to be deleted."""
        database = Database(self.database_url)
        try:
            async with database.read() as connection:
                return [str(found) for found in await connection.scalars(_LEFT_OVER)]
        finally:
            await database.aclose()

    def replies(self) -> list[str]:
        """The texts that the bot has posted in the support channel."""
        return [
            message.text
            for message in self.slack.messages(self.slack.channels.support)
            if message.user_id == self.slack.bot_user_id
        ]

    def told(self) -> str:
        """What the agent sees, and what the bots say: for the message of a failing test."""
        texts = [message.text for message in self.slack.ephemerals(self.agent)]
        refused = [f"{entry.name}: {entry.error}" for entry in self.slack.journal.refusals()]
        return f"seen: {texts}\nrefused: {refused}\n" + "\n".join(bot.errors[-1500:] for bot in self.bots)

    async def aclose(self) -> None:
        """No process outlives its test."""
        for bot in self.bots:
            with suppress(TimeoutError):
                await bot.kill()


_LEFT_OVER = text("""
    SELECT 'drafting ' || id FROM requests WHERE status = 'drafting'
    UNION ALL SELECT state || ' ' || id FROM deliveries WHERE state IN ('pending', 'attempting')
    UNION ALL SELECT 'to delete ' || deliveries.id FROM deliveries JOIN choices ON choices.id = choice_id
    WHERE retracted_at IS NOT NULL AND message_ts IS NOT NULL
""")


async def eventually(look: Callable[[], T | None], *, within_s: float = 120.0) -> T:
    async with asyncio.timeout(within_s):
        while not (found := look()):  # noqa: ASYNC110 - of another process, no event comes
            await asyncio.sleep(0.01)
        return found
