"""Measure `suggest report` as a process on a log of a million requests: time and memory.

python -m benchmarks.report_command                       # fills a log of 1,000,000 requests first (minutes, 3.7 GB)
python -m benchmarks.report_command --file big.db --rounds 5
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.synthetic_log import fill_database

RESULTS = Path(__file__).with_name("results")
WAYS = ((), ("--by", "channel"), ("--by", "style"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRun:
    """Seconds by the clock, seconds of CPU, and the most memory in MB."""

    options: str
    seconds: float
    cpu_s: float
    memory_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report_command", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=RESULTS / "reporting.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="suggest-reporting-") as folder:
        file = options.file or Path(folder) / "big.db"
        if options.file is None:
            fill_database(file, options.requests)
        runs = [measure(file, Path(folder), way) for _ in range(options.rounds) for way in WAYS]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps([asdict(run) for run in runs], indent=2), encoding="utf-8")
    print("| options | seconds | CPU (s) | memory (MB) |\n|---|---|---|---|")
    for way in WAYS:
        print(_row([run for run in runs if run.options == " ".join(way)]))


def measure(file: Path, folder: Path, way: tuple[str, ...]) -> ReportRun:
    """One report, with its page, by a process of its own."""
    page = folder / "report.html"
    command = [sys.executable, "-m", "cli", "report", "--database", str(file), "--html", str(page), *way]
    started = time.monotonic()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    cpu = used.ru_utime + used.ru_stime
    return ReportRun(options=" ".join(way), seconds=seconds, cpu_s=cpu, memory_mb=used.ru_maxrss / 1024)


def _row(runs: list[ReportRun]) -> str:
    seconds = f"{statistics.median(run.seconds for run in runs):.1f}"
    cpu = f"{statistics.median(run.cpu_s for run in runs):.1f}"
    memory = f"{max(run.memory_mb for run in runs):.0f}"
    return f"| `suggest report --html report.html {runs[0].options}".rstrip() + f"` | {seconds} | {cpu} | {memory} |"


if __name__ == "__main__":
    main()
