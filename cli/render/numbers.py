"""Numbers, rates and notes in words, the same on a terminal and on a page."""

from datetime import date, datetime
from typing import Final

from bot.i18n.texts import DEFAULT_LOCALE, get_texts
from bot.reporting.report import (
    AskedQuestion,
    Breakdown,
    Drafts,
    Group,
    Note,
    Period,
    ReasonGroup,
    Report,
    TimeSaved,
)
from bot.stats.cluster_intervals import Estimate

NOT_ENOUGH: Final = "not enough data"
NOTHING: Final = "–"  # noqa: RUF001 - a dash, as tables have it

RATES: Final[dict[tuple[str, str], str]] = {
    ("accepted", "eligible"): "accepted, of eligible",
    ("accepted", "shown"): "accepted, of shown",
    ("used", "shown"): "used as it was, of shown",
    ("edited", "shown"): "edited, of shown",
    ("dismissed", "shown"): "dismissed, of shown",
    ("redrafted", "shown"): "asked for others, of shown",
    ("undecided", "shown"): "undecided, of shown",
    ("used", "accepted"): "used as it was, of accepted",
    ("shown", "eligible"): "shown, of eligible",
    ("failed", "eligible"): "failed, of eligible",
    ("undone", "choices"): "undone, of choices",
    ("picked", "displays"): "picked, of displays",
    ("picked", "drafts"): "picked, of drafts",
    ("used", "picks"): "used as it was, of picks",
    ("failed", "drafts"): "failed, of drafts",
    ("near_duplicate", "drafts"): "hidden as near-identical, of drafts",
}
SOURCES: Final[dict[str, str]] = {"found": "with sources", "none": "without"}

SHORT: Final[dict[str, str]] = {
    "accepted": "accepted",
    "used": "used as it was",
    "edited": "edited",
    "dismissed": "dismissed",
    "redrafted": "asked for others",
    "expired": "expired",
    "open": "still open",
    "undecided": "undecided",
    "failed": "failed",
    "never_shown": "never shown",
    "near_duplicate": "hidden",
    "picked": "picked",
    "shown": "shown",
    "undone": "undone",
}
BASES: Final[dict[str, str]] = {
    "eligible": "eligible requests",
    "shown": "shown requests",
    "accepted": "accepted requests",
    "choices": "choices",
}
STEPS: Final[dict[str, str]] = {
    "model": "a draft, from the call to its end",
    "shown": "candidates, from the ask to the screen",
    "decision": "a choice, from the screen to the click",
}
BY: Final[dict[str, tuple[str, str]]] = {
    "style": ("style", "styles"),
    "model": ("model", "models"),
    "prompt": ("prompt", "prompts"),
    "agent": ("agent", "agents"),
    "channel": ("channel", "channels"),
    "surface": ("surface", "surfaces"),
}

_INTERVAL: Final = (
    "where the share would lie for many agents like these. Agents, not requests, are the independent cases: the "
    "variance is cluster-robust (Bell and McCaffrey's CR2), with Student's t, Satterthwaite's degrees of freedom, "
    "and the logit scale."
)
_LITTLE: Final = (
    "fewer than 5 agents or 20 cases: no interval is told. Exploratory (~): fewer than 10 agents, or fewer than 10 "
    "cases for or against; the interval is rough."
)
DEFINITIONS: Final = (
    ("eligible", "requests that somebody made and waited for. Batches and comparisons are none."),
    ("shown", "eligible requests of which at least one candidate was visible."),
    ("accepted", "shown requests with a standing choice to use a reply: as it was, or edited."),
    (
        "asked for others",
        "shown requests that were closed by asking for other drafts; those are requests of their own.",
    ),
    ("undecided", "shown requests without a choice: still open, or expired after 24 hours. Not the same as a no."),
    ("failed", "eligible requests of which no draft was left to show. Never shown: the program ended while drafting."),
    ("undone", "choices that were taken back. The request counts as what became of it after that."),
    ("95% interval", _INTERVAL),
    (NOT_ENOUGH, _LITTLE),
)


_UNITS: Final = (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3))


def format_number(value: float) -> str:
    return f"{value:,.0f}"


def format_short(value: float) -> str:
    """Format a count: whole up to 9,999, above that three digits: 11.8 M."""
    if value < 10_000:
        return format_number(value)
    unit, size = next((unit, size) for unit, size in _UNITS if value >= 0.9995 * size)
    digits = 0 if value >= 99.95 * size else 1
    return f"{value / size:.{digits}f} {unit}"


def format_percent(value: float | None) -> str:
    """Format a share to a tenth of a percent; to a hundredth below that."""
    if value is None:
        return NOTHING
    digits = 2 if 0 < value < 0.001 else 1
    return f"{100 * value:.{digits}f}%"


def format_points(value: float | None) -> str:
    return NOTHING if value is None else f"{_format_signed(value)} points"


def format_interval(estimate: Estimate) -> str:
    """Format an interval from low to high; with ~ if it is exploratory."""
    if estimate.low is None or estimate.high is None:
        return NOT_ENOUGH if estimate.value is not None else NOTHING
    mark = "~ " if estimate.standing == "exploratory" else ""
    return f"{mark}{100 * estimate.low:.1f} to {100 * estimate.high:.1f}%"


def format_points_interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return NOT_ENOUGH if estimate.value is not None else NOTHING
    mark = "~ " if estimate.standing == "exploratory" else ""
    return f"{mark}{_format_signed(estimate.low)} to {_format_signed(estimate.high)}"


def _format_signed(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "\u2212")


def format_cases(estimate: Estimate) -> str:
    return f"{format_number(estimate.cases)} of {format_number(estimate.of)}"


def format_duration(ms: float | None) -> str:
    """Format milliseconds in the unit in which they read best."""
    if ms is None:
        return NOTHING
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    if ms < 3_600_000:
        return f"{int(ms // 60_000)} min {int(ms % 60_000 // 1000)} s"
    return f"{int(ms // 3_600_000)} h {int(ms % 3_600_000 // 60_000)} min"


def format_round_time(ms: float) -> str:
    """Format a power of ten of milliseconds, for an axis."""
    if ms < 1000:
        return f"{ms:g} ms"
    return f"{ms / 1000:g} s" if ms < 3_600_000 else f"{ms / 3_600_000:.0f} h"


def format_money(amount: float | None, currency: str | None) -> str:
    """Format an amount, small ones with more digits: the cost of one reply is more than 0.00."""
    if amount is None:
        return NOTHING
    digits = 2 if amount >= 0.1 or amount == 0 else 4 if amount >= 0.001 else 6
    return f"{amount:,.{digits}f} {currency or ''}".strip()


def format_day(value: date | datetime) -> str:
    """Format a date, such as 3 Nov 2026."""
    return f"{value.day} {value:%b %Y}"


def format_period(asked: Period) -> str:
    if asked.first is None or asked.last is None:
        return "no requests"
    return f"{format_day(asked.first)} to {format_day(asked.last)}"


def format_word(word: str) -> str:
    """Format a word of a vocabulary: without underscores."""
    return word.replace("_", " ")


def format_reason(reason: str | None) -> str:
    """Format a reason of a dismissal as agents choose it."""
    return "No reason given" if reason is None else get_texts(DEFAULT_LOCALE)(f"reason-{reason}")


def count_noun(count: int, noun: str, plural: str | None = None) -> str:
    return f"{format_number(count)} {noun if count == 1 else plural or noun + 's'}"


def describe_totals(report: Report) -> str:
    """Say how many requests, agents and drafts there are."""
    totals = report.totals
    if not totals.eligible:
        return "No requests: not enough data for anything."
    by = f"{count_noun(totals.agents, 'agent')}, {count_noun(totals.drafts, 'draft')}"
    return f"{count_noun(totals.eligible, 'request')} by {by}"


def list_unshown(drafts: Drafts) -> list[tuple[str, int]]:
    """List why drafts were not shown, with how many."""
    fates = [(f"failed: {format_word(each.error)}", each.drafts) for each in drafts.failures]
    fates.append(("hidden: near-identical to another", drafts.near_duplicates))
    return [*fates, ("not selected", drafts.not_selected)] if drafts.not_selected else fates


def describe_incomplete_cost(report: Report) -> str | None:
    """Say what the sum of costs does not hold; None if it holds everything."""
    missing = []
    if report.cost.unpriced and report.cost.total is not None:
        missing.append(f"no price for {', '.join(report.cost.unpriced)}")
    if report.cost.untold:
        missing.append(f"{format_number(report.cost.untold)} drafts without a count of tokens")
    return f"At least: {'; '.join(missing)}." if missing else None


def describe_prices(report: Report) -> str | None:
    """Say where prices come from, or that there is none."""
    if report.cost.total is None and report.cost.models:
        return f"No price is known: set SUGGEST_PRICES to a price table that has {', '.join(report.cost.unpriced)}."
    if report.cost.prices_of is None:
        return None
    return f"List prices of {format_day(report.cost.prices_of)}; a table of your own (SUGGEST_PRICES) goes before them."


def format_group_title(group: Group) -> str:
    return group.name or "(without a name)"


def list_breakdowns(report: Report) -> list[Breakdown]:
    """List those asked for, then that by style, which a report always has."""
    asked = list(report.breakdowns)
    return asked if any(found.by == "style" for found in asked) else [*asked, report.styles]


def describe_change(difference: Estimate) -> str:
    """Say if a difference is told from chance."""
    if difference.low is None or difference.high is None:
        return NOT_ENOUGH
    return "no clear change" if difference.low <= 0 <= difference.high else "clear"


def describe_time_saved(saved: TimeSaved) -> str:
    """Say what is saved, and by which assumption."""
    if not saved.accepted:
        return "No accepted reply has a time: not enough data."
    hours = format_hours(abs(saved.saved_minutes))
    told = f"About {hours} saved" if saved.saved_minutes > 0 else f"About {hours} more than by hand"
    untimed = f" {format_number(saved.untimed)} accepted replies without a time are left out." if saved.untimed else ""
    return (
        f"{told}: {count_noun(saved.accepted, 'accepted reply', 'accepted replies')} at {saved.minutes_per_reply:g} "
        f"minutes by hand (an assumption: --minutes-per-reply sets it), less {format_hours(saved.spent_minutes)} from "
        f"the screen to the choice, refused sets included.{untimed}"
    )


def format_hours(minutes: float) -> str:
    if abs(minutes) < 90:
        return f"{minutes:.0f} minutes"
    return f"{minutes / 60:,.1f} hours" if abs(minutes) < 6000 else f"{minutes / 60:,.0f} hours"


def describe_reasons(group: ReasonGroup) -> str:
    """List the reasons of a group, the most frequent first."""
    if group.is_withheld:
        return "withheld"
    return ", ".join(
        f"{format_reason(each.reason)} {format_percent(each.estimate.value)}" for each in group.reasons[:3]
    )


def describe_question(found: AskedQuestion) -> str:
    """Say how often a question was asked, and how often a reply to it was accepted."""
    return f"{format_number(found.requests)} times, {found.accepted:,} of {found.shown:,} accepted"


_NOTES: Final[dict[str, str]] = {
    "few_agents": "Only {count} asked: that is too few agents to say anything about others, so there are no intervals.",
    "simulated_left_out": "Left out: {count} that no real model answered; --include-simulated counts them.",
    "unattended_left_out": "Left out: {count} of batches and comparisons, for which nobody waited.",
    "still_open": "{count} may still be decided, and count as undecided until then.",
    "order_unknown": "{count} picks are left out of the places: how their order came about is not known.",
    "order_learned": "Some orders were learned, not drawn evenly. They are weighted by 1 ÷ the probability of their "
    "order, so that shares are those of an even order.",
    "inclusion_unknown": "{count} drafts are left out of what is picked: how probable they were is not known.",
    "not_selected": "{count} drafts were not selected to be shown, or came too late. What was shown is no fair "
    "draw, so differences need not be due to what is compared.",
    "styles_off": "{count} drafts are of requests with styles switched off, by agents or for channels. Who was shown "
    "which styles was not all drawn by chance, so differences need not be due to the style.",
    "randomised": "Which styles are drafted, and in which order they stand, is drawn by chance. So a difference in "
    "what is picked, of drafts, is due to the style. Of displays, drafts that failed or repeated another are gone "
    "before.",
    "many_groups": "With {count} groups, one interval in twenty misses the truth by chance: do not single out "
    "the best.",
    "sources_not_drawn": "What is found in the knowledge depends on what is asked: a difference between requests with "
    "sources and without is not due to the sources.",
    "by_week": "One agent has no other agents to compare with: the intervals hold for weeks like these, and are rough.",
    "newest_weeks": "Of the newest {count} weeks with requests; --by style reads all.",
    "withheld": "{count} with fewer than 5 agents are withheld, since they would tell of single people; --individuals "
    "shows them.",
}


def describe_note(found: Note) -> str:
    return _NOTES[found.code].format(count=_describe_counts(found))


_COUNTED: Final = {
    "few_agents": ("agent", "agents"),
    "simulated_left_out": ("request", "requests"),
    "unattended_left_out": ("request", "requests"),
    "still_open": ("request", "requests"),
}


def _describe_counts(found: Note) -> str:
    one, many = _COUNTED.get(found.code, ("", ""))
    return f"{format_number(found.count)} {one if found.count == 1 else many}".strip()
