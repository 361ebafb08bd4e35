"""The fields of the choice log, in the order in which they are exported; `storage/records.py` declares each."""

from dataclasses import replace
from typing import Final

from storage.fields import list_logged
from storage.queries.export_rows import EntryFields
from storage.records import Candidate, Choice, Event, Request

SCHEMA: Final = "choice-log/1"

REQUEST_FIELDS, CANDIDATE_FIELDS, CHOICE_FIELDS, EVENT_FIELDS = (
    tuple(field.name for field in list_logged(record)) for record in (Request, Candidate, Choice, Event)
)

CSV_HEADER: Final = (
    *(f"request_{name}" for name in REQUEST_FIELDS),
    *(f"candidate_{name}" for name in CANDIDATE_FIELDS),
    *(f"choice_{name}" for name in CHOICE_FIELDS),
)

FIELDS: Final = EntryFields(
    request=REQUEST_FIELDS, candidate=CANDIDATE_FIELDS, choice=CHOICE_FIELDS, event=EVENT_FIELDS
)

CSV_FIELDS: Final = replace(FIELDS, event=())
"""Events are in the other forms only."""
