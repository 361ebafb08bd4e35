"""The vault: what placeholders stand for while a request is open. One row a request, sealed by `bot/privacy/`.

Closing a request removes its row, or puts another in its place that nothing here can open.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, delete, insert, select, update

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.records import VaultEntry
from storage.tables import vault


class Vault:
    """The vault of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, request_id: str) -> str | None:
        """Read the sealed text of a request."""
        return await self._database.look(lambda connection: connection.scalar(_SELECT, {"of_request": request_id}))

    async def list_newest(self, limit: int) -> tuple[tuple[str, str], ...]:
        """List request and sealed text of the rows that expire last, to try if they can be opened."""
        query = select(vault.c.request_id, vault.c.sealed).order_by(vault.c.expires_at.desc()).limit(limit)

        async def step(connection: Transaction) -> tuple[tuple[str, str], ...]:
            return tuple((row.request_id, row.sealed) for row in await connection.execute(query))

        return await self._database.look(step)

    async def forget_expired(self, now: datetime) -> int:
        """Delete the rows that have expired, and return their number."""
        async with self._database.write() as connection:
            return (await connection.execute(_FORGET, {"now": now})).rowcount


async def put(connection: Transaction, sealed: VaultEntry) -> None:
    """Keep this for its request, in the place of what was kept."""
    row = {"of_request": sealed.request_id, "new_sealed": sealed.sealed, "new_expires": sealed.expires_at}
    if (await connection.execute(_UPDATE, row)).rowcount == 0:
        await connection.execute(_INSERT, row)


async def drop(connection: Transaction, request_ids: Sequence[str]) -> None:
    """Delete the rows of these requests."""
    await connection.execute(_DROP, {"ids": list(request_ids)})


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)

_SELECT: Final = select(vault.c.sealed).where(vault.c.request_id == bindparam("of_request"))

_UPDATE: Final = (
    update(vault)
    .where(vault.c.request_id == bindparam("of_request"))
    .values(sealed=bindparam("new_sealed"), expires_at=bindparam("new_expires"))
)

_INSERT: Final = insert(vault).values(
    request_id=bindparam("of_request"), sealed=bindparam("new_sealed"), expires_at=bindparam("new_expires")
)

_DROP: Final = delete(vault).where(vault.c.request_id.in_(_IDS))

_FORGET: Final = delete(vault).where(vault.c.expires_at <= bindparam("now"))
