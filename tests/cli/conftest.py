"""The commands in a folder of their own, with nothing set."""

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.nursery import started


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a command ended. There is never a traceback."""

    code: int
    out: str
    err: str

    def __post_init__(self) -> None:
        assert "Traceback" not in self.out + self.err, self.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line on stderr with which a command fails."""
        line = self.err.strip()
        assert line.startswith("suggest: "), self.err
        assert "\n" not in line, self.err
        return line.removeprefix("suggest: ")


Suggest = Callable[..., Awaitable[Result]]
Process = Callable[..., Result]


_OF_THE_TERMINAL = {"COLUMNS", "EDITOR", "LINES", "VISUAL"}


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting from outside, and the logging of the test run as it was before."""
    for name in os.environ:
        if name.startswith(("SLACK_", "OPENAI_", "SUGGEST_", "LC_")) or name in _OF_THE_TERMINAL:
            monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture
def suggest(capsys: pytest.CaptureFixture[str]) -> Suggest:
    """Runs a command in this process, on a loop of its own, so that doubles can answer meanwhile."""

    async def call(*args: str) -> Result:
        capsys.readouterr()
        code = await asyncio.to_thread(run, [str(arg) for arg in args])
        out, err = capsys.readouterr()
        return Result(code=code, out=out, err=err)

    return call


@pytest.fixture
def process() -> Process:
    """Runs a command as a process, without a terminal."""

    def call(*args: str, **env: str) -> Result:
        with started(*args, env=env) as running:
            out, err = running.communicate()
        return Result(code=running.wait(), out=out, err=err)

    return call
