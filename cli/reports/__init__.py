"""How a report looks. Each takes a `bot.reporting.Report`, and only words and numbers from it.

words    how numbers, rates and notes are put in words, the same everywhere
text     for a terminal
plain    as JSON, for programs
page     as one HTML file: charts, a table under each
charts   the charts, as SVG
markup   HTML that cannot be broken by the texts in it

Called by `cli/reporting.py` only.
"""
