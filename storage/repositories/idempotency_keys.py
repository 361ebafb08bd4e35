"""Idempotency keys: Slack may deliver a command, a click or a submitted view more than once."""

from datetime import datetime
from typing import Final

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.errors import DuplicateDelivery, StorageError
from storage.tables import seen_deliveries

_INSERT: Final = insert(seen_deliveries)


async def claim_key(
    connection: Transaction, key: str, at: datetime, *, error: type[StorageError] = DuplicateDelivery
) -> None:
    """Insert the key, within the transaction of what it stands for. Raises `error` if it is there already."""
    try:
        await connection.execute(_INSERT, {"key": key, "seen_at": at})
    except IntegrityError as refusal:
        raise error(key) from refusal


class IdempotencyKeys:
    """The keys of deliveries that have nothing else to record, in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, key: str, *, at: datetime) -> None:
        """Insert the key. Raises DuplicateDelivery if any replica did before; DatabaseUnavailable."""

        async def step(connection: Transaction) -> None:
            await claim_key(connection, key, at)

        await self._database.run(step)
