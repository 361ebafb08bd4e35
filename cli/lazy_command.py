"""Commands whose modules are imported when they are called, so that `suggest --help` is fast."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
import typer.main
from typer.core import TyperCommand


class LazyCommand(TyperCommand):
    """A name and a summary in a list of commands, until it is called or its own help is asked for.

    Its callback takes nothing, and returns the function that is the command.
    """

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Parse the arguments as the command itself does. The groups above it have run their callbacks by then."""
        assert self.name is not None
        assert self.callback is not None
        return _build_command(self.name, self.callback()).make_context(*args, **extra)


def make_loader(module: str) -> Callable[[], Callable[..., Any]]:
    """Make the callback of a LazyCommand: it imports a module of `cli/commands/`, and returns its function `run`."""

    def load() -> Callable[..., Any]:
        command: Callable[..., Any] = import_module(f"cli.commands.{module}").run
        return command

    return load


def _build_command(name: str, function: Callable[..., Any]) -> Any:
    """Make a function a command of Click, its docstring the help."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name)(function)
    return typer.main.get_command(app)
