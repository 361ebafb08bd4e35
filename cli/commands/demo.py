"""`suggest demo`: Slack in a browser, on this machine: the playground's workspace and page, and the real bot in it."""

import asyncio
import json
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

import aiohttp
import typer
from pydantic import SecretStr

from bot.choice_log import to_json_line
from bot.drafting import DemonstrationModel, ModelSource, SingleModelSource
from bot.drafting.demonstration_faults import SIMULATED_FAULTS, FaultSimulator
from bot.experiments.start import start_experiment
from bot.playbook import load_playbook, read_built_in
from cli import clock, logs, wiring
from cli.database_location import (
    DEMONSTRATION_FILE,
    INVENTED,
    Location,
    describe_recording,
    mark_demonstration,
    open_or_create,
)
from cli.demonstration_history import DAYS, HistoryTools, add_history
from cli.errors import Failed, SettingsError
from cli.lifecycle import run_bot, run_until_signal
from cli.repositories import Records
from cli.settings import Settings, has_browser, hide_from_libraries, load_settings
from cli.slack_manifest import load_manifest
from playground import AppConfig, ImpossibleAction, Workspace
from playground.page.routes import PageOptions, build_page_routes
from playground.slack.objects import Json
from playground.slack.people.customers import MESSAGES, add_customers
from storage.records import Arm, Experiment, Selection

ACTOR: Final = "demo"
HOST: Final = "127.0.0.1"
PORT: Final = 8400
PORTS_TO_TRY: Final = 100

EXPERIMENT: Final = "greeting"

LATENCY_S: Final = 0.15
"""The demonstration model takes this long, and up to twice as long, so that one sees that something is drafted."""

LOG_SINCE: Final = timedelta(hours=24)
"""How far back the page shows the choice log: what is older is closed."""

NO_MODEL: Final = (
    "The replies are samples made by rules, and written by hand for the invented customers. "
    "Set OPENAI_API_KEY or OPENAI_BASE_URL to have a model write them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """The options of the command line. Without a `port`, the first free one from PORT on."""

    port: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=65535, help="Listen here, on 127.0.0.1. [default: the first free one from 8400 on]"
        ),
    ] = None
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False
    database: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Record in this SQLite file. [default: suggest-demo.db]")
    ] = None
    locale: Annotated[
        str | None,
        typer.Option(metavar="LOCALE", help="The agent's language in Slack, such as zh-TW. [default: en-GB]"),
    ] = None
    check: Annotated[bool, typer.Option("--check", help="Start, see that it works, and stop.")] = False


def run(options: DemoOptions) -> None:
    """Show Slack in the browser on this machine, with the bot in it.

    No account, no key: without a model, the replies are samples. It runs until Ctrl-C.

    Example: suggest demo --no-browser --check
    """
    settings = load_settings()
    logs.configure_for_command(settings)
    asyncio.run(check_demo(settings, options) if options.check else run_until_signal(run_demo(settings, options)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A running demonstration: its workspace, and the lines that announce it."""

    slack: Workspace
    announcement: tuple[str, ...]


async def run_demo(settings: Settings, options: DemoOptions) -> None:
    """Run the demo, and open the browser, until this task is cancelled. Raises SettingsError, Failed, PlaybookError."""
    async with _announce_demo(settings, options) as url:
        print("Ctrl-C ends it.", flush=True)
        open_browser(url, wanted=not options.no_browser)
        await asyncio.Event().wait()


def open_browser(url: str, *, wanted: bool) -> None:
    """Show the page, if `wanted` and there is a screen to show it on."""
    if wanted and has_browser():
        # A browser may stay in the foreground for as long as it runs.
        threading.Thread(target=webbrowser.open, args=[url], daemon=True).start()


async def check_demo(settings: Settings, options: DemoOptions) -> None:
    """Start, see that page and bot work, and stop. Raises SettingsError, Failed, PlaybookError."""
    async with (
        _announce_demo(settings, options) as url,
        aiohttp.ClientSession() as browser,
        browser.get(url) as page,
    ):
        if page.status != 200:
            raise Failed(f"the page answers {page.status}")
        print("The page answers, and the bot is connected.")


@asynccontextmanager
async def _announce_demo(settings: Settings, options: DemoOptions) -> AsyncIterator[str]:
    """Run the demo inside the block, with its announcement on stdout; yield its address."""
    hide_from_libraries()
    location = Location.of_file(
        options.database or DEMONSTRATION_FILE, origin="--database" if options.database else "demonstration"
    )
    async with open_demo(settings, location, port=find_free_port(options.port), locale=options.locale) as demo:
        url = f"{demo.slack.url}/"
        print(f"Slack in your browser: {url}", *demo.announcement, sep="\n", flush=True)
        yield url


@asynccontextmanager
async def open_demo(
    settings: Settings, location: Location, *, port: int = 0, locale: str | None = None
) -> AsyncIterator[Demo]:
    """Run the workspace, with its page and customers, and the bot connected to it, inside the block.

    The settings count, but for those of Slack and the database; `locale` is the agent's, if given. Raises
    SettingsError, Failed, PlaybookError.
    """
    simulator = None if settings.has_model else FaultSimulator()
    async with AsyncExitStack() as stack:
        records = await stack.enter_async_context(open_or_create(location))
        await fill_database(settings, records)
        log_tail = _LogTail(records)
        stack.push_async_callback(log_tail.aclose)
        page_options = PageOptions(
            model_name=wiring.make_terms(settings).model,
            is_demonstration=simulator is not None,
            log_rows=log_tail.rows,
            model_faults=_make_fault_switch(simulator),
            database=str(location),
            commands=await list_report_commands(location, records),
        )
        slack = await stack.enter_async_context(_open_workspace(page_options, port=port))
        add_customers(slack)
        if locale is not None:
            for person in (slack.people.agent, slack.people.admin):
                slack.change_user(person, locale=locale)
        bot = run_bot(
            _adapt_settings(slack, settings, location), http=None, health=None, models=_choose_models(simulator)
        )
        await stack.enter_async_context(bot)
        await slack.wait_for_app()
        recorded = await describe_recording(location, records, simulated=simulator is not None)
        yield Demo(slack=slack, announcement=_describe_demo(slack, settings, recorded))


async def fill_database(settings: Settings, records: Records) -> None:
    """Fill a demonstration's own database with what is invented, once. Raises PlaybookError."""
    if records.is_new and not settings.has_model:
        await mark_demonstration(records, actor=ACTOR)
    await add_help_center(records)
    if not settings.has_model:
        await add_experiment(settings, records)


async def add_help_center(records: Records) -> None:
    """Add the invented help centre to a new database, or to a demonstration's own that has no knowledge.

    A team's own database stays as it is.
    """
    library = wiring.make_library(records)
    if not await library.is_empty() or not (records.is_new or await records.audit.is_demonstration()):
        return
    with resources.as_file(resources.files("playground") / "help_center") as folder:
        pages = [folder / language for language in ("en", "de", "es", "fr", "zh-CN", "zh-TW")]
        await library.add(pages, internal=False, collection="", actor=ACTOR)
        await library.add([folder / "internal"], internal=True, collection="", actor=ACTOR)


async def add_experiment(settings: Settings, records: Records) -> None:
    """Start an experiment in a demonstration's own database that has had none, with its invented history.

    Raises PlaybookError.
    """
    if await records.experiments.list_all() or not await records.audit.is_demonstration():
        return
    await start_experiment(records.experiments, make_demonstration_experiment())
    async with wiring.open_drafter(settings, models=SingleModelSource(DemonstrationModel())) as drafter:
        tools = HistoryTools(
            records=records,
            drafter=drafter,
            playbook=load_playbook(settings.suggest_playbook),
            messages=[text for _, _, text in MESSAGES],
            now=clock.now(),
        )
        await add_history(tools)


async def list_report_commands(location: Location, records: Records) -> dict[str, str]:
    """List the commands that report on the invented history; none where there is none."""
    if not await records.log.count(Selection(team_id=INVENTED, include_simulated=True)):
        return {}
    return {
        "experiment": location.name_command("experiment", "report", EXPERIMENT),
        "comparison": location.name_command("compare", "report"),
        "team": location.name_command("report", "--team", INVENTED),
    }


def make_demonstration_experiment() -> Experiment:
    """Make an experiment of the built-in playbook and a warmer one, which runs in a new demonstration."""
    warmer = read_built_in().replace('persona = """', 'persona = """\nYou greet each customer like an old friend.', 1)
    return Experiment(
        name=EXPERIMENT,
        by="request",
        arms=(Arm(name="now", share=0.5), Arm(name="warmer", share=0.5, playbook="warmer.toml", text=warmer)),
        started_at=clock.now() - timedelta(days=DAYS),
        started_by=ACTOR,
        salt=clock.new_salt(),
    )


@asynccontextmanager
async def _open_workspace(page_options: PageOptions, *, port: int) -> AsyncIterator[Workspace]:
    """Start the playground's workspace with the page's routes."""
    started: list[Workspace] = []
    routes = build_page_routes(lambda: started[0], page_options=page_options)
    config = AppConfig.from_manifest(load_manifest())
    async with Workspace.start(config=config, port=port, routes=routes) as slack:
        started.append(slack)
        yield slack


def find_free_port(wanted: int | None) -> int:
    """Find the port to listen on: `wanted`, or else the first free one from PORT on. Raises SettingsError, Failed."""
    if wanted is not None:
        if not _is_free(wanted):
            raise SettingsError(f"--port {wanted} cannot be used, as another program does: name another, or none")
        return wanted
    free = next((port for port in range(PORT, PORT + PORTS_TO_TRY) if _is_free(port)), None)
    if free is None:
        raise Failed(f"the ports {PORT} to {PORT + PORTS_TO_TRY - 1} are all in use: name a free one with --port")
    return free


def _is_free(port: int) -> bool:
    """Try to bind the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _adapt_settings(slack: Workspace, settings: Settings, location: Location) -> Settings:
    """Point the settings at this workspace, so that the bot takes it for Slack."""
    own = {
        "slack_bot_token": SecretStr(slack.bot_token),
        "slack_app_token": SecretStr(slack.app_token),
        "slack_signing_secret": None,
        "slack_client_id": None,
        "slack_client_secret": None,
        "slack_api_url": slack.api_url,
        "suggest_database_url": location.url,
    }
    return settings.model_copy(update=own)


def _choose_models(simulator: FaultSimulator | None) -> ModelSource | None:
    """Choose the demonstration model, unless a real one is configured."""
    if simulator is None:
        return None
    return SingleModelSource(DemonstrationModel(latency_s=LATENCY_S, sleep=simulator.wait_or_fail))


def _make_fault_switch(simulator: FaultSimulator | None) -> Callable[[str], None]:
    """Make the function with which the page's fault panel sets the model's fault."""

    def set_fault(name: str) -> None:
        if simulator is None:
            raise ImpossibleAction("only the demonstration model can be made slow or broken; yours is as it is")
        simulator.current = next((fault for fault in SIMULATED_FAULTS if fault == name), None)

    return set_fault


class _LogTail:
    """The newest rows of the choice log, for the page.

    A page that goes away while it reads them does not break the reading off.
    """

    def __init__(self, records: Records) -> None:
        self._log = records.log
        self._reads: set[asyncio.Task[list[Json]]] = set()

    async def rows(self) -> list[Json]:
        read = asyncio.create_task(self._read())
        self._reads.add(read)
        read.add_done_callback(self._reads.discard)
        return await asyncio.shield(read)

    async def aclose(self) -> None:
        await asyncio.gather(*self._reads, return_exceptions=True)

    async def _read(self) -> list[Json]:
        since = clock.now() - LOG_SINCE
        entries = self._log.iter_entries(Selection(since=since, include_simulated=True))
        return [json.loads(to_json_line(entry)) async for entry in entries]


def _describe_demo(slack: Workspace, settings: Settings, recorded: str) -> tuple[str, ...]:
    """Say who the person is, who writes the replies, and where they are recorded."""
    model = f"The replies are written by {settings.suggest_model}." if settings.has_model else NO_MODEL
    return (f"You are {slack.people.agent.real_name}; everybody here is invented.", model, recorded)
