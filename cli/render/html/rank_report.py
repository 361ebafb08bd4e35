"""The page of `suggest rank report --html`."""

import math
from typing import Final

from bot.ranking.contrasts import KINDS
from bot.ranking.rank_report import RankReport, format_times
from cli.render import contrast_words, numbers, rank_headlines
from cli.render.headlines import describe_part
from cli.render.html.axes import LogAxis
from cli.render.html.pages import render_page

AXIS: Final = LogAxis(ticks=(0.25, 0.5, 1.0, 2.0, 4.0))
"""Times as often; what is beyond is drawn at the edge."""


def render_report(report: RankReport) -> str:
    """Render the whole page."""
    return render_page(
        "rank_report.html",
        report=report,
        kinds=KINDS,
        words=contrast_words,
        headlines=rank_headlines.summarise_ranking(report),
        order_title=rank_headlines.ORDER,
        describe_part=describe_part,
        count=numbers.count_noun,
        times=format_times,
        place=lambda effect: AXIS.place(math.exp(max(-20.0, min(20.0, effect)))),
        axis=AXIS,
    )
