"""Commands whose modules are imported when they are called, so that `suggest --help` is fast."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from importlib import import_module
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import typer
import typer.main
from typer.core import TyperCommand

HELP_OPTIONS: Final = ["-h", "--help"]

NESTED: Final = {"compare": {"report": "compare_report"}}
"""Commands below a command that is one itself, by their first word: their modules."""


class LazyCommand(TyperCommand):
    """A name and a summary in a list of commands, until it is called or its own help is asked for.

    Its callback takes nothing, and returns the function that is the command.
    """

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments as the command itself does. The groups above it have run their callbacks by then."""
        assert self.name is not None
        assert self.callback is not None
        if args and (module := NESTED.get(self.name, {}).get(args[0])):
            name, command = f"{info_name} {args[0]}", make_loader(module)()
            return _build_command(name, command).make_context(name, args[1:], parent, **extra)
        return _build_command(self.name, self.callback()).make_context(info_name, args, parent, **extra)


def make_loader(module: str) -> Callable[[], Callable[..., Any]]:
    """Make the callback of a LazyCommand: it imports a module of `cli/commands/`, and returns its function `run`."""

    def load() -> Callable[..., Any]:
        command: Callable[..., Any] = import_module(f"cli.commands.{module}").run
        return command

    return load


def _spread_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of one record `options` a function of the record's fields, which Typer reads as options."""
    parameter = signature(function).parameters.get("options")
    if parameter is None:
        return function
    record, hints = parameter.annotation, get_type_hints(parameter.annotation, include_extras=True)

    def run(**given: Any) -> Any:
        return function(record(**given))

    parameters = [
        Parameter(
            each.name,
            Parameter.KEYWORD_ONLY,
            annotation=hints[each.name],
            default=Parameter.empty if each.default is MISSING else each.default,
        )
        for each in fields(record)
    ]
    vars(run)["__signature__"] = Signature(parameters)
    run.__doc__, run.__annotations__ = function.__doc__, {}
    return run


def _build_command(name: str, function: Callable[..., Any]) -> Any:
    """Make a function a command of Click, its docstring the help; with --env-file, as all have."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name, context_settings={"help_option_names": HELP_OPTIONS})(_spread_options(function))
    command = typer.main.get_command(app)
    common = typer.Typer(add_completion=False)
    common.command()(_take_common_options)
    for option in typer.main.get_command(common).params:
        option.expose_value = False
        command.params.append(option)
    for parameter in command.params:
        _hide_type(parameter)
        _word_range(parameter)
    return command


def _hide_type(parameter: Any) -> None:
    """Leave the names of Python's types out of the help; what may be chosen from is told, a|b|c."""
    tell_type = parameter.display_type

    def tell_choices(ctx: Any) -> str:
        if not parameter.type_descriptor.is_choice:
            return ""
        told: str = tell_type(ctx)
        return told.strip("<>").removeprefix("list[").removesuffix("]")

    parameter.display_type = tell_choices


def _word_range(parameter: Any) -> None:
    """Say in words which numbers an option takes, before its default; Typer would say [1<=x<=10]."""
    least, most = parameter.min, parameter.max
    if least is None:
        return
    words = f"At least {least}." if most is None else f"From {least} to {most}."
    text, default, rest = parameter.help.partition(" [")
    parameter.help = f"{text} {words}{default}{rest}"
    parameter.min = parameter.max = None  # for the help alone: values are checked by what the option was declared with


def _choose_env_file(value: Path | None) -> None:
    from cli.errors import SettingsError
    from cli.settings import env_file

    if value is not None and not value.exists():
        raise SettingsError(f"--env-file: there is no file {value}")
    env_file.set(value)


def _take_common_options(
    env_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Read settings from FILE instead of .env; the environment wins.",
            is_eager=True,
            callback=_choose_env_file,
        ),
    ] = None,
) -> None:
    """Declare the options that every command has."""
