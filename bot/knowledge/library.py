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

from bot.knowledge.index import Index, Match
from bot.knowledge.sources import UnreadableSource, list_files, read_digest, read_source
from storage.repositories.knowledge import Document, IdTaken, IndexRow, Knowledge, Listed, Passage, SourceFile


@dataclass(kw_only=True)
class Changes:
    """The outcome for files: documents and passages read, and a line for each file or row that was not."""

    files: int = 0
    unchanged: int = 0
    documents: int = 0
    passages: int = 0
    removed: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage that was found: of its document, the one that fits best."""

    document: Document
    passage: Passage
    score: float
    covered: float


class Library:
    """The knowledge of one database, with an index in memory that follows what any process changes."""

    def __init__(
        self,
        knowledge: Knowledge,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        look_every_s: float = 0,
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
        self._loading = asyncio.Lock()

    async def add(self, paths: Iterable[Path], *, internal: bool, collection: str, actor: str) -> Changes:
        """Read files and folders into the database. Files that have not changed stay as they are."""
        changes = Changes()
        known = {source.path: source for source in await self._knowledge.list_files()}
        for root in (path.resolve() for path in paths):
            for file in await asyncio.to_thread(list_files, root):
                source = _describe(file, root, internal=internal, collection=collection)
                await self._read_file(source, known.get(source.path), changes, actor)
        return changes

    async def refresh(self, *, actor: str) -> Changes:
        """Read again what has changed, what is new in folders, and remove what is gone.

        A root that cannot be found at all is told and kept: a disk may not be mounted.
        """
        changes = Changes()
        known = {source.path: source for source in await self._knowledge.list_files()}
        for root in sorted({source.root for source in known.values() if source.root}):
            if not await asyncio.to_thread(Path(root).exists):
                changes.refused.append(f"{root}: it is gone; `suggest knowledge remove {root}` removes what was read")
                continue
            await self._refresh_root(root, {k: v for k, v in known.items() if v.root == root}, changes, actor)
        return changes

    async def _refresh_root(self, root: str, known: dict[str, SourceFile], changes: Changes, actor: str) -> None:
        example = next(iter(known.values()))
        files = {str(file) for file in await asyncio.to_thread(list_files, Path(root))}
        if gone := sorted(set(known) - files):
            changes.removed += await self._knowledge.remove(gone, at=self._now(), actor=actor)
        for path in sorted(files):
            new = _describe(Path(path), Path(root), internal=example.internal, collection=example.collection)
            await self._read_file(known.get(path, new), known.get(path), changes, actor)

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

    async def remove(self, names: Iterable[str], *, actor: str) -> int:
        """Remove documents by id, or files and folders with all of theirs; return how many documents."""
        wanted = [form for name in names if name for form in (name, _to_absolute(name))]
        return await self._knowledge.remove(wanted, at=self._now(), actor=actor)

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
        index, rows = self._index, self._rows
        allowed = None
        if collections is not None:
            allowed = np.fromiter((row.collection in collections for row in rows), bool, count=len(rows))
        wanted = 2 * limit
        while True:
            matches = index.search(question, limit=wanted, allowed=allowed)
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
            hits.append(Hit(document=document, passage=passage, score=match.score, covered=match.covered))
        return hits

    async def _follow_changes(self) -> None:
        """Load the index anew if any process has changed the knowledge since."""
        async with self._loading:
            if self._clock() - self._looked_at < self._look_every_s:
                return
            version = await self._knowledge.read_version()
            self._looked_at = self._clock()
            if version == self._version:
                return
            rows = await self._knowledge.read_index()
            self._index = await asyncio.to_thread(Index, [row.terms for row in rows])
            self._rows, self._version = rows, version


def _describe(file: Path, root: Path, *, internal: bool, collection: str) -> SourceFile:
    """Name a file by its place below what was added: the folder's own name, and the way from there."""
    name = root.name if file == root else f"{root.name}/{file.relative_to(root).as_posix()}"
    return SourceFile(path=str(file), root=str(root), name=name, digest="", internal=internal, collection=collection)


def _to_absolute(name: str) -> str:
    return os.path.abspath(name)  # noqa: PTH100 - nothing needs to be there
