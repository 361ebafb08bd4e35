"""Whole requests with all that belongs to them, in order, page by page: memory stays flat however long the log is."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    desc,
    false,
    func,
    or_,
    select,
    true,
    tuple_,
)

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.records import Candidate, Choice, Event, LogEntry, Request, Selection
from storage.rows import to_request
from storage.tables import candidates, choices, events, requests

_PAGE_SIZE: Final = 500


class ChoiceLog:
    """The choice log of one database, as records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def iter_entries(self, selection: Selection) -> AsyncIterator[LogEntry]:
        """Iterate over the requests selected, by created_at and id.

        Candidates are in the order of sample_index, events as they happened.
        """
        after: tuple[datetime, str] | None = None
        while True:
            async with self._database.read() as connection:
                rows = await connection.execute(_build_page_query(selection, after))
                found = [to_request(row) for row in rows.mappings()]
                page = await _complete_entries(connection, found)
            for entry in page:
                yield entry
            if len(found) < _PAGE_SIZE:
                return
            after = (found[-1].created_at, found[-1].id)

    async def find_newest_start(self, selection: Selection, count: int) -> datetime | None:
        """Find the time of the oldest of the newest so many requests selected; None if there are no more than these."""
        query = apply_selection(select(requests.c.created_at).order_by(desc(requests.c.created_at)), selection)
        async with self._database.read() as connection:
            times = (await connection.scalars(query.offset(count - 1).limit(2))).all()
            return times[0] if len(times) == 2 else None

    async def get_entry(self, request_id: str) -> LogEntry | None:
        """Read one request with all that belongs to it."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(requests).where(requests.c.id == request_id))
            page = await _complete_entries(connection, [to_request(row) for row in rows.mappings()])
            return next(iter(page), None)

    async def count(self, selection: Selection) -> int:
        """Count the requests selected."""
        async with self._database.read() as connection:
            return await connection.scalar(apply_selection(select(func.count()).select_from(requests), selection)) or 0


def _build_page_query(selection: Selection, after: tuple[datetime, str] | None) -> Select[Any]:
    query = apply_selection(
        select(requests).order_by(requests.c.created_at, requests.c.id).limit(_PAGE_SIZE), selection
    )
    if after is not None:
        query = query.where(tuple_(requests.c.created_at, requests.c.id) > after)
    return query


def apply_selection(query: Select[Any], selection: Selection) -> Select[Any]:
    """Restrict a query over `requests` to these."""
    query = query.where(build_period_condition(selection))
    for column in (requests.c.channel_id, requests.c.agent_id, requests.c.comparison):
        if (wanted := getattr(selection, column.name)) is not None:
            query = query.where(column == wanted)
    if selection.is_compared:
        query = query.where(requests.c.comparison.is_not(None))
    if selection.style is not None:
        styled = select(_DRAFT.c.id).where(_DRAFT.c.request_id == requests.c.id, _DRAFT.c.style == selection.style)
        query = query.where(styled.exists())
    if selection.kind is not None:
        decided = _DECISION.c.request_id == requests.c.id, _DECISION.c.retracted_at.is_(None)
        query = query.where(select(_DECISION.c.id).where(*decided, _DECISION.c.kind == selection.kind).exists())
    if selection.found_nothing:
        replied = cast(requests.c.retrieved, Text).contains('"earlier":true', autoescape=True)
        query = query.where(or_(requests.c.retrieved == (), replied))
    if not selection.include_simulated:
        query = query.where(requests.c.simulated == false())
    return query


def build_period_condition(selection: Selection) -> ColumnElement[bool]:
    """Build the condition on time and team."""
    conditions: list[ColumnElement[bool]] = [true()]
    if selection.since is not None:
        conditions.append(requests.c.created_at >= selection.since)
    if selection.until is not None:
        conditions.append(requests.c.created_at < selection.until)
    if selection.team_id is not None:
        conditions.append(requests.c.team_id == selection.team_id)
    if selection.without_team is not None:
        conditions.append(requests.c.team_id != selection.without_team)
    return and_(*conditions)


async def read_entries(connection: Transaction, request_ids: Sequence[str]) -> list[LogEntry]:
    """Read those of these requests that exist, with all that belongs to them."""
    rows = await connection.execute(select(requests).where(requests.c.id.in_(request_ids)))
    found = [to_request(row) for row in rows.mappings()]
    return await _complete_entries(connection, found) if found else []


# Other names for the tables, since the query that is narrowed may read them too.
_DRAFT: Final = candidates.alias("draft")
_DECISION: Final = choices.alias("decision")


async def _complete_entries(connection: Transaction, found: list[Request]) -> list[LogEntry]:
    """Read all that belongs to these requests."""
    ids = {"ids": [request.id for request in found]}
    drafted = _group_by_request(
        Candidate(**row) for row in (await connection.execute(_SELECT_CANDIDATES, ids)).mappings()
    )
    standing = _group_by_request(Choice(**row) for row in (await connection.execute(_SELECT_STANDING, ids)).mappings())
    happened = _group_by_request(Event(**row) for row in (await connection.execute(_SELECT_EVENTS, ids)).mappings())
    return [
        LogEntry(
            request=request,
            candidates=tuple(drafted[request.id]),
            choice=next(iter(standing[request.id]), None),
            events=tuple(happened[request.id]),
        )
        for request in found
    ]


def _group_by_request(records: Iterable[Any]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = defaultdict(list)
    for record in records:
        grouped[record.request_id].append(record)
    return grouped


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)

_SELECT_CANDIDATES: Final = (
    select(candidates).where(candidates.c.request_id.in_(_IDS)).order_by(candidates.c.sample_index)
)

_SELECT_STANDING: Final = select(choices).where(choices.c.request_id.in_(_IDS), choices.c.retracted_at.is_(None))

_SELECT_EVENTS: Final = (
    select(events.c.request_id, events.c.type, events.c.at, events.c.agent_id, events.c.candidate_id, events.c.data)
    .where(events.c.request_id.in_(_IDS))
    .order_by(events.c.seq)
)
