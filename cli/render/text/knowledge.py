"""Results of `suggest knowledge` on a terminal."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.progress import Progress, TaskID
from rich.text import Text

from cli.render.printable import make_printable, pluralise
from cli.render.text.tables import build_table

if TYPE_CHECKING:
    from bot.knowledge.evaluation import Evaluation
    from bot.knowledge.gaps import Gap
    from bot.knowledge.library import Changes, Hit
    from storage.repositories.knowledge import Document, Listed


def render_changes(changes: "Changes") -> str:
    """Render what was read and what was not."""
    lines = []
    if changes.documents or changes.files:
        lines.append(f"Read {pluralise(changes.documents, 'document')} in {pluralise(changes.passages, 'passage')}.")
    if changes.unchanged:
        lines.append(f"{pluralise(changes.unchanged, 'file')} unchanged.")
    if changes.removed:
        lines.append(f"Removed {pluralise(changes.removed, 'document')}.")
    if changes.embedded:
        lines.append(f"Made vectors of {pluralise(changes.embedded, 'passage')}.")
    if changes.note:
        lines.append(
            f"{pluralise(changes.unembedded, 'passage')} without a vector ({changes.note}): found by words alone until "
            "`suggest knowledge refresh`."
        )
    lines += [f"Not read: {make_printable(each)}" for each in changes.refused]
    return "\n".join(lines or ["Nothing to read: no file there is Markdown, HTML, text, PDF, CSV or JSON Lines."])


@contextmanager
def show_reading() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each step of reading files; what it gives takes a step, how much is done, and of how much."""
    steps: dict[str, TaskID] = {}
    with Progress(console=Console(stderr=True), transient=True) as bar:

        def advance(step: str, done: int, of: int) -> None:
            if step not in steps:
                steps[step] = bar.add_task(step)
            bar.update(steps[step], completed=done, total=of)

        yield advance


def render_documents(documents: "Sequence[Listed]") -> "str | RenderableType":
    """Render a table of documents."""
    if not documents:
        return "Nothing is known yet: `suggest knowledge add FOLDER` reads files."
    rows = [
        (one.id, one.title, f"{one.modified_at:%Y-%m-%d}", _describe(one), str(listed.passages))
        for listed in documents
        for one in [listed.document]
    ]
    return build_table("wwlwn", rows, headings=("id", "title", "date", "", "passages"), indent=0)


def render_document(document: "Document") -> RenderableType:
    """Render a document with its passages, numbered."""
    head = [document.title, f"{document.source}, {document.modified_at:%Y-%m-%d}", document.url, _describe(document)]
    passages = [
        text
        for number, passage in enumerate(document.passages, 1)
        for text in ("", f"{number}. {passage.heading}".rstrip(". "), passage.text)
    ]
    return Group(*(Text(make_printable(line)) for line in [*filter(None, head), *passages]))


def render_hits(hits: "Sequence[Hit]") -> "str | RenderableType":
    """Render passages, best first."""
    if not hits:
        return "Nothing fits: no document has these words."
    lines = []
    for hit in hits:
        marks = _describe(hit.document)
        heading = " / ".join(filter(None, (hit.document.title, hit.passage.heading)))
        lines += [
            f"{hit.score:.2f}  {heading}{f' ({marks})' if marks else ''}  [{hit.document.id}]",
            hit.passage.text,
            "",
        ]
    return Group(*(Text(make_printable(line)) for line in lines[:-1]))


def render_gaps(gaps: "Sequence[Gap]") -> "str | RenderableType":
    """Render each gap with its newest answer."""
    if not gaps:
        return "No gap: whatever was searched for, something fitted, or its text is not kept any more."
    lines = []
    for gap in gaps:
        answer = gap.answers[0] if gap.answers else "(no reply was sent)"
        lines += [f"{pluralise(gap.count, 'time')}: {gap.question}  [{gap.id}]", answer, ""]
    return Group(*(Text(make_printable(line)) for line in lines[:-1]))


def render_promoted(document: "Document") -> str:
    return f"Drafts know it now as {document.id}. `suggest knowledge remove {document.id}` takes it away."


def render_evaluation(evaluation: "Evaluation") -> str:
    """Render the measures, and the questions whose answer was not among the first three."""
    missed = [one.question for one in evaluation.answered if one.rank is None or one.rank > 3]
    first, three = evaluation.measure_hits(1), evaluation.measure_hits(3)
    lines = [
        f"What answers {pluralise(len(evaluation.answered), 'question')} is found first for {first:.1%},",
        f"among the first three for {three:.1%}; mean reciprocal rank {evaluation.mrr:.3f}.",
    ]
    if missed:
        lines += ["Not among the first three:", *(f"  {make_printable(question)}" for question in missed[:20])]
    return "\n".join(lines)


def _describe(document: "Document") -> str:
    return ", ".join(filter(None, ("internal" if document.internal else "", document.collection)))
