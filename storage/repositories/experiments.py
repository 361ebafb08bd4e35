"""Experiments on live requests. One runs at a time, by a unique key. Each method is one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, insert, select, type_coerce, update
from sqlalchemy.exc import IntegrityError

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.records import Experiment, Stopper
from storage.rows import to_row
from storage.tables import audit, experiments


class ExperimentStore:
    """The experiments of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, experiment: Experiment) -> bool:
        """Record an experiment, which runs from now on. False if its name is taken, or another one runs."""
        fact = {"at": experiment.started_at, "actor": experiment.started_by, "action": "experiment_started"}
        try:
            async with self._database.write() as connection:
                await connection.execute(insert(experiments), to_row(experiment))
                await connection.execute(insert(audit), {**fact, "data": {"experiment": experiment.name}})
        except IntegrityError:
            return False
        return True

    async def stop(
        self,
        name: str,
        *,
        by: Stopper,
        actor: str,
        at: datetime,
        arm: str | None = None,
        untold: Sequence[str] = (),
    ) -> bool:
        """Stop an experiment, for the fault of `arm` if one is named; `untold` are to be told. False if it ran not."""
        changes = {"is_running": None, "stopped_at": at, "stopped_by": by, "arm": arm, "untold": list(untold)}

        async def step(connection: Transaction) -> bool:
            running = update(experiments).where(experiments.c.name == name, experiments.c.is_running.is_(True))
            if (await connection.execute(running.values(changes))).rowcount == 0:
                return False
            data = {"experiment": name, "arm": arm}
            row = {"at": at, "actor": actor, "action": "experiment_stopped", "data": data}
            await connection.execute(insert(audit), row)
            return True

        return await self._database.run(step)

    async def record_told(self, name: str, admin: str) -> None:
        """Record that an admin was told of the stop."""

        async def step(connection: Transaction) -> None:
            found = await _find(connection, name)
            if found is not None:
                left = [each for each in found.untold if each != admin]
                await connection.execute(update(experiments).where(experiments.c.name == name).values(untold=left))

        await self._database.run(step)

    async def get(self, name: str) -> Experiment | None:
        """Read an experiment."""
        return await self._database.look(lambda connection: _find(connection, name))

    async def get_running(self) -> str | None:
        """Read the name of the experiment that runs."""
        running = select(experiments.c.name).where(experiments.c.is_running.is_(True))
        return await self._database.look(lambda connection: connection.scalar(running))

    async def list_all(self) -> tuple[Experiment, ...]:
        """List all experiments, the oldest first."""
        return await self._list(select(experiments))

    async def list_untold(self) -> tuple[Experiment, ...]:
        """List the experiments of whose stop somebody is still to be told."""
        return await self._list(select(experiments).where(type_coerce(experiments.c.untold, String) != "[]"))

    async def _list(self, query: Select[Any]) -> tuple[Experiment, ...]:
        async def step(connection: Transaction) -> tuple[Experiment, ...]:
            found = await connection.execute(query.order_by(experiments.c.started_at, experiments.c.name))
            return tuple(Experiment(**row) for row in found.mappings())

        return await self._database.look(step)


async def _find(connection: Transaction, name: str) -> Experiment | None:
    found = (await connection.execute(select(experiments).where(experiments.c.name == name))).mappings().one_or_none()
    return None if found is None else Experiment(**found)
