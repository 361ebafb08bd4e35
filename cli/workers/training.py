"""A refit in a process of its own: the event loop goes on, and what it takes of memory is given back at its end.

`python -m cli.workers.training` reads one line of JSON, `{"database_url": …}`, from stdin, and writes the result to
stdout. It ends when its stdin does, so that it does not outlive whoever started it, also not one that was killed.
"""

import asyncio
import json
import os
import sys
import threading
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from typing import Final

from bot.ranking.refit import NEWEST, RefitResult, read_choice_sets, refit_ranker
from bot.ranking.training import RefitFailed
from storage.engine.database import Database
from storage.errors import StorageError
from storage.queries.log_entries import ChoiceLog, Selection

NICENESS: Final = 10
"""Drafting comes first."""

_STDIN: Final = 0


@dataclass(frozen=True, slots=True)
class ProcessRefitRunner:
    """A `RefitRunner` whose refits are processes that learn from this database."""

    database_url: str = field(repr=False)  # may hold a password, so it is not among the arguments either

    async def train(self) -> RefitResult:
        """Refit in a process; cancelled, end it and wait for that. Raises RefitFailed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "cli.workers.training", stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        try:
            return await self._read_result(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _read_result(self, process: Process) -> RefitResult:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(json.dumps({"database_url": self.database_url}).encode() + b"\n")
        written, errors = await asyncio.gather(process.stdout.read(), process.stderr.read())
        code = await process.wait()
        if code != 0:
            lines = errors.decode(errors="replace").splitlines()
            raise RefitFailed(lines[-1] if lines else f"its process ended with {code}")
        try:
            return RefitResult.from_json(written.decode())
        except (ValueError, TypeError, KeyError) as error:
            raise RefitFailed("its process wrote something else than a result") from error


def main() -> None:
    """Run the child process. Errors are one line on stderr, without anything that people wrote."""
    url = json.loads(_read_first_line())["database_url"]
    threading.Thread(target=_exit_with_stdin, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        result = asyncio.run(_refit(url))
    except StorageError as error:
        sys.exit(f"the database cannot be used: {error}")
    except Exception as error:  # noqa: BLE001 - the front door of the process
        sys.exit(f"{type(error).__name__}, in {_locate(error)}")
    print(result.to_json())


async def _refit(url: str) -> RefitResult:
    database = Database(url)
    try:
        displays, left_out = await read_choice_sets(ChoiceLog(database), Selection(), newest=NEWEST)
    finally:
        await database.aclose()
    return refit_ranker(displays, left_out)


def _read_first_line() -> bytes:
    """Read a line of stdin, by its descriptor: a thread that waits in a file object would hold up the end."""
    line = b""
    while not line.endswith(b"\n"):
        chunk = os.read(_STDIN, 65_536)
        if not chunk:
            sys.exit("nothing was asked for")
        line += chunk
    return line


def _exit_with_stdin() -> None:
    """Wait for the end of stdin, and end the process."""
    while os.read(_STDIN, 1):
        pass
    os._exit(1)


def _locate(error: Exception) -> str:
    """Name the file and line where an error was raised. Its message may quote what people wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "an unknown place" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


if __name__ == "__main__":
    main()
