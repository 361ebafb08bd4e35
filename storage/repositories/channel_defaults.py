"""The defaults that admins set for channels, in Home. Each method is one transaction; who set them is in the audit."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, insert, or_, select

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.records import ChannelDefaults
from storage.repositories.idempotency_keys import claim_key
from storage.rows import build_upserts, to_row
from storage.tables import audit, candidates, channel_defaults, requests

NO_DEFAULTS: Final = ChannelDefaults()


class ChannelDefaultsStore:
    """Defaults by owner, the team or Grid whose admins set them, and channel."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, owner_id: str, *, channel_id: str | None, about: str | None) -> ChannelDefaults:
        """Find the defaults of a channel, or of that of a request or candidate with the id `about`."""
        if channel_id is None and about is None:
            return NO_DEFAULTS

        async def step(connection: Transaction) -> ChannelDefaults:
            wanted = {"owner": owner_id, "channel": channel_id, "about": about}
            row = (await connection.execute(_FIND, wanted)).mappings().first()
            return NO_DEFAULTS if row is None else ChannelDefaults(**row)

        return await self._database.look(step)

    async def list(self, owner_id: str) -> dict[str, ChannelDefaults]:
        """List the channels that have defaults, those saved last first."""

        async def step(connection: Transaction) -> dict[str, ChannelDefaults]:
            rows = [dict(row) for row in (await connection.execute(_LIST, {"owner": owner_id})).mappings()]
            return {row.pop("channel_id"): ChannelDefaults(**row) for row in rows}

        return await self._database.look(step)

    async def save(
        self, owner_id: str, channel_id: str, defaults: ChannelDefaults, *, by: str, at: datetime, idempotency_key: str
    ) -> None:
        """Replace a channel's defaults; without any, it has none. Of two saved at once the later stays, whole.

        `by` is the admin's user id, for the audit. Raises DuplicateDelivery.
        """

        async def step(connection: Transaction) -> None:
            await claim_key(connection, idempotency_key, at)
            values = {"channel_id": channel_id, **to_row(defaults)}
            row = {"owner_id": owner_id, **values, "saved_at": at}
            if defaults == NO_DEFAULTS:
                await connection.execute(_DELETE, {"owner": owner_id, "channel": channel_id})
            else:
                await connection.execute(_UPSERT[self._database.is_shared], row)
            fact = {"at": at, "actor": by, "action": "channel_defaults_changed", "data": values}
            await connection.execute(insert(audit), fact)

        await self._database.run(step)


_VALUES: Final = [channel_defaults.c[name] for name in ChannelDefaults.__slots__]
_IS_OWNED: Final = channel_defaults.c.owner_id == bindparam("owner")
_IS_NAMED: Final = channel_defaults.c.channel_id == bindparam("channel")

_OF_CANDIDATE: Final = select(candidates.c.request_id).where(candidates.c.id == bindparam("about"))
_OF_REQUEST: Final = select(requests.c.channel_id).where(
    or_(requests.c.id == bindparam("about"), requests.c.id == _OF_CANDIDATE.scalar_subquery())
)

_FIND: Final = select(*_VALUES).where(_IS_OWNED, or_(_IS_NAMED, channel_defaults.c.channel_id.in_(_OF_REQUEST)))

_LIST: Final = (
    select(channel_defaults.c.channel_id, *_VALUES)
    .where(_IS_OWNED)
    .order_by(channel_defaults.c.saved_at.desc(), channel_defaults.c.channel_id)
)

_DELETE: Final = delete(channel_defaults).where(_IS_OWNED, _IS_NAMED)

_UPSERT: Final = build_upserts(channel_defaults, ("owner_id", "channel_id"))
