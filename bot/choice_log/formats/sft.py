"""Conversations that end in the reply that was chosen, as it was sent (SFT)."""

from collections import Counter
from typing import Final

from bot.choice_log.chat import WITHOUT_TEXT, has_texts, to_line, to_prompt, to_reply
from bot.choice_log.export_format import DerivedWriter, ExportFormat, SystemRole
from bot.choice_log.preferences import find_chosen
from storage.records import LogEntry

NO_REPLY: Final = "without a chosen reply"


class SftConversations:
    """Builds rows; `left_out` counts the requests that give none, by reason."""

    def __init__(self, system: SystemRole) -> None:
        self._system: SystemRole = system
        self.left_out: Counter[str] = Counter()

    def lines(self, entry: LogEntry) -> list[str]:
        if find_chosen(entry) is None or entry.choice is None:
            self.left_out[NO_REPLY] += 1
            return []
        if not has_texts(entry) or not entry.choice.final_text:
            self.left_out[WITHOUT_TEXT] += 1
            return []
        return [to_line({"messages": [*to_prompt(entry, self._system), *to_reply(entry.choice.final_text)]})]


FORMAT: Final = ExportFormat(
    name="sft",
    meaning="conversations with the reply that was sent",
    open=lambda file, options: DerivedWriter(file, SftConversations(options.system)),
    file_name="sft.jsonl",
    is_training_data=True,
    takes=frozenset({"--system"}),
)
