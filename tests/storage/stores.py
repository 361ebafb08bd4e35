"""Databases and records for the tests: the storage suite asks for an engine, everybody else for a store."""

import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy import text

from storage import schema
from storage.engine.database import Database, parse_url
from storage.queries.log_entries import ChoiceLog
from storage.records import Candidate, Choice, ChoiceKind, Delivery, Event, LogEntry, Request, Selection, Turn
from storage.repositories.audit import Audit
from storage.repositories.choices import Choices
from storage.repositories.deliveries import Deliveries
from storage.repositories.leases import Leases
from storage.repositories.rankers import Rankers, StoredRanker
from storage.repositories.replicas import Replicas
from storage.repositories.requests import DraftOutcome, Requests
from storage.repositories.switches import Switches
from storage.tables import metadata

_ids = count()

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def after(**span: float) -> datetime:
    """AT, and so much later."""
    return AT + timedelta(**span)


class Databases(Protocol):
    """Databases of one engine."""

    name: str

    def empty(self) -> str:
        """The URL of a database without a schema; another one each time."""
        ...

    def migrated(self) -> str:
        """The URL of a database with this program's schema; another one each time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteFiles:
    """Each in a file of its own."""

    folder: Path
    template: Path
    """A file that is migrated already: copying it is quicker than migrating again."""
    name: str = "sqlite"
    numbers: Any = field(default_factory=count)

    def empty(self) -> str:
        return f"sqlite:///{self.folder / f'empty{next(self.numbers)}.db'}"

    def migrated(self) -> str:
        path = self.folder / f"suggest{next(self.numbers)}.db"
        shutil.copy(self.template, path)
        return f"sqlite:///{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresDatabases:
    """On one server that runs as long as the tests do. Migrated ones are used again: emptying one takes a hundredth of
    the CPU of making it.
    """

    url: str
    """Of any database on the server."""
    name: str = "postgresql"
    lent: dict[str, bool] = field(default_factory=dict)
    """The databases of the present test; whether each was migrated when it began."""
    spare: list[str] = field(default_factory=list)
    """Migrated and empty."""

    def empty(self) -> str:
        return self._lend(self._make("template0"), is_migrated=False)

    def migrated(self) -> str:
        return self._lend(self.spare.pop() if self.spare else self._make(MIGRATED), is_migrated=True)

    def url_of(self, database: str) -> str:
        return self.url.replace("/postgres?", f"/{database}?")

    def run(self, statement: str) -> list[Any]:
        """On the server as a whole, apart from any transaction."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def take_back(self) -> None:
        """The present test is over."""
        for database, is_migrated in self.lent.items():
            if is_migrated and self._clear(database):
                self.spare.append(database)
            else:
                self.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        self.lent.clear()

    def _lend(self, database: str, *, is_migrated: bool) -> str:
        self.lent[database] = is_migrated
        return self.url_of(database)

    def _make(self, template: str) -> str:
        database = f"suggest{next(_ids)}"
        self.run(f"CREATE DATABASE {database} TEMPLATE {template} STRATEGY file_copy")
        return database

    def _clear(self, database: str) -> bool:
        """End all sessions, delete all rows. False where it is not of this program's schema any more."""
        try:
            with psycopg.connect(self.url_of(database), autocommit=True) as connection:
                connection.execute(_CLEAR)  # type: ignore[call-overload]
                return connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
                    (schema.get_head(),)
                ]
        except psycopg.Error:
            return False


_DELETE = "; ".join(f"DELETE FROM {table}" for table in metadata.tables)
_CLEAR = f"""
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET session_replication_role = replica;  -- neither triggers nor foreign keys
    {_DELETE};
    SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'
"""

MIGRATED = "migrated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledDatabases:
    """Databases of a PostgreSQL server, reached through a pooler on this port of the loopback."""

    server: PostgresDatabases
    port: int
    name: str = "postgresql"

    def empty(self) -> str:
        return self.through(self.server.empty())

    def migrated(self) -> str:
        return self.through(self.server.migrated())

    def through(self, url: str) -> str:
        """The URL that leads to the same database through the pooler."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{parse_url(url).database}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One database with all that speaks to it."""

    database: Database
    requests: Requests
    choices: Choices
    deliveries: Deliveries
    replicas: Replicas
    switches: Switches
    log: ChoiceLog
    audit: Audit
    leases: Leases
    rankers: Rankers

    async def entries(self, selection: Selection | None = None) -> list[LogEntry]:
        return [entry async for entry in self.log.iter_entries(selection or Selection(include_simulated=True))]

    async def entry(self, request_id: str = "r1") -> LogEntry:
        return next(entry for entry in await self.entries() if entry.request.id == request_id)

    async def count(self, table: str) -> int:
        return int((await self.rows(f"SELECT count(*) AS n FROM {table}"))[0]["n"])

    async def rows(self, query: str) -> list[dict[str, Any]]:
        async with self.database.read() as connection:
            return [dict(row) for row in (await connection.execute(text(query))).mappings()]

    async def change(self, statement: str) -> None:
        async with self.database.write() as connection:
            await connection.exec_driver_sql(statement)

    async def url_of(self, request_id: str) -> str | None:
        entry = await self.requests.get(request_id)
        return None if entry is None else entry.request.response_url


def build_store(database: Database, *, me: str = "here") -> Store:
    """The database as the replica `me` sees it."""
    return Store(
        database=database,
        requests=Requests(database, me=me),
        choices=Choices(database, me=me),
        deliveries=Deliveries(database, me=me),
        replicas=Replicas(database, me=me),
        switches=Switches(database),
        log=ChoiceLog(database),
        audit=Audit(database),
        leases=Leases(database, me=me),
        rankers=Rankers(database, me=me),
    )


@asynccontextmanager
async def open_store(url: str, *, write_limit_s: float = 10.0, me: str = "here") -> AsyncIterator[Store]:
    database = Database(url, write_limit_s=write_limit_s)
    try:
        yield build_store(database, me=me)
    finally:
        await database.aclose()


def run_script(name: str, *arguments: str) -> list[object]:
    """The JSON lines that a script of this folder writes."""
    ended = subprocess.run(
        [sys.executable, "-m", f"tests.storage.{name}", *arguments],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


# --- records ------------------------------------------------------------------------------------------


def a_request(request_id: str = "r1", **changes: Any) -> Request:
    plain = Request(
        id=request_id,
        team_id="T1",
        channel_id="C1",
        agent_id="U1",
        surface="slash",
        locale="en-US",
        created_at=AT,
        k_requested=3,
        prompt_version="p1",
        app_version="0.1.0",
        conversation=(Turn(role="customer", text="Where is my order?"),),
    )
    return replace(plain, **changes)


def some_candidates(request_id: str = "r1", how_many: int = 3, **changes: Any) -> tuple[Candidate, ...]:
    """All placed, the last drafted first."""
    return tuple(
        replace(
            Candidate(
                id=f"{request_id}-c{index}",
                request_id=request_id,
                sample_index=index,
                position=how_many - index,
                style="warm",
                model="gpt-4o-mini",
                text=f"reply {index}",
            ),
            **changes,
        )
        for index in range(how_many)
    )


def make_draft_outcome(
    request_id: str = "r1", candidates: Sequence[Candidate] | None = None, **changes: Any
) -> DraftOutcome:
    plain = DraftOutcome(
        request_id=request_id,
        candidates=some_candidates(request_id) if candidates is None else tuple(candidates),
        status="drafting",
        order_propensity=1 / 6,
        sent_to_slack_at=after(seconds=2),
    )
    return replace(plain, **changes)


def a_choice(request_id: str = "r1", kind: ChoiceKind = "used", **changes: Any) -> Choice:
    plain = Choice(
        id=f"choice-{next(_ids)}",
        request_id=request_id,
        kind=kind,
        candidate_id=None if kind == "dismissed" else f"{request_id}-c0",
        final_text=None if kind == "dismissed" else "reply 0",
        edit_similarity=None if kind == "dismissed" else 1.0,
        agent_id="U1",
        chosen_at=after(seconds=5),
        decision_ms=2000,
        visible_candidate_ids=(f"{request_id}-c2", f"{request_id}-c1", f"{request_id}-c0"),
    )
    return replace(plain, **changes)


def a_ranker(version: str = "v1", **changes: Any) -> StoredRanker:
    plain = StoredRanker(
        version=version,
        model=f"the model of {version}",
        created_at=AT,
        created_by="here",
        trained_until=AT,
        requests=300,
        choices=250,
        agents=12,
        metrics={"seconds": 1.5},
        gate_open=True,
        gate={"lower": 0.01},
    )
    return replace(plain, **changes)


def make_parts(choice: Choice, how_many: int = 1, **changes: Any) -> tuple[Delivery, ...]:
    return tuple(
        replace(
            Delivery(
                id=f"{choice.id}-d{part}",
                choice_id=choice.id,
                request_id=choice.request_id,
                part=part,
                address="channel",
                text=f"part {part}",
            ),
            **changes,
        )
        for part in range(how_many)
    )


# --- steps --------------------------------------------------------------------------------------------


async def record_request(store: Store, request_id: str = "r1", **changes: Any) -> Request:
    request = a_request(request_id, **changes)
    await store.requests.record(request, idempotency_key=f"command:{request_id}")
    return request


async def record_shown(store: Store, request_id: str = "r1", **changes: Any) -> None:
    """A request whose candidates the agent sees."""
    request = await record_request(store, request_id, **changes)
    await store.requests.record_drafts(
        make_draft_outcome(request_id, sent_to_slack_at=request.created_at + timedelta(seconds=2))
    )
    seen = make_shown_event(request.created_at + timedelta(seconds=3), request_id)
    await store.requests.record_shown(replace(seen, agent_id=request.agent_id))


async def record_failed(store: Store, request_id: str = "r1", **changes: Any) -> None:
    """A request of which no candidate is left."""
    await record_request(store, request_id, **changes)
    broken = some_candidates(request_id, position=None, text=None, error="refused")
    await store.requests.record_drafts(
        make_draft_outcome(request_id, broken, status="failed", order_propensity=None, sent_to_slack_at=None)
    )


def make_shown_event(at: datetime, request_id: str = "r1") -> Event:
    return Event(request_id=request_id, type="shown", at=at, agent_id="U1")


async def record_choice(
    store: Store, choice: Choice | None = None, *, parts: int = 0, key: str | None = None
) -> Choice:
    """The choice, recorded with so many parts to deliver."""
    choice = choice or a_choice()
    await store.choices.record(
        choice,
        idempotency_key=key or f"click:{choice.id}",
        event=Event(request_id=choice.request_id, type=choice.kind, at=choice.chosen_at, agent_id=choice.agent_id),
        parts=make_parts(choice, parts),
    )
    return choice


async def retract_choice(
    store: Store, request_id: str = "r1", *, key: str | None = None
) -> tuple[Choice, tuple[Delivery, ...]]:
    return await store.choices.retract(
        request_id, agent_id="U1", at=after(seconds=9), idempotency_key=key or f"undo:{next(_ids)}"
    )


async def record_redraft(store: Store, parent: str = "r1", child: str = "r2", *, key: str | None = None) -> None:
    await store.requests.record_redraft(
        a_request(child, parent_request_id=parent, created_at=after(seconds=6)),
        idempotency_key=key or f"redraft-of:{child}",
        event=Event(request_id=parent, type="redrafted", at=after(seconds=6), data={"child_request_id": child}),
    )
