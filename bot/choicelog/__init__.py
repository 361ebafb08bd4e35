"""The choice log in files. No database, no SQL: rows come from `storage/rawlog.py`.

writing.py       a request as a line of JSON (`choice-log/1`), or its candidates as rows of CSV
parquet.py       requests as typed rows
preferences.py   what can be learned from choices: pairs, labels, conversations; vowpal.py: for Vowpal Wabbit
pseudonyms.py    other names for agents, channels, teams and threads
forms.py         all of these as writers onto a file
reading.py       a line of JSON as a request again, checked; what is wrong with it is said in one line
mapping.py       another system's row as such a line
lines.py         the lines of a file, plain or compressed, one at a time, however long somebody made them
"""

from bot.choicelog.lines import TooLong, lines_of, opened, unpacked
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
    "unpacked",
]
