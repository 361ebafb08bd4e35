"""Measure `suggest --help`: the median of some runs, each a process of its own.

python -m benchmarks.startup [--runs 5] [COMMAND ...]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import summary

RESULTS = Path(__file__).with_name("results")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, default=RESULTS / "startup.json")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="default: suggest --help")
    options = parser.parse_args(arguments)
    command = options.command or [str(Path(sys.executable).with_name("suggest")), "--help"]
    seconds = [_timed(command) for _ in range(options.runs)]
    median = statistics.median(seconds)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(
        json.dumps({"machine": summary.describe_machine(), "median_s": median, "runs_s": seconds}, indent=2) + "\n"
    )
    shown = " ".join([Path(command[0]).name, *command[1:]])
    print(f"{shown}: median {median:.2f} s of {options.runs} runs ({min(seconds):.2f} to {max(seconds):.2f})")


def _timed(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
