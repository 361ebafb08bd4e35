"""The preference format of OpenAI, Together and Fireworks, which take no other fields."""

from functools import partial
from typing import Any, Final

from bot.choice_log.chat import Message, to_reply
from bot.choice_log.export_format import ExportFormat
from bot.choice_log.preferences import PairDraw, open_pairs
from storage.records import LogEntry


def to_openai(_: LogEntry, prompt: list[Message], draw: PairDraw) -> dict[str, Any]:
    return {
        "input": {"messages": prompt},
        "preferred_output": to_reply(draw.pair.preferred),
        "non_preferred_output": to_reply(draw.pair.rejected),
    }


FORMAT: Final = ExportFormat(
    name="openai",
    meaning="preference pairs for OpenAI, Together and Fireworks",
    open=partial(open_pairs, to_row=to_openai),
    file_name="openai.jsonl",
    is_training_data=True,
    has_provenance=True,
    takes=frozenset({"--pairs", "--seed", "--system"}),
)
