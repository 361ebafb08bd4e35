"""Replies with a label (KTO): true for the chosen one as it was sent, false for those dismissed."""

from collections import Counter
from typing import Any, Final

from bot.choice_log.chat import UNDECIDED, WITHOUT_TEXT, has_texts, to_line, to_prompt, to_reply
from bot.choice_log.export_format import DerivedWriter, ExportFormat, SystemRole
from bot.choice_log.preferences import describe_request, find_chosen, list_seen
from storage.records import Candidate, Choice, LogEntry


class KtoLabels:
    """Builds rows; `left_out` counts the requests that give none, by reason. A tie labels nothing."""

    def __init__(self, system: SystemRole) -> None:
        self._system: SystemRole = system
        self.left_out: Counter[str] = Counter()

    def lines(self, entry: LogEntry) -> list[str]:
        if entry.choice is None or entry.choice.kind == "tied":
            self.left_out[UNDECIDED] += 1
            return []
        found = _label_replies(entry, entry.choice) if has_texts(entry) else []
        if not found:
            self.left_out[WITHOUT_TEXT] += 1
        return [to_line(self._build_row(entry, entry.choice, *labelled)) for labelled in found]

    def _build_row(
        self, entry: LogEntry, choice: Choice, candidate: Candidate, text: str, label: Any
    ) -> dict[str, Any]:
        return {
            "prompt": to_prompt(entry, self._system),
            "completion": to_reply(text),
            "label": label,
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


def _label_replies(entry: LogEntry, choice: Choice) -> list[tuple[Candidate, str, bool]]:
    if choice.kind == "dismissed":
        return [(one, one.text, False) for one in list_seen(entry) if one.text]
    chosen = find_chosen(entry)
    return [(chosen, choice.final_text, True)] if chosen is not None and choice.final_text else []


FORMAT: Final = ExportFormat(
    name="kto",
    meaning="replies with a label",
    open=lambda file, options: DerivedWriter(file, KtoLabels(options.system)),
    file_name="kto.jsonl",
    is_training_data=True,
    takes=frozenset({"--system"}),
)
