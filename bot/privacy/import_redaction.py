"""Redaction of imported requests: no more of their texts is kept than SUGGEST_STORE_TEXT keeps of our own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot.privacy.detectors import Recogniser
from bot.privacy.placeholders import NO_PLACEHOLDERS, fill, mask_replies
from bot.privacy.service import TEXT_KEPT, StoreText
from storage.records import Event, LogEntry

ChangeText = Callable[[str], str | None]


def redact_entry(entry: LogEntry, store_text: StoreText, recogniser: Recogniser) -> LogEntry:
    """Convert an imported entry to the form in which our own would be recorded.

    Placeholders that are in it already stay as they are, so a log that was exported redacted comes back the same; the
    originals are in no vault.
    """
    texts = _list_texts(entry)
    marked = replace(entry, request=replace(entry.request, text_kept=TEXT_KEPT[store_text] if any(texts) else "none"))
    if store_text == "off":
        bare = _change_texts(marked, lambda _: None)
        candidates = tuple([replace(one, sources=()) for one in bare.candidates])
        return replace(bare, request=replace(bare.request, input=None), candidates=candidates)
    masked, placeholders = mask_replies(texts, NO_PLACEHOLDERS, recogniser)
    if store_text == "full":  # all but the secrets
        masked = tuple(fill(text, placeholders, recogniser).text for text in masked)
    redacted = iter(masked)
    return _change_texts(marked, lambda _: next(redacted))


def _list_texts(entry: LogEntry) -> list[str]:
    """List all that people and models wrote, in the order in which `_change_texts` goes through it."""
    texts: list[str] = []

    def keep(text: str) -> str:
        texts.append(text)
        return text

    _change_texts(entry, keep)
    return texts


def _change_texts(entry: LogEntry, change: ChangeText) -> LogEntry:
    """Change each text of an entry; a turn's is empty where it becomes None."""

    def change_known(text: str | None) -> str | None:
        return None if text is None else change(text)

    asked = entry.request
    request = replace(
        asked,
        conversation=tuple([replace(turn, text=change(turn.text) or "") for turn in asked.conversation]),
        hint=change_known(asked.hint),
        input=_change_strings(asked.input, change),
    )
    candidates = tuple(
        [
            replace(one, text=change_known(one.text), sources=tuple(_change_strings([*one.sources], change)))
            for one in entry.candidates
        ]
    )
    choice = entry.choice and replace(
        entry.choice, final_text=change_known(entry.choice.final_text), note=change_known(entry.choice.note)
    )
    events = tuple([_change_undone_text(event, change) for event in entry.events])
    return LogEntry(request=request, candidates=candidates, choice=choice, events=events)


def _change_strings(value: Any, change: ChangeText) -> Any:
    """Change every string in a JSON value, but for the names of its fields."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _change_strings(each, change) for name, each in value.items()}
    return [_change_strings(each, change) for each in value] if isinstance(value, list) else value


def _change_undone_text(event: Event, change: ChangeText) -> Event:
    """Change the text of a choice that was taken back: no other event holds what people wrote."""
    choice = event.data.get("choice")
    if not isinstance(choice, dict) or not isinstance(choice.get("final_text"), str):
        return event
    return replace(event, data={**event.data, "choice": {**choice, "final_text": change(choice["final_text"])}})


def redact_input(entry: LogEntry, *, store_text: StoreText, recogniser: Recogniser) -> LogEntry:
    """Convert an entry of our own, whose texts are masked, to what is recorded: the row that it was made of, too."""
    if store_text == "off":
        return redact_entry(entry, store_text, recogniser)
    bare = LogEntry(request=replace(entry.request, conversation=(), hint=None), candidates=(), choice=None)
    redacted = redact_entry(bare, store_text, recogniser).request.input
    return replace(entry, request=replace(entry.request, input=redacted))
