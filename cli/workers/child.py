"""A job in a process of its own, which takes neither the event loop's time nor, once it is done, memory.

The job goes by stdin as a line of JSON, since other users can read command lines; its result comes by stdout as JSON,
what went wrong as a line on stderr. The child ends when its stdin does: it does not outlive whoever started it, also
not one that was killed. It does not import from the folder that it is started in.
"""

import asyncio
import json
import os
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from typing import Any, Final

from cli.errors import to_ending

_NICENESS: Final = 10
"""The bot comes first where both want the processor."""

_STDIN: Final = 0


class ChildFailed(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """A child came to no result; the message says why in one line, without anything that people wrote."""


async def run_in_child(module: str, job: Mapping[str, Any]) -> Any:
    """Run a module, whose `main` calls `do_job`, on this job, and return its result.

    Cancelled, it ends the child and waits for that. Raises ChildFailed.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", module, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        return await _read_result(process, job)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _read_result(process: Process, job: Mapping[str, Any]) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(json.dumps(job).encode() + b"\n")
    written, errors = await asyncio.gather(process.stdout.read(), process.stderr.read())
    code = await process.wait()
    if code != 0:
        lines = errors.decode(errors="replace").splitlines()
        raise ChildFailed(lines[-1] if lines else f"its process ended with {code}")
    try:
        return json.loads(written)
    except ValueError as error:
        raise ChildFailed("its process wrote something else than a result") from error


def do_job(work: Callable[[dict[str, Any]], Any]) -> None:
    """Do the job that stdin brings, and print its result; all of a child's `main`."""
    job = json.loads(_read_first_line())
    threading.Thread(target=_exit_with_stdin, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        result = work(job)
    except Exception as error:  # noqa: BLE001 - the front door of the process
        ending = to_ending(error)
        sys.exit(f"{type(error).__name__}, in {_locate(error)}" if ending.is_unexpected else ending.line)
    print(json.dumps(result, allow_nan=False))


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
