"""The requests that were drawn for an experiment, for its report and its guardrail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, String, and_, case, func, literal, or_, select, type_coerce

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.records import ChoiceKind, Status
from storage.tables import candidates, choices, requests

TroubleGroup = Literal["arm", "hour", "agent"]
"""The groups of an arm's requests that are counted apart: none, those of an hour, those of an agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmOutcome:
    """The outcome of one request of an arm; `kind` is that of its standing choice."""

    arm: str
    arm_propensity: float | None
    team_id: str
    agent_id: str
    created_at: datetime
    prompt_version: str
    status: Status
    is_shown: bool
    kind: ChoiceKind | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleCell:
    """Number of asks of one arm and group, of those with a draft that failed, and of those dismissed."""

    group: str
    arm: str
    requests: int
    failed: int
    dismissed: int


class ExperimentQueries:
    """Reads over the requests of experiments, by their index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_outcomes(self, name: str) -> list[ArmOutcome]:
        """List what became of each request of an experiment, in the order in which they were made."""
        return await self._read(_SELECT_OUTCOMES, name, ArmOutcome)

    async def count_troubles(self, name: str, *, by: TroubleGroup) -> list[TroubleCell]:
        """Count the failures and dismissals of an experiment. A redraft is drawn with its ask, and counts with it."""
        group = _GROUPS[by]
        counted = _COUNT_TROUBLES.add_columns(group.label("group")).group_by(group, requests.c.arm)
        return await self._read(counted, name, TroubleCell)

    async def list_names(self) -> list[str]:
        """List the experiments that requests name, imported ones too."""
        named = select(requests.c.experiment).where(requests.c.experiment.is_not(None)).distinct()

        async def step(connection: Transaction) -> list[str]:
            return sorted((await connection.scalars(named)).all())

        return await self._database.look(step)

    async def _read(self, query: Any, name: str, record: Any) -> list[Any]:
        of_this = query.where(requests.c.experiment == name)

        async def step(connection: Transaction) -> list[Any]:
            rows: Any = (await connection.execute(of_this)).mappings()
            return [_make(record, row) for row in rows]

        return await self._database.look(step)


def _make(record: Any, row: Mapping[str, Any]) -> Any:
    return record(**row)


_STANDING: Final = and_(choices.c.request_id == requests.c.id, choices.c.retracted_at.is_(None))

_SELECT_OUTCOMES: Final = (
    select(
        requests.c.arm,
        requests.c.arm_propensity,
        requests.c.team_id,
        requests.c.agent_id,
        requests.c.created_at,
        requests.c.prompt_version,
        requests.c.status,
        or_(requests.c.shown_at.is_not(None), choices.c.kind.is_not(None), requests.c.status == "redrafted").label(
            "is_shown"
        ),
        choices.c.kind,
    )
    .select_from(requests)
    .outerjoin(choices, _STANDING)
    .where(requests.c.arm.is_not(None))
    .order_by(requests.c.created_at, requests.c.id)
)

_GROUPS: Final[dict[TroubleGroup, ColumnElement[str]]] = {
    "arm": literal(""),
    "hour": func.substr(type_coerce(requests.c.created_at, String), 1, 13),
    "agent": requests.c.team_id + ":" + requests.c.agent_id,
}

_HAS_FAILED_DRAFT: Final = (
    select(candidates.c.id)
    .where(
        candidates.c.request_id == requests.c.id,
        candidates.c.error.is_not(None),
        candidates.c.error != "cancelled",
    )
    .exists()
)

_IS_ASK: Final = requests.c.parent_request_id.is_(None)

_COUNT_TROUBLES: Final = (
    select(
        requests.c.arm,
        func.sum(case((_IS_ASK, 1), else_=0)).label("requests"),
        func.sum(case((and_(_IS_ASK, _HAS_FAILED_DRAFT), 1), else_=0)).label("failed"),
        func.sum(case((choices.c.kind == "dismissed", 1), else_=0)).label("dismissed"),
    )
    .select_from(requests)
    .outerjoin(choices, _STANDING)
    .where(requests.c.arm.is_not(None))
)
