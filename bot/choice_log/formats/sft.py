"""Conversations that end in the reply that was chosen, as it was sent (SFT)."""

from functools import partial
from typing import Final

from bot.choice_log.chat import WITHOUT_TEXT, has_texts, to_line, to_prompt, to_reply
from bot.choice_log.export_format import DerivedWriter, ExportFormat, SystemRole
from bot.choice_log.preferences import find_chosen
from storage.records import LogEntry

NO_REPLY: Final = "without a chosen reply"


def build_row(entry: LogEntry, *, system: SystemRole) -> list[str] | str:
    if find_chosen(entry) is None or entry.choice is None:
        return NO_REPLY
    if not has_texts(entry) or not entry.choice.final_text:
        return WITHOUT_TEXT
    return [to_line({"messages": [*to_prompt(entry, system), *to_reply(entry.choice.final_text)]})]


FORMAT: Final = ExportFormat(
    name="sft",
    meaning="conversations with the reply that was sent",
    open=lambda file, options: DerivedWriter(file, partial(build_row, system=options.system)),
    file_name="sft.jsonl",
    is_training_data=True,
    takes=frozenset({"--system"}),
)
