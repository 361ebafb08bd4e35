"""Redaction of imported requests: no more of their texts is kept than SUGGEST_STORE_TEXT keeps of our own."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bot.privacy.detectors import Recogniser
from bot.privacy.placeholders import NO_PLACEHOLDERS, fill, mask_replies
from bot.privacy.service import TEXT_KEPT, StoreText, drop_texts
from storage.records import Candidate, Choice, Event, LogEntry


def redact_entry(entry: LogEntry, store_text: StoreText, recogniser: Recogniser) -> LogEntry:
    """Convert an imported entry to the form in which our own would be recorded.

    Placeholders that are in it already stay as they are, so a log that was exported redacted comes back the same; the
    originals are in no vault.
    """
    has_text = any(_iterate_texts(entry))
    marked = replace(entry, request=replace(entry.request, text_kept=TEXT_KEPT[store_text] if has_text else "none"))
    if store_text == "off":
        return _drop_all_texts(marked)
    texts = [text for text in _iterate_texts(marked) if text is not None]
    redacted, placeholders = mask_replies(texts, NO_PLACEHOLDERS, recogniser)
    if store_text == "full":  # all but the secrets
        redacted = tuple(fill(text, placeholders, recogniser).text for text in redacted)
    return marked if redacted == tuple(texts) else _replace_texts(marked, iter(redacted))


def _iterate_texts(entry: LogEntry) -> Iterator[str | None]:
    """Yield all that people and models wrote, in the order in which `_replace_texts` puts it back."""
    yield from (turn.text for turn in entry.request.conversation)
    yield entry.request.hint
    yield from _iterate_strings(entry.request.input)
    for candidate in entry.candidates:
        yield candidate.text
        yield from _iterate_strings(candidate.sources)
    yield from (None, None) if entry.choice is None else (entry.choice.final_text, entry.choice.note)
    yield from (_get_undone_text(event) for event in entry.events)


def _replace_texts(entry: LogEntry, texts: Iterator[str]) -> LogEntry:
    """Replace the texts of an entry, in the order in which `_iterate_texts` yields them."""

    def next_for(text: str | None) -> str | None:
        return None if text is None else next(texts)

    turns = tuple([replace(turn, text=next(texts)) for turn in entry.request.conversation])
    request = replace(
        entry.request,
        conversation=turns,
        hint=next_for(entry.request.hint),
        input=_replace_strings(entry.request.input, texts),
    )
    candidates = tuple(
        [
            replace(one, text=next_for(one.text), sources=tuple(_replace_strings(list(one.sources), texts)))
            for one in entry.candidates
        ]
    )
    choice = entry.choice and replace(
        entry.choice, final_text=next_for(entry.choice.final_text), note=next_for(entry.choice.note)
    )
    events = tuple([_replace_undone_text(event, next_for(_get_undone_text(event))) for event in entry.events])
    return LogEntry(request=request, candidates=candidates, choice=choice, events=events)


def _drop_all_texts(entry: LogEntry) -> LogEntry:
    request = replace(entry.request, conversation=drop_texts(entry.request.conversation), hint=None, input=None)
    candidates: tuple[Candidate, ...] = tuple([replace(one, text=None, sources=()) for one in entry.candidates])
    choice: Choice | None = entry.choice and replace(entry.choice, final_text=None, note=None)
    events = tuple([_replace_undone_text(event, None) for event in entry.events])
    return LogEntry(request=request, candidates=candidates, choice=choice, events=events)


def _iterate_strings(value: Any) -> Iterator[str]:
    """Yield every string in a JSON value, but for the names of its fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _iterate_strings(each)


def _replace_strings(value: Any, texts: Iterator[str]) -> Any:
    """Replace the strings in a JSON value by these texts, in the order of `_iterate_strings`."""
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, dict):
        return {name: _replace_strings(each, texts) for name, each in value.items()}
    return [_replace_strings(each, texts) for each in value] if isinstance(value, list) else value


def _get_undone_text(event: Event) -> str | None:
    """Return the text of a choice that was taken back: no other event holds what people wrote."""
    choice = event.data.get("choice")
    text = choice.get("final_text") if isinstance(choice, dict) else None
    return text if isinstance(text, str) else None


def _replace_undone_text(event: Event, text: str | None) -> Event:
    if _get_undone_text(event) is None:
        return event
    return replace(event, data={**event.data, "choice": {**event.data["choice"], "final_text": text}})


def redact_input(entry: LogEntry, *, store_text: StoreText, recogniser: Recogniser) -> LogEntry:
    """Convert an entry of our own, whose texts are masked, to what is recorded: the row that it was made of, too."""
    if store_text == "off":
        return redact_entry(entry, store_text, recogniser)
    if not any(_iterate_strings(entry.request.input)):
        return entry
    bare = LogEntry(request=replace(entry.request, conversation=(), hint=None), candidates=(), choice=None)
    redacted = redact_entry(bare, store_text, recogniser).request.input
    return replace(entry, request=replace(entry.request, input=redacted))
