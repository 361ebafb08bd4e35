"""Replicas that are alive, and takeover of the work of those that are not. Each method is one transaction.

Every `serve` is a replica with a heartbeat. A request in drafting, and a delivery that is not done, belong to one; when
it has not beaten for a while, another takes them over. One that was only slow comes to no harm: when it wants to
record, OwnershipLost tells it that the work is not its own any more.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, case, delete, insert, or_, select, text, update

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.records import Candidate, Delivery, LogEntry
from storage.repositories.deliveries import NOT_DONE, UNTOLD
from storage.rows import to_request
from storage.tables import UtcTime, candidates, choices, deliveries, replicas, requests

NOBODY: Final = ""
"""The owner of work that its replica gave up while it lived: nobody has this id, so nobody by this id is alive."""

AT_ONCE: Final = 20
"""Requests, choices to deliver, or parts to delete, taken over in one transaction."""


class Replicas:
    """The replicas of one database; `me` is this process."""

    def __init__(self, database: Database, *, me: str) -> None:
        self._database = database
        self._me = me

    async def join(self, at: datetime) -> None:
        """Record that this replica is alive. A SQLite file is one process's own, so others there are gone."""

        async def step(connection: Transaction) -> None:
            if not self._database.is_shared:
                await connection.execute(delete(replicas))
            await connection.execute(insert(replicas), {"id": self._me, "seen_at": at})

        await self._database.run(step)

    async def beat(self, at: datetime, *, dead_before: datetime) -> None:
        """Record that this replica is still alive, and delete those not heard of since `dead_before`."""

        async def step(connection: Transaction) -> None:
            alive = await connection.execute(_BEAT, {"me": self._me, "at": at})
            if alive.rowcount == 0:  # taken for dead, while this process could not reach the database
                await connection.execute(insert(replicas), {"id": self._me, "seen_at": at})
            await connection.execute(_FORGET, {"dead_before": dead_before})

        await self._database.run(step)

    async def leave(self) -> None:
        """Delete this replica, so that others can take over at once what it leaves behind."""
        await self._database.run(
            lambda connection: connection.execute(delete(replicas).where(replicas.c.id == self._me))
        )

    async def release(self, *, requests: Collection[str], choices: Collection[str]) -> None:
        """Give up these of our requests, and choices to deliver, so that any replica can take them at once."""

        async def step(connection: Transaction) -> None:
            await connection.execute(_RELEASE_REQUESTS, {"ids": list(requests), "me": self._me})
            await connection.execute(_RELEASE_DELIVERIES, {"ids": list(choices), "me": self._me})

        await self._database.run(step)

    async def take_requests(self) -> tuple[LogEntry, ...]:
        """Take over requests that were being drafted or shown by a replica that is gone."""

        async def step(connection: Transaction) -> tuple[LogEntry, ...]:
            found = (await connection.scalars(_ORPHANED_REQUESTS)).all()
            if not found:
                return ()
            ids = {"ids": (await connection.scalars(_TAKE_REQUESTS, {"me": self._me, "ids": found})).all()}
            taken = [to_request(row) for row in (await connection.execute(_REQUESTS, ids)).mappings()]
            drafted = [Candidate(**row) for row in (await connection.execute(_CANDIDATES, ids)).mappings()]
            return tuple(
                LogEntry(
                    request=request,
                    candidates=tuple(candidate for candidate in drafted if candidate.request_id == request.id),
                    choice=None,
                )
                for request in taken
            )

        return await self._database.run(step)

    async def take_deliveries(self, *, unknown_since: datetime, untold_since: datetime) -> tuple[str, ...]:
        """Take over choices with undelivered parts whose replica is gone, and return their ids, oldest first.

        Each is taken as a whole. A part that was being attempted becomes `unknown`: nobody knows if Slack took it.
        Choices made before `unknown_since` that have an unknown part already are left: their agents have been told.
        Choices made since `untold_since` whose reply stands are taken if their agent may not have been told so.
        """

        async def step(connection: Transaction) -> tuple[str, ...]:
            since = {"since": unknown_since, "untold_since": untold_since}
            found = (await connection.scalars(_ORPHANED_CHOICES, since)).all()
            if not found:
                return ()
            taken = set((await connection.scalars(_TAKE_DELIVERIES, {"me": self._me, "ids": found})).all())
            return tuple(choice_id for choice_id in found if choice_id in taken)

        return await self._database.run(step)

    async def take_deletions(self, *, undone_since: datetime) -> tuple[Delivery, ...]:
        """Take over posted parts of choices taken back since then, whose replica did not live to delete them."""

        async def step(connection: Transaction) -> tuple[Delivery, ...]:
            found = [
                Delivery(**row)
                for row in (await connection.execute(_SELECT_POSTED, {"since": undone_since})).mappings()
            ]
            if not found:
                return ()
            ids = [part.id for part in found]
            taken = set((await connection.scalars(_TAKE_DELETIONS, {"me": self._me, "ids": ids})).all())
            return tuple(part for part in found if part.id in taken)

        return await self._database.run(step)


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)

_RELEASE_REQUESTS: Final = (
    update(requests).where(requests.c.id.in_(_IDS), requests.c.owner == bindparam("me")).values(owner=NOBODY)
)

_RELEASE_DELIVERIES: Final = (
    update(deliveries)
    .where(deliveries.c.choice_id.in_(_IDS), deliveries.c.owner == bindparam("me"))
    .values(owner=NOBODY)
)

_SELECT_ALIVE: Final = select(replicas.c.id)

_BEAT: Final = update(replicas).where(replicas.c.id == bindparam("me")).values(seen_at=bindparam("at"))

_FORGET: Final = delete(replicas).where(replicas.c.seen_at < bindparam("dead_before", type_=UtcTime))

_IS_ORPHANED_REQUEST: Final = or_(requests.c.owner.is_(None), requests.c.owner.not_in(_SELECT_ALIVE))

_IS_ORPHANED_DELIVERY: Final = or_(deliveries.c.owner.is_(None), deliveries.c.owner.not_in(_SELECT_ALIVE))

# Each is looked for and locked first, past what another replica is taking at this moment; then taken if it is still an
# orphan: in PostgreSQL only a statement begun after the lock is sure to see what the others have committed.

_ORPHANED_REQUESTS: Final = (
    select(requests.c.id)
    .where(
        text("requests.status = 'drafting'"),  # word for word the condition of the index
        requests.c.surface != "cli",
        _IS_ORPHANED_REQUEST,
    )
    .order_by(requests.c.created_at)
    .limit(AT_ONCE)
    .with_for_update(skip_locked=True)
)

_TAKE_REQUESTS: Final = (
    update(requests)
    .where(requests.c.id.in_(_IDS), requests.c.status == "drafting", _IS_ORPHANED_REQUEST)
    .values(owner=bindparam("me"))
    .returning(requests.c.id)
)

_REQUESTS: Final = select(requests).where(requests.c.id.in_(_IDS)).order_by(requests.c.created_at)

_CANDIDATES: Final = select(candidates).where(candidates.c.request_id.in_(_IDS)).order_by(candidates.c.sample_index)

_OTHER: Final = deliveries.alias("other")

_HAS_UNKNOWN_PART: Final = (
    select(_OTHER.c.id).where(_OTHER.c.choice_id == choices.c.id, _OTHER.c.state == "unknown").exists()
)

_ORPHANED_CHOICES: Final = (
    select(choices.c.id)
    .where(
        or_(
            choices.c.id.in_(select(deliveries.c.choice_id).where(NOT_DONE, _IS_ORPHANED_DELIVERY))
            & or_(choices.c.chosen_at >= bindparam("since", type_=UtcTime), ~_HAS_UNKNOWN_PART),
            choices.c.id.in_(select(deliveries.c.choice_id).where(UNTOLD, _IS_ORPHANED_DELIVERY))
            & (choices.c.chosen_at >= bindparam("untold_since", type_=UtcTime)),
        ),
        choices.c.retracted_at.is_(None),
    )
    .order_by(choices.c.chosen_at)
    .limit(AT_ONCE)
    .with_for_update(of=choices, skip_locked=True)
)

_TAKE_DELIVERIES: Final = (
    update(deliveries)
    .where(deliveries.c.choice_id.in_(_IDS), or_(NOT_DONE, UNTOLD), _IS_ORPHANED_DELIVERY)
    .values(
        owner=bindparam("me"),
        state=case((deliveries.c.state == "attempting", "unknown"), else_=deliveries.c.state),
    )
    .returning(deliveries.c.choice_id)
)

_SELECT_POSTED: Final = (
    select(deliveries)
    .where(
        deliveries.c.choice_id.in_(
            select(choices.c.id).where(choices.c.retracted_at >= bindparam("since", type_=UtcTime))
        ),
        deliveries.c.state == "done",
        deliveries.c.message_ts.is_not(None),
        _IS_ORPHANED_DELIVERY,
    )
    .limit(AT_ONCE)
    .with_for_update(of=deliveries, skip_locked=True)
)

_TAKE_DELETIONS: Final = (
    update(deliveries)
    .where(deliveries.c.id.in_(_IDS), _IS_ORPHANED_DELIVERY)
    .values(owner=bindparam("me"))
    .returning(deliveries.c.id)
)
