"""Documents that a team has written, in passages, by the files that they come from."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, case, delete, func, insert, or_, select, tuple_, update

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.tables import audit, knowledge_documents, knowledge_passages, knowledge_sources

CHANGED: Final = "knowledge_changed"
"""The action in the audit table; its entries also say whether an index in memory is still right."""

_ROWS_AT_ONCE: Final = 500
_SOURCES_TOLD: Final = 500
"""Where a change is of more sources, all is read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a document; `terms` are packed as `bot.knowledge.terms` does."""

    heading: str
    text: str
    terms: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text that is cited by its title; `source` is the file it was read from."""

    id: str
    title: str
    source: str
    url: str | None
    internal: bool
    collection: str
    modified_at: datetime
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file that was added: below `root`, the path that was named; its content by a SHA-256."""

    path: str
    root: str
    name: str
    digest: str
    internal: bool
    collection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A document without its texts, and how many passages it has."""

    document: Document
    passages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """A passage's place and its terms; `vector` is that of one model, if it was asked for and is there."""

    document_id: str
    part: int
    source: str
    collection: str
    terms: bytes
    vector: bytes | None = None

    def get_place(self) -> tuple[str, int]:
        """Return what rows are sorted by."""
        return self.document_id, self.part


@dataclass(frozen=True, slots=True, kw_only=True)
class Unembedded:
    """A passage that lacks the vector of a model, by its place."""

    document_id: str
    part: int
    source: str
    title: str
    heading: str
    text: str


class IdTaken(Exception):  # noqa: N818 - told as an outcome
    """Another file has a document of this id; arguments: the id, the other file."""


class Knowledge:
    """The documents of one database. Each change is in the audit table, too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(self, source: SourceFile, documents: Sequence[Document], *, at: datetime, actor: str) -> None:
        """Put a file's documents in the place of what it had before. Raises IdTaken, and changes nothing then."""
        rows, passages = _to_rows(documents)
        async with self._database.write() as connection:
            await _keep_vectors(connection, source.path, rows, passages)
            await _delete_files(connection, [source.path])
            for batch in _batch([document.id for document in documents]):
                taken = select(knowledge_documents.c.id, knowledge_documents.c.source)
                other = (await connection.execute(taken.where(knowledge_documents.c.id.in_(batch)))).first()
                if other is not None:
                    raise IdTaken(other.id, other.source)
            await connection.execute(
                insert(knowledge_sources),
                {
                    "path": source.path,
                    "root": source.root,
                    "name": source.name,
                    "digest": source.digest,
                    "internal": source.internal,
                    "collection": source.collection,
                },
            )
            for table, wanted in ((knowledge_documents, rows), (knowledge_passages, passages)):
                for batch in _batch(wanted):
                    await connection.execute(insert(table), batch)
            data = {"added": source.path, "documents": len(rows), "sources": [source.path]}
            await _record_change(connection, at, actor, data)

    async def remove(self, names: Sequence[str], *, at: datetime, actor: str) -> int:
        """Remove documents by id, and files by path, name or root; return how many documents."""
        async with self._database.write() as connection:
            files = select(knowledge_sources.c.path).where(
                or_(
                    knowledge_sources.c.path.in_(names),
                    knowledge_sources.c.name.in_(names),
                    knowledge_sources.c.root.in_(names),
                )
            )
            paths = list(await connection.scalars(files))
            named = knowledge_documents.c.id.in_(names)
            sources = {*paths, *await connection.scalars(select(knowledge_documents.c.source).where(named))}
            removed = await _delete_files(connection, paths)
            removed += await _delete_documents(connection, named)
            if removed:
                data = {"removed": list(names), "documents": removed, "sources": sorted(sources)}
                await _record_change(connection, at, actor, data)
            return removed

    async def list_files(self) -> list[SourceFile]:
        """List the files, by path."""
        rows = await self._read(select(knowledge_sources).order_by(knowledge_sources.c.path))
        return [SourceFile(**row) for row in rows]

    async def list_documents(self) -> list[Listed]:
        """List all documents without their texts, by source and id."""
        count = func.count(knowledge_passages.c.part).label("passages")
        query = select(knowledge_documents, count).join_from(knowledge_documents, knowledge_passages)
        order = (knowledge_documents.c.source, knowledge_documents.c.id)
        rows = await self._read(query.group_by(knowledge_documents.c.id).order_by(*order))
        return [Listed(passages=row.pop("passages"), document=Document(**row)) for row in rows]

    async def read(self, ids: Sequence[str]) -> dict[str, Document]:
        """Read documents with their passages, by id; those that are not there are left out."""
        found = await self._read(select(knowledge_documents).where(knowledge_documents.c.id.in_(ids)))
        query = select(knowledge_passages).where(knowledge_passages.c.document_id.in_(ids))
        parts: dict[str, list[Passage]] = {row["id"]: [] for row in found}
        for row in await self._read(query.order_by(knowledge_passages.c.document_id, knowledge_passages.c.part)):
            if row["document_id"] in parts:
                passage = Passage(heading=row["heading"], text=row["text"], terms=row["terms"])
                parts[row["document_id"]].append(passage)
        return {row["id"]: Document(**row, passages=tuple(parts[row["id"]])) for row in found}

    async def read_version(self) -> tuple[int, int]:
        """Return what changes with each change: how many there were, and the last one's number."""
        query = select(func.count(), func.coalesce(func.max(audit.c.seq), 0)).where(audit.c.action == CHANGED)
        (row,) = await self._read(query)
        count, newest = row.values()
        return count, newest

    async def list_changed_sources(self, since: tuple[int, int], until: tuple[int, int]) -> set[str] | None:
        """List the sources whose passages have changed between two versions; None if that is not known."""
        query = select(audit.c.data).where(audit.c.action == CHANGED, audit.c.seq > since[1], audit.c.seq <= until[1])
        changes = [row["data"] for row in await self._read(query)]
        if len(changes) != until[0] - since[0] or any("sources" not in each for each in changes):
            return None
        return {source for each in changes for source in each["sources"]}

    async def read_index(self, model: str | None = None, *, sources: Collection[str] | None = None) -> list[IndexRow]:
        """Read the terms of all passages, or of these sources', in the order of their documents and parts.

        With a model, its vectors are read, too.
        """
        columns: tuple[Any, ...] = (
            knowledge_passages.c.document_id,
            knowledge_passages.c.part,
            knowledge_documents.c.source,
            knowledge_documents.c.collection,
            knowledge_passages.c.terms,
        )
        if model is not None:
            columns = (*columns, case((_is_of(model), knowledge_passages.c.vector), else_=None).label("vector"))
        query = select(*columns).join_from(knowledge_passages, knowledge_documents)
        if sources is not None:
            query = query.where(knowledge_documents.c.source.in_(sources))

        async def step(connection: Transaction) -> Sequence[Any]:
            return (await connection.execute(query)).mappings().all()

        rows = await self._database.look(step)
        # Databases have orders of their own. In a thread, since it takes a second for 100,000 passages.
        return await asyncio.to_thread(lambda: sorted((IndexRow(**row) for row in rows), key=IndexRow.get_place))

    async def list_unembedded(self, model: str, *, at_most: int, after: tuple[str, int] = ("", 0)) -> list[Unembedded]:
        """List passages that lack the vector of a model, by document and part, from behind a place on."""
        columns = (
            knowledge_passages.c.document_id,
            knowledge_passages.c.part,
            knowledge_documents.c.source,
            knowledge_documents.c.title,
            knowledge_passages.c.heading,
            knowledge_passages.c.text,
        )
        query = select(*columns).join_from(knowledge_passages, knowledge_documents).where(~_is_of(model))
        order = (knowledge_passages.c.document_id, knowledge_passages.c.part)
        rows = await self._read(query.where(tuple_(*order) > after).order_by(*order).limit(at_most))
        return [Unembedded(**row) for row in rows]

    async def count_unembedded(self, model: str) -> int:
        """Count the passages that lack the vector of a model."""
        (row,) = await self._read(select(func.count().label("count")).where(~_is_of(model)))
        return int(row["count"])

    async def put_vectors(self, model: str, passages: Sequence[Unembedded], vectors: Sequence[bytes]) -> None:
        """Keep the vectors of passages."""
        if not passages:
            return
        rows = [
            {"of_document": one.document_id, "of_part": one.part, "packed": vector}
            for one, vector in zip(passages, vectors, strict=True)
        ]
        async with self._database.write() as connection:
            place = (
                knowledge_passages.c.document_id == bindparam("of_document"),
                knowledge_passages.c.part == bindparam("of_part"),
            )
            put = update(knowledge_passages).where(*place).values(vector=bindparam("packed"), vector_model=model)
            await connection.execute(put, rows)

    async def forget_vectors(self, model: str, *, except_size: int) -> int:
        """Forget the vectors of a model that have another size, in bytes: its server makes others now. Count them."""
        other = _is_of(model) & (func.length(knowledge_passages.c.vector) != except_size)
        async with self._database.write() as connection:
            forget = update(knowledge_passages).where(other).values(vector=None, vector_model=None)
            return (await connection.execute(forget)).rowcount

    async def record_embedded(
        self, model: str, count: int, sources: Collection[str], *, at: datetime, actor: str
    ) -> None:
        """Record that so many passages of these sources have got vectors: other processes read them then."""
        told = {"sources": sorted(sources)} if len(sources) <= _SOURCES_TOLD else {}
        async with self._database.write() as connection:
            await _record_change(connection, at, actor, {"embedded": count, "model": model, **told})

    async def _read(self, query: Any) -> list[dict[str, Any]]:
        async def step(connection: Transaction) -> list[dict[str, Any]]:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

        return await self._database.look(step)


def _is_of(model: str) -> ColumnElement[bool]:
    """Build the condition for passages that have a vector of this model; never null."""
    return func.coalesce(knowledge_passages.c.vector_model, "") == model


async def _keep_vectors(
    connection: Transaction, path: str, documents: Sequence[dict[str, Any]], passages: Sequence[dict[str, Any]]
) -> None:
    """Give passages the vectors that the same texts of this file have now."""
    query = (
        select(
            knowledge_documents.c.title,
            knowledge_passages.c.heading,
            knowledge_passages.c.text,
            knowledge_passages.c.vector,
            knowledge_passages.c.vector_model,
        )
        .join_from(knowledge_passages, knowledge_documents)
        .where(knowledge_documents.c.source == path, knowledge_passages.c.vector.is_not(None))
    )
    known = {tuple(row[:3]): row[3:] for row in await connection.execute(query)}
    titles = {row["id"]: row["title"] for row in documents}
    for passage in passages:
        key = (titles[passage["document_id"]], passage["heading"], passage["text"])
        passage["vector"], passage["vector_model"] = known.get(key, (None, None))


def _to_rows(documents: Sequence[Document]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the documents' rows, and their passages'."""
    names = [column.name for column in knowledge_documents.columns]
    rows = [{name: getattr(document, name) for name in names} for document in documents]
    passages = [
        {"document_id": document.id, "part": part, "heading": one.heading, "text": one.text, "terms": one.terms}
        for document in documents
        for part, one in enumerate(document.passages, 1)
    ]
    return rows, passages


async def _delete_files(connection: Transaction, paths: Sequence[str]) -> int:
    removed = await _delete_documents(connection, knowledge_documents.c.source.in_(paths))
    await connection.execute(delete(knowledge_sources).where(knowledge_sources.c.path.in_(paths)))
    return removed


async def _delete_documents(connection: Transaction, condition: Any) -> int:
    ids = select(knowledge_documents.c.id).where(condition)
    await connection.execute(delete(knowledge_passages).where(knowledge_passages.c.document_id.in_(ids)))
    return (await connection.execute(delete(knowledge_documents).where(condition))).rowcount


async def _record_change(connection: Transaction, at: datetime, actor: str, data: dict[str, Any]) -> None:
    await connection.execute(insert(audit), {"at": at, "actor": actor, "action": CHANGED, "data": data})


def _batch(rows: Sequence[Any]) -> list[Sequence[Any]]:
    return [rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE)]
