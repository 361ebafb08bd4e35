"""Rich text: what customers, models and agents wrote, with its links, emoji, lists and quotes.

No element is made from a mention: `<!channel>`, `<@U1>` and `@here` are letters here, and notify nobody. What is none
of those four stays in one text as it is written: no `*` in it is bold.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from bot.text_limits import count_json_units, count_utf16_units, split_text
from handlers.blocks.elements import Block, measure
from handlers.blocks.limits import OWN_ROOM, RICH_LIMIT

_LETTER: Final = r"A-Za-z0-9\u00c0-\u1fff"
"""Letters and digits of an address, in scripts that put spaces between words."""
_CJK: Final = r"\u3041-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Letters of scripts without spaces: part of an address only behind a mark of it, as in `/wiki/台灣`."""
_INLINE: Final = re.compile(
    rf"""
    (?P<link>
        (?:(?i:https?)://|(?<![{_LETTER}./@-])(?i:www)\.)
        (?![^\s/?\#]*@) (?>[{_LETTER}](?:[{_LETTER}.-]*[{_LETTER}])?) (?::\d{{1,5}}(?!\d))?+
        (?:[/?#](?>(?:[{_LETTER}._~:/?\#\[\]@!$&'()*+,;=%-]|(?<=[/=_\#&?{_CJK}-])[{_CJK}])*))?+
        (?!…)                                       # cut off for display: it would lead elsewhere
    )
    |(?P<emoji>
        (?<![\d:/])
        (?::(?:[a-z][a-z0-9_+'-]*+|[a-z0-9_][a-z0-9]*+_[a-z0-9_]++|[+-]1|100|skin-tone-[2-6]):)+
        (?![\d:/])
    )
    """,
    re.VERBOSE,
)
ADDRESS_LIMIT: Final = 2_000
_ITEM: Final = re.compile(r"(?P<indent>[ \t]*)(?:[-*•]|(?P<number>[1-9]\d{0,3})\.)[ \t]+(?P<text>\S.*)")
_QUOTE: Final = re.compile(r"> ?(?=(?<= )|$)(?P<text>.*)")
_DEEPEST: Final = 8

_Kind = Literal["text", "item", "quote"]


@dataclass(slots=True, kw_only=True)
class _Item:
    """An item of a list: how deep it stands, its number if it has one, and its text."""

    level: int
    number: int | None
    text: str

    def follows(self, before: "_Item") -> bool:
        """Tell whether it belongs into the list of the item before it."""
        is_next = self.number is None if before.number is None else self.number == before.number + 1
        return self.level == before.level and is_next


def halve_rich_text(node: Block) -> tuple[Block, ...]:
    """Cut a block, or a part of one, in two. Returns () for what cannot be cut."""
    if node.get("type") == "text":
        texts = split_text(node["text"], -(-count_utf16_units(node["text"]) // 2))
        return tuple({**node, "text": text} for text in texts if text.strip())
    parts = node.get("elements", [])
    if len(parts) == 1:
        return tuple({**node, "elements": [half]} for half in halve_rich_text(parts[0]))
    if not parts:
        return ()
    middle = len(parts) // 2
    later = {**node, "elements": parts[middle:]}
    if node.get("style") == "ordered":
        later["offset"] = node.get("offset", 0) + middle
    return {**node, "elements": parts[:middle]}, later


def _build_block(text: str, room: int, build: Callable[[str], list[Block]]) -> Block:
    rich = {"type": "rich_text", "elements": build(text)}
    return rich if measure([rich]) <= room else {**rich, "elements": [build_section([_build_text(text)])]}


def build_section(elements: list[Block]) -> Block:
    return {"type": "rich_text_section", "elements": elements}


def _build_text(text: str) -> Block:
    return {"type": "text", "text": text}


def build_parts(text: str) -> list[Block]:
    """Build the parts of a block: sections, lists and quotes, in order."""
    lines = text.split("\n")
    parts: list[Block] = []
    for kind, first, end in _divide(lines):
        own = lines[first:end]
        if kind == "item":
            parts += _build_lists(_read_items(own))
        elif kind == "quote":
            quoted = "\n".join(_QUOTE.sub(r"\g<text>", line) for line in own)
            parts.append({"type": "rich_text_quote", "elements": build_inline(quoted)})
        else:
            shown = "\n".join(own) + ("\n" if end < len(lines) else "")
            parts += [build_section(build_inline(shown))] if shown.strip() else []
    return parts


def build_rich_texts(
    text: str, *, room: int = RICH_LIMIT, build: Callable[[str], list[Block]] = build_parts
) -> tuple[Block, ...]:
    """Build as few blocks as hold all of a text: one up to OWN_ROOM. Parts of white space only are left out.

    What would be over `room` as JSON, since it is one list or link after the other, is shown bare.
    """
    parts = split_text(text, OWN_ROOM, count_json_units)
    return tuple(_build_block(part, room, build) for part in parts if part.strip())


def _divide(lines: Sequence[str]) -> Iterator[tuple[_Kind, int, int]]:
    """Divide lines into lists, quotes and other texts. Yields the kind of each, its first line and its end."""
    kinds = _classify(lines)
    for first, end in _list_runs(kinds):
        own = lines[first:end]
        # One line alone may begin with a dash or a number by chance: a signature, the 24th of December.
        is_list = kinds[first] == "item" and sum(_ITEM.fullmatch(line) is not None for line in own) > 1
        is_quote = kinds[first] == "quote" and any(line.strip("> ") for line in own)
        if not is_list and not is_quote:
            kinds[first:end] = ["text"] * (end - first)
    yield from ((kinds[first], first, end) for first, end in _list_runs(kinds))


def _list_runs(kinds: Sequence[_Kind]) -> list[tuple[int, int]]:
    """List where runs of lines of one kind begin and end."""
    runs = [list(run) for _, run in groupby(range(len(kinds)), key=lambda index: kinds[index])]
    return [(run[0], run[-1] + 1) for run in runs]


def _classify(lines: Sequence[str]) -> list[_Kind]:
    """Tell what each line is; a list goes on in indented lines, and over a blank line before another item."""
    kinds: list[_Kind] = []
    for index, line in enumerate(lines):
        within = bool(kinds) and kinds[-1] == "item"
        if line.strip():
            goes_on = within and line.startswith(("  ", "\t")) and bool(lines[index - 1].strip())
        else:
            goes_on = within and index + 1 < len(lines) and _ITEM.fullmatch(lines[index + 1]) is not None
        if goes_on or _ITEM.fullmatch(line):
            kinds.append("item")
        else:
            kinds.append("quote" if _QUOTE.fullmatch(line) else "text")
    return kinds


def _read_items(lines: Sequence[str]) -> list[_Item]:
    """Read the items of a list; an indent that is deeper than the one before is a level."""
    items: list[_Item] = []
    indents: list[int] = []
    for line in lines:
        found = _ITEM.fullmatch(line)
        if found is None:
            items[-1].text += f"\n{line.strip()}" if line.strip() else ""
            continue
        indent = len(found["indent"].expandtabs(4))
        indents = [each for each in indents if each < indent] + [indent]
        number = None if found["number"] is None else int(found["number"])
        items.append(_Item(level=min(len(indents) - 1, _DEEPEST), number=number, text=found["text"]))
    return items


def _build_lists(items: Sequence[_Item]) -> Iterator[Block]:
    """Build a list for each run of items that follow one another on one level."""
    first = 0
    for end in range(1, len(items) + 1):
        if end < len(items) and items[end].follows(items[end - 1]):
            continue
        run, number = items[first:end], items[first].number
        block: Block = {
            "type": "rich_text_list",
            "style": "bullet" if number is None else "ordered",
            "elements": [build_section(build_inline(item.text)) for item in run],
        }
        marks = {"indent": run[0].level, "offset": (number or 1) - 1}
        yield block | {name: value for name, value in marks.items() if value}
        first = end


def build_inline(text: str) -> list[Block]:
    """Build the elements of a text within a paragraph: links, emoji, and what is between them."""
    elements: list[Block] = []
    from_ = 0
    for found in _INLINE.finditer(text):
        made, length = _build_marked(found)
        if made:
            before = text[from_ : found.start()]
            elements += [*([_build_text(before)] if before else []), *made]
            from_ = found.start() + length
    rest = text[from_:]
    return [*elements, *([_build_text(rest)] if rest else [])]


def _build_marked(found: re.Match[str]) -> tuple[list[Block], int]:
    """Build the elements of a link or a run of emoji, and count the characters that they stand for."""
    if found["emoji"]:
        return _build_emoji(found["emoji"]), len(found[0])
    shown = _trim_address(found["link"])
    url = shown if "://" in shown else f"https://{shown}"
    return [{"type": "link", "url": url, "text": shown}] if len(url) <= ADDRESS_LIMIT else [], len(shown)


def _build_emoji(codes: str) -> list[Block]:
    """Build the emoji of a run such as `:wave::skin-tone-3::tada:`."""
    emoji: list[Block] = []
    for name in re.findall(r":([^:]+):", codes):
        tone = re.fullmatch(r"skin-tone-(\d)", name)
        if tone is None:
            emoji.append({"type": "emoji", "name": name})
        elif emoji:
            emoji[-1]["skin_tone"] = int(tone[1])
    return emoji


def _trim_address(address: str) -> str:
    """Leave out what ends the sentence and not the address: a full stop, a bracket that opened before it."""
    unopened = {closing: address.count(closing) - address.count(opening) for opening, closing in ("()", "[]")}
    end = len(address)
    while (last := address[end - 1]) in ".,;:!?'*_~" or unopened.get(last, 0) > 0:
        unopened[last] = unopened.get(last, 0) - 1
        end -= 1
    return address[:end]
