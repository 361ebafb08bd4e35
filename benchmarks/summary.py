"""Medians of several runs, a table with ratios, and the same as JSON."""

import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.load import Result

PACKAGES = (
    "aiohttp",
    "aiosqlite",
    "langchain-core",
    "langchain-openai",
    "openai",
    "slack-bolt",
    "slack-sdk",
    "sqlalchemy",
)
LABELS = {
    "suggestions": "suggestions",
    "cpu_ms": "CPU per suggestion, click included (ms)",
    "ack_p50_ms": "acknowledged, p50 (ms)",
    "ack_p99_ms": "acknowledged, p99 (ms)",
    "shown_over_model_p50_ms": "shown after the slowest model call, p50 (ms)",
    "shown_over_model_p99_ms": "shown after the slowest model call, p99 (ms)",
    "click_ack_p50_ms": "click acknowledged, p50 (ms)",
    "click_ack_p99_ms": "click acknowledged, p99 (ms)",
    "post_p50_ms": "reply posted after the click, p50 (ms)",
    "post_p99_ms": "reply posted after the click, p99 (ms)",
    "lost": "answers lost",
    "doubled": "replies posted twice",
    "candidates_missing": "candidates not shown",
    "model_calls_extra": "model calls beyond K",
    "bad_statuses": "deliveries not answered 200",
    "refused_payloads": "payloads refused by the workspace",
    "rss_mb": "memory at the end (MB)",
    "threads": "threads",
    "files": "open files",
    "cores_used": "cores used",
    "generator_cores": "cores used by the load generator",
    "reference_ms": "machine: CPU of a fixed piece of work (ms)",
}
# A median would hide these: the worst run counts.
WORST = {"lost", "doubled", "bad_statuses", "refused_payloads"}

Figures = Mapping[str, float | None]


def summarise(results: Sequence[Result]) -> Figures:
    """Return each figure's median over the runs; of what must not happen, the worst run."""
    columns = {field.name: [getattr(result, field.name) for result in results] for field in fields(Result)}
    return {
        name: _take_median(name, [value for value in values if value is not None]) for name, values in columns.items()
    }


def _take_median(name: str, values: Sequence[float]) -> float | None:
    if not values:
        return None
    return max(values) if name in WORST else statistics.median(values)


def build_table(title: str, summaries: Mapping[str, Figures]) -> Table:
    """Build a table: a row a figure, a column a system; of two systems also the ratio second / first."""
    shown = Table("figure", *summaries, title=title, title_justify="left")
    names = list(summaries)
    if len(names) == 2:
        shown.add_column(f"{names[1]} / {names[0]}")
    for column in shown.columns[1:]:
        column.justify = "right"
    for figure, label in LABELS.items():
        values = [summaries[name][figure] for name in names]
        cells = [_format(value) for value in values]
        shown.add_row(label, *cells, *([_format_ratio(*values)] if len(names) == 2 else []))
    return shown


def _format(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _format_ratio(base: float | None, value: float | None) -> str:
    return f"{value / base:.2f}" if base and value is not None else ""


def print_table(shown: Table) -> None:
    # Piped output has no width of its own; the labels must stay whole.
    Console(width=None if os.isatty(1) else 120).print(shown)


def write_json(path: Path, settings: Mapping[str, Any], results: Mapping[str, Sequence[Result]]) -> None:
    document = {
        "settings": settings,
        "machine": describe_machine(),
        "medians": {name: summarise(runs) for name, runs in results.items() if runs},
        "runs": {name: [asdict(run) for run in runs] for name, runs in results.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def describe_machine() -> dict[str, Any]:
    """Describe what the figures depend on, without the machine's name or paths."""
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
