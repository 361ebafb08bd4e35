"""`/suggest`: the customer's message in, private replies out; or a subcommand."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from bot.i18n.texts import DEFAULT_LOCALE, get_texts
from handlers.commands.arguments import parse_subcommand, split_hint
from handlers.commands.export import open_export
from handlers.commands.help import show_help
from handlers.commands.last import show_last
from handlers.commands.pause import pause, resume
from handlers.context import Ack, Context, Services, handle
from handlers.payloads import CommandPayload, parse_command
from handlers.slack.ephemeral import to_response_url
from storage.records import Turn

_SUBCOMMANDS: Final[dict[str, Callable[[Services, Context[CommandPayload]], Awaitable[None]]]] = {
    "": show_help,
    "help": show_help,
    "last": show_last,
    "export": open_export,
    "pause": pause,
    "resume": resume,
}


async def on_suggest(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle `/suggest`. What goes wrong is said in its acknowledgement."""
    malformed = get_texts(DEFAULT_LOCALE)("malformed")
    await handle(services, ack, body, parse=parse_command, answer=_answer, refuse=_refuse, malformed=malformed)


async def _answer(services: Services, context: Context[CommandPayload]) -> None:
    """Run the subcommand, once however often it is delivered; any other text is a customer's message."""
    subcommand = _SUBCOMMANDS.get(parse_subcommand(context.payload.text))
    if subcommand is None:
        await suggest(services, context)
        return
    await services.idempotency_keys.claim(f"command:{context.payload.trigger_id}", at=services.now())
    await subcommand(services, context)


async def _refuse(_: Services, context: Context[CommandPayload], sentence: str) -> None:
    """Acknowledge with the reason."""
    await context.ack(sentence)


async def suggest(services: Services, context: Context[CommandPayload]) -> None:
    """Commit the request, acknowledge, then draft and show the replies."""
    command = context.payload
    message, hint = split_hint(command.text)
    ask = context.build_ask(
        surface="slash",
        channel_id=command.channel_id,
        conversation=[Turn(role="customer", text=message)],
        hint=hint,
        idempotency_key=f"command:{command.trigger_id}",
        response_url=to_response_url(command.response_url, services.now()),
    )
    request = await services.suggester.accept(ask)
    await context.ack(context.texts("on-their-way", count=request.k_requested))
    services.follow_up(request, context.texts, services.colleagues.tell(request))
    services.follow_up(request, context.texts, services.display.draft_and_show(request, context.texts))
