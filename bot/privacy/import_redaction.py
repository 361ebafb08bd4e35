"""Requests from elsewhere, with no more of their texts than SUGGEST_STORE_TEXT keeps of our own."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bot.privacy.detectors import Recogniser
from bot.privacy.placeholders import NONE, fill, settle
from bot.privacy.service import KEPT, StoreText, wordless
from storage.records import Candidate, Choice, Event, LogEntry


def kept(entry: LogEntry, keeps: StoreText, recogniser: Recogniser) -> LogEntry:
    """The request as our own would be recorded. Placeholders that are in it already stay as they are, so a log that
    was exported redacted comes back the same; the originals are in no vault.
    """
    has_words = any(_texts(entry))
    marked = replace(entry, request=replace(entry.request, text_kept=KEPT[keeps] if has_words else "none"))
    if keeps == "off":
        return _without_words(marked)
    texts = [text for text in _texts(marked) if text is not None]
    settled, placeholders = settle(texts, NONE, recogniser)
    if keeps == "full":  # all but the secrets
        settled = tuple(fill(text, placeholders, recogniser).text for text in settled)
    return marked if settled == tuple(texts) else _with(marked, iter(settled))


def _texts(entry: LogEntry) -> Iterator[str | None]:
    """All that people and models wrote, in the order in which `_with` puts it back."""
    yield from (turn.text for turn in entry.request.conversation)
    yield entry.request.hint
    for candidate in entry.candidates:
        yield candidate.text
        yield from _words(candidate.sources)
    yield None if entry.choice is None else entry.choice.final_text
    yield from (_undone(event) for event in entry.events)


def _with(entry: LogEntry, texts: Iterator[str]) -> LogEntry:
    def next_for(text: str | None) -> str | None:
        return None if text is None else next(texts)

    turns = tuple([replace(turn, text=next(texts)) for turn in entry.request.conversation])
    request = replace(entry.request, conversation=turns, hint=next_for(entry.request.hint))
    candidates = tuple(
        [
            replace(one, text=next_for(one.text), sources=tuple(_with_words(list(one.sources), texts)))
            for one in entry.candidates
        ]
    )
    choice = entry.choice and replace(entry.choice, final_text=next_for(entry.choice.final_text))
    events = tuple([_with_undone(event, next_for(_undone(event))) for event in entry.events])
    return LogEntry(request=request, candidates=candidates, choice=choice, events=events)


def _without_words(entry: LogEntry) -> LogEntry:
    request = replace(entry.request, conversation=wordless(entry.request.conversation), hint=None)
    candidates: tuple[Candidate, ...] = tuple([replace(one, text=None, sources=()) for one in entry.candidates])
    choice: Choice | None = entry.choice and replace(entry.choice, final_text=None)
    events = tuple([_with_undone(event, None) for event in entry.events])
    return LogEntry(request=request, candidates=candidates, choice=choice, events=events)


def _words(value: Any) -> Iterator[str]:
    """Every text in a value as JSON has them, but for the names of its fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _words(each)


def _with_words(value: Any, texts: Iterator[str]) -> Any:
    """The value with these texts for its own, in the order in which `_words` has them."""
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, dict):
        return {name: _with_words(each, texts) for name, each in value.items()}
    return [_with_words(each, texts) for each in value] if isinstance(value, list) else value


def _undone(event: Event) -> str | None:
    """The text of a choice that was taken back: no other fact holds what people wrote."""
    choice = event.data.get("choice")
    text = choice.get("final_text") if isinstance(choice, dict) else None
    return text if isinstance(text, str) else None


def _with_undone(event: Event, text: str | None) -> Event:
    if _undone(event) is None:
        return event
    return replace(event, data={**event.data, "choice": {**event.data["choice"], "final_text": text}})
