"""Exports and imports of a long log, each in a process of its own, beside the sqlite3 shell dumping the same join.

python -m benchmarks.exports                          # makes an invented log of 1,000,000 requests first
python -m benchmarks.exports --database big.db        # on this one, which is read only
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from benchmarks import summary
from benchmarks.synthetic_log import fill_database
from bot.choice_log.fields import CANDIDATE_FIELDS, CHOICE_FIELDS, REQUEST_FIELDS

RESULTS = Path(__file__).with_name("results")
FORMATS = ("csv", "jsonl", "parquet")
SHELL = "sqlite3 shell, csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRun:
    """One process: how long it took, what it used, and how much it wrote."""

    seconds: float
    cpu_s: float
    peak_mb: float
    written_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exports", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--database", type=Path)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--imported", type=int, default=100_000, help="requests to import")
    parser.add_argument("--folder", type=Path, help="where to write; several GB")
    parser.add_argument("--json", type=Path, default=RESULTS / "exports.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="suggest-exports-", dir=options.folder) as folder:
        database = options.database or Path(folder) / "log.db"
        if options.database is None:
            fill_database(database, options.requests)
        runs = measure(database.resolve(), Path(folder), rounds=options.rounds, imported=options.imported)
    requests, candidates = count_rows(database)
    rows = {name: requests if name in {"jsonl", "parquet"} else candidates for name in runs}
    rows["import"] = options.imported
    summary.print_table(build_table(runs, rows, f"{requests:,} requests, {candidates:,} candidates"))
    written = {
        "machine": summary.describe_machine(),
        "runs": {name: [asdict(run) for run in each] for name, each in runs.items()},
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(written, indent=2) + "\n")


def measure(database: Path, folder: Path, *, rounds: int, imported: int) -> dict[str, list[ProcessRun]]:
    """Measure the shell and each format in turn, once a round; then one import."""
    runs: dict[str, list[ProcessRun]] = {name: [] for name in (SHELL, *FORMATS)}
    output = folder / "out"
    for _ in range(rounds):
        runs[SHELL].append(
            run_process(["sqlite3", "-readonly", str(database)], output, script=build_shell_script(output))
        )
        for name in FORMATS:
            command = [
                sys.executable,
                "-m",
                "cli",
                "export",
                "--include-simulated",
                "--format",
                name,
                "-o",
                str(output),
            ]
            runs[name].append(run_process([*command, "--database", str(database)], output))
            if name == "jsonl":
                shutil.copy(output, folder / "log.jsonl")
    some, new = folder / "some.jsonl", folder / "new.db"
    with (folder / "log.jsonl").open("rb") as source, some.open("wb") as target:
        for _ in range(imported):
            target.write(source.readline())
    runs["import"] = [run_process([sys.executable, "-m", "cli", "import", str(some), "--database", str(new)], new)]
    return runs


def build_shell_script(output: Path) -> str:
    """Build the shell's script: the same join as a CSV export, in its order."""
    columns = [f"r.{name}" for name in REQUEST_FIELDS] + [f"c.{name}" for name in CANDIDATE_FIELDS]
    columns += [f"h.{name}" for name in CHOICE_FIELDS]
    return (
        f".mode csv\n.headers on\n.output {output}\nSELECT {', '.join(columns)} FROM requests r "
        "LEFT JOIN candidates c ON c.request_id = r.id "
        "LEFT JOIN choices h ON h.request_id = r.id AND h.retracted_at IS NULL "
        "ORDER BY r.created_at, r.id, c.sample_index;\n"
    )


def run_process(
    command: list[str], output: Path, *, script: str = "", environment: Mapping[str, str] | None = None
) -> ProcessRun:
    """Run a command to its end, and measure it. `output` is the file that it writes, if it writes any."""
    output.unlink(missing_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryFile() as stdin:
        stdin.write(script.encode())
        stdin.seek(0)
        process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if status:
        raise SystemExit(f"{command[0]} … ended with {os.waitstatus_to_exitcode(status)}")
    run = ProcessRun(
        seconds=seconds,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / 1024,
        written_mb=output.stat().st_size / 2**20 if output.exists() else 0.0,
    )
    print(f"{' '.join(command[:1] + command[3:8])}: {seconds:.0f} s, {run.cpu_s:.0f} s of CPU, {run.peak_mb:.0f} MB")
    return run


def count_rows(database: Path) -> tuple[int, int]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("requests", "candidates")
        ]
    connection.close()
    return counts[0], counts[1]


def build_table(runs: dict[str, list[ProcessRun]], rows: dict[str, int], title: str) -> Table:
    """Build a table with the median round of each process by wall time, and its speed beside the shell's."""
    table = Table("", "rows", "s", "rows/s", "CPU s", "peak MB", "written MB", "speed / shell", title=title)
    base = take_median(runs[SHELL])
    for name, each in runs.items():
        run = take_median(each)
        ratio = f"{base.seconds / run.seconds:.2f}, by CPU {base.cpu_s / run.cpu_s:.2f}" if name == "csv" else ""
        figures = (f"{run.seconds:.1f}", f"{rows[name] / run.seconds:,.0f}", f"{run.cpu_s:.1f}")
        table.add_row(name, f"{rows[name]:,}", *figures, f"{run.peak_mb:.0f}", f"{run.written_mb:,.0f}", ratio)
    return table


def take_median(runs: list[ProcessRun]) -> ProcessRun:
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


if __name__ == "__main__":
    main()
