"""Reads for an agent's Home, each by an index: open requests, replies used lately, counts by day and by agent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, String, and_, case, func, or_, select, text, true, type_coerce

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.queries.reports import UNATTENDED
from storage.records import Request
from storage.repositories.requests import OPEN
from storage.rows import to_request
from storage.tables import candidates, choices, requests

MOST_LISTED: Final = 5
MOST_GAPS: Final = 200
"""Questions that are grouped for a Home."""

_CHOSEN: Final = ("used", "edited")


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeFilter:
    """The agent whose Home it is; `team_id` is None for all of a Grid. `simulated`: requests without a real model."""

    team_id: str | None
    agent_id: str
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedReply:
    """A reply that the agent used, as it is recorded; without a text where none is kept."""

    at: datetime
    style: str
    text: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceCell:
    """Number of requests of one day, or of one agent, that were shown, and of those with a reply used."""

    shown: int
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeRows:
    """All that the database has for an agent's Home; `team` only if it was asked for."""

    open: tuple[Request, ...]
    used: tuple[UsedReply, ...]
    days: tuple[AcceptanceCell, ...]
    team: tuple[AcceptanceCell, ...] = ()


class HomeQueries:
    """Reads over the requests of one agent, and of the team."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_gaps(self, of: HomeFilter, *, since: datetime) -> tuple[Request, ...]:
        """List the newest requests of the team for which the knowledge was searched in vain, newest first."""
        of_team = true() if of.team_id is None else requests.c.team_id == of.team_id
        query = (
            select(requests)
            # As the index has it, word for word: of a parameter SQLite does not know that it is the same.
            .where(text("retrieved = '[]'"), requests.c.created_at >= since, of_team, requests.c.comparison.is_(None))
            .where(requests.c.simulated == of.simulated)
            .order_by(requests.c.created_at.desc())
            .limit(MOST_GAPS)
        )

        async def step(connection: Transaction) -> tuple[Request, ...]:
            return tuple(to_request(row) for row in (await connection.execute(query)).mappings())

        return await self._database.look(step)

    async def load(
        self, of: HomeFilter, *, open_since: datetime, days_since: datetime, team_since: datetime | None
    ) -> HomeRows:
        """Load the rows of a Home; the team's only with `team_since`."""

        async def step(connection: Transaction) -> HomeRows:
            asked = (await connection.execute(_select_open(of, open_since))).mappings()
            used = (await connection.execute(_select_used(of, days_since))).mappings()
            days = await _read_cells(connection, _count_by(_DAY, _of_agent(of), of, days_since))
            team: Sequence[AcceptanceCell] = ()
            if team_since is not None:
                of_team = true() if of.team_id is None else requests.c.team_id == of.team_id
                team = await _read_cells(connection, _count_by(_AGENT, of_team, of, team_since))
            return HomeRows(
                open=tuple(to_request(row) for row in asked),
                used=tuple(UsedReply(**row) for row in used),
                days=tuple(days),
                team=tuple(team),
            )

        return await self._database.look(step)


_DAY: Final = func.substr(type_coerce(requests.c.created_at, String), 1, 10)

# An expression: by the column itself, SQLite would walk all requests along the index that has agents in order.
_AGENT: Final = requests.c.agent_id.concat("")

_STANDING: Final = and_(choices.c.request_id == requests.c.id, choices.c.retracted_at.is_(None))


def _of_agent(of: HomeFilter) -> Any:
    by_agent = requests.c.agent_id == of.agent_id
    return by_agent if of.team_id is None else and_(by_agent, requests.c.team_id == of.team_id)


def _select_open(of: HomeFilter, since: datetime) -> Select[Any]:
    """The newest requests that wait for a choice, and show something to choose from."""
    return (
        select(requests)
        .where(
            _of_agent(of),
            requests.c.created_at >= since,
            requests.c.status.in_(OPEN),
            requests.c.sent_to_slack_at.is_not(None),
            ~select(choices.c.id).where(_STANDING).exists(),
        )
        .order_by(requests.c.created_at.desc(), requests.c.id.desc())
        .limit(MOST_LISTED)
    )


def _select_used(of: HomeFilter, since: datetime) -> Select[Any]:
    """The replies of the newest requests that were answered."""
    return (
        select(choices.c.chosen_at.label("at"), candidates.c.style, choices.c.final_text.label("text"))
        .select_from(requests)
        .join(choices, and_(_STANDING, choices.c.kind.in_(_CHOSEN)))
        .join(candidates, candidates.c.id == choices.c.candidate_id)
        .where(_of_agent(of), requests.c.created_at >= since, requests.c.surface.not_in(UNATTENDED))
        .order_by(requests.c.created_at.desc(), requests.c.id.desc())
        .limit(MOST_LISTED)
    )


def _count_by(group: Any, whose: Any, of: HomeFilter, since: datetime) -> Select[int, Any]:
    """Count the requests since then that were shown, and those with a reply used, as the report does."""
    return (
        select(func.count().label("shown"), func.sum(case((choices.c.kind.in_(_CHOSEN), 1), else_=0)).label("accepted"))
        .select_from(requests)
        .outerjoin(choices, _STANDING)
        .where(
            whose,
            requests.c.created_at >= since,
            requests.c.simulated == of.simulated,
            requests.c.surface.not_in(UNATTENDED),
            or_(requests.c.shown_at.is_not(None), choices.c.id.is_not(None)),
        )
        .group_by(group)
        .order_by(group)
    )


async def _read_cells(connection: Transaction, query: Select[int, Any]) -> Sequence[AcceptanceCell]:
    rows = (await connection.execute(query)).mappings()
    return [AcceptanceCell(shown=int(row["shown"]), accepted=int(row["accepted"])) for row in rows]
