"""`suggest rank rollback`: which ranker orders replies, decided by a person."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from cli import wiring
from cli.database_location import Location, opened_as_it_is
from cli.errors import Failed
from storage.repositories.rankers import Change, Rankers
from storage.tables import to_iso

UNIFORM: Final = "uniform"
AUTO: Final = "auto"

ACTOR: Final = "cli"

State = Literal["rolled_back", "automatic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """What ordered replies before, and what does from now on; None is uniform order."""

    before: str | None
    change: Change


async def roll_back(location: Location, to: str | None) -> None:
    """Go back to the ranker shown before, or to `to`, and say so. Raises Failed."""
    print(_told(await _rolled_back(location, to)))


async def roll_back_for_programs(location: Location, to: str | None) -> None:
    """As `roll_back`, as JSON: a version of null is uniform order."""
    done = await _rolled_back(location, to)
    state: State = "rolled_back" if done.change.is_pinned else "automatic"
    found = {"before": done.before, "version": done.change.version, "state": state, "at": to_iso(done.change.at)}
    print(json.dumps(found))


async def _rolled_back(location: Location, to: str | None) -> RolledBack:
    async with opened_as_it_is(location) as database:
        rankers = Rankers(database, me=wiring.new_id())
        current = await rankers.current()
        before = None if current is None else current.version
        return RolledBack(before=before, change=await _change(rankers, to, current, at=wiring.now()))


async def _change(rankers: Rankers, to: str | None, current: Change | None, *, at: datetime) -> Change:
    if to == AUTO:
        return await rankers.go_on(actor=ACTOR, at=at)
    if to is None:
        if current is None or current.version is None:
            raise Failed(
                "the order is uniform already, so there is nothing to go back from; to keep it so whatever is learned: "
                "suggest rank rollback --to uniform"
            )
        return await rankers.roll_back(await rankers.previous(), actor=ACTOR, at=at)
    try:
        return await rankers.roll_back(None if to == UNIFORM else to, actor=ACTOR, at=at)
    except KeyError as error:
        raise Failed(f"there is no ranker {to!r}: {await _which(rankers)}") from error


async def _which(rankers: Rankers) -> str:
    versions = await rankers.versions()
    if not versions:
        return "none has been learned yet; say uniform or auto"
    return f"say uniform, auto, or one of {', '.join(versions[:5])}{', …' if len(versions) > 5 else ''}"


def _told(done: RolledBack) -> str:
    before, now = _name(done.before), _name(done.change.version)
    changed = f"Still {now}." if before == now else f"Until now {before}; from now on {now}."
    if not done.change.is_pinned:
        return f"{changed} The gate decides again, with each ranker that is learned."
    return f"{changed} It stays so, whatever is learned, until: suggest rank rollback --to auto"


def _name(version: str | None) -> str:
    return "uniform order" if version is None else f"the ranker {version}"
