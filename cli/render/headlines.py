"""The three sentences that `suggest report` opens with: each may be repeated, since the intervals below allow it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bot.reporting.report import Breakdown, Group, Rate, Report, Trend
from bot.stats.cluster_intervals import Estimate
from cli.render import numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A sentence, and the title of the section that holds its figure."""

    text: str
    section: str


OUTCOMES: Final = "What became of requests"
DISMISSALS: Final = "Why candidates were dismissed"

_FRACTIONS: Final = (
    (0.1, "one of ten"),
    (0.2, "one of five"),
    (0.25, "one of four"),
    (1 / 3, "one of three"),
    (0.4, "two of five"),
    (0.5, "half"),
    (0.6, "three of five"),
    (2 / 3, "two of three"),
    (0.75, "three of four"),
    (0.8, "four of five"),
    (0.9, "nine of ten"),
)
_PARTS: Final = (
    (0.1, "a tenth"),
    (0.2, "a fifth"),
    (0.25, "a quarter"),
    (1 / 3, "a third"),
    (0.5, "half"),
    (2 / 3, "two thirds"),
)


def summarise_report(report: Report) -> tuple[Headline, ...]:
    """Say what was accepted, what was wrong with the rest, and which style is liked."""
    return (
        Headline(text=_describe_acceptance(report), section=OUTCOMES),
        Headline(text=_describe_complaint(report), section=DISMISSALS),
        Headline(text=_describe_styles(report.styles), section="By style"),
    )


def _describe_acceptance(report: Report) -> str:
    accepted = find_rate(report.rates, "accepted", "shown")
    if accepted.value is None:
        return "No replies were shown in this time: not enough data to say how many are accepted."
    share = f"{describe_share(accepted.value)} sets of replies were accepted ({numbers.format_percent(accepted.value)}"
    if accepted.low is None or accepted.high is None:
        return f"{share}, {numbers.format_cases(accepted)}): not enough data to say more."
    return f"{share}; {numbers.format_interval(accepted)}){_describe_trend(report.trend, report)}."


def _describe_trend(trend: Trend | None, report: Report) -> str:
    """Compare with the time before, as far as the interval of the difference allows."""
    if trend is None:
        return "; there is nothing before it to compare with"
    change = next(each for each in trend.changes if (each.case, each.of) == ("accepted", "shown")).difference
    length = describe_length(trend)
    when = "" if report.period.since is not None else f" in the last {length}"
    before = f"in the {length} before"
    if change.low is None or change.high is None:
        return f"; there is too little {before} to compare with"
    points = numbers.format_points(change.value)
    if change.low > 0:
        return f";{when} more than {before} ({points})"
    if change.high < 0:
        return f";{when} fewer than {before} ({points})"
    return f";{when} no clear change from the {length} before ({points})"


def describe_length(trend: Trend) -> str:
    days = max(1, round((trend.until - trend.after).total_seconds() / 86_400))
    if days % 7 == 0 and days > 7:
        return f"{days // 7} weeks"
    return "day" if days == 1 else "week" if days == 7 else f"{days} days"


def _describe_complaint(report: Report) -> str:
    refused = report.totals.dismissed
    if not refused:
        return "Nobody refused a set of replies: nothing to complain of is known."
    leading = report.leading_reason
    if leading is None:
        return f"Nobody said why: {numbers.count_noun(refused, 'set')} of replies refused, without a reason."
    share = next(each.estimate for each in report.dismissals if each.reason == leading.reason)
    told = f"{_quote_reason(leading.reason)} ({numbers.format_cases(share)} refusals)"
    if leading.difference.low is None or share.value is None:
        return f"Too few refusals to name a chief complaint: not enough data. The most frequent is {told}."
    if leading.difference.low > 0:
        return f"Chief complaint: {_quote_reason(leading.reason)}, {describe_part(share.value)} of refusals."
    return f"No complaint stands out: {told} is not clearly more frequent than {_quote_reason(leading.next)}."


def _quote_reason(reason: str | None) -> str:
    return f"\u201c{numbers.format_reason(reason)}\u201d"


def _describe_styles(found: Breakdown) -> str:
    """Name the styles that are picked more, or less, often than an even share, as far as that is clear."""
    groups = [
        group for group in found.groups if group.against_even is not None and group.against_even.value is not None
    ]
    if len(groups) < 2:
        return "Styles cannot be compared: not enough data, or one style only."
    known = [group for group in groups if group.against_even is not None and group.against_even.low is not None]
    if not known:
        return "Styles cannot be compared yet: not enough data."
    clear = [group for group in known if _is_clear(group.against_even)]
    if not clear:
        return "No style is clearly picked more often than the others."
    best, worst = max(clear, key=_measure_lead), min(clear, key=_measure_lead)
    told = [_describe_lead(each) for each in ((best,) if best is worst else (best, worst))]
    told[0] = told[0][:1].upper() + told[0][1:]
    others = len(clear) - len(told)
    rest = f"{others} more {'differs' if others == 1 else 'differ'} clearly" if others else "nothing else is clear"
    causes = {note.code for note in found.notes}
    cause = "who has which styles switched off" if "styles_off" in causes else "their speed or place"
    doubt = "" if "randomised" in causes else f" That may be due to {cause}, and not to the style."
    return f"{'; '.join(told)}; {rest}.{doubt}"


def _is_clear(difference: Estimate | None) -> bool:
    """Tell if an interval leaves zero out."""
    return difference is not None and ((difference.low or 0.0) > 0 or (difference.high or 0.0) < 0)


def _measure_lead(group: Group) -> float:
    """Measure how far a style is above an even share, as a part of that."""
    return (group.against_even.value or 0.0) / (group.even or 1.0) if group.against_even is not None else 0.0


def _describe_lead(group: Group) -> str:
    lead = _measure_lead(group)
    how = "more" if lead > 0 else "less"
    return (
        f"{numbers.format_group_title(group)} is picked {how} often than an even share, by {describe_part(abs(lead))}"
    )


def describe_share(value: float) -> str:
    """Describe a share of sets: Three of four, Nearly all, Almost none of the."""
    if value >= 0.95:
        return "All" if value == 1 else "Nearly all"
    if value <= 0.05:
        return "None of the" if value == 0 else "Almost none of the"
    nearest, words = min(_FRACTIONS, key=lambda each: abs(each[0] - value))
    words = f"{words} of the" if words == "half" else words
    return words.capitalize() if abs(nearest - value) < 0.02 else f"About {words}"


def describe_part(value: float) -> str:
    """Describe a part of a whole: a third, about a quarter; twice and more in numbers."""
    if value >= 0.8:
        return f"{100 * value:.0f}%"
    if value < 0.075:
        return f"{100 * value:.1f}%"
    nearest, words = min(_PARTS, key=lambda each: abs(each[0] - value))
    return words if abs(nearest - value) < 0.02 else f"about {words}"


def find_rate(rates: Iterable[Rate], case: str, of: str) -> Estimate:
    return next(rate.estimate for rate in rates if (rate.case, rate.of) == (case, of))
