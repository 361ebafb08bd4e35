"""Text of `suggest compare` and `suggest compare report`."""

from collections import Counter
from collections.abc import Mapping

from bot.comparing.report import CompareReport, ComparisonResult
from bot.comparing.review import Display, Outcome
from bot.stats.cluster_intervals import MIN_CASES, MIN_CLUSTERS
from cli.render.printable import make_printable

KEYS = "1 or 2 is better · t tie · b both bad · s skip · u undo · d differences · n TEXT a note · q quit"


def render_display(display: Display) -> str:
    """Render a row: the message, text 1, text 2."""
    first, second = display.texts
    parts = [
        f"Row {display.number} of {display.of}",
        "",
        "Message",
        display.pair.message,
        "",
        "Text 1",
        first,
        "",
        "Text 2",
        second,
    ]
    return make_printable("\n".join([*parts, ""]))


def render_differences(display: Display) -> str:
    """Render the two texts, with what only one of them has in brackets."""
    first, second = (
        "".join(f"⟦{text}⟧" if differs else text for text, differs in each) for each in display.differences
    )
    if display.texts[0] == display.texts[1]:
        return "The two texts are the same."
    return make_printable(f"In ⟦brackets⟧: what the other one has not.\n\nText 1\n{first}\n\nText 2\n{second}\n")


def render_end(names: tuple[str, str], outcomes: Mapping[Outcome, int]) -> str:
    """Tell which was which, and how often each was preferred."""
    counts = Counter(outcomes)
    return make_printable(
        "All rows are answered.\n"
        f"Version a was {names[0]}, version b {names[1]}.\n"
        f"Your answers: a is better {counts['a']}, b is better {counts['b']}, tie {counts['tie']}, "
        f"both bad {counts['both_bad']}, skipped {counts['skipped']}.\n"
        "What all reviewers together prove: suggest compare report"
    )


def render_report(report: CompareReport) -> str:
    if not report.comparisons:
        return "No comparison has an answer yet: `suggest compare` makes one."
    return "\n\n".join(_render_result(each) for each in report.comparisons)


def _render_result(result: ComparisonResult) -> str:
    return "\n".join(
        [
            f"Comparison {make_printable(result.id)}: {_word_verdict(result)}",
            f"  {result.rows} rows, {result.reviewers} reviewers, {result.picks} picks",
            f"  a wins {result.a_wins} · b wins {result.b_wins} · ties {result.ties}",
            f"  both bad {result.both_bad} · skipped {result.skipped}",
            f"  agreement of reviewers: {_word_agreement(result)}",
        ]
    )


def _word_verdict(result: ComparisonResult) -> str:
    rate = result.win_rate
    if rate.value is None:
        return "not enough data: no row has been decided."
    if rate.lower is None or rate.upper is None:
        return (
            f"not enough data. a wins {rate.value:.0%} so far; at least {result.needed} more picks are needed, "
            f"{MIN_CASES} by {MIN_CLUSTERS} reviewers in all."
        )
    told = f"a wins {rate.value:.0%} of picks (95% interval {rate.lower:.0%} to {rate.upper:.0%})"
    if rate.lower > 0.5:
        return f"a is preferred. {told}."
    return f"b is preferred. {told}." if rate.upper < 0.5 else f"no difference is proven. {told}."


def _word_agreement(result: ComparisonResult) -> str:
    alpha = result.agreement.alpha
    return "no row has two different judgements to compare" if alpha is None else f"Krippendorff's alpha {alpha:.2f}"
