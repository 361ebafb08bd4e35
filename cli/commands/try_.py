"""`suggest try`: drafts replies and records a choice in the terminal, as from Slack."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import typer

from bot.choice_log import to_json_line
from bot.drafting.streaming_drafter import StreamingDrafter
from bot.errors import EmptyReply
from bot.i18n.texts import DEFAULT_LOCALE, Texts, get_texts
from bot.operations.metrics import Metrics
from bot.ordering.shuffle import Order, keep_drafting_order
from bot.playbook import Playbook, load_playbook
from bot.suggesting.admission import Ask
from bot.suggesting.briefs import BatchDrafter
from bot.suggesting.choose import Chooser
from bot.suggesting.clicks import Click
from bot.suggesting.placement import SILENT, list_reasons
from bot.suggesting.suggest import Suggester
from bot.text_limits import clean
from cli import clock, logs, wiring
from cli.database_location import describe_recording, locate_for_try, mark_demonstration, open_or_create
from cli.errors import Failed, SettingsError
from cli.render.text import candidates as text
from cli.repositories import Records
from cli.settings import Settings, detect_locale, find_editor, load_settings
from cli.terminal import Terminal
from storage.records import Choice, DismissReason, LogEntry, Request, Turn

HERE: Final = "cli"
"""The team, the channel and the agent of requests made in a terminal."""

WORD_S: Final = 0.04
"""How long the demonstration model takes for a word where one can watch it write."""

NO_MODEL: Final = "Set OPENAI_API_KEY or OPENAI_BASE_URL to have a model write them."

WRITTEN_BY_A_MODEL: Final = "Written by an AI model: read before you send."


@dataclass(frozen=True, slots=True, kw_only=True)
class TryOptions:
    """The options of the command line. `pick` is a position, and chooses that reply without asking."""

    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="The customer's message, or the brief, in quotes.")]
    hint: Annotated[str | None, typer.Option(metavar="TEXT", help="How to write the replies.")] = None
    database: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Record here. [default: what SUGGEST_DATABASE_URL says; without it and a model, suggest-demo.db]",
        ),
    ] = None
    stream: Annotated[bool, typer.Option("--stream", help="Show the drafts side by side as they grow.")] = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Ask nothing, and print the choice-log line of the request.")
    ] = False
    candidates: Annotated[
        int | None,
        typer.Option(metavar="K", min=1, max=10, help="How many. [default: what SUGGEST_CANDIDATES says]"),
    ] = None
    pick: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=10, help="Ask nothing, and use reply N as it is.")
    ] = None


def run(options: TryOptions) -> None:
    """Draft replies to one message in this terminal, and choose one.

    It is recorded as it is from Slack. Without a model, the replies are samples made by rules.

    Example: suggest try "Where is my order?" --hint "we are out of stock"
    """
    settings = load_settings()
    logs.configure_for_command(settings)
    asyncio.run(try_message(settings, options))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An agent's answer to the question under the candidates."""

    kind: Literal["use", "edit", "redraft", "dismiss", "leave", "unclear"]
    position: int = 0


async def try_message(settings: Settings, options: TryOptions) -> None:
    """Handle one request, from the message to the choice. Raises SettingsError, Failed, PlaybookError, Refusal."""
    settings = _apply_options(settings, options)
    playbook = load_playbook(settings.suggest_playbook)
    location = locate_for_try(settings, options.database)
    terminal = Terminal.for_json() if options.as_json else Terminal.for_people(editor=find_editor())
    async with open_or_create(location) as records:
        await wiring.make_housekeeper(settings, records=records).sweep()
        if records.is_new and not settings.has_model:
            await mark_demonstration(records, actor=HERE)
        async with _open_session(settings, options, records, playbook, terminal) as session:
            problem = await session.run(options)
        if options.as_json:
            entry = await records.log.get_entry(session.request_id)
            assert entry is not None
            print(to_json_line(entry), end="")
        terminal.note(await describe_recording(location, records, simulated=not settings.has_model))
    if problem is not None:
        raise Failed(problem)


@dataclass(slots=True, kw_only=True)
class TrySession:
    """One person's requests in a terminal: drafted, shown, chosen from, recorded.

    `arrange` draws the order, if it is not drawn as usual; `request_id` is the request that was drafted last.
    """

    suggester: Suggester
    chooser: Chooser
    terminal: Terminal
    texts: Texts
    labels: text.Labels
    arrange: Callable[[Sequence[str]], Order] | None = None
    request_id: str = ""

    async def run(self, options: TryOptions) -> str | None:
        """Go from the message to the choice, or to a request left open. Return what did not work, if anything."""
        if self.suggester.terms.simulated:
            self.terminal.note(f"{self.texts('demonstration')} {NO_MODEL}", style="bold yellow")
        ask = Ask(
            team_id=HERE,
            channel_id=HERE,
            agent_id=HERE,
            surface="cli",
            locale=detect_locale(),
            conversation=(Turn(role="customer", text=clean(options.message)),),
            hint=clean(options.hint) if options.hint else None,
            idempotency_key=self._make_key(),
        )
        entry = await self._draft(await self.suggester.accept(ask))
        if options.pick is not None:
            return await self._pick(entry, options.pick)
        if self.terminal.is_interactive:
            entry = await self._decide(entry)
        elif entry.visible:
            self.terminal.note(
                f"Nobody is at a terminal to choose: the request is left open. --pick N uses a {self._noun}."
            )
        return self._describe_problem(entry)

    async def _draft(self, request: Request) -> LogEntry:
        """Draft the request, and show its candidates."""
        self.request_id = request.id
        entry = await self.suggester.draft(request, arrange=self.arrange)
        if entry.visible:
            self.terminal.show(text.render_candidates(entry, self.texts, self.labels))
            if not request.simulated:
                self.terminal.say(WRITTEN_BY_A_MODEL, style="dim")
            await self.suggester.record_shown(entry, at=clock.now())
        return entry

    async def _pick(self, entry: LogEntry, position: int) -> str | None:
        """Use the reply at a position without asking. Return what did not work, if anything."""
        shown = len(entry.visible)
        if not shown:
            return self._describe_problem(entry)
        if position > shown:
            there = f"only {shown} of {len(entry.candidates)}"
            return f"there is no {self._noun} {position}, {there}: the request is left open"
        await self._use(entry, position)
        return None

    async def _decide(self, entry: LogEntry) -> LogEntry:
        """Ask until the request is decided or left open. Return the entry of the last redraft."""
        while entry.visible:
            answer = parse_answer(self.terminal.ask(self._build_question(entry)), shown=len(entry.visible))
            if answer.kind == "redraft":
                entry = await self._redraft(entry)
            elif await self._carry_out(answer, entry):
                break
        return entry

    async def _carry_out(self, answer: Answer, entry: LogEntry) -> bool:
        """Do what the answer asks for. Return True if that ends the asking."""
        match answer.kind:
            case "use":
                await self._use(entry, answer.position)
                return True
            case "edit":
                return await self._edit(entry, answer.position)
            case "dismiss":
                await self._dismiss(entry)
                return True
            case "leave":
                self.terminal.say("Left open: nothing was chosen.")
                return True
            case _:
                self.terminal.say("Please type one of these.")
                return False

    async def _use(self, entry: LogEntry, position: int) -> None:
        chosen = await self.chooser.use(self._make_click(), entry.visible[position - 1].id)
        self._confirm(position, chosen.choice)

    async def _edit(self, entry: LogEntry, position: int) -> bool:
        """Let the agent edit a reply, and record that. Return False if it was left as it is."""
        candidate = (await self.chooser.open_edit(self._make_click(), entry.visible[position - 1].id)).candidate
        try:
            text = self.terminal.edit(candidate.text or "")
            if text is not None:
                chosen = await self.chooser.edit(self._make_click(), candidate.id, text)
                self._confirm(position, chosen.choice)
                return True
            self.terminal.say(f"Not changed, so nothing was chosen. {position} uses the {self._noun} as it is.")
        except EmptyReply:
            self.terminal.say(self.texts("empty-reply"))
        except Failed as error:
            self.terminal.say(str(error))
        return False

    async def _redraft(self, entry: LogEntry) -> LogEntry:
        return await self._draft(await self.suggester.redraft(self._make_click(), entry.request.id))

    async def _dismiss(self, entry: LogEntry) -> None:
        await self.chooser.dismiss(self._make_click(), entry.request.id)
        reasons = get_args(DismissReason)
        self.terminal.say(self.texts("dismissed"))
        for number, reason in enumerate(reasons, start=1):
            self.terminal.say(f"  {number}  {self.texts(f'reason-{reason}')}")
        answer = self.terminal.ask(f"1-{len(reasons)}, or Enter to say nothing: ")
        if answer and answer.isdecimal() and 1 <= int(answer) <= len(reasons):
            await self.chooser.give_reason(self._make_click(), entry.request.id, reasons[int(answer) - 1])
            self.terminal.say(self.texts("reason-noted"))

    def _confirm(self, position: int, choice: Choice) -> None:
        done = "used with your edit" if choice.kind == "edited" else "used as it is"
        self.terminal.say(f"✓ {self.texts('place', position=position)} {done}. {self.texts('to-copy')}", style="green")
        self.terminal.hand_over(f"{choice.final_text}\n")

    def _build_question(self, entry: LogEntry) -> str:
        numbers = "1" if len(entry.visible) == 1 else f"1-{len(entry.visible)}"
        return f"{numbers} use · e N edit · m more like these · d none of these · Enter leaves it open: "

    def _describe_problem(self, entry: LogEntry) -> str | None:
        """Say why there is nothing to show, and what to do; None if there is something."""
        if entry.visible:
            return None
        reasons = list_reasons(entry.candidates)
        failed = "is not answering" if SILENT.issuperset(reasons) else f"gave no {self._noun} that could be used"
        what_to_do = next((_WHAT_TO_DO[reason] for reason in reasons if reason in _WHAT_TO_DO), "try again in a moment")
        return f"the AI model {failed} ({text.word_reasons(entry, self.texts)}): {what_to_do}"

    @property
    def _noun(self) -> str:
        return "text" if self.suggester.playbook.task == "write" else "reply"

    def _make_click(self) -> Click:
        return Click(team_id=HERE, agent_id=HERE, idempotency_key=self._make_key())

    def _make_key(self) -> str:
        return f"{HERE}:{clock.new_id()}"


_WHAT_TO_DO: Final = {
    "spent": "give it more with SUGGEST_MAX_TOKENS",
    "too_long": "shorten the message or the playbook, or use a model with a larger context",
    **dict.fromkeys(("refused", "unreachable", "invalid_output"), "`suggest doctor` checks the settings"),
}
_ANSWER: Final = re.compile(r"(?P<edit>e\s*)?(?P<position>\d{1,3})", re.IGNORECASE)


def parse_answer(answer: str | None, *, shown: int) -> Answer:
    """Parse an answer, with `shown` candidates to choose from."""
    if found := _ANSWER.fullmatch(answer or ""):
        position = int(found["position"])
        kind: Literal["use", "edit", "unclear"] = "edit" if found["edit"] else "use"
        return Answer(kind=kind if 1 <= position <= shown else "unclear", position=position)
    match (answer or "q").lower():
        case "m":
            return Answer(kind="redraft")
        case "d":
            return Answer(kind="dismiss")
        case "q":
            return Answer(kind="leave")
        case _:
            return Answer(kind="unclear")


@asynccontextmanager
async def _open_session(
    settings: Settings, options: TryOptions, records: Records, playbook: Playbook, terminal: Terminal
) -> AsyncIterator[TrySession]:
    """Wire a session, whose drafts are shown as they are written if that was asked for."""
    texts = get_texts(DEFAULT_LOCALE, playbook.task)
    metrics = Metrics()
    privacy = wiring.make_privacy_service(settings, records=records, playbook=playbook)
    async with (
        wiring.open_drafter(settings, word_s=WORD_S if options.stream else 0.0) as drafter,
        wiring.open_embedder(settings) as embedder,
    ):
        labels = {style.name: style.label for style in playbook.styles}
        drafting: BatchDrafter = drafter
        if options.stream:
            drafting = StreamingDrafter(drafter, text.LiveDrafts(terminal.console, texts, labels))
        yield TrySession(
            suggester=await wiring.make_suggester(
                settings,
                records=records,
                drafter=drafting,
                playbook=playbook,
                privacy=privacy,
                metrics=metrics,
                embedder=embedder,
            ),
            chooser=wiring.make_chooser(settings, records=records, privacy=privacy, metrics=metrics),
            terminal=terminal,
            texts=texts,
            labels=labels,
            # Drafts that were seen growing stay where they are.
            arrange=keep_drafting_order if options.stream else None,
        )


def _apply_options(settings: Settings, options: TryOptions) -> Settings:
    """Refuse options that contradict each other, and apply the others to the settings. Raises SettingsError."""
    if not options.message.strip():
        raise SettingsError("MESSAGE is empty: write it in quotes")
    if options.stream and options.as_json:
        raise SettingsError("--stream is for people and --json for programs: give one of them")
    if options.candidates is None:
        return settings
    return settings.model_copy(update={"suggest_candidates": options.candidates})
