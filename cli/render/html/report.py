"""The page of `suggest report --html`."""

from collections.abc import Iterable
from datetime import timedelta

from bot.reporting import Report
from bot.reporting.breakdown import DRAFT_DIMENSIONS
from bot.reporting.report import Rate
from bot.stats.cluster_intervals import Estimate
from cli.render import numbers
from cli.render.html.pages import render_page


def render_report(report: Report) -> str:
    """Render the whole page."""
    return render_page(
        "report.html",
        report=report,
        words=numbers,
        days=timedelta,
        rate=find_rate,
        share=make_share,
        count=numbers.count_noun,
        of_drafts=report.breakdown is not None and report.breakdown.by in DRAFT_DIMENSIONS,
    )


def find_rate(rates: Iterable[Rate], case: str, of: str) -> Estimate:
    return next(rate.estimate for rate in rates if (rate.case, rate.of) == (case, of))


def make_share(cases: float, of: float) -> Estimate:
    """Make a plain share, without an interval."""
    return Estimate(value=cases / (of or 1), cases=cases, of=of, clusters=0)
