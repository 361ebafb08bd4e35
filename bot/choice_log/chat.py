"""Conversations as the messages of a chat model, in a form that every chat template takes.

Turns alternate, and begin and end with the user's: neighbouring turns of one role are one message, and what an agent
said before the customer's first turn, or after the last one, is told in the user's, after `Agent: `.
"""

from itertools import groupby
from typing import Final

from bot.choice_log.export_format import SystemRole
from bot.choice_log.formats.json_lines import dumps
from storage.records import LogEntry, Turn

WITHOUT_TEXT: Final = "without their texts"
UNDECIDED: Final = "undecided"

Message = dict[str, str]


def to_prompt(entry: LogEntry, system: SystemRole = "keep") -> list[Message]:
    """Convert the conversation to messages.

    The agent's hint is the system's message before it, or the beginning of the first turn, or left out.
    """
    turns = _turn_ends_over([turn for turn in entry.request.conversation if turn.text])
    messages = [
        {"role": role, "content": "\n\n".join(text for _, text in said)}
        for role, said in groupby(turns, key=lambda turn: turn[0])
    ]
    hint = entry.request.hint
    if not hint or system == "drop":
        return messages
    if system == "keep" or not messages:
        return [{"role": "system" if system == "keep" else "user", "content": hint}, *messages]
    return [{"role": "user", "content": f"{hint}\n\n{messages[0]['content']}"}, *messages[1:]]


def _turn_ends_over(turns: list[Turn]) -> list[tuple[str, str]]:
    """Give each turn its role; the user has what an agent said before and after the customer."""
    said = [number for number, turn in enumerate(turns) if turn.role == "customer"] or [len(turns)]
    return [
        ("user", turn.text)
        if turn.role == "customer"
        else ("assistant", turn.text)
        if said[0] < number < said[-1]
        else ("user", f"Agent: {turn.text}")
        for number, turn in enumerate(turns)
    ]


def to_reply(text: str) -> list[Message]:
    return [{"role": "assistant", "content": text}]


def has_texts(entry: LogEntry) -> bool:
    """Tell if the conversation is still there."""
    return any(turn.text for turn in entry.request.conversation)


def to_line(value: dict[str, object]) -> str:
    return dumps(value) + "\n"
