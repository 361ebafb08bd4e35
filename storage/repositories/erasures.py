"""Pruning of old requests' texts, and erasure of whole requests. Each batch is one transaction.

Pruned, a request keeps its numbers: who, when, in which order, with which probability, what was chosen. Its texts, its
`response_url` and what the vault held are gone. Erased, it is gone with all that belongs to it, and with the requests
that it was redrafted from or into, which are about the same message.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, bindparam, delete, func, or_, select, text, update

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.records import Turn, bind_delivery
from storage.tables import (
    UtcTime,
    agent_settings,
    candidates,
    choices,
    deliveries,
    events,
    requests,
    seen_deliveries,
    vault,
)

AT_ONCE: Final = 200
"""Requests a transaction: others wait for no longer than that takes."""

WIPE_PATIENCE_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureFilter:
    """The requests to erase, by one criterion: exactly one of these is given."""

    agent_id: str | None = None
    channel_id: str | None = None
    thread_ts: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """Numbers of rows, by table."""

    requests: int = 0
    candidates: int = 0
    choices: int = 0
    deliveries: int = 0
    events: int = 0
    vault: int = 0
    seen_deliveries: int = 0
    agent_settings: int = 0

    def as_dict(self) -> dict[str, int]:
        """Map each table to its number of rows."""
        return {name: getattr(self, name) for name in RowCounts.__slots__}

    def __add__(self, other: "RowCounts") -> "RowCounts":
        return RowCounts(**{name: getattr(self, name) + getattr(other, name) for name in RowCounts.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTexts:
    """The texts in one row of a request; or the `sealed` one, which storage cannot read, and what it is bound to."""

    request_id: str
    texts: tuple[str, ...] = field(default=(), repr=False)
    sealed: str | None = field(default=None, repr=False)
    bound_to: str = ""


class Erasures:
    """Pruning and erasure in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- texts of old requests ------------------------------------------------------------------------

    async def count_prunable(self, *, created_before: datetime) -> int:
        """Count the requests made before then that still have their texts."""
        async with self._database.read() as connection:
            return await connection.scalar(_COUNT_PRUNABLE, {"before": created_before}) or 0

    async def prune(self, *, created_before: datetime) -> int:
        """Forget the texts of some requests made before then, oldest first, and return their number.

        It is 0 when all is done.
        """
        async with self._database.write() as connection:
            ids = (await connection.scalars(_SELECT_PRUNABLE, {"before": created_before})).all()
            if ids:
                await _forget_texts(connection, ids)
            return len(ids)

    async def forget_delivery_texts(self, *, chosen_before: datetime) -> int:
        """Forget the texts of replies whose delivery ended long ago (to copy, or unknown), and return their number."""
        async with self._database.write() as connection:
            return (await connection.execute(_FORGET_DELIVERED, {"before": chosen_before})).rowcount

    # --- whole requests -------------------------------------------------------------------------------

    async def find_matching(self, erasure: ErasureFilter) -> tuple[str, ...]:
        """Find the ids of the requests meant, with those of the same redrafts."""
        async with self._database.read() as connection:
            found: Sequence[str] = (
                await connection.scalars(select(requests.c.id).where(_build_condition(erasure)))
            ).all()
        return await self.find_related(found)

    async def iter_texts(self) -> AsyncIterator[StoredTexts]:
        """Iterate over every text in every table, row by row."""
        for query, start, to_texts in _TEXT_QUERIES:
            after: Any = start
            while True:
                async with self._database.read() as connection:
                    rows = (await connection.execute(query, {"after": after, "most": AT_ONCE})).all()
                for row in rows:
                    yield to_texts(*row[1:])
                if len(rows) < AT_ONCE:
                    break
                after = rows[-1][0]

    async def find_related(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Find the ids of these requests and of all that they were redrafted from and into."""
        known: dict[str, None] = dict.fromkeys(ids)
        fresh = list(known)
        async with self._database.read() as connection:
            while fresh:
                related: list[str] = []
                for batch in _split_batches(fresh):
                    related += (await connection.scalars(_PARENTS, {"ids": batch})).all()
                    related += (await connection.scalars(_CHILDREN, {"ids": batch})).all()
                fresh = [each for each in dict.fromkeys(related) if each not in known]
                known |= dict.fromkeys(fresh)
        return tuple(known)

    async def count_rows(self, ids: Sequence[str]) -> RowCounts:
        """Count the rows that erasing these requests would delete."""
        counts = RowCounts()
        async with self._database.read() as connection:
            for batch in _split_batches(ids):
                counts += await _count_rows(connection, batch)
        return counts

    async def erase(self, ids: Sequence[str]) -> RowCounts:
        """Delete some requests, at most AT_ONCE, from every table, and count the rows."""
        async with self._database.write() as connection:
            counts = await _count_rows(connection, ids)
            await connection.execute(delete(seen_deliveries).where(seen_deliveries.c.key.in_(_list_redraft_keys(ids))))
            await connection.execute(_ERASE, {"ids": list(ids)})  # what belongs to them goes with them
            return counts

    async def wipe(self) -> bool:
        """Overwrite on the disk what was erased. False if that has to wait for readers, or for VACUUM."""
        return await self._database.scrub(patience_s=WIPE_PATIENCE_S)

    async def forget_agent(self, agent_id: str) -> RowCounts:
        """Delete an agent's settings, and the keys of their clicks, which have their id in them; count the rows."""
        async with self._database.write() as connection:
            theirs = seen_deliveries.c.key.contains(f"click:{agent_id}:", autoescape=True)
            keys = await connection.execute(delete(seen_deliveries).where(theirs))
            settings = await connection.execute(delete(agent_settings).where(agent_settings.c.agent_id == agent_id))
            return RowCounts(seen_deliveries=keys.rowcount, agent_settings=settings.rowcount)


async def _forget_texts(connection: Transaction, ids: Sequence[str]) -> None:
    """Delete the texts of these requests in every table, and keep their numbers."""
    these = {"ids": list(ids)}
    spoken = (await connection.execute(_SELECT_SPOKEN, these)).all()
    rows = [{"of_request": key, "wordless": tuple(replace(turn, text="") for turn in turns)} for key, turns in spoken]
    await connection.execute(_PRUNE_CONVERSATION, rows)
    for statement in (_PRUNE_REQUESTS, _PRUNE_CANDIDATES, _PRUNE_CHOICES, _PRUNE_DELIVERIES, _PRUNE_VAULT):
        await connection.execute(statement, these)
    undone = (await connection.execute(_SELECT_UNDONE, these)).all()
    for seq, data in undone:
        if data.get("choice", {}).get("final_text") is not None:
            forgotten = {**data, "choice": {**data["choice"], "final_text": None}}
            await connection.execute(_PRUNE_EVENT, {"of_seq": seq, "forgotten": forgotten})


async def _count_rows(connection: Transaction, ids: Sequence[str]) -> RowCounts:
    """Count the rows of these requests in every table."""
    counted: dict[str, int] = {}
    for table in (candidates, choices, deliveries, events, vault):
        rows = select(func.count()).select_from(table).where(table.c.request_id.in_(list(ids)))
        counted[table.name] = await connection.scalar(rows) or 0
    found = select(func.count()).select_from(requests).where(requests.c.id.in_(list(ids)))
    keys = select(func.count()).select_from(seen_deliveries).where(seen_deliveries.c.key.in_(_list_redraft_keys(ids)))
    return RowCounts(
        requests=await connection.scalar(found) or 0, seen_deliveries=await connection.scalar(keys) or 0, **counted
    )


def _list_redraft_keys(ids: Iterable[str]) -> list[str]:
    """List the keys under which failed requests were asked again."""
    return [f"redraft:{request_id}" for request_id in ids]


def _build_condition(erasure: ErasureFilter) -> ColumnElement[bool]:
    """Build the condition for the requests meant.

    An agent's are those that they asked for, and imported ones in which they decided or did anything else.
    """
    columns = {
        requests.c.agent_id: erasure.agent_id,
        requests.c.channel_id: erasure.channel_id,
        requests.c.thread_ts: erasure.thread_ts,
        requests.c.id: erasure.request_id,
    }
    ((column, value),) = [(column, value) for column, value in columns.items() if value is not None]
    if column is not requests.c.agent_id:
        return column == value
    acted = [select(table.c.request_id).where(table.c.agent_id == value) for table in (choices, events)]
    return or_(column == value, *(requests.c.id.in_(each) for each in acted))


def _split_batches(ids: Sequence[str]) -> Iterable[list[str]]:
    return (list(ids[start : start + AT_ONCE]) for start in range(0, len(ids), AT_ONCE))


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)

# Word for word the condition of the index.
_HAS_TEXT: Final = text("requests.text_kept <> 'none'")

_PRUNABLE: Final = (requests.c.created_at < bindparam("before", type_=UtcTime)) & _HAS_TEXT

_COUNT_PRUNABLE: Final = select(func.count()).select_from(requests).where(_PRUNABLE)

_SELECT_PRUNABLE: Final = (
    select(requests.c.id)
    .where(_PRUNABLE)
    .order_by(requests.c.created_at)
    .limit(AT_ONCE)
    .with_for_update(skip_locked=True)
)

# Who spoke stays, without what they said.
_SELECT_SPOKEN: Final = select(requests.c.id, requests.c.conversation).where(requests.c.id.in_(_IDS))
_PRUNE_CONVERSATION: Final = (
    update(requests).where(requests.c.id == bindparam("of_request")).values(conversation=bindparam("wordless"))
)
_PRUNE_REQUESTS: Final = (
    update(requests)
    .where(requests.c.id.in_(_IDS))
    .values(hint=None, input=None, text_kept="none", response_url=None, response_url_expires_at=None)
)
_PRUNE_CANDIDATES: Final = update(candidates).where(candidates.c.request_id.in_(_IDS)).values(text=None, sources=())
_PRUNE_CHOICES: Final = update(choices).where(choices.c.request_id.in_(_IDS)).values(final_text=None, note=None)
_PRUNE_DELIVERIES: Final = update(deliveries).where(deliveries.c.request_id.in_(_IDS)).values(text=None)
_PRUNE_VAULT: Final = delete(vault).where(vault.c.request_id.in_(_IDS))

_SELECT_UNDONE: Final = select(events.c.seq, events.c.data).where(
    events.c.request_id.in_(_IDS), events.c.type == "undone"
)
_PRUNE_EVENT: Final = update(events).where(events.c.seq == bindparam("of_seq")).values(data=bindparam("forgotten"))

_FORGET_DELIVERED: Final = (
    update(deliveries)
    .where(
        deliveries.c.text.is_not(None),
        deliveries.c.state.in_(("done", "unknown")),
        deliveries.c.choice_id.in_(
            select(choices.c.id).where(choices.c.chosen_at < bindparam("before", type_=UtcTime))
        ),
    )
    .values(text=None)
)

_PARENTS: Final = select(requests.c.parent_request_id).where(
    requests.c.id.in_(_IDS), requests.c.parent_request_id.is_not(None)
)
_CHILDREN: Final = select(requests.c.id).where(requests.c.parent_request_id.in_(_IDS))

_ERASE: Final = delete(requests).where(requests.c.id.in_(_IDS))


def _collect_texts(value: Any) -> tuple[str, ...]:
    """Collect every text within a JSON value, at any depth."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, dict):
        return tuple(word for each in value.values() for word in _collect_texts(each))
    if isinstance(value, list | tuple):
        return tuple(word for each in value for word in _collect_texts(each))
    return ()


def _to_request_texts(request_id: str, conversation: Sequence[Turn], *values: Any) -> StoredTexts:
    return StoredTexts(request_id=request_id, texts=(*(turn.text for turn in conversation), *_collect_texts(values)))


def _to_plain_texts(request_id: str, *values: Any) -> StoredTexts:
    return StoredTexts(request_id=request_id, texts=_collect_texts(values))


def _to_vault_text(request_id: str, sealed: str) -> StoredTexts:
    return StoredTexts(request_id=request_id, sealed=sealed, bound_to=request_id)


def _to_delivery_text(request_id: str, sealed: str | None, delivery_id: str) -> StoredTexts:
    return StoredTexts(request_id=request_id, sealed=sealed, bound_to=bind_delivery(delivery_id))


def _build_page_query(key: Any, *columns: Any) -> Any:
    after = bindparam("after", type_=key.type)
    return select(key, *columns).where(key > after).order_by(key).limit(bindparam("most"))


_TEXT_QUERIES: Final[tuple[tuple[Any, Any, Callable[..., StoredTexts]], ...]] = (
    (
        _build_page_query(requests.c.id, requests.c.id, requests.c.conversation, requests.c.hint, requests.c.input),
        "",
        _to_request_texts,
    ),
    (
        _build_page_query(candidates.c.id, candidates.c.request_id, candidates.c.text, candidates.c.sources),
        "",
        _to_plain_texts,
    ),
    (_build_page_query(choices.c.id, choices.c.request_id, choices.c.final_text, choices.c.note), "", _to_plain_texts),
    (_build_page_query(events.c.seq, events.c.request_id, events.c.data), -1, _to_plain_texts),
    (
        _build_page_query(deliveries.c.id, deliveries.c.request_id, deliveries.c.text, deliveries.c.id.label("bound")),
        "",
        _to_delivery_text,
    ),
    (_build_page_query(vault.c.request_id, vault.c.request_id, vault.c.sealed), "", _to_vault_text),
)
