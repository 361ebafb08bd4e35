"""A handler's context: the bot's services, and one payload with its sender."""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import AdminRequired
from bot.i18n.texts import Texts, get_texts
from bot.suggesting.choose import Chooser
from bot.suggesting.deliver import Deliverer
from bot.suggesting.pause import PauseSwitch
from bot.suggesting.suggest import Suggester
from handlers.background_tasks import BackgroundTasks
from handlers.colleague_notices import ColleagueNotices
from handlers.display import ReplyDisplay
from handlers.error_messages import report_errors
from handlers.export_jobs import ExportJobs, KeyRegistry
from handlers.payloads import MalformedPayload, Origin
from handlers.slack.client import BotIdentity
from handlers.slack.ephemeral import EphemeralMessages
from handlers.slack.live_message import LiveMessages
from handlers.slack.users import SlackUser, Users
from storage.records import Request

Ack = Callable[..., Awaitable[BoltResponse]]
Work = Coroutine[Any, Any, None]
"""What follows an acknowledgement."""

_log = logging.getLogger(__name__)


class HasUser(Protocol):
    """A payload that says who sent it."""

    @property
    def user_id(self) -> str: ...


class HasOrigin(HasUser, Protocol):
    """A payload that says where its sender comes from, too."""

    @property
    def team_id(self) -> str: ...

    @property
    def origin(self) -> Origin: ...


P = TypeVar("P", bound=HasUser)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All that handlers call. `client` waits as told where Slack answers 429."""

    client: AsyncWebClient
    suggester: Suggester
    chooser: Chooser
    deliverer: Deliverer
    pausing: PauseSwitch
    exports: ExportJobs
    idempotency_keys: KeyRegistry
    display: ReplyDisplay
    ephemeral: EphemeralMessages
    live_messages: LiveMessages
    colleagues: ColleagueNotices
    users: Users
    identity: BotIdentity
    admins: frozenset[str]
    tasks: BackgroundTasks
    now: Callable[[], datetime]

    def is_admin(self, user: SlackUser, payload: HasOrigin) -> bool:
        """Tell whether somebody may do what is for admins: of the bot's own workspace, or named in the settings."""
        is_home = self.identity.is_home_of(payload.team_id, payload.origin)
        return is_home and (user.is_admin or payload.user_id in self.admins)

    def check_admin(self, user: SlackUser, payload: HasOrigin) -> None:
        """Raise AdminRequired for anybody else, with whom to ask."""
        if not self.is_admin(user, payload):
            raise AdminRequired(helpers=tuple(sorted(self.admins)))

    def follow_up(self, request: Request, texts: Texts, work: Work) -> None:
        """Do `work` in the background; should it fail, the request's agent is told."""
        self.tasks.spawn(self.display.run_and_report(request, texts, work), name=f"follow up {request.id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Generic[P]):
    """A payload with its sender, the texts in their language, and how to acknowledge it."""

    payload: P
    user: SlackUser
    texts: Texts
    ack: Ack


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
    user = await services.users.get(payload.user_id)
    context = Context(payload=payload, user=user, texts=get_texts(user.locale), ack=ack)
    async with report_errors(partial(refuse, services, context), context.texts, again=ack):
        await answer(services, context)
