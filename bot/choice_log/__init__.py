"""The choice log in files. No database, no SQL: rows come from `storage/queries/export_rows.py`.

writer          a request as a line of JSON (`choice-log/1`), or its candidates as rows of CSV
formats         the export formats, each as a writer onto a file
pseudonyms      other names for agents, channels, teams and threads
reader          a line of JSON as a request again, checked
column_mapping  another system's row as such a line
line_reader     the lines of a file, plain or compressed, with a limit on each
"""

from bot.choice_log.line_reader import TooLong, lines_of, opened, unpacked
from bot.choice_log.reader import NotALine, read_line
from bot.choice_log.writer import (
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
