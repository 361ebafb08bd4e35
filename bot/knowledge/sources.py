"""Files read as documents: Markdown, HTML, plain text, PDF, CSV of macros, JSON Lines.

for file in list_files(path):
    source = read_source(file, name="help/returns.md", internal=False, collection="")   # raises UnreadableSource
"""

import csv
import io
import json
import logging
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from bot.knowledge.splitting import split_markdown, split_text
from bot.knowledge.terms import extract_terms, pack_terms
from bot.text_limits import clean
from storage.repositories.knowledge import Document, Passage

LARGEST_FILE: Final = 64 * 2**20
"""Bytes. A larger file is refused: nobody wrote it for agents to read."""

TITLE_CHARACTERS: Final = 80


class UnreadableSource(Exception):  # noqa: N818 - told as an outcome
    """A file, or a row of it, cannot be taken; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file and its documents; `refused` has a sentence for each row that was left out."""

    path: str
    digest: str
    documents: tuple[Document, ...]
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A document as its file has it; `passages` are pairs of a heading and a text."""

    title: str
    passages: list[tuple[str, str]]
    id: str | None = None
    url: str | None = None
    internal: bool = False


_Reader = Callable[[bytes, str], Iterator[tuple[int, _Entry | UnreadableSource]]]
"""From content and the file's name to row numbers with entries. Raises UnreadableSource for the whole file."""


def list_files(path: Path) -> list[Path]:
    """List a file, or the readable files of a folder and its folders, sorted; hidden ones are left out."""
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in _READERS
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )


def read_digest(file: Path) -> str:
    """Return the SHA-256 of a file. Raises UnreadableSource."""
    return sha256(_read_bytes(file)).hexdigest()


def read_source(file: Path, *, name: str, internal: bool, collection: str) -> Source:
    """Read a file; `name` is the id of its document, or the start of its rows' ids. Raises UnreadableSource."""
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise UnreadableSource(f"{file.suffix or 'no suffix'} is not read; these are: {', '.join(_READERS)}")
    if clean(str(file)) != str(file):
        raise UnreadableSource("its name is not UTF-8: rename it")
    content = _read_bytes(file)
    modified_at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    documents: dict[str, Document] = {}
    refused = []
    for row, entry in reader(content, file.stem):
        if isinstance(entry, UnreadableSource):
            refused.append(f"row {row}: {entry}")
            continue
        key = entry.id or (name if file.suffix.lower() in _WHOLE else f"{name}#{entry.title}")
        if key in documents:
            refused.append(f"row {row}: {key} is there already: give each row an id or title of its own")
            continue
        documents[key] = Document(
            id=key,
            title=entry.title,
            source=str(file),
            url=entry.url,
            internal=internal or entry.internal,
            collection=collection,
            modified_at=modified_at,
            passages=tuple(index_passage(entry.title, *passage) for passage in entry.passages),
        )
    if not documents and not refused:
        raise UnreadableSource("there is no text in it")
    return Source(
        path=str(file), digest=sha256(content).hexdigest(), documents=tuple(documents.values()), refused=tuple(refused)
    )


def index_passage(title: str, heading: str, text: str) -> Passage:
    """Make a passage with the terms that it is found by."""
    heading, text = clean(heading), clean(text)
    return Passage(heading=heading, text=text, terms=pack_terms(extract_terms(f"{title}\n{heading}\n{text}")))


def _read_bytes(file: Path) -> bytes:
    try:
        if (size := file.stat().st_size) > LARGEST_FILE:
            raise UnreadableSource(
                f"it has {size // 2**20} MB, and {LARGEST_FILE // 2**20} MB is the most: split it into smaller files"
            )
        return file.read_bytes()
    except OSError as error:
        raise UnreadableSource(f"it cannot be read: {error.strerror}") from error


def _decode(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableSource("it is not UTF-8 text: save it as UTF-8") from error
    if "\0" in text:
        raise UnreadableSource("it is not text")
    return text


# --- one document a file --------------------------------------------------------------------------


def _read_markdown(content: bytes, stem: str) -> Iterator[tuple[int, _Entry | UnreadableSource]]:
    text = _decode(content)
    title = next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), stem)
    if passages := split_markdown(text, title=title):
        yield 1, _Entry(title=title, passages=passages)


def _read_text(content: bytes, stem: str) -> Iterator[tuple[int, _Entry | UnreadableSource]]:
    if passages := split_text(_decode(content)):
        yield 1, _Entry(title=stem, passages=[("", passage) for passage in passages])


def _read_html(content: bytes, stem: str) -> Iterator[tuple[int, _Entry | UnreadableSource]]:
    page = _HtmlPage()
    page.feed(_decode(content))
    page.close()
    title = " ".join("".join(page.title).split()) or stem
    if passages := split_markdown("".join(page.lines), title=title):
        yield 1, _Entry(title=title, passages=passages)


def _read_pdf(content: bytes, stem: str) -> Iterator[tuple[int, _Entry | UnreadableSource]]:
    from pypdf import PdfReader
    from pypdf.errors import DeprecationError, PyPdfError

    # On a broken file pypdf stumbles with whatever error the broken part leads to, and logs what it sees on its way.
    stumbles = (PyPdfError, DeprecationError, ValueError, LookupError, TypeError, AttributeError, AssertionError)
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(content))
        pages = [page.extract_text() for page in reader.pages]
        title = clean(str((reader.metadata and reader.metadata.title) or stem))
    except (*stumbles, ArithmeticError, struct.error, RecursionError, NotImplementedError) as error:
        raise UnreadableSource(f"it is no PDF that can be read ({type(error).__name__}): save it anew") from error
    passages = [(f"page {n}", text) for n, page in enumerate(pages, 1) for text in split_text(page)]
    if not passages:
        raise UnreadableSource("it has no text, only pictures: run text recognition over it")
    yield 1, _Entry(title=title, passages=passages)


class _HtmlPage(HTMLParser):
    """The text of a page as Markdown: headings marked, blocks apart, scripts and navigation left out."""

    _HIDDEN: Final = frozenset({"script", "style", "nav", "template", "noscript", "svg", "head", "footer", "form"})
    _BLOCKS: Final = frozenset({"p", "div", "li", "tr", "br", "section", "article", "table", "ul", "ol", "dt", "dd"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.title: list[str] = []
        self._hidden: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's
        if tag == "title":
            self._in_title = True
        elif tag in self._HIDDEN:
            self._hidden.append(tag)
        elif tag == "body":
            self._hidden.clear()
        elif tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            self.lines.append(f"\n\n{'#' * int(tag[1])} ")
        elif tag in self._BLOCKS:
            self.lines.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag in self._hidden:
            while self._hidden.pop() != tag:
                pass
        elif tag in self._BLOCKS or tag[:1] == "h":
            self.lines.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._hidden:
            self.lines.append(re.sub(r"\s+", " ", data))


# --- one document a row ---------------------------------------------------------------------------


def _read_json_lines(content: bytes, _: str) -> Iterator[tuple[int, _Entry | UnreadableSource]]:
    for number, line in enumerate(_decode(content).split("\n"), 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            yield number, UnreadableSource("it is no JSON")
            continue
        yield number, _to_entry(fields) if isinstance(fields, dict) else UnreadableSource("it is no JSON object")


def _read_csv(content: bytes, _: str) -> Iterator[tuple[int, _Entry | UnreadableSource]]:
    rows = csv.DictReader(io.StringIO(_decode(content), newline=""))
    try:
        names = [name.strip().lower() for name in rows.fieldnames or []]
        if missing := [name for name in ("title", "text") if name not in names]:
            raise UnreadableSource(f"it has no column {' and '.join(missing)}: its first row names title and text")
        rows.fieldnames = names
        for number, row in enumerate(rows, 1):
            truth = (row.get("internal") or "").strip().lower()
            if truth in _TRUTHS:
                yield number, _to_entry({**row, "internal": _TRUTHS[truth]})
            else:
                yield number, UnreadableSource(f"internal is {truth!r}, and takes true or false")
    except csv.Error as error:
        raise UnreadableSource(f"it is no CSV that can be read: {error}") from error


def _to_entry(fields: dict[str, Any]) -> _Entry | UnreadableSource:
    """Check a row's fields; an empty title is the text's beginning."""
    for name in ("id", "title", "text", "url"):
        if not isinstance(fields.get(name) or "", str):
            return UnreadableSource(f"{name} is no text")
    key, title, text, url = (clean(fields.get(name) or "").strip() for name in ("id", "title", "text", "url"))
    internal = fields.get("internal") or False
    if not text:
        return UnreadableSource("it has no text")
    if not isinstance(internal, bool):
        return UnreadableSource("internal is neither true nor false")
    return _Entry(
        id=key or None,
        title=title or text.splitlines()[0][:TITLE_CHARACTERS],
        passages=[("", passage) for passage in split_text(text)],
        url=url or None,
        internal=internal,
    )


_TRUTHS: Final = {"": False, "false": False, "no": False, "0": False, "true": True, "yes": True, "1": True}
_WHOLE: Final = frozenset({".md", ".markdown", ".txt", ".html", ".htm", ".pdf"})
_READERS: Final[dict[str, _Reader]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".txt": _read_text,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
}
