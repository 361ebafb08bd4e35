"""Facts about the log itself, apart from it: exports, ranker changes, and that a database is a demonstration's own."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select

from storage.engine.database import Database
from storage.engine.permissions import may_append
from storage.engine.transaction import Transaction
from storage.tables import audit

DEMONSTRATION: Final = "demonstration_database"
"""The action that marks a database as a demonstration's own: its simulated rows are what it is for."""


class Audit:
    """The audit table of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, *, at: datetime, actor: str, action: str, data: dict[str, Any]) -> None:
        """Append an action and its actor: a Slack user id, or `cli`."""
        await self._database.run(
            lambda connection: connection.execute(
                insert(audit), {"at": at, "actor": actor, "action": action, "data": data}
            )
        )

    async def may_record(self) -> bool:
        """Say whether this user of the database may append: one that may only read can still report and export."""
        if not self._database.is_shared:
            return True
        async with self._database.write() as connection:
            return await connection.run_sync(lambda sync: may_append(sync, audit.name))

    async def is_demonstration(self) -> bool:
        """Say if this database is a demonstration's own."""

        async def step(connection: Transaction) -> bool:
            found = await connection.scalar(select(audit.c.seq).where(audit.c.action == DEMONSTRATION).limit(1))
            return found is not None

        return await self._database.look(step)
