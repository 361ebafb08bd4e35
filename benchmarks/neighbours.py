"""Other programs on the same machine: some that compute, and as many that write to the disk and flush."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

COMPUTING = "while True: sum(range(100_000))"
WRITING = """
import os, sys
with open(sys.argv[1], "wb", buffering=0) as file:
    while True:
        file.seek(0)
        file.write(b"x" * 65536)
        os.fsync(file.fileno())
"""


@contextmanager
def run_neighbours(each: int, folder: Path) -> Iterator[None]:
    """Keep so many of each kind running in the block."""
    with ExitStack() as stack:
        for number in range(each):
            for program in ([COMPUTING], [WRITING, str(folder / f"neighbour{number}")]):
                process = subprocess.Popen([sys.executable, "-c", *program])
                stack.callback(process.wait)
                stack.callback(process.kill)
        yield
