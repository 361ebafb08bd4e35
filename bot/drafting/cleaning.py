"""Cleaning of what a model wrote: the reply in it, without thoughts and without what cannot be seen.

    clean_reply("<think>Admit nothing.</think>Hello").text == "Hello"

Many open models think aloud first, and many servers leave that in the text, in many dresses. A thought that reaches an
agent may reach a customer, so what could be one is cut: also all before a closing tag that nothing opened (the
template of the model wrote the opening one), and all behind an opening tag that nothing closes. Tags in backticks or
quotes are spoken of, and stay. Characters that cannot be seen may turn words around, command a terminal or smuggle
data; only the joiners and selectors that a script or an emoji needs stay.

Everything here takes time in proportion to the text, whatever stands in it.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

MAX_WRITTEN: Final = 100_000
"""Characters, thoughts included, that are looked at; the rest is dropped."""

MAX_REPLY: Final = 40_000
"""Characters of a reply: the most that one message in Slack may have."""

_TAG_STARTS: Final = "<[◁"
"""The characters that tags begin with."""

_PASSES: Final = 3
_MAX_TAGS: Final = 1000
"""Cutting may join what is left to a tag, and tags may be nested without end. Where that goes on, nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedReply:
    """A reply, "" if nothing is left; `had_thoughts` if thoughts stood beside it."""

    text: str
    had_thoughts: bool


def clean_reply(written: str) -> CleanedReply:
    """Cut a model's text down to the reply in it."""
    if any(written.find(mark, MAX_WRITTEN) >= 0 for mark in _TAG_STARTS):
        # Where a tag may stand that is not looked at, all before it may be a thought.
        return CleanedReply(text="", had_thoughts=True)
    visible = strip_invisible(written[:MAX_WRITTEN]).strip()
    text = cut_thoughts(visible)
    had_thoughts = text != visible
    if len(text) > MAX_REPLY:
        text = strip_invisible(text[:MAX_REPLY]).strip()
    return CleanedReply(text=text, had_thoughts=had_thoughts)


# --- what cannot be seen ------------------------------------------------------------------------------

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LINE_BREAK: Final = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Colours, cursor moves, titles and links of a terminal, whole: without its ESC, the rest would be left as litter.
_TERMINAL_COMMAND: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*+[ -/]*+[@-~]|(?:\x1b\\]|\x9d)[^\x07\x1b\x9c]*+(?:\x07|\x1b\\\\|\x9c)"
)
_INVISIBLE_SET: Final = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # control characters
    "\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u206f"  # zero width, and marks of direction
    "\u00ad\u034f\u180e\ufeff\ufff0-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff"
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # letters without a shape
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_INVISIBLE: Final = re.compile(f"[{_INVISIBLE_SET}]")

_JOINERS: Final = "\u200c\u200d"
_SELECTORS: Final = "\ufe00-\ufe0f\U000e0100-\U000e01ef\u180b-\u180d\u180f"
# Arabic, Syriac, Indic and other scripts whose letters join, or are kept from it.
_JOINING: Final = (
    "\u0600-\u109f\u1780-\u18af\u1900-\u1c7f\ua840-\ua87f\ua8e0-\ua8ff\ua980-\uaadf\uabc0-\uabff"
    "\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff\U0001e900-\U0001e95f"
)
_EMOJI: Final = "\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
# The character itself first, and then what stands before it: three times as fast as the other way round.
_STRAY_SELECTOR: Final = re.compile(
    "[\ufe00-\ufe0f](?<![0-9#*\u00a9\u00ae\u1000-\u109f\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff"
    "\uf900-\ufdff\ufe20-\uffef\U00010000-\U000dffff].)"
    "|[\U000e0100-\U000e01ef](?<![\u2e80-\u2fff\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff].)"
    "|[\u180b-\u180d\u180f](?<![\u1800-\u180a\u1810-\u18af].)"
)
_STRAY_JOINER: Final = re.compile(
    f"\u200c(?<![{_JOINING}].)|\u200d(?<![{_JOINING}].)(?:(?<![{_EMOJI}].)|(?![{_EMOJI}]))"
)


def strip_invisible(text: str) -> str:
    """Strip characters that cannot be seen; line breaks of all kinds become line feeds."""
    if text.isascii() and text.isprintable():
        return text
    if _SURROGATE.search(text):
        # Some servers cut an emoji in two halves, which belong together.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    text = _TERMINAL_COMMAND.sub("", _LINE_BREAK.sub("\n", text))
    text = _INVISIBLE.sub("", text)
    return _STRAY_JOINER.sub("", _STRAY_SELECTOR.sub("", text))


# --- thoughts -----------------------------------------------------------------------------------------

_THOUGHT_NAMES: Final = "think(?:ing)?|thoughts?|reasoning|scratchpad|inner[_-]?monologue"
_BEFORE_NAME: Final = "(?:[a-z]{1,12}[:_-]|ant)?"
_AFTER_NAME: Final = "(?:[_-][a-z]{1,12})?"
_TAG: Final = re.compile(
    # <think>, </think>, <Thinking type="x">, <seed:think>, <|begin_of_thought|>, <|END_THINKING|>; cut off at the end
    r"<\|?+\s*+(?P<end>/|end[_-](?:of[_-])?)?+\s*+(?:(?:begin|start)[_-](?:of[_-])?)?+"
    rf"{_BEFORE_NAME}(?P<name>{_THOUGHT_NAMES}){_AFTER_NAME}(?:\s[^<>]*+)?+(?:\|?/?>|\Z)"
    # [THINK], [/THINK]; but no link
    rf"|[\[◁]\s*+(?P<other_end>/)?+\s*+{_BEFORE_NAME}(?P<other_name>{_THOUGHT_NAMES}){_AFTER_NAME}\s*+[\]▷](?!\()",
    re.IGNORECASE,
)
_ANSWER_TAG: Final = re.compile(r"<\|(?:begin|start|end)_(?:of_)?(?:solution|response|answer)\|>", re.IGNORECASE)
_CHANNEL_TOKEN: Final = re.compile(r"<\|(start|end|message|channel|constrain|return|call)\|>", re.IGNORECASE)
_BARE_FINAL: Final = "assistantfinal"
# The channels of the harmony format after a server has taken its tokens away, but not their names.
_BARE_CHANNELS: Final = re.compile(f"analysis(?:[A-Z0-9\u3040-\U0001ffff]|(?s:.*?){_BARE_FINAL})")

_QUOTES: Final = {
    '"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u201e": "\u201c\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb",
    "\u2039": "\u203a", "\u300c": "\u300d", "\u300e": "\u300f", "\uff02": "\uff02",
}  # fmt: skip
_BACKTICKS: Final = re.compile("`+")
_FENCE: Final = 3


def cut_thoughts(text: str) -> str:
    """Cut the thoughts out of a text, and trim it where something was cut."""
    for _ in range(_PASSES):
        less = _cut_tags(_cut_channels(text))
        if less == text:
            return text
        text = less
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tag:
    start: int
    stop: int
    name: str
    closes: bool
    is_empty: bool
    is_quoted: bool
    """Directly in quotes or backticks: a mention, also within a thought."""


def _cut_tags(text: str) -> str:
    """Cut what stands between tags of thoughts, and the tags."""
    tags = [_read_tag(text, found) for found in islice(_TAG.finditer(text), _MAX_TAGS + 1)]
    if not tags:
        return text
    if len(tags) > _MAX_TAGS:
        return ""
    quoted = _find_quoted(text, tags)
    kept: list[str] = []
    opened: list[str] = []
    at = 0
    for place, tag in enumerate(tags):
        if tag.is_quoted or (place in quoted and not opened):
            continue
        if not opened and tag.closes:
            kept.clear()  # nothing opened it: all so far was a thought
        elif not opened:
            kept.append(text[at : tag.start])
        if tag.closes:
            _close_block(opened, tag.name)
        elif not tag.is_empty:
            opened.append(tag.name)
        at = tag.stop
    if not opened:
        kept.append(text[at:])
    return text if kept == [text] else _ANSWER_TAG.sub("", _join_parts(kept)).strip()


def _read_tag(text: str, found: re.Match[str]) -> _Tag:
    before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    return _Tag(
        start=found.start(),
        stop=found.end(),
        name=(found["name"] or found["other_name"]).lower(),
        closes=bool(found["end"] or found["other_end"]),
        is_empty=found[0].endswith("/>"),
        is_quoted=after != "" and after in _QUOTES.get(before, ""),
    )


def _close_block(opened: list[str], name: str) -> None:
    """Close the innermost block of that name and what is open within; of another name, the innermost."""
    depth = opened[::-1].index(name) + 1 if name in opened else 1
    del opened[-depth:]


def _join_parts(parts: Sequence[str]) -> str:
    """Join parts, with one gap where something stood between them: a paragraph's, a line's, or a space."""
    filled = [part for part in parts if part.strip()]
    joined = [part.strip() for part in filled[:1]]
    for before, part in pairwise(filled):
        gap = before[len(before.rstrip()) :] + part[: len(part) - len(part.lstrip())]
        joined += ["\n" * min(2, gap.count("\n")) or " ", part.strip()]
    return "".join(joined)


def _find_quoted(text: str, tags: Sequence[_Tag]) -> frozenset[int]:
    """Find the places of tags in code, or in one pair of quotes: mentions, unless they stand in a thought."""
    spans = list(_find_code(text))
    starts = [start for start, _, _ in spans]
    within: dict[int, list[int]] = {}
    for place, tag in enumerate(tags):
        span = bisect_right(starts, tag.start) - 1
        if span >= 0 and tag.stop <= spans[span][1]:
            within.setdefault(span, []).append(place)
    found: set[int] = set()
    for span, places in within.items():
        # A fence may have begun in a thought and end in the reply: what it shows must be whole.
        if not spans[span][2] or _is_balanced([tags[place] for place in places]):
            found.update(places)
    for place, (tag, following) in enumerate(pairwise(tags)):
        if _is_quoted_together(text, tag, following):
            found |= {place, place + 1}
    return frozenset(found)


def _is_balanced(tags: Sequence[_Tag]) -> bool:
    """Tell whether tags open and close in turns."""
    return len(tags) % 2 == 0 and all(tag.closes == bool(place % 2) for place, tag in enumerate(tags))


def _is_quoted_together(text: str, tag: _Tag, following: _Tag) -> bool:
    """Tell whether an opening and a closing tag stand on one line in one pair of quotes, within a sentence."""
    if tag.closes or not following.closes or tag.start < 2:
        return False
    closing = _QUOTES.get(text[tag.start - 1], "")
    after = text[following.stop : following.stop + 1]
    return (
        after != "" and after in closing and text[tag.start - 2] == " " and "\n" not in text[tag.stop : following.start]
    )


def _find_code(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, stop, is_fence) of each text in backticks, unless it is the whole: that is a reply in a box."""
    runs = [(run.start(), run.end()) for run in _BACKTICKS.finditer(text)]
    following: dict[int, int] = {}
    seen: dict[int, int] = {}
    for place in range(len(runs) - 1, -1, -1):
        length = runs[place][1] - runs[place][0]
        if length in seen:
            following[place] = seen[length]
        seen[length] = place
    place = 0
    while place < len(runs):
        end = following.get(place)
        if end is None or not _is_code(text, runs[place], runs[end]):
            place += 1
            continue
        yield runs[place][0], runs[end][1], runs[place][1] - runs[place][0] >= _FENCE
        place = end + 1


def _is_code(text: str, begin: tuple[int, int], end: tuple[int, int]) -> bool:
    """Tell whether what stands between two runs of backticks is code."""
    if begin[0] == 0 and end[1] == len(text):
        return False
    if begin[1] - begin[0] >= _FENCE:
        return True
    tight = not text[begin[1]].isspace() and not text[end[0] - 1].isspace()
    return tight and text.find("\n", begin[1], end[0]) < 0


def _cut_channels(text: str) -> str:
    """Cut all channels of the harmony format but `final`; what stands outside of channels stays."""
    if _BARE_CHANNELS.match(text):
        return text.rpartition(_BARE_FINAL)[2].strip() if _BARE_FINAL in text else ""
    found = list(islice(_CHANNEL_TOKEN.finditer(text), _MAX_TAGS + 1))
    if not found or len(found) > _MAX_TAGS:
        return "" if found else text
    spans = list(_find_code(text))
    starts = [start for start, _, _ in spans]
    tokens = [
        token for token in found if not _is_token_quoted(text, token, spans, bisect_right(starts, token.start()) - 1)
    ]
    if not tokens:
        return text
    ends = [*(token.start() for token in tokens[1:]), len(text)]
    parts = [(token[1].lower(), text[token.end() : end]) for token, end in zip(tokens, ends, strict=True)]
    return _join_parts(list(_select_final(text[: tokens[0].start()], parts)))


def _is_token_quoted(text: str, token: re.Match[str], spans: Sequence[tuple[int, int, bool]], span: int) -> bool:
    after = text[token.end() : token.end() + 1]
    quoted = after != "" and after in _QUOTES.get(text[token.start() - 1 : token.start()], "")
    return quoted or (span >= 0 and token.end() <= spans[span][1])


def _select_final(preface: str, parts: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the parts of the channel `final`, and those outside of channels."""
    role, channel = "assistant", ""
    if parts[0][0] == "message" and len(preface.split()) == 1:
        channel = preface.strip().lower()  # the template wrote the token before it
    elif preface.strip() != role:
        yield preface
    for kind, part in parts:
        word = part.strip().lower()
        if kind == "start":
            role, channel = word.partition(" ")[0], ""
        elif kind == "channel":
            channel = word.partition(" ")[0]
        elif kind == "message":
            if role == "assistant" and channel in {"", "final"}:
                yield part
        elif kind != "constrain":
            role, channel = "assistant", ""
            if word != role:
                yield part


# --- as it is written ---------------------------------------------------------------------------------

# From here on, nothing can be told before the end.
_UNDECIDED: Final = re.compile(f"[{re.escape(_TAG_STARTS)}\x1b\x9b\x9d\ud800-\udfff]")
_JOINED_BY_NEXT: Final = "0123456789#*\r"  # of which keycaps and line breaks are made
_JOINED: Final = re.compile(f"[{_INVISIBLE_SET}{_JOINERS}{_SELECTORS}\r]")


class StreamCleaner:
    """Cleans a text as it is written, and gives out what nothing to come can make a thought or invisible."""

    def __init__(self) -> None:
        self._pending: list[str] = []
        self._emitted_length = 0
        self._has_ended = False

    def feed(self, piece: str, *, is_safe: bool) -> str:
        """Take a piece, and return what can be shown and was not yet. All is held back until `is_safe`."""
        self._pending.append(piece)
        if not is_safe or self._has_ended:
            return ""
        text = "".join(self._pending)
        undecided = _UNDECIDED.search(text)
        self._has_ended = undecided is not None or self._emitted_length > MAX_REPLY
        # White space waits for what follows it: where a thought is cut, it becomes one gap.
        end = len(text[: undecided.start() if undecided else _find_decided_end(text)].rstrip())
        self._pending = [text[end:]]
        shown = strip_invisible(text[:end])
        shown = shown if self._emitted_length else shown.lstrip()
        self._emitted_length += len(shown)
        return shown


def _find_decided_end(text: str) -> int:
    """Find the place to cut where neither side changes what is seen of the other: between two plain characters."""
    if text and text[-1].isascii() and text[-1] not in _JOINED_BY_NEXT:
        return len(text)
    if len(text) < 2 or _JOINED.match(text[-2]) or _JOINED.match(text[-1]):
        return 0
    return len(text) - 1
