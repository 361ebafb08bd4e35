"""What an agent's Home shows, read from a small log, on both engines."""

from datetime import timedelta

from storage.fields import to_iso
from storage.queries.home import MOST_LISTED, AcceptanceCell, HomeFilter, HomeQueries, HomeRows
from tests.reportlog import MONDAY, Asked, dismissed, edited, failed, record, used
from tests.storage.stores import Store

DAY = timedelta(days=1)
LATER = 10 * DAY
LOG = (
    used(agent="U1"),
    dismissed(agent="U1"),
    used(agent="U1", simulated=True),
    used(agent="U1", surface="batch"),
    edited(0.9, agent="U1", after=LATER),
    failed(agent="U1", after=LATER),
    Asked(agent="U1", after=LATER),
    Asked(agent="U1", after=LATER, undone=1),
    used(agent="U1", team="T2", after=LATER),
    Asked(agent="U2", after=LATER),
    used(agent="U2", after=LATER),
)


async def load(store: Store, team_id: str | None = "T1") -> HomeRows:
    whose = HomeFilter(team_id=team_id, agent_id="U1", simulated=False)
    since = MONDAY + LATER - DAY
    return await HomeQueries(store.database).load(whose, open_since=since, days_since=MONDAY, team_since=since)


async def test_home_counts_what_the_report_counts(store: Store) -> None:
    await record(store.database, LOG)
    rows = await load(store)
    assert rows.days == (AcceptanceCell(shown=2, accepted=1), AcceptanceCell(shown=3, accepted=1))
    assert rows.team == (AcceptanceCell(shown=3, accepted=1), AcceptanceCell(shown=2, accepted=1))
    assert [request.id for request in rows.open] == ["r00007", "r00006"]
    assert [to_iso(reply.at)[:10] for reply in rows.used] == ["2025-11-13", "2025-11-03", "2025-11-03"]


async def test_in_a_grid_requests_of_every_team_count(store: Store) -> None:
    await record(store.database, LOG)
    rows = await load(store, team_id=None)
    assert rows.days[-1] == AcceptanceCell(shown=4, accepted=2)
    assert sum(cell.shown for cell in rows.team) == 6


async def test_only_the_newest_are_listed(store: Store) -> None:
    await record(store.database, [Asked(after=LATER)] * (MOST_LISTED + 1) + [used(after=LATER)] * (MOST_LISTED + 1))
    rows = await load(store)
    assert len(rows.open) == len(rows.used) == MOST_LISTED
