"""Registers every handler on a Bolt app, by call."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import aiohttp
from slack_bolt.app.async_app import AsyncApp

from bot.i18n.texts import Texts, texts_for
from bot.operations.recovery import RecoveredWork
from bot.suggesting.choose import Chooser
from bot.suggesting.deliver import Deliverer
from bot.suggesting.pause import PauseSwitch
from bot.suggesting.suggest import Suggester
from handlers.actions.candidates import Clicks
from handlers.background_tasks import BackgroundTasks
from handlers.blocks.action_ids import (
    DISMISS,
    EDIT,
    EDIT_ANYWAY_VIEW,
    EDIT_VIEW,
    EXPORT_VIEW,
    GLOBAL_SHORTCUT,
    LANGUAGE_VIEW,
    MESSAGE_SHORTCUT,
    PASTE_VIEW,
    POST,
    REASON,
    REDRAFT,
    STEER,
    UNDO,
    USE,
    USE_ANYWAY,
)
from handlers.blocks.candidates import Labels
from handlers.colleague_notices import ColleagueNotices
from handlers.commands.suggest import Commands
from handlers.display import ReplyDisplay
from handlers.middleware.access import AccessControl
from handlers.middleware.trusted_origins import TrustedOrigins
from handlers.progressive_display import ProgressiveDisplay
from handlers.shortcuts.surfaces import Surfaces
from handlers.slack.client import BotIdentity, Connection
from handlers.slack.ephemeral import EphemeralMessages
from handlers.slack.live_message import LiveMessages
from handlers.slack.threads import Threads
from handlers.slack.usergroups import Usergroups
from handlers.slack.users import Users
from handlers.views.export_log import Exporter, Exports, Seen
from storage.records import Delivery, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """All that the handlers need from below, wired by `cli/`.

    `usergroups`: those whose members may use the bot; all members may where there are none.
    """

    suggester: Suggester
    pausing: PauseSwitch
    admins: frozenset[str]
    usergroups: frozenset[str]
    users: Users
    identity: BotIdentity
    threads: Threads
    chooser: Chooser
    deliverer: Deliverer
    exporter: Exporter
    seen: Seen
    tasks: BackgroundTasks
    now: Callable[[], datetime]
    clock: Callable[[], float]


class SlackHandlers:
    """Every command, button and view of the product, on one workspace."""

    def __init__(self, doors: Dependencies, *, connection: Connection, session: aiohttp.ClientSession) -> None:
        self._doors = doors
        self._origins = TrustedOrigins(connection.client.base_url)
        labels = Labels(styles={style.name: style.label for style in doors.suggester.playbook.styles})
        live_messages = LiveMessages(client=connection.patient_client(), clock=doors.clock)
        private = EphemeralMessages(
            client=connection.client, live_messages=live_messages, session=session, now=doors.now
        )
        users = doors.users
        self._gate = AccessControl(
            users=users,
            usergroups=Usergroups(doors.usergroups, client=connection.client, clock=doors.clock),
            admins=doors.admins,
            client=connection.client,
            private=private,
            tasks=doors.tasks,
            now=doors.now,
        )
        progressive = ProgressiveDisplay(
            suggester=doors.suggester, live_messages=live_messages, labels=labels, now=doors.now
        )
        self._display = ReplyDisplay(
            suggester=doors.suggester,
            private=private,
            live_messages=live_messages,
            progressive=progressive,
            threads=doors.threads,
            labels=labels,
            now=doors.now,
        )
        colleagues = ColleagueNotices(suggester=doors.suggester, private=private)
        self._exports = Exports(
            exporter=doors.exporter,
            seen=doors.seen,
            client=connection.patient_client(),
            session=session,
            private=private,
            users=users,
            admins=doors.admins,
            tasks=doors.tasks,
            identity=doors.identity,
            now=doors.now,
        )
        self._commands = Commands(
            suggester=doors.suggester,
            pausing=doors.pausing,
            admins=doors.admins,
            display=self._display,
            colleagues=colleagues,
            exports=self._exports,
            seen=doors.seen,
            users=users,
            tasks=doors.tasks,
            identity=doors.identity,
            now=doors.now,
        )
        self._clicks = Clicks(
            client=connection.patient_client(),
            suggester=doors.suggester,
            chooser=doors.chooser,
            deliverer=doors.deliverer,
            display=self._display,
            private=private,
            live_messages=live_messages,
            users=users,
            tasks=doors.tasks,
            identity=doors.identity,
            now=doors.now,
        )
        client = connection.patient_client()
        self._surfaces = Surfaces(
            client=client,
            suggester=doors.suggester,
            display=self._display,
            live_messages=live_messages,
            threads=doors.threads,
            private=private,
            colleagues=colleagues,
            users=users,
            tasks=doors.tasks,
            identity=doors.identity,
            now=doors.now,
        )

    def register(self, app: AsyncApp) -> None:
        """By call, so that types survive."""
        clicks = self._clicks
        app.middleware(self._origins.drop_foreign)
        app.middleware(self._gate.admit)
        app.command("/suggest")(self._commands.on_suggest)
        app.action(USE)(clicks.listening(clicks.use))
        app.action(USE_ANYWAY)(clicks.listening(clicks.use_anyway))
        app.action(EDIT)(clicks.listening(clicks.edit))
        app.action(REDRAFT)(clicks.listening(clicks.redraft))
        app.action(STEER)(clicks.listening(clicks.steer))
        app.action(DISMISS)(clicks.listening(clicks.dismiss))
        app.action(REASON)(clicks.listening(clicks.give_reason))
        app.action(UNDO)(clicks.listening(clicks.undo))
        app.action(POST)(clicks.listening(clicks.post))
        app.view(EDIT_VIEW)(clicks.on_submit)
        app.view(EDIT_ANYWAY_VIEW)(clicks.on_submit_anyway)
        app.view(LANGUAGE_VIEW)(clicks.on_language)
        surfaces = self._surfaces
        app.message_shortcut(MESSAGE_SHORTCUT)(surfaces.on_message_shortcut)
        app.global_shortcut(GLOBAL_SHORTCUT)(surfaces.on_global_shortcut)
        app.view(PASTE_VIEW)(surfaces.on_pasted)
        # Bolt acknowledges an event before its listener runs; a listener's middleware runs, and commits, before that.
        app.event("app_mention", middleware=[surfaces.on_mention])(_done)
        app.event("message", middleware=[surfaces.on_direct_message])(_done)
        app.view(EXPORT_VIEW)(self._exports.on_submit)

    def resume(self, left: RecoveredWork) -> None:
        """Work taken over from a replica that is gone goes on, each piece for itself, and its agent is told."""
        started_at = self._doors.now()
        for request in left.to_draft:
            going_on = self._surfaces.in_thread if _is_unread(request) else self._display.draft_and_show
            self._go_on(request, partial(going_on, request, started_at=started_at))
        for entry in left.to_show:
            self._go_on(entry.request, partial(self._display.show, entry))
        if left.to_delete:
            self._doors.tasks.spawn(self._delete(left.to_delete), name="delete what was undone")
        for chosen in left.to_deliver:
            self._go_on(chosen.request, partial(self._display.deliver, self._doors.deliverer, chosen))

    async def _delete(self, parts: Sequence[Delivery]) -> None:
        """Their agents were told at the undo, or saw that it did not end: nobody waits for this."""
        await self._doors.deliverer.retract(parts)

    def _go_on(self, request: Request, work: Callable[[Texts], Coroutine[Any, Any, None]]) -> None:
        texts = texts_for(request.locale)
        self._doors.tasks.spawn(self._display.run_and_report(request, texts, work(texts)), name=f"go on with {request.id}")


def _is_unread(request: Request) -> bool:
    """Whether the process before this one ended before it had read the thread, or shown anything."""
    is_in_thread = request.surface in {"shortcut", "mention"} and request.thread_ts is not None
    return is_in_thread and request.seen_ts is None and request.sent_to_slack_at is None


async def _done() -> None:
    """What there was to do for an event is done before Bolt calls its listener."""
