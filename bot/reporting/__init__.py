"""What a team's log says, counted and with intervals: `Reporter.report()` gives a frozen `Report`.

report       the nouns of a report, and the words of its rates
tally        what became of requests and drafts, by agent
rates        the rates of a tally: which share, of what
draft_statistics  latency, tokens and cost, edits, places
breakdown    the same by style, model, prompt, agent, channel or surface
prices       a price table, from TOML
reporter     week by week from the database to a report

How intervals are made is in `bot/stats/cluster_intervals.py`, the queries are in `storage/queries/reports.py`,
how a report looks is in `cli/render/`. Knows neither.
"""

from bot.reporting.prices import Price, PriceError, Prices, parse_prices
from bot.reporting.report import Report
from bot.reporting.reporter import Reporter, ReportQuery

__all__ = ["Price", "PriceError", "Prices", "Report", "ReportQuery", "Reporter", "parse_prices"]
