"""`suggest serve`: runs the bot on one Slack workspace, over Socket Mode or signed HTTP."""

import asyncio
import logging
from dataclasses import replace
from typing import Annotated, Final

import typer

from cli import logs, wiring
from cli.errors import SettingsError
from cli.lifecycle import Address, run_bot, run_until_signal
from cli.settings import Need, Settings, hide_from_libraries, limit_algebra_threads, load_settings

NO_MODEL: Final = (
    "no model is configured: set OPENAI_API_KEY, or OPENAI_BASE_URL for any OpenAI-compatible server; to see the "
    "product without one, run `suggest try`"
)

_log = logging.getLogger(__name__)


def run(
    http: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Take Slack's deliveries over signed HTTP.")
    ] = None,
    health: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="With Socket Mode: serve /healthz, /readyz, /metrics here.")
    ] = None,
) -> None:
    """Run the bot, over Socket Mode or, with --http, signed HTTP.

    Example: suggest serve --http 0.0.0.0:3000
    """
    listen, probe = parse_address("--http", http), parse_address("--health", health)
    settings = load_settings(*list_needed(http=listen))
    logs.configure(level=settings.suggest_log_level, log_format=settings.suggest_log_format)
    with asyncio.Runner(loop_factory=wiring.find_loop_factory()) as runner:
        runner.run(serve(settings, http=listen, health=probe))


def parse_address(option: str, text: str | None) -> Address | None:
    """Read HOST:PORT. Raises SettingsError."""
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"{option} {text!r} is no HOST:PORT: write it like 127.0.0.1:3000")
    return host.strip("[]"), int(port)


async def serve(settings: Settings, *, http: Address | None, health: Address | None) -> None:
    """Run until SIGTERM or SIGINT; then stop accepting, let what runs finish, close everything."""
    hide_from_libraries()
    limit_algebra_threads()
    await run_until_signal(_run_until_cancelled(settings, http=http, health=health))
    _log.info("stopped")


async def _run_until_cancelled(settings: Settings, *, http: Address | None, health: Address | None) -> None:
    """Run the bot until this task is cancelled, also while starting."""
    async with run_bot(settings, http=http, health=health):
        wiring.freeze_garbage()
        await asyncio.Event().wait()


def list_needed(*, http: Address | None) -> tuple[Need, ...]:
    """List what `serve` cannot start without."""
    app_token = Need.of("SLACK_APP_TOKEN")
    return (
        Need.of("SLACK_BOT_TOKEN"),
        Need.of("SLACK_SIGNING_SECRET")
        if http
        else replace(app_token, sentence=f"{app_token.sentence}; or give --http HOST:PORT"),
        Need(("OPENAI_API_KEY", "OPENAI_BASE_URL"), NO_MODEL),
    )
