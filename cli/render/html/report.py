"""The page of `suggest report --html`."""

from datetime import timedelta

from bot.reporting import DRAFT_DIMENSIONS, Report
from bot.stats.cluster_intervals import Estimate
from cli.render import numbers
from cli.render.headlines import describe_length, find_rate, summarise_report
from cli.render.html.pages import render_page


def render_report(report: Report) -> str:
    """Render the whole page."""
    return render_page(
        "report.html",
        report=report,
        headlines=summarise_report(report),
        length=describe_length,
        breakdowns=numbers.list_breakdowns(report),
        words=numbers,
        days=timedelta,
        rate=find_rate,
        share=make_share,
        count=numbers.count_noun,
        draft_dimensions=DRAFT_DIMENSIONS,
    )


def make_share(cases: float, of: float) -> Estimate:
    """Make a plain share, without an interval."""
    return Estimate(value=cases / (of or 1), cases=cases, of=of, clusters=0)
