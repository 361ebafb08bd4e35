"""Leases for work that one replica does at a time. A lease ends by itself if its holder does."""

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.errors import OwnershipLost
from storage.tables import UtcTime, leases


class Leases:
    """The leases of one database; `me` is this process."""

    def __init__(self, database: Database, *, me: str) -> None:
        self._database = database
        self._me = me

    async def take(self, name: str, *, at: datetime, until: datetime) -> bool:
        """Take the lease, or keep it, until then. False if another replica holds it.

        A lease that runs longer from now than leases do was taken by a wrong clock, and counts for nothing.
        """
        row = {"lease": name, "me": self._me, "at": at, "new_until": until, "impossible": until + (until - at)}
        async with self._database.write() as connection:
            if (await connection.execute(_TAKE, row)).rowcount == 1:
                return True
        try:
            async with self._database.write() as connection:
                await connection.execute(insert(leases), {"name": name, "holder": self._me, "until": until})
        except IntegrityError:  # another holds it
            return False
        return True

    async def give_back(self, name: str) -> None:
        """End our lease, so that another replica can take it at once."""
        await self._database.run(
            lambda connection: connection.execute(
                delete(leases).where(leases.c.name == name, leases.c.holder == self._me)
            )
        )


async def require_lease(connection: Transaction, name: str, holder: str) -> None:
    """Lock the lease for this transaction. Raises OwnershipLost if `holder` does not hold it any more."""
    found = await connection.scalar(select(leases.c.holder).where(leases.c.name == name).with_for_update())
    if found != holder:
        raise OwnershipLost(name)


_TAKE = (
    update(leases)
    .where(
        leases.c.name == bindparam("lease"),
        or_(
            leases.c.holder == bindparam("me"),
            leases.c.until < bindparam("at", type_=UtcTime),
            leases.c.until > bindparam("impossible", type_=UtcTime),
        ),
    )
    .values(holder=bindparam("me"), until=bindparam("new_until"))
)
