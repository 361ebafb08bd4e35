"""The unique keys of what Slack delivers: a command, a click, a submitted view may come more than once."""

from datetime import datetime
from typing import Final

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine.database import Database
from storage.errors import DuplicateDelivery, StorageError
from storage.tables import seen_deliveries

_INSERT: Final = insert(seen_deliveries)


async def claim_key(
    connection: AsyncConnection, key: str, at: datetime, *, taken: type[StorageError] = DuplicateDelivery
) -> None:
    """Take the key, within the transaction of what it stands for. Raises `taken` if it was taken before."""
    try:
        await connection.execute(_INSERT, {"key": key, "seen_at": at})
    except IntegrityError as error:
        raise taken(key) from error


class IdempotencyKeys:
    """What of Slack's deliveries has nothing else to record, in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, key: str, *, at: datetime) -> None:
        """Raises DuplicateDelivery if it was taken before, by any replica; DatabaseUnavailable."""
        async with self._database.write() as connection:
            await claim_key(connection, key, at)
