"""`suggest batch` beside LangChain's plain `.abatch` over the same rows, and its memory with many rows.

python -m benchmarks.batch speed                      # 32 in flight, 200 ms each: throughput and CPU a draft
python -m benchmarks.batch memory --rows 10000 50000  # the peak of each, with a model that answers at once
python -m benchmarks.batch rehearsal --rows 1000000   # --dry-run

Each run is a process of its own; the model is a double on loopback, in this one. CPU a draft is the slope between a
short run and the long one, so that imports, which happen once, stay out of it. Nothing is asserted: read the table.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from benchmarks import summary
from benchmarks.exports import ProcessRun, run_process
from benchmarks.systems import keep_environment
from playground.model_server import Call, ModelDouble

RESULTS = Path(__file__).with_name("results")
SHORT = 320
"""Rows of the run that the CPU of a start is taken from."""

OURS = ("-m", "cli", "batch", "-k", "1")
PEER = (str(Path(__file__).with_name("batch_peer.py")),)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFigures:
    """One run: the process, and the calls a second that the model saw from its first to its last."""

    rows: int
    process: ProcessRun
    calls_a_second: float


class _Window:
    """When the model's first call arrived, and the last one did; it keeps no call."""

    def __init__(self, model: ModelDouble) -> None:
        self._model = model
        self.calls = 0
        self.first = self.last = 0.0

    def record(self, call: Call) -> str:
        self.first = self.first or call.arrived_at
        self.last = call.arrived_at
        self.calls += 1
        if not self.calls % 1_000:
            self._model.forget()
        return f"Dear customer, thank you for writing. We look into number {self.calls} at once, and come back to you."

    @property
    def calls_a_second(self) -> float:
        return (self.calls - 1) / (self.last - self.first) if self.calls > 1 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("study", choices=("speed", "memory", "rehearsal"))
    parser.add_argument("--rows", type=int, nargs="+")
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--latency", type=float, default=0.2, help="of a model call, seconds (study speed)")
    parser.add_argument("--systems", nargs="+", choices=("ours", "peer"), default=("ours", "peer"))
    parser.add_argument("--json", type=Path, default=RESULTS / "batch.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="suggest-batch-") as folder:
        bench = Bench(Path(folder), options.in_flight)
        match options.study:
            case "speed":
                runs = measure_speed(bench, options.rows or [3_200], options.systems, options.latency)
            case "memory":
                runs = {"ours": [asyncio.run(bench.run(OURS, rows)) for rows in options.rows or [10_000, 50_000]]}
            case _:
                runs = {"--dry-run": [asyncio.run(bench.run((*OURS, "--dry-run"), *(options.rows or [1_000_000])))]}
    summary.print_table(build_table(runs, options.in_flight / options.latency if options.study == "speed" else None))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    written = {name: [asdict(run) for run in each] for name, each in runs.items()}
    options.json.write_text(json.dumps({"machine": summary.describe_machine(), "runs": written}, indent=2) + "\n")


class Bench:
    """Runs processes over invented rows, beside a model."""

    def __init__(self, folder: Path, in_flight: int) -> None:
        self._folder = folder
        self._in_flight = in_flight

    async def run(self, program: Sequence[str], rows: int, *, latency_s: float = 0.0) -> BatchFigures:
        """Run a program over so many rows."""
        source, output = self._folder / f"{rows}.jsonl", self._folder / "out.jsonl"
        if not source.exists():
            write_rows(source, rows)
        for leftover in self._folder.glob("*.db*"):
            leftover.unlink()
        output.with_name("out.jsonl.journal").unlink(missing_ok=True)
        async with ModelDouble.start(latency_s=latency_s) as model:
            window = _Window(model)
            model.script(window.record)
            environment = keep_environment() | {
                "OPENAI_BASE_URL": model.base_url,
                "OPENAI_API_KEY": "sk-benchmark",
                "SUGGEST_MAX_CONCURRENCY": str(self._in_flight),
                "SUGGEST_DATABASE_URL": f"sqlite:///{self._folder / 'ours.db'}",
            }
            command = [sys.executable, *program, str(source), "-o", str(output)]
            process = await asyncio.to_thread(run_process, command, output, environment=environment)
        return BatchFigures(rows=rows, process=process, calls_a_second=window.calls_a_second)


def measure_speed(
    bench: Bench, sizes: Sequence[int], systems: Sequence[str], latency_s: float
) -> dict[str, list[BatchFigures]]:
    """Measure each system in turn, over few rows and then over each of `sizes`."""
    programs = {"ours": OURS, "peer": PEER}
    return {
        name: [asyncio.run(bench.run(programs[name], rows, latency_s=latency_s)) for rows in (SHORT, *sizes)]
        for name in systems
    }


def write_rows(file: Path, rows: int) -> None:
    """Write invented rows of some 200 characters."""
    with file.open("w", encoding="utf-8") as target:
        for number in range(rows):
            message = (
                f"Hello, my order {number} was to come on Monday, and it is Thursday now. The page says that it left "
                "your warehouse twice. Could you find out where it is, please? I need it for the weekend. Thanks!"
            )
            target.write(json.dumps({"message": message, "ticket": number}) + "\n")


def build_table(runs: dict[str, list[BatchFigures]], limit: float | None) -> Table:
    """Build a table; `limit` is the calls a second that the model's limit allows."""
    table = Table("", "rows", "s", "calls/s", "of the limit", "whole run", "CPU s", "CPU ms a draft", "peak MB")
    for name, each in runs.items():
        for run in each:
            table.add_row(name, f"{run.rows:,}", *_list_cells(run, each[0], limit))
    return table


def _list_cells(run: BatchFigures, short: BatchFigures, limit: float | None) -> list[str]:
    process = run.process
    slope = (process.cpu_s - short.process.cpu_s) / (run.rows - short.rows) if run is not short else None
    return [
        f"{process.seconds:.1f}",
        f"{run.calls_a_second:.1f}",
        f"{run.calls_a_second / limit:.3f}" if limit else "",
        f"{run.rows / process.seconds / limit:.3f}" if limit else "",
        f"{process.cpu_s:.1f}",
        "" if slope is None else f"{1000 * slope:.2f}",
        f"{process.peak_mb:.0f}",
    ]


if __name__ == "__main__":
    main()
