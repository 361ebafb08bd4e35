"""Each surface has its traits, and the queries leave out those that the table says."""

from typing import get_args

from bot.surfaces import SURFACES
from storage.queries.reports import UNATTENDED
from storage.records import Surface


def test_each_surface_has_its_traits() -> None:
    assert set(SURFACES) == set(get_args(Surface))


def test_reports_leave_out_the_surfaces_where_nobody_waits() -> None:
    assert {name for name, traits in SURFACES.items() if traits.is_unattended} == set(UNATTENDED)
