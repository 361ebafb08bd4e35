"""Words of `suggest rank report`, the same on a terminal and on a page."""

from collections.abc import Sequence
from typing import Final

from bot.ranking.contrasts import ContrastKind, EffectComparison, PairContrast, Standing
from bot.ranking.rank_report import RankReport, describe_finding, describe_order, describe_worth, format_times

TITLES: Final[dict[ContrastKind, str]] = {"styles": "Styles", "models": "Models", "prompts": "Prompts"}

EXPLORATORY: Final = (
    "Fewer than ten agents: this is what these people like, and may not hold for others. Errors are clustered by agent "
    "and day, and look surer than they are."
)
HOW_TO_READ: Final = (
    "Times as often: 1.35 is picked 1.35 times as often, whatever its place and whoever picks, with the 95% interval; "
    "1 is no difference. At equal length: what is left once length is taken out. Of twenty comparisons without a "
    "difference, one looks like one. Prompts: how often anything is picked at all."
)


STANDING_HEADINGS: Final = ("", "shown", "picked", "times as often as the mean", "at equal length", "best")
PAIR_HEADINGS: Final = ("", "times as often", "at equal length", "finding")


def describe_ranking(found: RankReport) -> str:
    """Say what orders replies now, and what learned order is worth."""
    return f"{describe_order(found.standing, found.verdict)} {describe_worth(found.worth)}"


def describe_state(found: RankReport) -> str:
    """Say in a word if learned order is shown."""
    change = found.standing.change
    return "shown" if change is not None and change.version is not None else "not shown"


def describe_sample(found: RankReport) -> str:
    """Say how many requests, picks and agents, from when, and what is left out."""
    comparison = found.comparison
    agents = "1 agent" if comparison.agents == 1 else f"{comparison.agents} agents"
    line = f"{comparison.displays:,} decided requests, {comparison.picks:,} picks of {agents}"
    if found.since is not None and found.until is not None:
        line += f", {found.since:%Y-%m-%d} to {found.until:%Y-%m-%d}"
    if found.left_out:
        line += "; left out: " + ", ".join(
            f"{count:,} {reason.replace('_', ' ')}" for reason, count in sorted(found.left_out.items())
        )
    return f"{line}; {found.requests:,} requests in all."


def list_standings(comparison: EffectComparison, kind: ContrastKind) -> list[Standing]:
    return [each for each in comparison.standings if each.kind == kind]


def list_pairs(comparison: EffectComparison, kind: ContrastKind) -> list[PairContrast]:
    return [each for each in comparison.pairs if each.kind == kind]


def list_standing_cells(standings: Sequence[Standing]) -> list[tuple[str, ...]]:
    """List the cells under STANDING_HEADINGS."""
    return [
        (
            each.name,
            f"{each.shown:,}",
            f"{each.picked:,}",
            format_times(each.effect),
            format_times(each.equal_length),
            "–" if each.best is None else f"{100 * each.best:.0f}%",  # noqa: RUF001 - a dash
        )
        for each in standings
    ]


def list_pair_cells(pairs: Sequence[PairContrast]) -> list[tuple[str, ...]]:
    """List the cells under PAIR_HEADINGS."""
    return [
        (
            f"{each.one} over {each.other}",
            format_times(each.effect),
            format_times(each.equal_length),
            describe_finding(each),
        )
        for each in pairs
    ]
