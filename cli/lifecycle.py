"""The running bot: starts in order, does its regular work, stops in reverse."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import aiohttp
from aiohttp import web

from bot.drafting import Drafter, ModelSource
from bot.experiments.assigner import REFRESH_EVERY_S as REFRESH_ARMS_EVERY_S
from bot.experiments.guardrail import LOOK_EVERY_S
from bot.experiments.plan import ExperimentError, ExperimentPlan
from bot.experiments.start import make_experiment, start_experiment
from bot.operations.metrics import Metrics
from bot.operations.recovery import HEARTBEAT_S, Recoverer
from bot.ordering.learned import REFRESH_EVERY_S, LearnedOrderer
from bot.playbook import load_playbook
from bot.privacy.service import PrivacyService
from bot.proxies import Route
from bot.ranking.training import CHECK_EVERY_S
from bot.suggesting.pause import PauseSwitch
from bot.suggesting.suggest import Suggester
from cli import clock, database_location, readiness, wiring
from cli.errors import Failed, SettingsError
from cli.repositories import Records
from cli.settings import FIXES, Settings
from cli.stop_signals import call_at_stop_signals
from cli.workers.child import ChildFailed, run_in_child
from cli.workers.export_process import ProcessExporter, remove_abandoned_exports
from handlers.app import Dependencies, SlackHandlers
from handlers.background_tasks import BackgroundTasks
from handlers.http import Health, build_health_app, build_slack_app, listen
from handlers.slack.call_metrics import trace_failed_calls
from handlers.slack.client import Connection, Installations, SlackRefused, SlackUnreachable
from handlers.slack.courier import SlackCourier
from handlers.slack.threads import Threads
from handlers.slack.users import Users
from handlers.socket_mode import SocketModeConnection
from storage.errors import DatabaseUnavailable, DatabaseUnreachable

SWEEP_EVERY_S = 60.0
SCRUB_EVERY_S = 5.0
"""How long what was forgotten may still be found on the disk, in SQLite's write-ahead log."""
RETRY_EVERY_S = 5.0
TAKEN_AT_ONCE = 10
"""Handfuls of work, 20 pieces each, that one look takes over."""
DRAIN_LIMIT_S = 10.0
"""On top of the deadline: what drafts at shutdown is still shown."""

_log = logging.getLogger(__name__)

_T = TypeVar("_T")


Address = tuple[str, int]
"""Host and port."""


async def run_until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Do the work to its end; SIGTERM and SIGINT cancel it, and what it has to close is closed. Raises what it does."""
    task = asyncio.create_task(work, name="work")
    with call_at_stop_signals(task.cancel):
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


@asynccontextmanager
async def run_bot(  # long: the wiring of the whole bot, read once from top to bottom
    settings: Settings, *, http: Address | None, health: Address | None, models: ModelSource | None = None
) -> AsyncIterator[int | None]:
    """Run the bot, accepting work inside the block; yield the port that it listens on, if it does.

    `models` are those that the settings name, unless they are given. Raises SettingsError, Failed, PlaybookError.
    """
    playbook = load_playbook(settings.suggest_playbook)
    await asyncio.to_thread(remove_abandoned_exports, clock.now().timestamp())
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        records = await _open_database(stack, database_location.Location.of_settings(settings), metrics)
        drafter = await stack.enter_async_context(wiring.open_drafter(settings, models=models))
        embedder = await stack.enter_async_context(wiring.open_embedder(settings))
        route = Route.find(settings.slack_api_url)
        trace = trace_failed_calls(settings.slack_api_url, metrics.count_slack_error)
        session = await stack.enter_async_context(
            route.open_session(trace_configs=[trace], cookie_jar=aiohttp.DummyCookieJar())
        )
        connection = _make_connection(settings, session)
        installations = Installations(await _wait_for_slack(connection.install, "SLACK_BOT_TOKEN"))
        pausing = wiring.make_pause_switch(records=records)
        ordering = await _start_learning(stack, settings, records, metrics)
        privacy = wiring.make_privacy_service(settings, records=records, playbook=playbook)
        assigner = wiring.make_assigner(settings, records=records, playbook=playbook, privacy=privacy)
        if playbook.experiment is not None:
            await _start_planned(settings, records, playbook.experiment)
        await _run_and_repeat(stack, assigner.refresh, every_s=REFRESH_ARMS_EVERY_S)
        suggester = await wiring.make_suggester(
            settings,
            records=records,
            drafter=drafter,
            playbook=playbook,
            privacy=privacy,
            metrics=metrics,
            slots=drafter.limiter,
            pausing=pausing,
            orderer=ordering,
            embedder=embedder,
            assigner=assigner,
        )
        dependencies = _build_dependencies(
            settings, records, installations, session, suggester, pausing, privacy, metrics
        )
        handlers = SlackHandlers(dependencies, api_url=settings.slack_api_url, session=session)
        bolt = connection.build_app(installations, signing_secret=_get_signing_secret(settings))
        handlers.register(bolt)
        recoverer = wiring.make_recoverer(
            records=records, privacy=privacy, deliverer=dependencies.deliverer, metrics=metrics
        )
        await recoverer.join()
        stack.push_async_callback(recoverer.leave)
        stack.push_async_callback(_drain, dependencies.tasks, settings.suggest_deadline_s + DRAIN_LIMIT_S)
        await _run_and_repeat(stack, wiring.make_housekeeper(settings, records=records).sweep, every_s=SWEEP_EVERY_S)
        await _run_and_repeat(stack, records.database.scrub, every_s=SCRUB_EVERY_S)
        guardrail = wiring.make_guardrail(settings, records=records, announcer=handlers)
        _repeat(stack, guardrail.look, every_s=LOOK_EVERY_S)
        await _run_and_repeat(stack, partial(_keep_alive, recoverer, handlers), every_s=HEARTBEAT_S)
        model = await stack.enter_async_context(wiring.open_model_server(settings)) if settings.has_model else None
        ready = readiness.Readiness(records=records, connection=connection, model=model, metrics=metrics)
        probes = Health(ready=ready.check, metrics=partial(_expose_metrics, metrics, drafter, ready))
        yield await _accept_work(stack, bolt, settings, connection, route, http=http, health=health, probes=probes)


def _build_dependencies(
    settings: Settings,
    records: Records,
    installations: Installations,
    session: aiohttp.ClientSession,
    suggester: Suggester,
    pausing: PauseSwitch,
    privacy: PrivacyService,
    metrics: Metrics,
) -> Dependencies:
    """Build all that the handlers need from below."""
    users = Users(clock=clock.monotonic)
    threads = Threads(installations=installations, users=users, customer_apps=frozenset(settings.suggest_customer_apps))
    courier = SlackCourier(installations=installations, users=users, session=session, now=clock.now)
    return Dependencies(
        suggester=suggester,
        pausing=pausing,
        home=wiring.make_home(records=records, privacy=privacy, pausing=pausing, simulated=not settings.has_model),
        admins=frozenset(settings.suggest_admins),
        usergroups=frozenset(settings.suggest_allowed_usergroups),
        users=users,
        installations=installations,
        threads=threads,
        chooser=wiring.make_chooser(settings, records=records, privacy=privacy, metrics=metrics, conversations=threads),
        deliverer=wiring.make_deliverer(records=records, privacy=privacy, courier=courier, metrics=metrics),
        exporter=ProcessExporter(database_location.Location.of_settings(settings), settings.suggest_pseudonym_key),
        idempotency_keys=records.idempotency_keys,
        tasks=BackgroundTasks(),
        now=clock.now,
        clock=clock.monotonic,
    )


async def _open_database(stack: AsyncExitStack, location: database_location.Location, metrics: Metrics) -> Records:
    """Open the database, and wait for a server that does not answer yet. Raises Failed for other troubles."""
    while True:
        try:
            if not await database_location.is_current(location):
                with suppress(ChildFailed):  # what is wrong is said when the database is opened
                    await run_in_child("cli.workers.migration", {"database_url": location.url})
            return await stack.enter_async_context(
                database_location.open_or_create(location, observe=metrics.observe_write)
            )
        except Failed as error:
            if not isinstance(error.__cause__, DatabaseUnreachable):
                raise
            _log.warning("%s; trying again in %s s", error, RETRY_EVERY_S)
            await asyncio.sleep(RETRY_EVERY_S)


async def _accept_work(
    stack: AsyncExitStack,
    bolt: Any,
    settings: Settings,
    connection: Connection,
    route: Route,
    *,
    http: Address | None,
    health: Address | None,
    probes: Health,
) -> int | None:
    """Start to accept; at the end of the stack these close first. Return the port, if one is listened on."""
    if http is not None:
        return await _listen(
            stack, build_slack_app(bolt, signing_secret=_get_signing_secret(settings), health=probes), http
        )
    port = await _listen(stack, build_health_app(probes), health) if health is not None else None
    assert settings.slack_app_token is not None
    socket = SocketModeConnection(
        bolt,
        app_token=settings.slack_app_token.get_secret_value(),
        connection=connection,
        open_session=route.open_session,
    )
    stack.push_async_callback(socket.aclose)
    await _wait_for_slack(socket.connect, "SLACK_APP_TOKEN")
    _log.info("connected to Slack over Socket Mode")
    return port


async def _listen(stack: AsyncExitStack, app: web.Application, address: Address) -> int:
    """Listen on an address, until the stack ends. Raises SettingsError if that cannot be."""
    host, port = address
    try:
        runner, port = await listen(app, host=host, port=port)
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    stack.push_async_callback(runner.cleanup)
    _log.info("listening on http://%s:%s", host, port)
    return port


def _make_connection(settings: Settings, session: aiohttp.ClientSession) -> Connection:
    assert settings.slack_bot_token is not None
    return Connection(settings.slack_bot_token.get_secret_value(), api_url=settings.slack_api_url, session=session)


async def _wait_for_slack(ask: Callable[[], Awaitable[_T]], setting: str) -> _T:
    """Ask Slack until it answers. Raises SettingsError if it refuses the token of this setting."""
    while True:
        try:
            return await ask()
        except SlackRefused as error:
            raise SettingsError(f"{setting} is refused by Slack ({error}): {FIXES[setting]}") from error
        except SlackUnreachable as error:
            _log.warning("Slack cannot be reached (%s): trying again in %s s", error, RETRY_EVERY_S)
            await asyncio.sleep(RETRY_EVERY_S)


def _get_signing_secret(settings: Settings) -> str:
    secret = settings.slack_signing_secret
    return "" if secret is None else secret.get_secret_value()


async def _keep_alive(recoverer: Recoverer, handlers: SlackHandlers) -> None:
    """Send this replica's heartbeat, and go on with what dead ones left behind."""
    await recoverer.beat()
    for _ in range(TAKEN_AT_ONCE):
        left = await recoverer.take_over()
        handlers.resume(left)
        if left.is_empty:
            return


async def _start_planned(settings: Settings, records: Records, plan: ExperimentPlan) -> None:
    """Start the experiment of the settings' playbook, unless its name has been one already. Raises PlaybookError."""
    assert settings.suggest_playbook is not None
    if await records.experiments.get(plan.name) is not None:
        return
    folder, model = settings.suggest_playbook.parent, settings.suggest_model
    experiment = make_experiment(
        plan, folder=folder, default_model=model, actor="playbook", at=clock.now(), new_salt=clock.new_salt
    )
    try:
        await start_experiment(records.experiments, experiment)
    except ExperimentError as error:
        _log.warning("the playbook's experiment does not run: %s", error)


async def _start_learning(
    stack: AsyncExitStack, settings: Settings, records: Records, metrics: Metrics
) -> LearnedOrderer | None:
    """Start to follow the learned order and to refit it; return None if that is switched off."""
    if settings.suggest_ranking == "off":
        return None
    ordering = wiring.make_orderer(records=records, metrics=metrics)
    await _run_and_repeat(stack, ordering.refresh, every_s=REFRESH_EVERY_S)
    learner = wiring.make_refit_scheduler(settings, records=records, metrics=metrics)
    _repeat(stack, learner.refit_if_due, every_s=CHECK_EVERY_S)
    return ordering


async def _run_and_repeat(stack: AsyncExitStack, work: Callable[[], Awaitable[object]], *, every_s: float) -> None:
    """Do `work` once now, and again and again until the stack ends."""
    await _attempt(work)
    _repeat(stack, work, every_s=every_s)


def _repeat(stack: AsyncExitStack, work: Callable[[], Awaitable[object]], *, every_s: float) -> None:
    """Do `work` again and again until the stack ends; the first time after `every_s`."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(every_s)
            await _attempt(work)

    stack.push_async_callback(_cancel, asyncio.create_task(repeat()))


async def _attempt(work: Callable[[], Awaitable[object]]) -> None:
    """Do `work`; log what goes wrong, for it is tried again."""
    try:
        await work()
    except DatabaseUnavailable as error:
        _log.warning("the database does not take writes: %s", error)
    except Exception:  # noqa: BLE001 - the root: what nobody catches would end the repetition unseen
        _log.exception("a regular piece of work failed")


async def _expose_metrics(metrics: Metrics, drafter: Drafter, ready: readiness.Readiness) -> tuple[bytes, str]:
    await ready.check_model()
    return metrics.render_exposition(
        in_flight=drafter.limiter.in_flight, waiting=drafter.limiter.queue_length, tasks=len(asyncio.all_tasks())
    )


async def _drain(tasks: BackgroundTasks, limit_s: float) -> None:
    """Let background tasks finish, for `limit_s` at most; then cancel them."""
    cancelled = await tasks.drain(limit_s)
    if cancelled:
        _log.warning("%s pieces of work did not finish in time; they go on after the next start", cancelled)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
