"""The three sentences that a report opens with: each may be repeated, since the intervals below allow it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp
from typing import Final

from bot.ranking.contrasts import KINDS, PairContrast
from bot.ranking.rank_report import RankReport
from bot.reporting.report import Breakdown, Group, Rate, Report, Trend
from bot.stats.cluster_intervals import Estimate
from cli.render import numbers
from cli.render.contrast_words import TITLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A sentence, and the title of the section that holds its figure."""

    text: str
    section: str


OUTCOMES: Final = "What became of requests"
DISMISSALS: Final = "Why candidates were dismissed"
ORDER: Final = "What orders replies"

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


def summarise_ranking(report: RankReport) -> tuple[Headline, ...]:
    """Say what wins, what is open, and what orders replies."""
    pairs = report.comparison.pairs
    winners = [pair for pair in pairs if pair.found in {"better", "worse"}]
    kind = next((kind for kind in KINDS if any(pair.kind == kind for pair in winners)), KINDS[0])
    title = TITLES[kind]
    return (
        Headline(text=_describe_winners([pair for pair in winners if pair.kind == kind], pairs), section=title),
        Headline(text=_describe_rest(pairs), section=title),
        Headline(text=_describe_order(report), section=ORDER),
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
    told = f"{numbers.format_word(leading.reason)} ({numbers.format_cases(share)} refusals)"
    if leading.difference.low is None or share.value is None:
        return f"Too few refusals to name a chief complaint: not enough data. The most frequent is {told}."
    if leading.difference.low > 0:
        return f"Chief complaint: {numbers.format_word(leading.reason)}, {describe_part(share.value)} of refusals."
    return f"No complaint stands out: {told} is not clearly more frequent than {numbers.format_word(leading.next)}."


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
    rest = f"{others} more differ clearly" if others else "nothing else is clear"
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


def _describe_winners(winners: Sequence[PairContrast], pairs: Sequence[PairContrast]) -> str:
    if not pairs:
        return "There is nothing to compare: one style, one model and one prompt."
    if not winners:
        enough = any(pair.found == "no_difference" for pair in pairs)
        return "Nothing is clearly picked more often." if enough else "Nothing can be compared yet: not enough data."
    wins = Counter(_name_winner(pair) for pair in winners)
    best = max(wins, key=lambda name: wins[name])
    strongest = max((pair for pair in winners if _name_winner(pair) == best), key=_measure_win)
    loser, times = strongest.other if strongest.one == best else strongest.one, _measure_win(strongest)
    how = f"{times:.1f} times as often as" if times >= 1.8 else "more often than"
    part = "" if times >= 1.8 else f", by {describe_part(times - 1)}"
    others = len(pairs) - len(winners)
    rest = (
        f"it is clearly ahead of {wins[best]} others" if wins[best] > 1 else "nothing else is clear" if others else ""
    )
    return f"{best[:1].upper()}{best[1:]} is picked {how} {loser}{part}{f'; {rest}' if rest else ''}."


def _name_winner(pair: PairContrast) -> str:
    return pair.one if pair.found == "better" else pair.other


def _measure_win(pair: PairContrast) -> float:
    """Measure how many times as often the winner is picked."""
    return exp(min(5.0, abs(pair.effect.mean))) if pair.effect is not None else 1.0


def _describe_rest(pairs: Sequence[PairContrast]) -> str:
    """Say how many pairs are open, and what the nearest one needs."""
    waiting = [pair for pair in pairs if pair.found == "not_enough"]
    settled = sum(pair.found == "no_difference" for pair in pairs)
    if not pairs:
        return "A second style, model or prompt is needed before anything can be compared."
    if not waiting:
        shows = "shows" if settled == 1 else "show"
        return f"No pair needs more picks; {numbers.count_noun(settled, 'pair')} {shows} no clear difference."
    missing = [pair.missing for pair in waiting if pair.missing]
    need = (
        f"the nearest needs about {numbers.format_number(min(missing))} more picks"
        if missing
        else "more picks are needed"
    )
    return f"{numbers.count_noun(len(waiting), 'pair')} of {len(pairs)} cannot be told apart yet: {need}."


def _describe_order(report: RankReport) -> str:
    """Say in what order replies stand, and why."""
    change, state = report.standing.change, report.verdict.state
    if change is not None and change.version is not None:
        who = "as a person decided" if change.is_pinned else "since that is proven better than chance"
        return f"Replies stand in learned order, {who}."
    if report.standing.newest is None:
        return "Replies stand in random order, since no ranker has been learned yet."
    why = {
        "open": "though learned order is proven better: a person decided so, or it has not been taken up yet",
        "not_better": "since learned order is not proven better",
        "too_little": "since there is too little to learn from yet",
    }[state]
    return f"Replies stand in random order, {why}."


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
