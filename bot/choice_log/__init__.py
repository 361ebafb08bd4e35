"""The choice log in files. No database, no SQL: rows come from `storage/queries/export_rows.py`.

fields          the fields of `choice-log/1`, in their order
exporter        an export, noted in the audit table
export_format   an export format, with its options and writers
formats         the export formats, one a module
cells           one column's values as text; for JSON Lines and CSV
parquet_writer  requests as typed rows
preferences     preference pairs
chat            conversations as messages of a chat model
pseudonyms      other names for agents, channels, teams and threads
reader          a line of JSON as a request again, checked
importer        the requests of a file, judged and counted
column_mapping  another system's row as such a line
line_reader     the lines of a file, plain or compressed, with a limit on each

May be called by `cli/`; by `handlers/` for the names of the formats.
"""

from bot.choice_log.fields import (
    CANDIDATE_FIELDS,
    CHOICE_FIELDS,
    CSV_HEADER,
    EVENT_FIELDS,
    REQUEST_FIELDS,
    SCHEMA,
)
from bot.choice_log.formats.json_lines import to_json_line
from bot.choice_log.line_reader import LineTooLong, iter_lines, open_decompressed, open_log
from bot.choice_log.reader import InvalidLine, read_line

__all__ = [
    "CANDIDATE_FIELDS",
    "CHOICE_FIELDS",
    "CSV_HEADER",
    "EVENT_FIELDS",
    "REQUEST_FIELDS",
    "SCHEMA",
    "InvalidLine",
    "LineTooLong",
    "iter_lines",
    "open_decompressed",
    "open_log",
    "read_line",
    "to_json_line",
]
