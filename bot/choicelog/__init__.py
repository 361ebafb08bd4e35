"""The choice log as text. Pure functions over the records, and files read line by line; no database.

writing.py   a request as a line of JSON (`choice-log/1`), or its candidates as rows of CSV
reading.py   a line of JSON as a request again, checked; what is wrong with it is said in one line
lines.py     the lines of a file, plain or compressed, one at a time, however long somebody made them
"""

from bot.choicelog.lines import TooLong, lines_of, opened
from bot.choicelog.reading import NotALine, read_line
from bot.choicelog.writing import (
    CANDIDATE_FIELDS,
    CHOICE_FIELDS,
    CSV_HEADER,
    EVENT_FIELDS,
    REQUEST_FIELDS,
    SCHEMA,
    csv_header,
    to_csv_lines,
    to_json_line,
)

__all__ = [
    "CANDIDATE_FIELDS",
    "CHOICE_FIELDS",
    "CSV_HEADER",
    "EVENT_FIELDS",
    "REQUEST_FIELDS",
    "SCHEMA",
    "NotALine",
    "TooLong",
    "csv_header",
    "lines_of",
    "opened",
    "read_line",
    "to_csv_lines",
    "to_json_line",
]
