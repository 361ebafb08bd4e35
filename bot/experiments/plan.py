"""The plan of an experiment: its arms and their shares, as options or a playbook name them."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import UsageError
from storage.records import Arm, Unit

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PLAYBOOK: Final = ".toml"


class ExperimentError(UsageError):
    """An experiment cannot be made so; the message says why and what to do, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPlan:
    """An experiment that somebody wants."""

    name: str
    by: Unit
    arms: tuple[Arm, ...]


def parse_arm(text: str) -> Arm:
    """Read NAME, NAME=FILE.toml or NAME=MODEL; the share is still to be said. Raises ExperimentError."""
    name, sign, value = (part.strip() for part in text.partition("="))
    if sign and not value:
        raise ExperimentError(
            f"arm {name!r} names neither a playbook nor a model: write {name}=FILE.toml or drop the ="
        )
    if value.endswith(_PLAYBOOK):
        return Arm(name=name, share=math.nan, playbook=value)
    return Arm(name=name, share=math.nan, model=value or None)


def make_plan(name: str, *, by: str, arms: Sequence[Arm], shares: Sequence[float] | None) -> ExperimentPlan:
    """Make a plan of arms with these shares, equal ones if none are said. Raises ExperimentError."""
    _check_name("experiment", name)
    if by not in {"request", "agent"}:
        raise ExperimentError(f"an experiment is drawn by request or by agent, not by {by!r}")
    if len(arms) < 2:
        raise ExperimentError("an experiment has two arms or more: name each one, such as --arm a --arm b=new.toml")
    for arm in arms:
        _check_name("arm", arm.name)
    if twice := next((arm.name for arm in arms if [each.name for each in arms].count(arm.name) > 1), None):
        raise ExperimentError(f"there are two arms {twice!r}: rename one")
    shared = zip(arms, _check_shares(arms, shares), strict=True)
    return ExperimentPlan(
        name=name,
        by="agent" if by == "agent" else "request",
        arms=tuple(replace(arm, share=share) for arm, share in shared),
    )


def parse_shares(text: str) -> list[float]:
    """Read shares such as 0.5,0.5. Raises ExperimentError."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ExperimentError(f"{text!r} are no shares: write numbers that add up to 1, such as 0.5,0.5") from error


def _check_shares(arms: Sequence[Arm], shares: Sequence[float] | None) -> Sequence[float]:
    if shares is None:
        return [1 / len(arms)] * len(arms)
    if len(shares) != len(arms):
        raise ExperimentError(f"there are {len(shares)} shares for {len(arms)} arms: give one for each, in their order")
    if not all(0 < share < 1 for share in shares):
        raise ExperimentError("each share is a number between 0 and 1, such as 0.5")
    if not math.isclose(sum(shares), 1.0, abs_tol=1e-6):
        raise ExperimentError(f"the shares add up to {sum(shares):g}, not to 1")
    return shares


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ExperimentError(
            f"{name!r} is no name for an {what}: use letters, digits, . - and _, at most 64, a letter or digit first"
        )
