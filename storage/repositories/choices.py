"""Choices of agents on their requests, and taking them back. Each method is one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Text, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.errors import DeliveryInProgress, NothingToUndo, RequestClosed
from storage.fields import to_iso
from storage.records import Choice, Delivery, DismissReason, Event, ResponseUrl, VaultEntry
from storage.repositories import vault
from storage.repositories.idempotency_keys import claim_key
from storage.repositories.requests import OPEN
from storage.rows import to_row
from storage.tables import UtcTime, choices, deliveries, events, requests


class Choices:
    """Choices of one database: by constraint, at most one stands on a request. `me` is the replica that posts them."""

    def __init__(self, database: Database, *, me: str | None = None) -> None:
        self._database = database
        self._me = me

    async def record(
        self,
        choice: Choice,
        *,
        idempotency_key: str,
        event: Event,
        parts: Sequence[Delivery] = (),
        response_url: ResponseUrl | None = None,
        sealed: VaultEntry | None = None,
    ) -> None:
        """Insert a choice, which closes its request, with the deliveries that it asks for.

        In the vault, `sealed` takes the place of what was kept for the request; without it, nothing is left.
        Raises DuplicateDelivery, or RequestClosed if a choice stands already.
        """

        async def step(connection: Transaction) -> None:
            await claim_key(connection, idempotency_key, choice.chosen_at)
            open_ = await connection.execute(
                _TOUCH_OPEN, {"of_request": choice.request_id, **_to_response_url_row(response_url)}
            )
            if open_.rowcount == 0:
                raise RequestClosed(choice.request_id)
            try:
                await connection.execute(_INSERT_CHOICE, to_row(choice))
            except IntegrityError as error:
                raise RequestClosed(choice.request_id) from error
            await connection.execute(_INSERT_EVENT, to_row(event))
            if parts:
                await connection.execute(_INSERT_DELIVERY, [{**to_row(part), "owner": self._me} for part in parts])
            if sealed is None:
                await vault.drop(connection, [choice.request_id])
            else:
                await vault.put(connection, sealed)

        await self._database.run(step)

    async def get(self, choice_id: str) -> Choice | None:
        """Read a choice, standing or taken back."""

        async def step(connection: Transaction) -> Choice | None:
            row = (await connection.execute(_SELECT_CHOICE, {"choice_id": choice_id})).mappings().one_or_none()
            return None if row is None else Choice(**row)

        return await self._database.look(step)

    async def retract(
        self, request_id: str, *, agent_id: str, at: datetime, idempotency_key: str, sealed: VaultEntry | None = None
    ) -> tuple[Choice, tuple[Delivery, ...]]:
        """Take the standing choice back: the request is open again, and `sealed` is kept in the vault for it.

        Parts not yet posted are cancelled. Those posted (or `unknown`) are returned; those with a `message_ts` are
        to be deleted from the conversation, and stay in the table until they are.
        Raises DuplicateDelivery, NothingToUndo, or DeliveryInProgress while a part is on its way.
        """

        async def step(connection: Transaction) -> tuple[Choice, tuple[Delivery, ...]]:
            await claim_key(connection, idempotency_key, at)
            choice = await _read_standing(connection, request_id)
            parts = await _lock_parts(connection, choice.id)
            if any(part.state == "attempting" for part in parts):
                raise DeliveryInProgress(request_id)
            await connection.execute(update(choices).where(choices.c.id == choice.id).values(retracted_at=at))
            await connection.execute(
                delete(deliveries).where(deliveries.c.choice_id == choice.id, deliveries.c.state != "done")
            )
            await connection.execute(
                update(deliveries).where(deliveries.c.choice_id == choice.id).values(owner=self._me)
            )
            retracted = replace(choice, retracted_at=at)
            await connection.execute(_INSERT_EVENT, to_row(_build_undo_event(retracted, agent_id=agent_id, at=at)))
            if sealed is not None:
                await vault.put(connection, sealed)
            return retracted, tuple(part for part in parts if part.state in {"done", "unknown"})

        return await self._database.run(step)

    async def give_reason(
        self,
        request_id: str,
        reason: DismissReason,
        *,
        agent_id: str,
        at: datetime,
        idempotency_key: str,
        note: str | None = None,
    ) -> None:
        """Add the reason, and a note if there is one, to a standing dismissal.

        Raises DuplicateDelivery, or RequestClosed if none stands.
        """
        given: dict[str, str] = {"reason": reason} if note is None else {"reason": reason, "note": note}

        async def step(connection: Transaction) -> None:
            await claim_key(connection, idempotency_key, at)
            changed = await connection.execute(
                update(choices)
                .where(
                    choices.c.request_id == request_id,
                    choices.c.retracted_at.is_(None),
                    choices.c.kind == "dismissed",
                )
                .values(**given)
            )
            if changed.rowcount == 0:
                raise RequestClosed(request_id)
            event = Event(request_id=request_id, type="reason_given", at=at, agent_id=agent_id, data={"reason": reason})
            await connection.execute(_INSERT_EVENT, to_row(event))

        await self._database.run(step)


def _to_response_url_row(response_url: ResponseUrl | None) -> dict[str, Any]:
    if response_url is None:
        return {"url": None, "expires": None}
    return {"url": response_url.url, "expires": response_url.expires_at}


async def _read_standing(connection: Transaction, request_id: str) -> Choice:
    row = (await connection.execute(_SELECT_STANDING, {"request_id": request_id})).mappings().one_or_none()
    if row is None:
        raise NothingToUndo(request_id)
    return Choice(**row)


async def _lock_parts(connection: Transaction, choice_id: str) -> tuple[Delivery, ...]:
    rows = await connection.execute(
        select(deliveries).where(deliveries.c.choice_id == choice_id).order_by(deliveries.c.part).with_for_update()
    )
    return tuple(Delivery(**row) for row in rows.mappings())


def _build_undo_event(choice: Choice, *, agent_id: str, at: datetime) -> Event:
    """Build the event of an undo, which holds the whole choice that it took back, but for the note."""
    row: dict[str, Any] = to_row(choice)
    del row["request_id"], row["note"]
    row |= {
        "chosen_at": to_iso(choice.chosen_at),
        "retracted_at": to_iso(at),
        "visible_candidate_ids": list(choice.visible_candidate_ids),
    }
    return Event(
        request_id=choice.request_id,
        type="undone",
        at=at,
        agent_id=agent_id,
        candidate_id=choice.candidate_id,
        data={"choice": row},
    )


_INSERT_CHOICE: Final = insert(choices)
_INSERT_EVENT: Final = insert(events)
_INSERT_DELIVERY: Final = insert(deliveries)

# Locks the request's row (in PostgreSQL), so that a choice and a redraft of the same request take turns.
_TOUCH_OPEN: Final = (
    update(requests)
    .where(
        requests.c.id == bindparam("of_request"),
        requests.c.status.in_(OPEN),
        requests.c.sent_to_slack_at.is_not(None) | requests.c.shown_at.is_not(None),
    )
    .values(
        response_url=func.coalesce(bindparam("url", type_=Text), requests.c.response_url),
        response_url_expires_at=func.coalesce(bindparam("expires", type_=UtcTime), requests.c.response_url_expires_at),
    )
)

_SELECT_CHOICE: Final = select(choices).where(choices.c.id == bindparam("choice_id"))

# FOR UPDATE, here and below: in PostgreSQL, who decides on a row holds it. SQLite has one writer, and leaves it out.
_SELECT_STANDING: Final = (
    select(choices)
    .where(choices.c.request_id == bindparam("request_id"), choices.c.retracted_at.is_(None))
    .with_for_update()
)
