"""Replies with a label (KTO): true for the chosen one as it was sent, false for those dismissed."""

from functools import partial
from typing import Final

from bot.choice_log.chat import UNDECIDED, WITHOUT_TEXT, has_texts, to_line, to_prompt, to_reply
from bot.choice_log.export_format import DerivedWriter, ExportFormat, SystemRole
from bot.choice_log.preferences import describe_request, find_chosen, list_seen
from storage.records import Candidate, Choice, LogEntry


def build_rows(entry: LogEntry, *, system: SystemRole) -> list[str] | str:
    """Build the rows of a request, or tell why it has none. A tie labels nothing."""
    choice = entry.choice
    if choice is None or choice.kind == "tied":
        return UNDECIDED
    prompt = to_prompt(entry, system)
    rows = [
        {
            "prompt": prompt,
            "completion": to_reply(text),
            "label": choice.kind != "dismissed",
            "provenance": {
                "request_id": entry.request.id,
                "candidate_id": candidate.id,
                "kind": choice.kind,
                "reason": choice.reason or "",
                "position": candidate.position,
                "first_propensity": candidate.first_propensity,
                "inclusion_propensity": candidate.inclusion_propensity,
                **describe_request(entry),
            },
        }
        for candidate, text in (_list_labelled(entry, choice) if has_texts(entry) else ())
        if text
    ]
    return [to_line(row) for row in rows] or WITHOUT_TEXT


def _list_labelled(entry: LogEntry, choice: Choice) -> list[tuple[Candidate, str | None]]:
    """List the replies that a choice labels, with their texts: what was sent, or all that was seen and dismissed."""
    if choice.kind == "dismissed":
        return [(one, one.text) for one in list_seen(entry)]
    chosen = find_chosen(entry)
    return [] if chosen is None else [(chosen, choice.final_text)]


FORMAT: Final = ExportFormat(
    name="kto",
    meaning="replies with a label",
    open=lambda file, options: DerivedWriter(file, partial(build_rows, system=options.system)),
    file_name="kto.jsonl",
    is_training_data=True,
    takes=frozenset({"--system"}),
)
