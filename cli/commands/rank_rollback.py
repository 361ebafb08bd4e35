"""`suggest rank rollback`: lets a person decide which ranker orders replies."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import typer

from cli import clock
from cli.database_location import Location, locate_database, open_existing
from cli.errors import Failed
from cli.options import DatabaseFile, Json
from cli.render.json import list_rollback
from cli.render.output import print_result
from cli.render.text import ranking as text
from storage.repositories.rankers import RankerChange, Rankers

UNIFORM: Final = "uniform"
AUTO: Final = "auto"

ACTOR: Final = "cli"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """The ranker that ordered replies before, and the change; None is uniform order."""

    before: str | None
    change: RankerChange


def run(
    *,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION|uniform|auto",
            help="Order by this ranker, uniformly, or as the gate decides. [default: the ranker shown before]",
        ),
    ] = None,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Go back to the ranker that ordered replies before, or to uniform order.

    It stays so, whatever is learned, until --to auto. Running bots follow within half a minute.

    Example: suggest rank rollback --to uniform
    """
    rollback = asyncio.run(roll_back(locate_database(database), to))
    print_result(rollback, as_json=as_json, to_text=text.render_rollback, to_fields=list_rollback)


async def roll_back(location: Location, to: str | None) -> Rollback:
    """Go back to the ranker shown before, or to `to`. Raises SettingsError, Failed."""
    async with open_existing(location) as database:
        rankers = Rankers(database, me=clock.new_id())
        current = await rankers.get_current()
        before = None if current is None else current.version
        return Rollback(before=before, change=await _apply(rankers, to, current, at=clock.now()))


async def _apply(rankers: Rankers, to: str | None, current: RankerChange | None, *, at: datetime) -> RankerChange:
    """Record the change. Raises Failed if there is no such ranker, or nothing to go back from."""
    if to == AUTO:
        return await rankers.unpin(actor=ACTOR, at=at)
    if to is None:
        if current is None or current.version is None:
            raise Failed(
                "the order is uniform already, so there is nothing to go back from; to keep it so whatever is learned: "
                "suggest rank rollback --to uniform"
            )
        return await rankers.roll_back(await rankers.get_previous(), actor=ACTOR, at=at)
    try:
        return await rankers.roll_back(None if to == UNIFORM else to, actor=ACTOR, at=at)
    except KeyError as error:
        raise Failed(f"there is no ranker {to!r}: {await _list_versions(rankers)}") from error


async def _list_versions(rankers: Rankers) -> str:
    versions = await rankers.list_versions()
    if not versions:
        return "none has been learned yet; say uniform or auto"
    return f"say uniform, auto, or one of {', '.join(versions[:5])}{', …' if len(versions) > 5 else ''}"
