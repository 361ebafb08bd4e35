"""Cleaning of what a model wrote: the reply in it, without thoughts and without what cannot be seen.

    clean_reply("<think>Admit nothing.</think>Hello") == "Hello"

Many open models think aloud first, and many servers leave that in the text, in many dresses. A thought that reaches an
agent may reach a customer, so what could be one is cut: also all before a closing tag that nothing opened (the
template of the model wrote the opening one), and all behind an opening tag that nothing closes. Tags in code or in
quotes are spoken of, and stay.

Everything here takes time in proportion to the text, whatever stands in it.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Final

from bot.drafting.invisible import INVISIBLE, JOINERS, SELECTORS, strip_invisible

MAX_WRITTEN: Final = 100_000
"""Characters, thoughts included, that are looked at; the rest is dropped."""

MAX_REPLY: Final = 40_000
"""Characters of a reply: the most that one message in Slack may have."""

_TAG_STARTS: Final = "<[\uff1c\uff3b\u25c1\u27e8\u3008\u3010"
"""The characters that tags begin with, but for escapes and boxes."""

_PASSES: Final = 3
_MAX_TAGS: Final = 300
"""Cutting may join what is left to a tag, and tags may be nested without end. Where that goes on, nothing is kept."""


def clean_reply(written: str) -> str:
    """Cut a model's text down to the reply in it; "" if nothing is left."""
    if any(written.find(mark, MAX_WRITTEN) >= 0 for mark in (*_TAG_STARTS, "&lt;")):
        return ""  # where a tag may stand that is not looked at, all before it may be a thought
    text = cut_thoughts(strip_invisible(written[:MAX_WRITTEN]).strip())
    return text if len(text) <= MAX_REPLY else strip_invisible(text[:MAX_REPLY]).strip()


# --- thoughts -----------------------------------------------------------------------------------------

# Look-alikes of the characters that tags are made of, one for one: what is found in the copy stands there in the text.
_LOOK_ALIKES: Final = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **str.maketrans("\u2581\u27e8\u27e9\u25c1\u25b7\u3008\u3009\u3010\u3011", "_<><>[][]"),
}
_PLAIN: Final = (
    "think(?:ing|s)?|thoughts?|reasoning|scratch[_-]?pad|(?:(?:inner|internal)[ _-]?)?monologue"
    "|chain[ _-]?of[ _-]?thoughts?|\u601d\u8003(?:\u8fc7\u7a0b|\u904e\u7a0b)?"
)
# A reply may have these words in brackets: they are no tags within a sentence, unless another one closes them.
_AMBIGUOUS: Final = (
    "analysis|reflect(?:ions?)?|rationale|reason|deliberat(?:e|ion)|critique|cot|plan(?:ning)?|internal|hidden"
    "|brainstorm(?:ing)?|ponder(?:ing)?"
)
_NAME: Final = (
    rf"(?:[a-z0-9]{{1,12}}[:_-]|ant)?(?:{_PLAIN}|{_AMBIGUOUS})\d*+"
    r"(?:_?process|(?:_(?!end|stop|close)[a-z]{1,12}){1,3}(?:_[0-9a-f]{32})?|-(?:process|steps?|block))?"
)
_LESS: Final = r"(?:\\?<|&(?:lt|\#60|\#x3c);|\\u003c)"
_GREATER: Final = r"(?:\\?>|&(?:gt|\#62|\#x3e);|\\u003e)"
_ATTRIBUTES: Final = rf"""(?:[\s:](?:[^<>&]*+(?={_GREATER}|\Z)|(?:[^<>&"']|"[^"\n]*+"|'[^'\n]*+')*+))?+"""
_TAG: Final = re.compile(
    # <think>, </think>, <Thinking type="x">, <seed:think>, <|begin_of_thought|>, <|END_THINKING|>; cut off at the end
    rf"{_LESS}\|?+\s*+(?P<close>\\?/|end[_-](?:of[_-])?)?+\s*+(?:(?:begin|start)[_-](?:of[_-])?)?+"
    rf"(?P<name>{_NAME})(?:(?P<end>[:_-](?:end|stop|close))|[:_-](?:start|begin|open))?{_ATTRIBUTES}\|?/?(?:{_GREATER}|\Z)"
    # [THINK], [/THINK], [[think]], [END_THINK]; but no link
    r"|\[{1,2}+\s*+(?P<square_close>/|end[ _-](?:of[ _-])?)?+\s*+(?:(?:begin|start)[ _-](?:of[ _-])?)?+"
    rf"(?P<square>{_NAME})(?:\.{{3}}|\u2026|:)?+\s*+\]{{1,2}}+(?!\()"
    # Gemma's, and Apertus's
    r"|<\|channel>(?:\s*+thought)?|<unused94>(?:thought)?|<\|inner_prefix\|>"
    r"|(?P<token_close><channel\|>|<unused95>|<\|inner_suffix\|>)",
    re.IGNORECASE,
)
_NEEDS_PARTNER: Final = re.compile(rf"<(?i:{_AMBIGUOUS})>|\[+(?!(?i:think)\]|THINKING\]).*")
_THOUGHT_FENCE: Final = re.compile(
    rf"^(`{{3,}}|~{{3,}})[ \t]*(?:{_PLAIN}|analysis|reflection)[ \t]*\n(?s:.*?)(?:^\1[`~]*[ \t]*$|\Z)"
    # as Ollama's and Open WebUI's own pages write them
    r"|\A\s*Thinking\.\.\.[ \t]*\n(?s:.*?)(?:^\.\.\.done thinking\.[ \t]*$|\Z)"
    r"|<details\b[^<>]*>\s*<summary>(?:[^<>]|<[^<>]{0,40}>){0,80}?(?:think|thought|reason)(?s:.*?)(?:</details>|\Z)"
    # with labels
    rf"|\A[*_#>\s]*(?:{_PLAIN})(?: process)?[*_ ]*:(?s:.*?)"
    r"^[*_#> ]*(?:final )?(?:answer|reply|response|output)[*_ ]*:[*_\s]*",
    re.IGNORECASE | re.MULTILINE,
)
_EMPTY_BOX: Final = re.compile(
    r"\A\s*(?:(`++|~{3,}+|\*\*|[\"'])[a-z]*\s*(?:\1(?!`)\s*|\Z)|\(\s*\)\s*|(?:[>*-][ \t]*)++(?:\n\s*|\Z))"
)
_CODE_LINES: Final = re.compile(r"\A(?:\s*`[^`\n]++`[ \t]*+(?:\n|\Z)){2,}+")
_ANSWER_TAG: Final = re.compile(
    rf"{_LESS}(?P<close>/)?(?:final[_-]?)?(?:answer|response|reply|output|solution|final){_GREATER}", re.IGNORECASE
)


def cut_thoughts(text: str) -> str:
    """Cut the thoughts out of a text, and trim it where something was cut."""
    for _ in range(_PASSES):
        less = _cut_answer_tags(_cut_tags(_cut_channels(_unwrap_lines(_THOUGHT_FENCE.sub("", text)))))
        if less == text:
            return text
        text = _EMPTY_BOX.sub("", less.strip())
    return ""


def _unwrap_lines(text: str) -> str:
    """Take the backticks from lines that are code, each for itself, where a text begins with a thought in such."""
    lines = _CODE_LINES.match(text)
    if lines is None or not _TAG.match(text, text.index("`") + 1):
        return text
    return lines[0].replace("`", "") + text[lines.end() :]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tag:
    start: int
    stop: int
    name: str
    closes: bool = False
    needs_partner: bool = False
    is_empty: bool = False
    is_last: bool = False


def _cut_tags(text: str) -> str:
    """Cut what stands between tags of thoughts, and the tags."""
    scanned = _Scanned(text)
    tags = _read_tags(scanned)
    if len(tags) > _MAX_TAGS:
        return ""
    kept: list[str] = []
    opened: list[str] = []
    at = 0
    closing = sum(tag.closes for tag in tags)
    for place, tag in enumerate(tags):
        closing -= tag.closes
        before = tags[place - 1] if place > 0 and not tags[place - 1].closes else None
        is_named = 0 < closing <= len(opened) and scanned.is_named(tag, before)
        if is_named or scanned.is_mention(tag, within=bool(opened), partner=before if tag.closes else None):
            continue
        if not opened and (tag.closes or (closing and scanned.is_word_of_sentence(tag))):
            kept.clear()  # nothing opened it, or it is named in what the template opened: all so far was a thought
        elif not opened:
            kept.append(text[at : tag.start])
        if tag.closes:
            _close_block(opened, tag.name)
        at = tag.stop
        if tag.is_last and not opened and (box_end := scanned.find_box_end(tag)):
            at = box_end
        elif not tag.closes and not tag.is_empty:
            opened.append(tag.name)
    if not opened:
        kept.append(text[at:])
    return text if kept == [text] else _join_parts(kept)


def _read_tags(scanned: "_Scanned") -> list[_Tag]:
    """Read the tags of a text, without the words in brackets that nothing makes tags."""
    found = list(islice(_TAG.finditer(scanned.text), _MAX_TAGS + 1))
    tags = [
        _Tag(
            start=match.start(),
            stop=match.end(),
            name=(match["name"] or match["square"] or "").lower(),
            closes=any(match[group] for group in ("close", "end", "square_close", "token_close")),
            needs_partner=_NEEDS_PARTNER.fullmatch(match[0]) is not None,
            is_empty=match[0].endswith("/>"),
        )
        for match in found
    ]
    if tags and not tags[-1].closes:
        tags[-1] = replace(tags[-1], is_last=True)
    last_closed = {tag.name: tag.start for tag in tags if tag.closes}
    return [
        tag
        for tag in tags
        if tag.closes
        or not tag.needs_partner
        or tag.start < last_closed.get(tag.name, -1)
        or not ((scanned.text[tag.start] == "[" and tag.name != "thinking") or scanned.is_within_sentence(tag))
    ]


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


def _cut_answer_tags(text: str) -> str:
    """Cut the tags around an answer: the reply begins with one, or ends with one."""
    scanned = _Scanned(text)
    tags = scanned.find_tokens(_ANSWER_TAG)
    if not tags:
        return text
    begins = tags[0].start() <= scanned.begin and not tags[0]["close"]
    ends = tags[-1]["close"] and not text[tags[-1].end() :].strip()
    if not begins and not ends:
        return text
    starts, stops = [0, *(tag.end() for tag in tags)], [*(tag.start() for tag in tags), len(text)]
    return _join_parts([text[start:stop] for start, stop in zip(starts, stops, strict=True)])


# --- mentions -----------------------------------------------------------------------------------------

_REACH: Final = 500
"""Characters before and behind a tag, on its line, in which quotes are looked for."""

_QUOTE_MARKS: Final = tuple(
    re.compile(marks)
    for marks in ("`+", '"', "[\u00ab\u00bb]", "[\u2039\u203a]", "[\u201c-\u201e]", "[\u300c\u300d]", "[\u300e\u300f]")
)
_SINGLE_QUOTES: Final = ("'\u2018\u201a\u201b", "'\u2018\u2019")
_SENTENCE_BEFORE: Final = re.compile(r"[^\s.!?:\u3002\uff01\uff1f\uff1a][ \t]*\Z")
_SENTENCE_BEHIND: Final = re.compile(r"[\s.,;:!?)]|\Z")
_IN_SENTENCE: Final = re.compile(r"[\w,;(\[/-]\Z")
_WORDS_BEFORE: Final = re.compile(r"(?:[\w']{1,30}|\|>)[ ,]{1,3}[\w']{1,30}[ ,;(]{0,3}\Z")
_GOES_ON: Final = re.compile(
    r"[ \t]*(?:[,;)\]\u3001\uff0c]|(?:is|are|and|or|means?|opens?|tags?|tokens?|blocks?)\b)|-[a-z]"
)
_GOES_ON_ANYHOW: Final = re.compile(r"[ \t]*[,;)?!.]|[ \t]+[a-z]")
_GLUED: Final = re.compile(r"(?!s\b)[A-Za-z0-9]")
_FENCE_LINE: Final = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[^\n`]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Quote:
    """Two marks around a tag: where the first begins and ends, and the second."""

    begin: int
    start: int
    stop: int
    end: int
    kind: str


class _Scanned:
    """A text without look-alikes, and what it tells of its tags: those in quotes or in code are spoken of."""

    def __init__(self, text: str) -> None:
        self.text = text if text.isascii() else text.translate(_LOOK_ALIKES)
        self.begin = len(text) - len(text.lstrip())
        self._fences = [fence.span() for fence in _FENCE_LINE.finditer(self.text)]

    def find_box_end(self, tag: _Tag) -> int | None:
        """Find where a thought ends that a fence at the beginning holds, though no tag closes it."""
        boxes = (quote for quote in self._find_quotes(tag.start, tag.stop) if quote.kind == "fence")
        return next((box.stop for box in boxes if box.begin <= self.begin and self.text[box.end :].strip()), None)

    def is_named(self, tag: _Tag, before: _Tag | None) -> bool:
        """Tell if an opening tag in a thought opens nothing: a word of its line, or the one before it once more."""
        if tag.closes:
            return False
        if before is not None and before.name == tag.name and not self.text[before.stop : tag.start].strip():
            return True
        line = self.text[self.text.rfind("\n", 0, tag.start) + 1 : tag.start]
        behind = self.text[tag.stop : tag.stop + _REACH].partition("\n")[0]
        is_glued = re.match("[A-Za-z0-9]", line[-1:]) or _GLUED.match(behind)
        return not is_glued and bool(line.strip() or behind.strip())

    def is_within_sentence(self, tag: _Tag) -> bool:
        """Tell if words stand before a tag, and a space or a mark behind it."""
        before = _SENTENCE_BEFORE.search(self.text, max(0, tag.start - 4), tag.start)
        return before is not None and _SENTENCE_BEHIND.match(self.text, tag.stop) is not None

    def is_word_of_sentence(self, tag: _Tag) -> bool:
        """Tell if a tag is a word of the sentence around it, which goes on: no thought opens there."""
        before = self.text[max(0, tag.start - _REACH) : tag.start].rpartition("\n")[2].rstrip()
        if _IN_SENTENCE.search(before) or (before.endswith(":") and _GOES_ON_ANYHOW.match(self.text, tag.stop)):
            return _GLUED.match(self.text, tag.stop) is None
        return before != "" and _GOES_ON.match(self.text, tag.stop) is not None

    def is_named_token(self, token: re.Match[str]) -> bool:
        """Tell if a token of a chat template is a word within a sentence."""
        before = _WORDS_BEFORE.search(self.text, max(0, token.start() - 70), token.start())
        return bool(before and token[0].startswith("<") and _GOES_ON_ANYHOW.match(self.text, token.end()))

    def find_tokens(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        """Find what matches a pattern and is not spoken of."""
        found = islice(pattern.finditer(self.text), _MAX_TAGS + 1)
        return [match for match in found if not self.is_mention(_Tag(start=match.start(), stop=match.end(), name=""))]

    def is_mention(self, tag: _Tag, *, within: bool = False, partner: _Tag | None = None) -> bool:
        """Tell if a tag is spoken of; `within` a thought, if it stands alone in quotes.

        `partner` is the opening tag before it: a closing tag is spoken of where that is.
        """
        quote = max(self._find_quotes(tag.start, tag.stop), key=lambda found: found.start, default=None)
        if quote is None:
            return False
        is_alone = self.text[quote.start : quote.stop].strip() == self.text[tag.start : tag.stop]
        if within:
            return is_alone and quote.kind != "fence"
        if quote.begin <= self.begin:  # a thought may stand in a box before the reply
            goes_on = self.text[quote.end : quote.end + 2].partition("\n")[0].strip() != ""
            if quote.kind == "fence" and tag.is_last and self.text[quote.end :].strip():
                return is_alone or self.text[quote.start : tag.start].strip() != ""
            return is_alone and (tag.closes if quote.kind == "fence" else goes_on)
        if not tag.closes or is_alone or quote.kind == "code":
            return True
        return partner is not None and partner.start >= quote.start

    def _find_quotes(self, start: int, stop: int) -> Iterator[_Quote]:
        """Yield the pairs of marks around a tag: an odd number stands before it and behind it, on its line."""
        first = max(self.text.rfind("\n", 0, start) + 1, start - _REACH)
        last = self.text.find("\n", stop, stop + _REACH)
        last = last if last >= 0 else min(len(self.text), stop + _REACH)
        for marks in _QUOTE_MARKS:
            before = [mark.span() for mark in marks.finditer(self.text, first, start)]
            after = [mark.span() for mark in marks.finditer(self.text, stop, last)]
            if len(before) % 2 and len(after) % 2:
                quote = _Quote(*before[-1], *after[0], "code" if marks is _QUOTE_MARKS[0] else "quote")
                if marks not in _QUOTE_MARKS[:2] or self._is_tight(quote):
                    yield quote
        if (
            start > 0
            and self.text[start - 1] in _SINGLE_QUOTES[0]
            and self.text[stop : stop + 1] in {*_SINGLE_QUOTES[1]}
        ):
            yield _Quote(start - 1, start, stop, stop + 1, "quote")
        place = bisect_right(self._fences, (start, start))
        if place % 2 and (len(self._fences) - place) % 2:
            yield _Quote(*self._fences[place - 1], *self._fences[place], "fence")

    def _is_tight(self, quote: _Quote) -> bool:
        """Tell if marks that open as they close do so here: no space within them, no word at them."""
        before, after = self.text[max(0, quote.begin - 1) : quote.begin], self.text[quote.end : quote.end + 1]
        return not (
            self.text[quote.start].isspace()
            or self.text[quote.stop - 1].isspace()
            or (before.isascii() and (before.isalnum() or before in {*"?!.,"}))
            or (after.isascii() and after.isalnum())
        )


# --- channels and turns -------------------------------------------------------------------------------

_TOKEN: Final = re.compile(
    r"<\|(?P<token>[a-z_]{2,24})\|>|<(?P<turn>start_of_turn|end_of_turn|eos|bos|pad)>|(?P<edge>\A<s>|</s>\s*\Z)"
    # as a server leaves them that takes away the tokens, but not their names
    r"|assistant(?P<bare>analysis|commentary|final)",
    re.IGNORECASE,
)
_BARE_START: Final = re.compile(
    r"(?:assistant\s*+)?(?:analysis|commentary)(?:[A-Z0-9\u3040-\U0001ffff]|(?s:.*?)assistant\s*+final)"
)
_BARE_FINAL: Final = re.compile(r"assistant\s*+final:?")
_TOKEN_KINDS: Final = {
    **dict.fromkeys(("start", "im_start", "start_header_id", "start_of_turn"), "start"),
    **dict.fromkeys(("message", "end_header_id"), "message"),
    **dict.fromkeys(("end", "return", "call"), "end"),
    **dict.fromkeys(("im_end", "eot_id", "eom_id", "end_of_turn", "end_of_text", "endoftext"), "stop"),
    **dict.fromkeys(("end_of_sentence", "eos"), "stop"),
    **{word: word for word in ("channel", "constrain", "assistant", "user", "system")},
}
_SPEAKERS: Final = {"assistant", "model", ""}


def _cut_channels(text: str) -> str:
    """Cut all channels of the harmony format but `final`, the turns of others, and the tokens of chat templates."""
    if _BARE_START.match(text):
        finals = list(_BARE_FINAL.finditer(text))
        return text[finals[-1].end() :].strip() if finals else ""
    scanned = _Scanned(text)
    tokens = [
        token
        for token in scanned.find_tokens(_TOKEN)
        if not _TAG.fullmatch(token[0]) and not scanned.is_named_token(token)
    ]
    if not tokens or len(tokens) > _MAX_TAGS:
        return "" if tokens else text
    ends = [*(token.start() for token in tokens[1:]), len(text)]
    parts = [
        part for token, end in zip(tokens, ends, strict=True) for part in _read_parts(token, text[token.end() : end])
    ]
    return _join_parts(_select_final(text[: tokens[0].start()], parts))


def _read_parts(token: re.Match[str], text: str) -> Sequence[tuple[str, str]]:
    """Read a token, and the text behind it, as parts of the harmony format; the kind is "" where it tells nothing."""
    if bare := token["bare"]:
        return ("start", "assistant"), ("channel", bare), ("message", text)
    kind = _TOKEN_KINDS.get((token["token"] or token["turn"] or "").lower(), "")
    if kind in {"assistant", "user", "system"}:
        return ("start", kind), ("message", text)
    return ((kind, text),)


def _select_final(preface: str, parts: Sequence[tuple[str, str]]) -> list[str]:
    """Select the parts of the channel `final`, and those outside of channels."""
    role, channel, speaks = "assistant", "", True
    kept: list[str] = []
    before = preface.lower().split()
    if parts[0][0] == "message" and (len(before) == 1 or {*before[:1]} & {"analysis", "commentary", "final"}):
        channel = before[0]  # the template wrote the token before it
    elif preface.strip() != role and not _is_thought(parts):
        kept.append(preface)
    for kind, part in parts:
        word, _, rest = part.strip().partition("\n")
        word = word.strip().lower()
        if kind == "stop" and any(text.strip() for text in kept):
            break
        if kind == "start":
            role, channel, part = word.partition(" ")[0], "", rest  # noqa: PLW2901 - a role stands on its line
            speaks = role in _SPEAKERS
        elif kind == "channel":
            channel, speaks = word.partition(" ")[0], False
        elif kind == "message":
            speaks = role in _SPEAKERS and channel in {"", "final"}
        elif kind in {"end", "stop"}:
            role, channel, speaks = "assistant", "", word != "assistant"
        if speaks and kind != "constrain":
            kept.append(part)
    return kept


def _is_thought(parts: Sequence[tuple[str, str]]) -> bool:
    """Tell if what stands before these parts is a thought that the template opened: the reply follows in its turn."""
    if parts[0][0] not in {"channel", "start", "end"}:
        return False
    words = [(kind, (part.split() or [""])[0].lower()) for kind, part in parts]
    channels = [word for kind, word in words if kind == "channel"]
    if parts[0][0] == "end":
        return bool(channels) or ("start", "assistant") in words
    return channels[:1] == ["final"]


# --- as it is written ---------------------------------------------------------------------------------

# From here on, nothing can be told before the end.
_UNDECIDED: Final = re.compile(rf"[{re.escape(_TAG_STARTS)}&\\`~\x1b\x9b\x9d\ud800-\udfff]")
_JOINED_BY_NEXT: Final = "0123456789#*\r"  # of which keycaps and line breaks are made
_JOINED: Final = re.compile(f"[{INVISIBLE}{JOINERS}{SELECTORS}\r]")


class StreamCleaner:
    """Cleans a text as it is written, and gives out what nothing to come makes invisible.

    It is for models whose thoughts come apart from their texts: of others, all before a closing tag is a thought.
    """

    def __init__(self) -> None:
        self._pending = ""
        self._emitted_length = 0
        self._has_ended = False

    def feed(self, piece: str) -> str:
        """Take a piece, and return what can be shown and was not yet."""
        if self._has_ended:
            return ""
        text = self._pending + piece
        undecided = _UNDECIDED.search(text)
        self._has_ended = undecided is not None or self._emitted_length > MAX_REPLY
        # White space waits for what follows it: where a thought is cut, it becomes one gap.
        end = len(text[: undecided.start() if undecided else _find_decided_end(text)].rstrip())
        self._pending = text[end:]
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
