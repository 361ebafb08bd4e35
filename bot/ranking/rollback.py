"""A person's decision which ranker orders replies: the one before, a certain one, none, or again what the gate says."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.errors import OperationFailed
from storage.repositories.rankers import RankerChange, Rankers

UNIFORM: Final = "uniform"
AUTO: Final = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """The ranker that ordered replies before, and the change; None is uniform order."""

    before: str | None
    change: RankerChange


async def roll_back(rankers: Rankers, to: str | None, *, actor: str, at: datetime) -> Rollback:
    """Go back to the ranker shown before, or to `to`. Raises OperationFailed if there is none such."""
    current = await rankers.get_current()
    before = None if current is None else current.version
    if to == AUTO:
        return Rollback(before=before, change=await rankers.unpin(actor=actor, at=at))
    if to is None:
        if before is None:
            raise OperationFailed(
                "the order is uniform already, so there is nothing to go back from; to keep it so whatever is learned: "
                "suggest rank rollback --to uniform"
            )
        to = await rankers.get_previous() or UNIFORM
    try:
        change = await rankers.roll_back(None if to == UNIFORM else to, actor=actor, at=at)
    except KeyError as error:
        raise OperationFailed(f"there is no ranker {to!r}: {await _list_versions(rankers)}") from error
    return Rollback(before=before, change=change)


async def _list_versions(rankers: Rankers) -> str:
    versions = await rankers.list_versions()
    if not versions:
        return "none has been learned yet; say uniform or auto"
    return f"say uniform, auto, or one of {', '.join(versions[:5])}{', …' if len(versions) > 5 else ''}"
