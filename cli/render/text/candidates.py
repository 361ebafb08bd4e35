"""Candidates on a terminal: in their positions once drafted, side by side while they are written."""

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.drafting import Brief, Draft, DraftFailed
from bot.i18n.texts import Texts
from bot.knowledge.passages import list_cited
from bot.suggesting.placement import choose_reason, is_cut_off, list_reasons
from cli.render.printable import make_printable
from storage.records import Candidate, LogEntry, Request

COLUMN_WIDTH: Final = 28
"""The least that a growing draft is readable in."""
REFRESHES_PER_S: Final = 12

Labels = dict[str, str]
"""How styles are called in front of the agent, by name."""


def render_candidates(entry: LogEntry, texts: Texts, labels: Labels) -> RenderableType:
    """Render the candidates in their positions, and what became of the other drafts."""
    panels = [_panel(candidate, entry.request, texts, labels) for candidate in entry.visible]
    return Group(*panels, *(Text(line, style="yellow") for line in list_missing(entry, texts)))


def list_missing(entry: LogEntry, texts: Texts) -> list[str]:
    """Say how many drafts failed and why, and how many are hidden."""
    errors = word_reasons(entry, texts)
    failed = sum(candidate.error is not None for candidate in entry.candidates)
    hidden = sum(candidate.dropped_reason == "near_duplicate" for candidate in entry.candidates)
    lines = []
    if failed:
        lines.append(texts("drafts-failed", failed=failed, count=len(entry.candidates), reasons=errors))
    if hidden:
        lines.append(texts("drafts-hidden", hidden=hidden))
    return lines


def word_reasons(entry: LogEntry, texts: Texts) -> str:
    """List why drafts failed, each reason once."""
    return ", ".join(texts(f"error-{reason}") for reason in list_reasons(entry.candidates))


def _list_sources(candidate: Candidate, texts: Texts) -> list[str]:
    """Tell what a candidate cites, a line for each."""
    return [
        f"{texts('source-list', count=1)} "
        + " · ".join(filter(None, (source.name(texts), *source.list_marks(texts), source.url)))
        for source in list_cited(candidate.sources)
    ]


def _panel(candidate: Candidate, request: Request, texts: Texts, labels: Labels) -> Panel:
    title = texts("reply-label", position=candidate.position, style=labels.get(candidate.style, candidate.style))
    sources = _list_sources(candidate, texts)
    if not sources and request.retrieved is not None:
        sources = [texts("source-none")]
    return Panel(
        Group(
            Text(make_printable(candidate.text or "")), *(Text(make_printable(line), style="dim") for line in sources)
        ),
        title=Text(title, style="bold"),
        title_align="left",
        subtitle=Text(texts("cut-off")) if is_cut_off(candidate) else None,
        subtitle_align="right",
    )


class LiveDrafts:
    """Drafts side by side as they are written. Their positions are drawn when all have ended."""

    def __init__(self, console: Console, texts: Texts, labels: Labels) -> None:
        self._console = console
        self._texts = texts
        self._labels = labels
        self._titles: list[str] = []
        self._written: list[str] = []
        self._ends: list[str] = []
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=REFRESHES_PER_S, transient=True
        )

    def begin(self, briefs: Sequence[Brief]) -> None:
        self._titles = [self._labels.get(brief.style.name, brief.style.name) for brief in briefs]
        self._written = [""] * len(briefs)
        self._ends = [""] * len(briefs)

    def append(self, index: int, piece: str) -> None:
        self._written[index] += piece

    def finish(self, index: int, draft: Draft | BaseException) -> None:
        if isinstance(draft, Draft):
            self._ends[index] = f"{draft.latency_ms} ms"
        elif isinstance(draft, DraftFailed):
            self._ends[index] = self._texts(f"error-{choose_reason(draft.error, draft.finish_reason)}")
        else:
            self._ends[index] = self._texts("error-invalid_output")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def _render(self) -> RenderableType:
        count = len(self._titles)
        if not count:
            return Text("")
        across = max(1, min(count, self._console.width // COLUMN_WIDTH))
        width = self._console.width // across
        rows = -(-count // across)
        height = max(1, (self._console.height - 1) // rows - 2)
        grid = Table.grid(expand=True)
        for _ in range(across):
            grid.add_column(width=width)
        for first in range(0, count, across):
            grid.add_row(*(self._column(index, width, height) for index in range(first, min(first + across, count))))
        return grid

    def _column(self, index: int, width: int, height: int) -> Panel:
        """Render the end of a draft: more would not fit."""
        lines = Text(make_printable(self._written[index])).wrap(self._console, width - 4)[-height:]
        return Panel(
            Group(*lines),
            title=Text(self._titles[index], style="bold"),
            title_align="left",
            subtitle=Text(self._ends[index] or "…"),
            subtitle_align="right",
            height=height + 2 if len(lines) == height else None,
        )
