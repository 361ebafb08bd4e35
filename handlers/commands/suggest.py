"""`/suggest`: the customer's message in, private replies out."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from bot.errors import AdminRequired
from bot.i18n.texts import DEFAULT_LOCALE, Texts, texts_for
from bot.suggesting.pause import PauseSwitch
from bot.suggesting.suggest import Ask, Suggester
from handlers.background_tasks import BackgroundTasks
from handlers.colleague_notices import ColleagueNotices
from handlers.display import ReplyDisplay, reached_by, to_response_url
from handlers.error_messages import report_errors
from handlers.payloads import CommandPayload, MalformedPayload, parse_command
from handlers.slack.client import BotIdentity
from handlers.slack.users import Users
from handlers.views.export_log import Exports, Seen
from storage.records import LogEntry, Request, ResponseUrl, Turn

HINT_MARK: Final = " // "

Ack = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A slash command with what answering it takes."""

    command: CommandPayload
    locale: str
    is_admin: bool
    texts: Texts
    response_url: ResponseUrl | None
    ack: Ack


class Commands:
    """Handles `/suggest`."""

    def __init__(
        self,
        *,
        suggester: Suggester,
        pausing: PauseSwitch,
        admins: frozenset[str],
        display: ReplyDisplay,
        colleagues: ColleagueNotices,
        exports: Exports,
        seen: Seen,
        users: Users,
        tasks: BackgroundTasks,
        identity: BotIdentity,
        now: Callable[[], datetime],
    ) -> None:
        self._suggester = suggester
        self._pausing = pausing
        self._admins = admins
        self._display = display
        self._colleagues = colleagues
        self._exports = exports
        self._seen = seen
        self._users = users
        self._tasks = tasks
        self._identity = identity
        self._now = now

    async def on_suggest(self, ack: Ack, body: dict[str, Any]) -> None:
        """Acknowledged when the request is committed; the replies follow."""
        try:
            command = parse_command(body)
        except MalformedPayload:
            await ack(texts_for(DEFAULT_LOCALE)("malformed"))
            return
        person = await self._users.get(command.user_id)
        is_home = self._identity.is_home_of(command.team_id, command.origin)
        asked = Asked(
            command=command,
            locale=person.locale,
            is_admin=is_home and (person.is_admin or command.user_id in self._admins),
            texts=texts_for(person.locale),
            response_url=to_response_url(command.response_url, self._now()),
            ack=ack,
        )
        async with report_errors(ack, asked.texts, again=ack):
            await self._answer(asked)

    async def _answer(self, asked: Asked) -> None:
        word = command_word(asked.command.text)
        if word in {"", "help"}:
            await self._help(asked)
        elif word == "last":
            await self._last(asked)
        elif word == "export":
            await self._export(asked)
        elif word in {"pause", "resume"}:
            await self._pause_or_resume(asked, word)
        else:
            await self._suggest(asked)

    async def _suggest(self, asked: Asked) -> None:
        message, hint = split_hint(asked.command.text)
        ask = Ask(
            team_id=asked.command.team_id,
            is_of_grid=self._identity.shares_grid(asked.command.origin),
            channel_id=asked.command.channel_id,
            agent_id=asked.command.user_id,
            surface="slash",
            locale=asked.locale,
            conversation=(Turn(role="customer", text=message),),
            hint=hint,
            idempotency_key=f"command:{asked.command.trigger_id}",
            response_url=asked.response_url,
        )
        request = await self._suggester.accept(ask)
        await asked.ack(asked.texts("on-their-way", count=request.k_requested))
        self._after(asked, request, self._colleagues.tell(request))
        self._after(asked, request, self._display.draft_and_show(request, asked.texts))

    async def _help(self, asked: Asked) -> None:
        """The usage, and the last open request if there is one."""
        entry = await self._last_open(asked)
        await asked.ack(asked.texts("usage"))
        if entry is not None:
            self._after(asked, entry.request, self._display.show_here(entry, asked.texts))

    async def _last(self, asked: Asked) -> None:
        """The last open request once more, in the same order."""
        entry = await self._last_open(asked)
        if entry is None:
            agent_id = asked.command.user_id
            is_drafting = await self._suggester.is_drafting(team_id=self._team_of(asked), agent_id=agent_id)
            await asked.ack(asked.texts("still-drafting" if is_drafting else "no-open-request"))
            return
        await asked.ack()
        self._after(asked, entry.request, self._display.show_here(entry, asked.texts))

    async def _pause_or_resume(self, asked: Asked, word: str) -> None:
        """Stop or start drafting on every replica; for admins."""
        if not asked.is_admin:
            raise AdminRequired(helpers=tuple(sorted(self._admins)))
        await self._take(asked)
        turn = self._pausing.pause if word == "pause" else self._pausing.resume
        changed = await turn(by=asked.command.user_id)
        await asked.ack(asked.texts(f"{word}-{'done' if changed else 'was'}"))

    async def _export(self, asked: Asked) -> None:
        """Ask which requests and in which form; for admins."""
        if not asked.is_admin:
            raise AdminRequired(helpers=tuple(sorted(self._admins)))
        await self._take(asked)
        await asked.ack()
        await self._exports.open(
            user_id=asked.command.user_id,
            trigger_id=asked.command.trigger_id,
            response_url=asked.response_url,
            texts=asked.texts,
        )

    async def _take(self, asked: Asked) -> None:
        """Raises Redelivered for a command that was carried out before; Unavailable."""
        await self._seen.take(f"command:{asked.command.trigger_id}", at=self._now())

    async def _last_open(self, asked: Asked) -> LogEntry | None:
        """The agent's last open request, to be shown by the way that this command brought."""
        entry = await self._suggester.find_last_open(team_id=self._team_of(asked), agent_id=asked.command.user_id)
        return None if entry is None else replace(entry, request=reached_by(entry.request, asked.response_url))

    def _team_of(self, asked: Asked) -> str | None:
        """The team in which the agent's id is theirs; None for all of our Grid."""
        return None if self._identity.shares_grid(asked.command.origin) else asked.command.team_id

    def _after(self, asked: Asked, request: Request, work: Coroutine[Any, Any, None]) -> None:
        """What takes time, behind the acknowledgement; should it fail, the agent is told."""
        self._tasks.spawn(self._display.run_and_report(request, asked.texts, work), name=f"after {asked.command.trigger_id}")


def command_word(text: str) -> str:
    """A text as it is compared with subcommands: phones begin with a capital, and may end with a full stop."""
    return text.strip().casefold().removesuffix(".").removesuffix("。").rstrip() or text.strip()


def split_hint(text: str) -> tuple[str, str | None]:
    """The customer's message and the steering hint behind the last ` // `, if there is one."""
    message, mark, hint = text.rpartition(HINT_MARK)
    if not mark or not message.strip() or not hint.strip():
        return text, None
    return message.strip(), hint.strip()
