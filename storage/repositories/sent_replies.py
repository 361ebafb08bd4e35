"""Replies that were sent, with the messages that they answer: only what still stands, and still has its texts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, false, func, select

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.records import Task, TextKept, Turn
from storage.tables import choices, events, requests


@dataclass(frozen=True, slots=True, kw_only=True)
class SentReply:
    """The reply to one request. `seq` is the number of the event that it was sent: newer ones have higher numbers."""

    seq: int
    request_id: str
    sent_at: datetime
    conversation: tuple[Turn, ...] = field(repr=False)
    text: str = field(repr=False)
    text_kept: TextKept


@dataclass(frozen=True, slots=True, kw_only=True)
class SentScope:
    """The replies that may be read: of one team and task, to requests made since `created_after`, if it is given."""

    team_id: str
    task: Task
    created_after: datetime | None = None


class SentReplies:
    """The sent replies of one database: to no simulated request, and neither undone nor without texts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_newer(self, scope: SentScope, *, than: int, at_most: int) -> list[SentReply]:
        """List the newest of those that were recorded after the event `than`, newest first."""
        return await self._read(_select(scope, *_COLUMNS).where(events.c.seq > than).order_by(_NEWEST).limit(at_most))

    async def list_older(self, scope: SentScope, *, than: int, at_most: int) -> list[SentReply]:
        """List those that were recorded before the event `than`, newest first."""
        return await self._read(_select(scope, *_COLUMNS).where(events.c.seq < than).order_by(_NEWEST).limit(at_most))

    async def read(self, scope: SentScope, request_ids: Collection[str]) -> dict[str, SentReply]:
        """Read those of these requests that still have a sent reply, by id."""
        found = await self._read(_select(scope, *_COLUMNS).where(requests.c.id.in_(request_ids)))
        return {reply.request_id: reply for reply in found}

    async def find_present(self, scope: SentScope, request_ids: Collection[str]) -> set[str]:
        """Find which of these requests still have a sent reply."""
        rows = await self._read_rows(_select(scope, *_KEYS).where(requests.c.id.in_(request_ids)))
        return {row["request_id"] for row in rows}

    async def _read(self, query: Select[Any]) -> list[SentReply]:
        return [SentReply(**{name: row[name] for name in SentReply.__slots__}) for row in await self._read_rows(query)]

    async def _read_rows(self, query: Select[Any]) -> list[Any]:
        async def step(connection: Transaction) -> Sequence[Any]:
            return (await connection.execute(query)).mappings().all()

        # A choice that stands may follow one that was sent and taken back: then nothing of it is sent yet.
        rows = await self._database.look(step)
        return [row for row in rows if row["data"].get("choice_id", row["choice_id"]) == row["choice_id"]]


def _select(scope: SentScope, *columns: ColumnElement[Any]) -> Select[Any]:
    of_choice = and_(choices.c.request_id == requests.c.id, choices.c.retracted_at.is_(None))
    query = select(*columns).select_from(
        events.join(requests, requests.c.id == events.c.request_id).join(choices, of_choice)
    )
    query = query.where(
        events.c.type == "sent",
        choices.c.final_text.is_not(None),
        requests.c.team_id == scope.team_id,
        func.coalesce(requests.c.task, "reply") == scope.task,
        requests.c.simulated == false(),
        requests.c.text_kept != "none",
    )
    if scope.created_after is not None:
        query = query.where(requests.c.created_at > scope.created_after)
    return query


_KEYS: Final = (requests.c.id.label("request_id"), events.c.data, choices.c.id.label("choice_id"))
_COLUMNS: Final = (
    *_KEYS,
    events.c.seq,
    events.c.at.label("sent_at"),
    requests.c.conversation,
    choices.c.final_text.label("text"),
    requests.c.text_kept,
)
_NEWEST: Final = events.c.seq.desc()
