"""A handler's context: the bot's services, and one payload with its sender."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from slack_bolt.response import BoltResponse

from bot.i18n.texts import Texts, get_texts
from bot.suggesting.admission import Ask
from bot.suggesting.choose import Chooser
from bot.suggesting.clicks import Click
from bot.suggesting.deliver import Deliverer
from bot.suggesting.home import AgentHome
from bot.suggesting.pause import PauseSwitch
from bot.suggesting.suggest import Suggester
from handlers.background_tasks import BackgroundTasks
from handlers.colleague_notices import ColleagueNotices
from handlers.display import ReplyDisplay
from handlers.error_messages import report_errors
from handlers.export_jobs import ExportJobs, KeyRegistry
from handlers.payloads import MalformedPayload, Sender
from handlers.slack.client import Installation, Installations
from handlers.slack.ephemeral import EphemeralMessages
from handlers.slack.live_message import LiveMessages
from handlers.slack.users import SlackUser, Users
from storage.errors import DatabaseUnavailable
from storage.records import AgentSettings, Request, ResponseUrl, Surface, Turn

SETTINGS_LIMIT_S: Final = 0.8
"""Beside a write that a hanging database takes 1.5 s to give up, this fits into Slack's three seconds."""

Ack = Callable[..., Awaitable[BoltResponse]]
Work = Coroutine[Any, Any, object]
"""What follows an acknowledgement."""

_log = logging.getLogger(__name__)


class HasSender(Protocol):
    """A payload that says who sent it."""

    @property
    def sender(self) -> Sender: ...


P = TypeVar("P", bound=HasSender)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All that handlers call."""

    installations: Installations
    suggester: Suggester
    chooser: Chooser
    deliverer: Deliverer
    pausing: PauseSwitch
    home: AgentHome
    exports: ExportJobs
    idempotency_keys: KeyRegistry
    display: ReplyDisplay
    ephemeral: EphemeralMessages
    live_messages: LiveMessages
    colleagues: ColleagueNotices
    users: Users
    admins: frozenset[str]
    tasks: BackgroundTasks
    now: Callable[[], datetime]

    def follow_up(self, request: Request, texts: Texts, work: Work) -> None:
        """Do `work` in the background; should it fail, the request's agent is told."""
        self.tasks.spawn(self.display.run_and_report(request, texts, work), name=f"follow up {request.id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Generic[P]):
    """A payload with its sender, the texts in their language, how to acknowledge it, and the bot that it came to.

    `is_of_grid`: the sender is of the bot's own Grid. `is_admin`: they may do what is for admins, of the bot's own
    workspace or named in the settings. `owner_id`: the team or Grid in which the sender's id is unique.
    """

    payload: P
    user: SlackUser
    texts: Texts
    ack: Ack
    installation: Installation
    is_of_grid: bool
    is_admin: bool
    owner_id: str
    settings: AgentSettings

    def build_ask(
        self,
        *,
        surface: Surface,
        channel_id: str,
        conversation: Sequence[Turn],
        idempotency_key: str,
        thread_ts: str | None = None,
        pointed_ts: str | None = None,
        hint: str | None = None,
        response_url: ResponseUrl | None = None,
    ) -> Ask:
        """Build the sender's ask for candidates."""
        return Ask(
            team_id=self.payload.sender.team_id,
            is_of_grid=self.is_of_grid,
            channel_id=channel_id,
            thread_ts=thread_ts,
            agent_id=self.payload.sender.user_id,
            pointed_ts=pointed_ts,
            surface=surface,
            locale=self.user.locale,
            conversation=tuple(conversation),
            hint=hint,
            idempotency_key=idempotency_key,
            response_url=response_url,
            settings=self.settings,
        )

    def build_click(
        self, key: str, *, response_url: ResponseUrl | None = None, seen: frozenset[str] | None = None
    ) -> Click:
        """Build the sender's click, which counts once for each key."""
        sender = self.payload.sender
        return Click(
            team_id=sender.team_id,
            own_team_id=sender.own_team_id,
            is_of_grid=self.is_of_grid,
            agent_id=sender.user_id,
            idempotency_key=key,
            response_url=response_url,
            seen=seen,
            settings=self.settings,
        )


async def handle(
    services: Services,
    ack: Ack,
    body: Mapping[str, Any],
    *,
    parse: Callable[[Mapping[str, Any]], P],
    answer: Callable[[Services, Context[P]], Awaitable[None]],
    refuse: Callable[[Services, Context[P], str], Awaitable[object]],
    malformed: str = "",
) -> None:
    """Parse a payload and answer it. What goes wrong is put in words for `refuse`, which acknowledges.

    A malformed payload is acknowledged with the text `malformed`; one that was delivered before is acknowledged only.
    """
    try:
        payload = parse(body)
    except MalformedPayload as error:
        _log.warning("malformed payload: %s", error)
        await ack(malformed)
        return
    context = await build_context(services, payload, ack)
    async with report_errors(partial(refuse, services, context), context.texts, again=ack):
        await answer(services, context)


async def build_context(services: Services, payload: P, ack: Ack) -> Context[P]:
    """Look the sender and their settings up, and build the context of their payload."""
    sender = payload.sender
    installation = services.installations.find(sender.team_id, sender.enterprise_id)
    is_of_grid = installation.identity.shares_grid(sender)
    owner_id = (sender.enterprise_id if is_of_grid else None) or sender.team_id
    user, settings = await asyncio.gather(
        services.users.get(sender.user_id, installation), _get_settings(services, owner_id, payload)
    )
    user = replace(user, locale=settings.language or user.locale)
    is_admin = installation.identity.is_home_of(sender) and (user.is_admin or sender.user_id in services.admins)
    return Context(
        payload=payload,
        user=user,
        texts=get_texts(user.locale, services.suggester.playbook.task),
        ack=ack,
        installation=installation,
        is_of_grid=is_of_grid,
        is_admin=is_admin,
        owner_id=owner_id,
        settings=settings,
    )


async def _get_settings(services: Services, owner_id: str, payload: HasSender) -> AgentSettings:
    """Get what counts for the sender where they are; what counted before where the database is not in time.

    A modal tells no channel, but the request or candidate that it is about.
    """
    agent_id, channel_id = payload.sender.user_id, getattr(payload, "channel_id", None)
    about = getattr(payload, "request_id", None) or getattr(payload, "metadata", None) or None
    reading = asyncio.ensure_future(
        services.home.get_effective_settings(owner_id, agent_id, channel_id=channel_id, about=about)
    )
    # Not cancelled at the limit: a driver waits for the answer to a cancellation, too.
    reading.add_done_callback(lambda done: done.cancelled() or done.exception())
    done, _ = await asyncio.wait({reading}, timeout=SETTINGS_LIMIT_S)
    try:
        if done:
            return reading.result()
        error: Exception = TimeoutError("no answer in time")
    except DatabaseUnavailable as unavailable:
        error = unavailable
    _log.warning("the settings of an agent could not be read: %s", error, extra={"agent_id": agent_id})
    return services.home.recall_settings(owner_id, agent_id, channel_id)
