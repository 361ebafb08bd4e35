"""How far each part of a chosen reply has got into the conversation. Each method is one transaction.

pending ─▶ attempting ─▶ done
   ▲            ├──────▶ unknown   nobody knows whether Slack took it; the agent decides
   └────────────┴──────────┘       refused for certain, told to wait, or the agent said Post
"""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, text, update

from storage.database import Database
from storage.records import Delivery, Event
from storage.requests import to_row
from storage.seen import record_delivery
from storage.tables import UtcTime, choices, deliveries, events


class Deliveries:
    """Deliveries of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_choice(self, choice_id: str) -> tuple[Delivery, ...]:
        """All parts, in order."""
        async with self._database.read() as connection:
            rows = await connection.execute(_SELECT_PARTS, {"of_choice": choice_id})
            return tuple(Delivery(**row) for row in rows.mappings())

    async def unfinished(self, *, unknown_since: datetime) -> tuple[str, ...]:
        """The standing choices with parts to post; and those, made since then, with parts that may have been posted."""
        async with self._database.read() as connection:
            rows = await connection.scalars(_SELECT_UNFINISHED, {"since": unknown_since})
            return tuple(dict.fromkeys(rows))

    async def to_delete(self) -> tuple[Delivery, ...]:
        """Parts that stand in a conversation although their choice was taken back."""
        async with self._database.read() as connection:
            rows = await connection.execute(_SELECT_TO_DELETE)
            return tuple(Delivery(**row) for row in rows.mappings())

    async def deleted(self, delivery_id: str) -> None:
        """The part of a choice taken back is gone from the conversation, or cannot be removed by us."""
        async with self._database.write() as connection:
            await connection.execute(_DELETE, {"delivery_id": delivery_id})

    async def attempt(self, delivery_id: str) -> bool:
        """Commit that Slack is about to be called. False where the part is not pending any more."""
        async with self._database.write() as connection:
            return (await connection.execute(_ATTEMPT, {"delivery_id": delivery_id})).rowcount == 1

    async def done(self, delivery: Delivery, *, sent: Event | None) -> None:
        """The part is where `delivery` says; its text is needed here only if the agent is to copy it."""
        async with self._database.write() as connection:
            row = {
                "delivery_id": delivery.id,
                "to_address": delivery.address,
                "to_channel": delivery.channel_id,
                "at_ts": delivery.message_ts,
                "left_text": delivery.text if delivery.address == "copy" else None,
            }
            await connection.execute(_DONE, row)
            if sent is not None:
                await connection.execute(_INSERT_EVENT, to_row(sent))

    async def put_back(self, delivery_id: str, *, address: str) -> None:
        """Slack did not take the part, for certain: it is pending again, for this address."""
        async with self._database.write() as connection:
            await connection.execute(_PUT_BACK, {"delivery_id": delivery_id, "to_address": address})

    async def unknown(self, delivery_id: str) -> None:
        """Nobody knows whether Slack took the part: it is never posted again by itself."""
        async with self._database.write() as connection:
            await connection.execute(_UNKNOWN, {"delivery_id": delivery_id})

    async def unknown_after_crash(self) -> int:
        """At start-up: what was being attempted when the process ended is unknown. The number of parts."""
        async with self._database.write() as connection:
            found = await connection.execute(
                update(deliveries).where(_NOT_DONE, deliveries.c.state == "attempting").values(state="unknown")
            )
            return found.rowcount

    async def post_again(self, request_id: str, *, delivery_key: str, at: datetime) -> bool:
        """The agent wants the unknown parts posted. False where none is unknown. Raises Redelivered."""
        async with self._database.write() as connection:
            await record_delivery(connection, delivery_key, at)
            again = await connection.execute(
                update(deliveries)
                .where(deliveries.c.request_id == request_id, deliveries.c.state == "unknown")
                .values(state="pending")
            )
            return again.rowcount > 0


_INSERT_EVENT: Final = insert(events)

# Word for word the condition of the index, or SQLite would not see that the index will do.
_NOT_DONE: Final = text("deliveries.state <> 'done'")

_SELECT_PARTS: Final = (
    select(deliveries).where(deliveries.c.choice_id == bindparam("of_choice")).order_by(deliveries.c.part)
)

_SELECT_UNFINISHED: Final = (
    select(deliveries.c.choice_id)
    .join(choices, choices.c.id == deliveries.c.choice_id)
    .where(
        _NOT_DONE,
        (deliveries.c.state == "pending")
        | ((deliveries.c.state == "unknown") & (choices.c.chosen_at >= bindparam("since", type_=UtcTime))),
        choices.c.retracted_at.is_(None),
    )
    .order_by(choices.c.chosen_at, deliveries.c.part)
)

_SELECT_TO_DELETE: Final = (
    select(deliveries)
    .join(choices, choices.c.id == deliveries.c.choice_id)
    .where(deliveries.c.state == "done", deliveries.c.message_ts.is_not(None), choices.c.retracted_at.is_not(None))
)

_DELETE: Final = delete(deliveries).where(deliveries.c.id == bindparam("delivery_id"))

_ATTEMPT: Final = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"), deliveries.c.state == "pending")
    .values(state="attempting", attempts=deliveries.c.attempts + 1)
)

_DONE: Final = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"))
    .values(
        state="done",
        address=bindparam("to_address"),
        channel_id=bindparam("to_channel"),
        message_ts=bindparam("at_ts"),
        text=bindparam("left_text"),
    )
)

_PUT_BACK: Final = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"), deliveries.c.state == "attempting")
    .values(state="pending", address=bindparam("to_address"))
)

_UNKNOWN: Final = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"), deliveries.c.state == "attempting")
    .values(state="unknown")
)
