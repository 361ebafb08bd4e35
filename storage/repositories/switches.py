"""Switches for all replicas at once, such as whether drafting is paused."""

from datetime import datetime
from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.tables import audit, switches

PAUSED: Final = "paused"


class Switches:
    """The switches of one database. One that is on has a row; each turn is in the audit table too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_on(self, name: str) -> bool:
        """Say if the switch is on."""

        async def step(connection: Transaction) -> bool:
            return await connection.scalar(select(switches.c.name).where(switches.c.name == name)) is not None

        return await self._database.look(step)

    async def turn(self, name: str, *, to: bool, by: str, at: datetime) -> bool:
        """Turn the switch on or off. False if it was so already."""
        try:
            async with self._database.write() as connection:
                if to:
                    await connection.execute(insert(switches), {"name": name, "thrown_by": by, "thrown_at": at})
                else:
                    gone = await connection.execute(delete(switches).where(switches.c.name == name))
                    if gone.rowcount == 0:
                        return False
                action = f"{name}_{'on' if to else 'off'}"
                await connection.execute(insert(audit), {"at": at, "actor": by, "action": action, "data": {}})
                return True
        except IntegrityError:  # the key is taken: it is on
            return False
