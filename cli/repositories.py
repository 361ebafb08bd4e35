"""All repositories of a database, made in one place. Apart from `wiring`, so that what only reads starts without it."""

from collections.abc import AsyncIterator, Generator
from contextlib import aclosing, asynccontextmanager
from typing import Final

from bot.choice_log.fields import FIELDS
from bot.operations.write_buffer import WriteBuffer
from cli import clock
from storage.engine.database import Database
from storage.engine.transaction import WriteObserver, ignore_times
from storage.queries.experiments import ExperimentQueries
from storage.queries.export_rows import EntryFields, RawChoiceLog, RawEntry
from storage.queries.log_entries import ChoiceLog
from storage.queries.reports import Reports
from storage.records import Selection
from storage.repositories.audit import Audit
from storage.repositories.choices import Choices
from storage.repositories.deliveries import Deliveries
from storage.repositories.erasures import Erasures
from storage.repositories.experiments import ExperimentStore
from storage.repositories.idempotency_keys import IdempotencyKeys
from storage.repositories.imports import LogImporter
from storage.repositories.knowledge import Knowledge
from storage.repositories.leases import Leases
from storage.repositories.rankers import Rankers
from storage.repositories.replicas import Replicas
from storage.repositories.requests import Requests
from storage.repositories.vault import Vault
from storage.schema import migrate_url, read_revisions

STATEMENT_LIMIT_S: Final = 1.5
"""Slack waits three seconds for an acknowledgement: a connection found dead, and another try, must fit in."""


class Records:
    """The parts of one database, by noun, and the buffer of writes it still lacks. `is_new`: it was made just now."""

    def __init__(self, database: Database, *, is_new: bool = False) -> None:
        me = clock.new_id()
        self.database = database
        self.is_new = is_new
        self.write_buffer = WriteBuffer()
        self.audit = Audit(database)
        self.choices = Choices(database, me=me)
        self.deliveries = Deliveries(database, me=me)
        self.erasures = Erasures(database)
        self.experiments = ExperimentStore(database)
        self.experiment_queries = ExperimentQueries(database)
        self.idempotency_keys = IdempotencyKeys(database)
        self.importer = LogImporter(database, FIELDS)
        self.knowledge = Knowledge(database)
        self.leases = Leases(database, me=me)
        self.log = ChoiceLog(database)
        self.rankers = Rankers(database, me=me)
        self.replicas = Replicas(database, me=me)
        self.reports = Reports(database)
        self.requests = Requests(database, me=me)
        self.vault = Vault(database)


@asynccontextmanager
async def open_records(url: str, *, observe: WriteObserver = ignore_times) -> AsyncIterator[Records]:
    """Open the database as one replica, brought to this program's schema. Raises ValueError, StorageError."""
    before, _ = await migrate_url(url)
    async with aclosing(Database(url, statement_limit_s=STATEMENT_LIMIT_S, observe=observe)) as database:
        yield Records(database, is_new=before is None)


@asynccontextmanager
async def open_unchecked(url: str) -> AsyncIterator[Records]:
    """Open the database as it is, whatever its schema."""
    async with aclosing(Database(url)) as database:
        yield Records(database)


async def read_schema(records: Records) -> str:
    """Read the schema that a database has, once it has been opened."""
    schema, _ = await read_revisions(records.database)
    assert schema is not None
    return schema


def iter_raw_entries(url: str, selection: Selection, fields: EntryFields) -> Generator[RawEntry, None, None]:
    """Iterate over the requests selected as the tables hold them, on a connection of its own."""
    return RawChoiceLog(url).iter_entries(selection, fields)
