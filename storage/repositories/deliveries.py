"""States of the parts of a chosen reply on their way into the conversation. Each method is one transaction.

pending ─▶ attempting ─▶ done
   ▲            ├──────▶ unknown   nobody knows whether Slack took it; the agent decides
   └────────────┴──────────┘       refused for certain, told to wait, or the agent said Post
"""

from datetime import datetime
from typing import Final

from sqlalchemy import String, bindparam, case, delete, insert, select, text, update

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.records import Delivery, Event
from storage.repositories.idempotency_keys import claim_key
from storage.rows import to_row
from storage.tables import deliveries, events


class Deliveries:
    """Deliveries of one database. `me` is the replica whose deliveries these are."""

    def __init__(self, database: Database, *, me: str | None = None) -> None:
        self._database = database
        self._me = me

    async def list_parts(self, choice_id: str) -> tuple[Delivery, ...]:
        """Read all parts of a choice's reply, in order."""

        async def step(connection: Transaction) -> tuple[Delivery, ...]:
            rows = await connection.execute(_SELECT_PARTS, {"of_choice": choice_id})
            return tuple(Delivery(**row) for row in rows.mappings())

        return await self._database.look(step)

    async def remove(self, delivery_id: str) -> None:
        """Delete the part of a choice taken back: it is gone from the conversation, or we cannot delete it there."""
        await self._database.run(lambda connection: connection.execute(_DELETE, {"delivery_id": delivery_id}))

    async def begin_attempt(self, delivery_id: str) -> bool:
        """Commit that Slack is about to be called. False if the part is not pending any more, or not ours."""

        async def step(connection: Transaction) -> bool:
            return (
                await connection.execute(_BEGIN_ATTEMPT, {"delivery_id": delivery_id, "me": self._me})
            ).rowcount == 1

        return await self._database.run(step)

    async def mark_done(self, delivery: Delivery, *, sent: Event | None) -> None:
        """Record where the part was posted, and forget its text unless the agent is to copy it."""

        async def step(connection: Transaction) -> None:
            row = {
                "delivery_id": delivery.id,
                "to_address": delivery.address,
                "to_channel": delivery.channel_id,
                "at_ts": delivery.message_ts,
            }
            await connection.execute(_MARK_DONE, row)
            if sent is not None:
                await connection.execute(_INSERT_EVENT, to_row(sent))

        await self._database.run(step)

    async def mark_told(self, choice_id: str) -> None:
        """Record that the agent was told how the reply ended: nobody owns its parts that are done any more."""
        await self._database.ride(lambda connection: connection.execute(_MARK_TOLD, {"of_choice": choice_id}))

    async def put_back(self, delivery_id: str, *, address: str) -> None:
        """Make a part pending again, for this address: Slack did not take it, for certain."""
        await self._database.run(
            lambda connection: connection.execute(_PUT_BACK, {"delivery_id": delivery_id, "to_address": address})
        )

    async def mark_unknown(self, delivery_id: str) -> None:
        """Record that nobody knows if Slack took the part: it is never posted again by itself."""
        await self._database.run(lambda connection: connection.execute(_MARK_UNKNOWN, {"delivery_id": delivery_id}))

    async def post_again(self, request_id: str, *, idempotency_key: str, at: datetime) -> bool:
        """Make the unknown parts pending, as the agent wants. False if none is unknown. Raises DuplicateDelivery."""

        async def step(connection: Transaction) -> bool:
            await claim_key(connection, idempotency_key, at)
            again = await connection.execute(
                update(deliveries)
                .where(
                    deliveries.c.request_id == request_id,
                    deliveries.c.state == "unknown",
                    deliveries.c.text.is_not(None),  # else it was forgotten meanwhile
                )
                .values(state="pending")
            )
            if again.rowcount == 0:
                return False
            await connection.execute(  # the parts that wait behind it too: they go out in order, by one hand
                update(deliveries)
                .where(deliveries.c.request_id == request_id, deliveries.c.state == "pending")
                .values(owner=self._me)
            )
            return True

        return await self._database.run(step)


_INSERT_EVENT: Final = insert(events)

# Word for word the condition of the index, or SQLite would not see that the index will do.
NOT_DONE: Final = text("deliveries.state <> 'done'")
UNTOLD: Final = text("deliveries.state = 'done' AND deliveries.owner IS NOT NULL")

_SELECT_PARTS: Final = (
    select(deliveries).where(deliveries.c.choice_id == bindparam("of_choice")).order_by(deliveries.c.part)
)

_DELETE: Final = delete(deliveries).where(deliveries.c.id == bindparam("delivery_id"))

_BEGIN_ATTEMPT: Final = (
    update(deliveries)
    .where(
        deliveries.c.id == bindparam("delivery_id"),
        deliveries.c.state == "pending",
        deliveries.c.owner.is_not_distinct_from(bindparam("me", type_=String)),
    )
    .values(state="attempting", attempts=deliveries.c.attempts + 1)
)

_MARK_DONE: Final = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"))
    .values(
        state="done",
        address=bindparam("to_address"),
        channel_id=bindparam("to_channel"),
        message_ts=bindparam("at_ts"),
        text=case((bindparam("to_address") == "copy", deliveries.c.text), else_=None),
    )
)

_MARK_TOLD: Final = (
    update(deliveries)
    .where(deliveries.c.choice_id == bindparam("of_choice"), deliveries.c.state == "done")
    .values(owner=None)
)

_PUT_BACK: Final = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"), deliveries.c.state == "attempting")
    .values(state="pending", address=bindparam("to_address"))
)

_MARK_UNKNOWN: Final = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"), deliveries.c.state == "attempting")
    .values(state="unknown")
)
