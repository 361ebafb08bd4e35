"""The commands. Each imports what it needs when it runs, so that `suggest --help` is there at once."""

import asyncio
import sys
from typing import Annotated

import typer

from cli import __version__
from cli.settings import SettingsError, load_settings

app = typer.Typer(
    name="suggest",
    help="Candidate replies for support agents in Slack: drafted together, shown privately, every choice recorded.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def suggest(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Candidate replies for support agents in Slack: drafted together, shown privately, every choice recorded."""


@app.command()
def serve(
    http: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Take Slack's deliveries over signed HTTP.")
    ] = None,
    health: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="With Socket Mode: serve /healthz, /readyz, /metrics here.")
    ] = None,
) -> None:
    """Run the bot, over Socket Mode or, with --http, over signed HTTP.

    Example: suggest serve --http 0.0.0.0:3000
    """
    from cli import logs
    from cli.serve import serve as run

    settings = load_settings()
    logs.configure(level=settings.suggest_log_level, log_format=settings.suggest_log_format)
    asyncio.run(run(settings, http=_address("--http", http), health=_address("--health", health)))


def _address(option: str, text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"{option} {text!r} is no HOST:PORT: write it like 127.0.0.1:3000")
    return host.strip("[]"), int(port)


def main() -> None:
    """Run the command line; errors that are known end in one line on stderr and exit code 1 or 2."""
    try:
        app()
    except SettingsError as error:
        print(f"suggest: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
