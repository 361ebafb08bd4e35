"""The use cases of knowledge: files in, passages out.

library = Library(Knowledge(database), now=now)
outcome = await library.add(Path("help"), internal=False, collection="", actor="cli")
hits = await library.search("How do I return a lamp?", limit=3)
"""

import asyncio
import math
import os.path
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.knowledge.index import Index, Match, RowChanges, find_best
from bot.knowledge.sources import UnreadableSource, list_files, read_digest, read_source
from bot.knowledge.vectors import (
    AT_ONCE,
    Embedder,
    EmbeddingFailed,
    EmbeddingRefused,
    FloatArray,
    VectorIndex,
    Vectors,
    fuse_ranks,
    pack_vectors,
)
from storage.repositories.knowledge import (
    Document,
    IdTaken,
    IndexRow,
    Knowledge,
    Listed,
    Passage,
    SourceFile,
    Unembedded,
)

Progress = Callable[[str, int, int], None]
"""Told of each step: what is done, how far it is, of how many."""


@dataclass(kw_only=True)
class Changes:
    """The outcome for files: documents and passages read, and a line for each file or row that was not.

    With an embedding model: passages that got a vector, and those that lack one still; then `note` tells why.
    """

    files: int = 0
    unchanged: int = 0
    documents: int = 0
    passages: int = 0
    removed: int = 0
    embedded: int = 0
    unembedded: int = 0
    note: str | None = None
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage that was found: of its document, the one that fits best."""

    document: Document
    passage: Passage
    score: float
    covered: float
    near: float


class Library:
    """The knowledge of one database, with an index in memory that follows what any process changes."""

    def __init__(
        self,
        knowledge: Knowledge,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        look_every_s: float = 0,
        embedder: Embedder | None = None,
        on_progress: Progress = lambda *_: None,
    ) -> None:
        """Look for changes of other processes at most each `look_every_s` seconds."""
        self._knowledge = knowledge
        self._now = now
        self._clock = clock
        self._look_every_s = look_every_s
        self._looked_at = -math.inf
        self._version: tuple[int, int] | None = None
        self._rows: list[IndexRow] = []
        self._index = Index([])
        self._vectors = VectorIndex([])
        self._embedder = embedder
        self._on_progress = on_progress
        self._loading = asyncio.Lock()

    async def add(self, paths: Iterable[Path], *, internal: bool, collection: str, actor: str) -> Changes:
        """Read files and folders into the database. Files that have not changed stay as they are.

        A folder or file that was added on its own keeps its marks, also where a folder around it is added.
        """
        changes = Changes()
        known = {source.path: source for source in await self._knowledge.list_files()}
        added = [path.resolve() for path in paths]
        roots = {*(source.root for source in known.values()), *map(str, added)}
        for root in added:
            files = [file for file in await asyncio.to_thread(list_files, root) if _find_root(file, roots) == str(root)]
            for number, file in enumerate(files, 1):
                source = _describe(file, root, internal=internal, collection=collection)
                await self._read_file(source, known.get(source.path), changes, actor)
                self._on_progress("Reading files", number, len(files))
        await self._embed(changes, actor)
        return changes

    async def refresh(self, *, actor: str) -> Changes:
        """Read again what has changed, what is new in folders, and remove what is gone.

        A root that cannot be found at all is told and kept: a disk may not be mounted.
        """
        changes = Changes()
        known = {source.path: source for source in await self._knowledge.list_files()}
        roots = {source.root for source in known.values() if source.root}
        for root in sorted(roots):
            if not await asyncio.to_thread(Path(root).exists):
                changes.refused.append(f"{root}: it is gone; `suggest knowledge remove {root}` removes what was read")
                continue
            files = await asyncio.to_thread(list_files, Path(root))
            own = {str(file) for file in files if _find_root(file, roots) == root}
            await self._refresh_root(root, own, {k: v for k, v in known.items() if v.root == root}, changes, actor)
        await self._embed(changes, actor)
        return changes

    async def _refresh_root(
        self, root: str, files: set[str], known: dict[str, SourceFile], changes: Changes, actor: str
    ) -> None:
        example = next(iter(known.values()))
        if gone := sorted(set(known) - files):
            changes.removed += await self._knowledge.remove(gone, at=self._now(), actor=actor)
        for number, path in enumerate(sorted(files), 1):
            new = _describe(Path(path), Path(root), internal=example.internal, collection=example.collection)
            await self._read_file(known.get(path, new), known.get(path), changes, actor)
            self._on_progress("Reading files", number, len(files))

    async def _read_file(self, source: SourceFile, before: SourceFile | None, changes: Changes, actor: str) -> None:
        """Read one file, if its content or its marks have changed."""
        file = Path(source.path)
        try:
            digest = await asyncio.to_thread(read_digest, file)
            if before == replace(source, digest=digest):
                changes.unchanged += 1
                return
            read = await asyncio.to_thread(
                read_source, file, name=source.name, internal=source.internal, collection=source.collection
            )
            now = replace(source, digest=read.digest)
            await self._knowledge.replace(now, read.documents, at=self._now(), actor=actor)
        except UnreadableSource as error:
            changes.refused.append(f"{source.path}: {error}")
        except IdTaken as error:
            taken, other = error.args
            changes.refused.append(f"{source.path}: {taken} is the id of a document of {other}: name one otherwise")
        else:
            changes.files += 1
            changes.documents += len(read.documents)
            changes.passages += sum(len(document.passages) for document in read.documents)
            changes.refused += [f"{source.path}: {each}" for each in read.refused]

    async def put(self, document: Document, *, actor: str) -> None:
        """Keep a document that no file has; one of the same source is replaced."""
        source = SourceFile(
            path=document.source,
            root="",
            name=document.source,
            digest="",
            internal=document.internal,
            collection=document.collection,
        )
        await self._knowledge.replace(source, [document], at=self._now(), actor=actor)
        await self._embed(Changes(), actor)

    async def _embed(self, changes: Changes, actor: str) -> None:
        """Get the vectors that passages lack, in batches; what the server does not give is left for the next time."""
        if self._embedder is None:
            return
        model, sources, place = self._embedder.model, set[str](), ("", 0)
        lacking = await self._knowledge.count_unembedded(model)
        try:
            while lacking and (passages := await self._knowledge.list_unembedded(model, at_most=AT_ONCE, after=place)):
                embedded, vectors = await self._embed_batch(passages, changes)
                place = (passages[-1].document_id, passages[-1].part)
                if (
                    vectors
                    and not changes.embedded
                    and await self._knowledge.forget_vectors(model, except_size=len(vectors[0]))
                ):
                    place = ("", 0)
                await self._knowledge.put_vectors(model, embedded, vectors)
                changes.embedded += len(embedded)
                sources |= {one.source for one in embedded}
                self._on_progress("Embedding", changes.embedded, lacking)
        except EmbeddingFailed as error:
            changes.note = str(error)
        finally:
            if changes.embedded:
                await self._knowledge.record_embedded(model, changes.embedded, sources, at=self._now(), actor=actor)
            if changes.note:
                changes.unembedded = await self._knowledge.count_unembedded(model)

    async def _embed_batch(
        self, passages: Sequence[Unembedded], changes: Changes
    ) -> tuple[list[Unembedded], list[bytes]]:
        """Get packed vectors of these passages; of those that the server refuses, a note. Raises EmbeddingFailed."""
        assert self._embedder is not None
        texts = ["\n".join(filter(None, (one.title, one.heading, one.text))) for one in passages]
        try:
            return list(passages), pack_vectors(await self._embedder.embed_passages(texts))
        except EmbeddingRefused as error:
            changes.note = str(error)
            if len(passages) == 1:
                return [], []
        batches = [await self._embed_batch([one], changes) for one in passages]
        return [one for each, _ in batches for one in each], [vector for _, each in batches for vector in each]

    async def remove(self, names: Iterable[str], *, actor: str) -> int:
        """Remove documents by id, or files and folders with all of theirs; return how many documents."""
        wanted = {form for name in names if name for form in (name, _to_absolute(name))}
        known = await self._knowledge.list_files()
        inner = {source.path for source in known if source.root and _find_root(source.path, wanted)}
        wanted |= inner
        return await self._knowledge.remove(sorted(wanted), at=self._now(), actor=actor)

    async def is_empty(self) -> bool:
        """Return True if there is nothing to search."""
        await self._follow_changes()
        return not self._rows

    async def list_documents(self) -> list[Listed]:
        """List all documents without their texts."""
        return await self._knowledge.list_documents()

    async def get(self, document_id: str) -> Document | None:
        """Return a document with its passages."""
        return (await self.read([document_id])).get(document_id)

    async def read(self, ids: Sequence[str]) -> dict[str, Document]:
        """Return those of these documents that are there, with their passages."""
        return await self._knowledge.read(ids)

    async def rank(
        self, question: str, *, limit: int, collections: Collection[str] | None = None
    ) -> list[tuple[IndexRow, Match]]:
        """Rank documents by their best passages, best first; of these collections, if given."""
        await self._follow_changes()
        index, vectors, rows = self._index, self._vectors, self._rows
        vector = await self._embedder.embed_question(question) if self._embedder and vectors else None
        allowed = None
        if collections is not None:
            allowed = np.fromiter((row.collection in collections for row in rows), bool, count=len(rows))
        measured = await asyncio.to_thread(_measure, index, vectors, question, vector, allowed)
        wanted = 2 * limit
        while True:
            matches = [measured.get_match(row) for row in find_best(measured.scores, wanted)]
            best = {rows[match.row].document_id: (rows[match.row], match) for match in reversed(matches)}
            if len(best) >= limit or len(matches) < wanted:
                return sorted(best.values(), key=lambda found: -found[1].score)[:limit]
            wanted *= 4  # several passages of one document

    async def search(self, question: str, *, limit: int, collections: Collection[str] | None = None) -> list[Hit]:
        """Rank as `rank` does, with the passages' texts; what was removed meanwhile is left out."""
        ranked = await self.rank(question, limit=limit, collections=collections)
        documents = await self._knowledge.read([row.document_id for row, _ in ranked])
        hits = []
        for row, match in ranked:
            document = documents.get(row.document_id)
            if document is None or row.part > len(document.passages):
                continue
            passage = document.passages[row.part - 1]
            hits.append(
                Hit(document=document, passage=passage, score=match.score, covered=match.covered, near=match.near)
            )
        return hits

    async def _follow_changes(self) -> None:
        """Bring the index up to date if any process has changed the knowledge since."""
        async with self._loading:
            if self._clock() - self._looked_at < self._look_every_s:
                return
            version = await self._knowledge.read_version()
            self._looked_at = self._clock()
            if version == self._version:
                return
            changed = self._version and await self._knowledge.list_changed_sources(self._version, version)
            await (self._load() if changed is None else self._apply(changed))
            self._version = version

    async def _load(self) -> None:
        """Load the whole index."""
        rows = await self._knowledge.read_index(self._model)
        self._index = await asyncio.to_thread(Index, [row.terms for row in rows])
        self._vectors = await asyncio.to_thread(VectorIndex, [row.vector for row in rows])
        self._rows = await asyncio.to_thread(_strip, rows)

    async def _apply(self, sources: set[str]) -> None:
        """Read these sources anew, and put their passages in the place of what was there of them."""
        added = await self._knowledge.read_index(self._model, sources=sources)
        rows, changes = await asyncio.to_thread(_merge, self._rows, added, sources)
        self._index = await asyncio.to_thread(self._index.apply, changes, [row.terms for row in added])
        self._vectors = await asyncio.to_thread(self._vectors.apply, changes, [row.vector for row in added])
        self._rows = rows

    @property
    def _model(self) -> str | None:
        return None if self._embedder is None else self._embedder.model


def _strip(rows: Sequence[IndexRow]) -> list[IndexRow]:
    """Leave the terms and vectors out, which the indexes hold."""
    return [replace(row, terms=b"", vector=None) for row in rows]


def _merge(
    before: Sequence[IndexRow], added: Sequence[IndexRow], sources: set[str]
) -> tuple[list[IndexRow], RowChanges]:
    """Put rows in the place of what was there of these sources, in their order."""
    kept = [row for row in before if row.source not in sources]
    rows = sorted([*kept, *_strip(added)], key=IndexRow.get_place)
    numbers = {row.get_place(): number for number, row in enumerate(rows)}
    places = [-1 if row.source in sources else numbers[row.get_place()] for row in before]
    return rows, RowChanges(
        kept=np.array(places, dtype=np.int64),
        added=np.array([numbers[row.get_place()] for row in added], dtype=np.int64),
        size=len(rows),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """All passages beside one question, by their rows."""

    scores: FloatArray
    covered: FloatArray
    near: FloatArray

    def get_match(self, row: int) -> Match:
        return Match(
            row=int(row),
            score=float(self.scores[row]),
            covered=float(self.covered[row]),
            near=float(self.near[row]),
        )


def _measure(
    index: Index,
    vectors: VectorIndex,
    question: str,
    vector: Vectors | None,
    allowed: NDArray[np.bool_] | None,
) -> _Measured:
    """Measure passages by words, and by meaning if the question has a vector; others than allowed have no score."""
    scores, covered = index.measure(question)
    near = vectors.measure(vector)
    if allowed is not None:
        scores[~allowed] = near[~allowed] = 0
    return _Measured(scores=scores if vector is None else fuse_ranks(scores, near), covered=covered, near=near)


def _describe(file: Path, root: Path, *, internal: bool, collection: str) -> SourceFile:
    """Name a file by its place below what was added: the folder's own name, and the way from there."""
    name = root.name if file == root else f"{root.name}/{file.relative_to(root).as_posix()}"
    return SourceFile(path=str(file), root=str(root), name=name, digest="", internal=internal, collection=collection)


def _find_root(file: Path | str, roots: Collection[str]) -> str | None:
    """Find the innermost of these files and folders that a file belongs to."""
    file = Path(file)
    return next((str(path) for path in (file, *file.parents) if str(path) in roots), None)


def _to_absolute(name: str) -> str:
    return os.path.abspath(name)  # noqa: PTH100 - nothing needs to be there
