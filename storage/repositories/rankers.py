"""Rankers learned from the log, and which of them orders what agents see. Each method is one transaction.

What is shown is the last row of `ranker_changes`; no row, or one without a version, is uniform order. A change made by
a person stands until a person lifts it: learning goes on and is stored, and changes nothing that is shown.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Select, delete, desc, false, func, insert, select

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.repositories.leases import require_lease
from storage.rows import to_row
from storage.tables import audit, choices, ranker_changes, rankers, requests

LEARNING: Final = "learning"
"""The lease that who records a ranker holds."""

KEPT_UNSHOWN: Final = 20
"""Rankers that were never shown are kept, the newest so many. Those that were shown stay: the log names them."""

_CHANGES_LOCK: Final = 0x72616E6B657273  # "rankers" in ASCII

Reason = Literal["gate", "rollback", "automatic"]
"""The gate decided; a person did, and it stands; a person gave it back to the gate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRanker:
    """A ranker as text, with the data that it was learned from, and how it did.

    `choices` is the size of the log, without what was simulated.
    """

    version: str
    model: str = field(repr=False)
    created_at: datetime
    created_by: str
    trained_until: datetime | None
    requests: int
    choices: int
    agents: int
    metrics: dict[str, Any]
    gate_open: bool
    gate: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerChange:
    """A change of the ranker that orders since `at`, with its actor and reason; uniform order without a version."""

    at: datetime
    actor: str
    version: str | None
    reason: Reason

    @property
    def is_pinned(self) -> bool:
        """True if a person decided, and the gate does not."""
        return self.reason == "rollback"


class Rankers:
    """The rankers of one database; `me` is this process."""

    def __init__(self, database: Database, *, me: str) -> None:
        self._database = database
        self._me = me

    async def record(self, ranker: StoredRanker) -> RankerChange | None:
        """Keep a ranker, let its gate decide what is shown unless a person has, and return the change, if any.

        Raises OwnershipLost if this process does not hold the lease any more: then nothing is recorded.
        """

        async def step(connection: Transaction) -> RankerChange | None:
            await require_lease(connection, LEARNING, self._me)
            await self._lock_changes(connection)
            # The same log makes the same ranker, whose version is its content's: the newer record of it stands.
            await connection.execute(delete(rankers).where(rankers.c.version == ranker.version))
            await connection.execute(insert(rankers), to_row(ranker))
            facts = {"choices": ranker.choices, "agents": ranker.agents, "gate_open": ranker.gate_open}
            await _record_audit(
                connection, ranker.created_at, ranker.created_by, "ranker_trained", ranker.version, facts
            )
            before = await _read_current(connection)
            after = _apply_gate(ranker, before)
            if after is not None:
                await _record_change(connection, after, before)
            await connection.execute(_FORGET)
            return after

        return await self._database.run(step)

    async def roll_back(self, to: str | None, *, actor: str, at: datetime) -> RankerChange:
        """Order by this ranker, or uniformly, from now on, whatever is learned. Raises KeyError if it is not here."""

        async def step(connection: Transaction) -> RankerChange:
            await self._lock_changes(connection)
            if to is not None and await connection.scalar(_select_version(to)) is None:
                raise KeyError(to)
            change = RankerChange(at=at, actor=actor, version=to, reason="rollback")
            await _record_change(connection, change, await _read_current(connection))
            return change

        return await self._database.run(step)

    async def unpin(self, *, actor: str, at: datetime) -> RankerChange:
        """Let the gate decide again, beginning with that of the newest ranker."""

        async def step(connection: Transaction) -> RankerChange:
            await self._lock_changes(connection)
            newest = (await connection.execute(_SELECT_NEWEST.limit(1))).mappings().one_or_none()
            version = newest["version"] if newest is not None and newest["gate_open"] else None
            change = RankerChange(at=at, actor=actor, version=version, reason="automatic")
            await _record_change(connection, change, await _read_current(connection))
            return change

        return await self._database.run(step)

    async def get_current(self) -> RankerChange | None:
        """Read the latest change; None if nothing but uniform order was ever shown."""
        return await self._database.look(_read_current)

    async def get_previous(self) -> str | None:
        """Find the version that the gate showed before the current one; None if that was uniform order."""
        async with self._database.read() as connection:
            now = await _read_current(connection)
            shown = list(dict.fromkeys((await connection.scalars(_SELECT_SHOWN_BY_GATE)).all()))
        at = shown.index(now.version) if now is not None and now.version in shown else len(shown)
        return shown[at - 1] if at > 0 else None

    async def get(self, version: str) -> StoredRanker | None:
        """Read the ranker of this version."""
        return await self._database.look(
            lambda connection: _read_ranker(connection, _SELECT_RANKERS.where(rankers.c.version == version))
        )

    async def get_newest(self) -> StoredRanker | None:
        """Read the ranker recorded last, whatever the clocks said."""
        return await self._database.look(lambda connection: _read_ranker(connection, _SELECT_NEWEST.limit(1)))

    async def list_versions(self) -> tuple[str, ...]:
        """List the versions of all rankers kept, the newest first."""

        async def step(connection: Transaction) -> tuple[str, ...]:
            return tuple((await connection.scalars(select(rankers.c.version).order_by(desc(rankers.c.seq)))).all())

        return await self._database.look(step)

    async def count_choices(self) -> int:
        """Count the standing choices of real requests: what there is to learn from."""

        async def step(connection: Transaction) -> int:
            return await connection.scalar(_COUNT_CHOICES) or 0

        return await self._database.look(step)

    async def _lock_changes(self, connection: Transaction) -> None:
        """Let changes take turns. SQLite has one writer; in PostgreSQL two would not see each other."""
        if self._database.is_shared:
            await connection.execute(select(func.pg_advisory_xact_lock(_CHANGES_LOCK)))


def _apply_gate(ranker: StoredRanker, before: RankerChange | None) -> RankerChange | None:
    """Return the change that the ranker's gate makes; none if a person decided, or uniform order stays."""
    if before is not None and before.is_pinned:
        return None
    if not ranker.gate_open and (before is None or before.version is None):
        return None
    version = ranker.version if ranker.gate_open else None
    return RankerChange(at=ranker.created_at, actor=ranker.created_by, version=version, reason="gate")


async def _record_change(connection: Transaction, change: RankerChange, before: RankerChange | None) -> None:
    await connection.execute(insert(ranker_changes), to_row(change))
    by_gate = "ranker_shown" if change.version else "ranker_withdrawn"
    action = {"gate": by_gate, "rollback": "ranker_rolled_back", "automatic": "ranker_automatic"}[change.reason]
    facts = {"before": None if before is None else before.version}
    await _record_audit(connection, change.at, change.actor, action, change.version, facts)


async def _record_audit(
    connection: Transaction, at: datetime, actor: str, action: str, version: str | None, facts: dict[str, Any]
) -> None:
    row = {"at": at, "actor": actor, "action": action, "data": {"version": version, **facts}}
    await connection.execute(insert(audit), row)


async def _read_current(connection: Transaction) -> RankerChange | None:
    row = (await connection.execute(_SELECT_CURRENT)).mappings().one_or_none()
    return None if row is None else RankerChange(**row)


async def _read_ranker(connection: Transaction, query: Select[Any]) -> StoredRanker | None:
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else StoredRanker(**row)


def _select_version(version: str) -> Select[Any]:
    return select(rankers.c.version).where(rankers.c.version == version)


_SELECT_RANKERS: Final = select(*(column for column in rankers.c if column.name != "seq"))

_SELECT_NEWEST: Final = _SELECT_RANKERS.order_by(desc(rankers.c.seq))

_SELECT_CURRENT: Final = (
    select(*(column for column in ranker_changes.c if column.name != "seq"))
    .order_by(desc(ranker_changes.c.seq))
    .limit(1)
)

_SELECT_SHOWN_BY_GATE: Final = (
    select(ranker_changes.c.version)
    .where(ranker_changes.c.version.is_not(None), ranker_changes.c.reason != "rollback")
    .order_by(ranker_changes.c.seq)
)

_COUNT_CHOICES: Final = (
    select(func.count())
    .select_from(choices.join(requests, requests.c.id == choices.c.request_id))
    .where(choices.c.retracted_at.is_(None), requests.c.simulated == false())
)

_FORGET: Final = delete(rankers).where(
    rankers.c.version.not_in(select(ranker_changes.c.version).where(ranker_changes.c.version.is_not(None))),
    rankers.c.seq.not_in(select(rankers.c.seq).order_by(desc(rankers.c.seq)).limit(KEPT_UNSHOWN)),
)
