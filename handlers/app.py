"""Registers every handler on a Bolt app: what Slack calls back by an id, as the table of actions says."""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import Any

import aiohttp
from slack_bolt.app.async_app import AsyncApp

from bot.i18n.texts import Texts, get_texts
from bot.operations.recovery import RecoveredWork
from bot.suggesting.choose import Chooser
from bot.suggesting.deliver import Deliverer, DeliveryRefused
from bot.suggesting.home import AgentHome
from bot.suggesting.pause import PauseSwitch
from bot.suggesting.suggest import Suggester
from bot.surfaces import SURFACES
from handlers.actions.click_listener import on_click
from handlers.background_tasks import BackgroundTasks
from handlers.blocks.action_ids import ACTIONS, Action
from handlers.blocks.messages import build_notice
from handlers.colleague_notices import ColleagueNotices
from handlers.commands.suggest import on_suggest
from handlers.context import Ack, Services
from handlers.display import ReplyDisplay
from handlers.events.direct_message import on_direct_message
from handlers.events.home_opened import on_home_opened
from handlers.events.mention import on_mention
from handlers.export_jobs import Exporter, ExportJobs, KeyRegistry
from handlers.middleware.access import AccessControl
from handlers.middleware.trusted_origins import TrustedOrigins
from handlers.progressive_display import ProgressiveDisplay
from handlers.slack.client import Installations
from handlers.slack.ephemeral import EphemeralMessages, NotShown
from handlers.slack.file_uploads import FileUploads
from handlers.slack.live_message import LiveMessages
from handlers.slack.threads import Threads
from handlers.slack.usergroups import Usergroups
from handlers.slack.users import Users
from storage.records import Delivery, Request

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """All that the handlers need from below, wired by `cli/`.

    `usergroups`: those whose members may use the bot; all members may where there are none.
    """

    suggester: Suggester
    pausing: PauseSwitch
    home: AgentHome
    admins: frozenset[str]
    usergroups: frozenset[str]
    users: Users
    installations: Installations
    threads: Threads
    chooser: Chooser
    deliverer: Deliverer
    exporter: Exporter
    idempotency_keys: KeyRegistry
    tasks: BackgroundTasks
    now: Callable[[], datetime]
    clock: Callable[[], float]


class SlackHandlers:
    """Every command, button and view of the product, wherever the bot is installed."""

    def __init__(  # long: the wiring of the whole Slack edge, read once from top to bottom
        self, dependencies: Dependencies, *, api_url: str, session: aiohttp.ClientSession
    ) -> None:
        needs, installations = dependencies, dependencies.installations
        live_messages = LiveMessages(installations=installations, clock=needs.clock)
        ephemeral = EphemeralMessages(
            installations=installations, live_messages=live_messages, session=session, now=needs.now
        )
        self._origins = TrustedOrigins(api_url)
        self._access = AccessControl(
            users=needs.users,
            usergroups=Usergroups(needs.usergroups, clock=needs.clock),
            admins=needs.admins,
            installations=installations,
            ephemeral=ephemeral,
            tasks=needs.tasks,
            now=needs.now,
            task=needs.suggester.playbook.task,
        )
        display = ReplyDisplay(
            suggester=needs.suggester,
            installations=installations,
            ephemeral=ephemeral,
            live_messages=live_messages,
            progressive=ProgressiveDisplay(suggester=needs.suggester, live_messages=live_messages, now=needs.now),
            threads=needs.threads,
            now=needs.now,
        )
        self._services = Services(
            installations=installations,
            suggester=needs.suggester,
            chooser=needs.chooser,
            deliverer=needs.deliverer,
            pausing=needs.pausing,
            home=needs.home,
            exports=ExportJobs(
                exporter=needs.exporter,
                files=FileUploads(installations=installations, session=session),
                ephemeral=ephemeral,
            ),
            idempotency_keys=needs.idempotency_keys,
            display=display,
            ephemeral=ephemeral,
            live_messages=live_messages,
            colleagues=ColleagueNotices(suggester=needs.suggester, ephemeral=ephemeral),
            users=needs.users,
            admins=needs.admins,
            tasks=needs.tasks,
            now=needs.now,
        )

    def register(self, app: AsyncApp) -> None:
        """Register the middleware, then every listener."""
        services = self._services
        app.middleware(self._origins.drop_untrusted)
        app.middleware(self._access.admit)
        app.command("/suggest")(partial(on_suggest, services))
        for action in ACTIONS:
            register = getattr(app, "action" if action.kind == "click" else action.kind)
            register(action.id)(self._build_listener(action) if action.handler else _acknowledge)
        # Bolt acknowledges an event before its listener runs; a listener's middleware runs, and commits, before that.
        app.event("app_mention", middleware=[partial(on_mention, services)])(_ignore)
        app.event("message", middleware=[partial(on_direct_message, services)])(_ignore)
        app.event("app_home_opened")(partial(on_home_opened, services))

    def _build_listener(self, action: Action) -> Callable[..., Awaitable[None]]:
        """Build the listener of an action: a step of a click, or a whole listener."""
        module, _, name = action.handler.partition(":")
        handler = getattr(import_module(f"handlers.{module}"), name)
        return on_click(self._services, handler) if action.kind == "click" else partial(handler, self._services)

    def resume(self, recovered: RecoveredWork) -> None:
        """Go on with the work of a replica that is gone, each piece for itself; its agent is told."""
        services, display = self._services, self._services.display
        started_at = services.now()
        for request in recovered.to_draft:
            draft = display.draft_in_thread if _is_unread(request) else display.draft_and_show
            self._go_on(request, partial(draft, request, started_at=started_at))
        for entry in recovered.to_show:
            self._go_on(entry.request, partial(display.show, entry))
        if recovered.to_delete:
            services.tasks.spawn(self._delete(recovered.to_delete), name="delete what was undone")
        for chosen in recovered.to_deliver:
            self._go_on(chosen.request, partial(display.deliver_and_confirm, services.deliverer, chosen))

    async def announce_stop(self, admin: str, *, experiment: str, arm: str) -> bool:
        """Tell an admin, by a direct message, that the guardrail stopped an experiment.

        False if it has to be tried again; who cannot be told at all is named in the log.
        """
        services, installation = self._services, self._services.installations.find(None)
        user = await services.users.get(admin, installation)
        notice = build_notice(get_texts(user.locale)("experiment-stopped", name=experiment, arm=arm))
        try:
            await services.ephemeral.send_directly(admin, notice, team_id=installation.identity.team_id)
        except NotShown as error:
            _log.warning("not told that an experiment was stopped: %s", error, extra={"agent_id": admin})
            return isinstance(error.__cause__, DeliveryRefused)
        return True

    async def _delete(self, parts: Sequence[Delivery]) -> None:
        """Delete parts of undone replies. Nobody waits: their agents were told at the undo."""
        await self._services.deliverer.retract(parts)

    def _go_on(self, request: Request, work: Callable[[Texts], Coroutine[Any, Any, None]]) -> None:
        """Do `work` with texts in the language of the request's agent, who is told should it fail."""
        texts = get_texts(request.locale, request.task)
        self._services.follow_up(request, texts, work(texts))


def _is_unread(request: Request) -> bool:
    """Tell whether the process before this one ended before it had read the thread, or shown anything."""
    is_in_thread = SURFACES[request.surface].reads_thread and request.thread_ts is not None
    return is_in_thread and request.seen_ts is None and request.sent_to_slack_at is None


async def _acknowledge(ack: Ack) -> None:
    """Close a modal that only shows something."""
    await ack()


async def _ignore() -> None:
    """Do nothing: what there was to do for an event is done before Bolt calls its listener."""
