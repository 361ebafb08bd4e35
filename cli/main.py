"""`suggest`: registers the commands, and ends each with an exit code and, on failure, one line on stderr."""

import sys
from contextvars import copy_context
from typing import Annotated, Any, Final

import typer

from cli import __version__
from cli.commands import COMMANDS
from cli.errors import to_ending
from cli.lazy_command import HELP_OPTIONS, LazyCommand, make_loader

_CONTEXT: Final[dict[str, Any]] = {"help_option_names": HELP_OPTIONS}

app = typer.Typer(
    name="suggest",
    help="Candidate replies for support agents in Slack: drafted together, shown privately, every choice recorded.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=_CONTEXT,
)
_GROUPS: Final = {
    name: typer.Typer(help=words, no_args_is_help=True, context_settings=_CONTEXT)
    for name, words in (
        ("experiment", "Playbooks or models on live requests: which one is better."),
        ("knowledge", "The team's pages and macros that drafts use, with sources."),
        ("playbook", "What replies are written with: persona, facts, rules, styles."),
        ("rank", "Learn from choices, and decide which ranker orders replies."),
    )
}


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def suggest(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Candidate replies for support agents in Slack: drafted together, shown privately, every choice recorded."""


def _limit_threads() -> None:
    from cli.settings import limit_algebra_threads

    limit_algebra_threads()


def _register_commands() -> None:
    groups = {"": app, **_GROUPS}
    for module, summary in COMMANDS.items():
        group, _, name = module.strip("_").rpartition("_")
        groups[group].command(name, help=summary, cls=LazyCommand)(make_loader(module))
    for name, group_app in _GROUPS.items():
        app.add_typer(group_app, name=name, callback=_limit_threads if name == "rank" else None)


_register_commands()


def main() -> None:
    """Run the command line of this process, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without ✓ gets a question mark
    sys.exit(run())


def run(args: list[str] | None = None) -> int:
    """Run a command line, and return its exit code. Ctrl-C ends quietly, in 130."""
    try:
        # A context of its own: what --env-file names holds for this run alone.
        return int(copy_context().run(app, args, prog_name="suggest", standalone_mode=False) or 0)
    except typer.TyperException as error:
        return _refuse_usage(error)
    except typer.Abort:
        return 130
    except Exception as error:  # the front door: nothing is above it
        end = to_ending(error)
        if end.is_unexpected and _wants_traceback():
            raise
        print(*(f"suggest: {line}" for line in end.line.splitlines()), sep="\n", file=sys.stderr)
        return end.code


def _refuse_usage(error: typer.TyperException) -> int:
    """Print wrong usage in one line; the whole help if no command was named."""
    message = error.format_message().strip().replace("Value error, ", "")
    if "\n" in message:
        print(message, file=sys.stderr)
        return error.exit_code
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "suggest"
    print(f"suggest: {message[:1].lower()}{message[1:].rstrip('.')}; see {path} --help", file=sys.stderr)
    return error.exit_code


def _wants_traceback() -> bool:
    from cli.settings import wants_tracebacks

    return wants_tracebacks()


if __name__ == "__main__":
    main()
