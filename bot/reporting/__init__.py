"""The report of a team's log, counted and with intervals: `Reporter.report()` gives a frozen `Report`. Called by `cli`.

report            the nouns of a report, and the words of its rates
tally             counts of requests by outcome and agent
rates             the rates of a tally
draft_statistics  latency, tokens and cost, edits, positions
breakdown         the same by style, model, prompt, agent, channel or surface
prices            a price table, from TOML
reasons           reasons of dismissals, by style, channel and language
texts             what is asked most, examples, gaps of the knowledge
reporter          week by week from the database to a report

Intervals are made in `bot/stats/cluster_intervals.py`, queries in `storage/queries/reports.py`; `cli/render/` renders.
"""

from bot.reporting.prices import Price, PriceError, Prices, parse_prices
from bot.reporting.report import Report
from bot.reporting.reporter import Reporter, ReportQuery
from storage.queries.reports import DRAFT_DIMENSIONS, Dimension

__all__ = [
    "DRAFT_DIMENSIONS",
    "Dimension",
    "Price",
    "PriceError",
    "Prices",
    "Report",
    "ReportQuery",
    "Reporter",
    "parse_prices",
]
