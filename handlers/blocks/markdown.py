"""Markdown as rich text, for playbooks that have their drafts written in it: bold, links, code, lists, quotes.

What Slack has no form for, and addresses that are no links, stand there as they were written: no word is lost. As in
`rich_text.py`, no element is made from a mention.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from handlers.blocks.elements import Block
from handlers.blocks.limits import RICH_LIMIT
from handlers.blocks.rich_text import ADDRESS_LIMIT, build_inline, build_parts, build_rich_texts, build_section
from storage.records import Request

_Style = dict[str, bool]

_STYLES: Final = {"strong": "bold", "em": "italic", "s": "strike"}
_LISTS: Final = frozenset({"bullet_list", "ordered_list"})
_CODE: Final = frozenset({"fence", "code_block"})
_BREAKS: Final = frozenset({"softbreak", "hardbreak"})
_RULE: Final = "─" * 10
_MARKS: Final = re.compile(r"[*_~`\[\]<>\\\n]")
_MOST_MARKS: Final = 1_000
"""Of more, the parser takes its time; nobody writes so many but to see what happens."""
_HIGHEST: Final = 9_999
_DEEPEST: Final = 8
_HREF: Final = re.compile(r"https?://(?![^\s/?#]*@)[^\s/?#<>|]+[^\s<>|]*|mailto:[^\s<>|?]+@[^\s<>|?]+", re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9+#.-]{0,20}")


def _keep(url: str) -> str:
    return url


def _build_parser() -> MarkdownIt:
    # Definitions of links, entities and HTML would go, or change, without a trace.
    parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")
    parser.disable(["reference", "entity", "html_block", "html_inline"])
    # Addresses stay as they are written: which of them are links is decided here.
    parser.normalizeLink = parser.normalizeLinkText = _keep  # type: ignore[method-assign, assignment]
    parser.validateLink = bool  # type: ignore[method-assign, assignment]
    return parser


_PARSER: Final = _build_parser()


def build_draft(text: str, request: Request, *, room: int = RICH_LIMIT) -> tuple[Block, ...]:
    """Build blocks of what was drafted or edited for a request, in the form that its playbook has it written in."""
    return build_rich_texts(text, room=room, build=_build_markdown if request.markdown else build_parts)


def _build_markdown(text: str) -> list[Block]:
    """Build the parts of a rich text; as it was written where it has no text, or too many marks."""
    if len(_MARKS.findall(text)) > _MOST_MARKS:
        return build_parts(text)
    return list(_build_blocks(SyntaxTreeNode(_PARSER.parse(text)).children)) or build_parts(text)


def _build_blocks(nodes: Iterable[SyntaxTreeNode]) -> Iterator[Block]:
    """Build a part for each list, quote and code, and a section for what stands between them."""
    section: list[Block] = []
    is_first = True
    for node in nodes:
        if node.type in _LISTS or node.type in _CODE or node.type == "blockquote":
            if section := _join(section):
                yield build_section(_join([*section, _build_text("\n")]))
            yield from _build_part(node)
            section, is_first = [], False
        else:
            between = "\n\n" if section else "" if is_first else "\n"
            section += [_build_text(between), *_flatten([node])]
    if section := _join(section):
        yield build_section(section)


def _build_part(node: SyntaxTreeNode) -> Iterator[Block]:
    if node.type in _LISTS and _get_start(node) + len(node.children) <= _HIGHEST:
        yield from _build_list(node, 0)
    elif node.type in _CODE:
        yield {"type": "rich_text_preformatted", "elements": [_build_text(_read_code(node))]}
    else:
        elements = _join(_flatten(node.children if node.type == "blockquote" else [node]))
        elements = elements or [_build_text(node.markup or " ")]
        yield {"type": "rich_text_quote" if node.type == "blockquote" else "rich_text_section", "elements": elements}


def _build_list(node: SyntaxTreeNode, level: int) -> Iterator[Block]:
    """Build a list; one within it divides it, and it goes on with its number."""
    items: list[Block] = []
    number = _get_start(node)

    def build_items() -> Block:
        marks = {"indent": level, "offset": number - 1 if node.type == "ordered_list" else 0}
        style = "ordered" if node.type == "ordered_list" else "bullet"
        shown: Block = {"type": "rich_text_list", "style": style, "elements": list(items)}
        return shown | {name: value for name, value in marks.items() if value > 0}

    for item in node.children:
        inner = [child for child in item.children if child.type in _LISTS]
        own = _flatten(child for child in item.children if child.type not in _LISTS)
        items.append(build_section(_join(own) or [_build_text(" ")]))
        if inner:
            yield build_items()
            number, items = number + len(items), []
        for child in inner:
            yield from _build_list(child, min(level + 1, _DEEPEST))
    if items:
        yield build_items()


def _flatten(nodes: Iterable[SyntaxTreeNode]) -> list[Block]:
    """Build the elements of blocks within a paragraph, a line each: what cannot stand within another part."""
    elements: list[Block] = []
    for node in nodes:
        elements += [_build_text("\n")] if elements else []
        if node.type in _LISTS:
            for number, item in enumerate(node.children, _get_start(node)):
                mark = "• " if node.type == "bullet_list" else f"{number}. "
                elements += [_build_text(("\n" if number > _get_start(node) else "") + mark), *_flatten(item.children)]
        elif node.type in _CODE:
            elements.append(_build_text(_read_code(node), {"code": True}))
        elif node.type == "hr":
            elements.append(_build_text(_RULE))
        elif node.type == "inline":
            elements += _build_all(node.children, {})
        elif node.type == "heading":
            elements += _build_all(node.children[0].children if node.children else [], {"bold": True})
        else:
            elements += _flatten(node.children)
    return elements


def _get_start(node: SyntaxTreeNode) -> int:
    start = node.attrs.get("start", 1)
    return start if isinstance(start, int) else 1


def _read_code(node: SyntaxTreeNode) -> str:
    """Read the code, with what stands behind its fence unless that is the name of a language."""
    content = node.content.removesuffix("\n")
    info = node.info.strip() if node.type == "fence" else ""
    shown = content if _LANGUAGE.fullmatch(info) and content else "\n".join(filter(None, (info, content)))
    return shown or node.markup


def _build_all(nodes: Iterable[SyntaxTreeNode], style: _Style) -> list[Block]:
    return [element for node in nodes for element in _build_element(node, style)]


def _build_element(node: SyntaxTreeNode, style: _Style) -> list[Block]:
    """Build the elements of what stands within a paragraph."""
    if node.type in _BREAKS:
        return [_build_text("\n", style)]
    if node.type in _STYLES:
        return _build_all(node.children, {**style, _STYLES[node.type]: True})
    if node.type == "code_inline":
        return [_build_text(node.content, {**style, "code": True})]
    if node.type in {"link", "image"}:
        return _build_link(node, style)
    # Emoji have no style.
    found = build_inline(node.content)
    return [element if element["type"] == "emoji" or not style else {**element, "style": style} for element in found]


def _build_link(node: SyntaxTreeNode, style: _Style) -> list[Block]:
    """Build a link; where its words are another address than it leads to, both are shown, and each leads to itself."""
    url, title = str(node.attrs.get("href", node.attrs.get("src", ""))), str(node.attrs.get("title", ""))
    inner = _build_all(node.children, style)
    words = node.content if node.type == "image" else "".join(element.get("text", "") for element in inner)
    more = [_build_text(f" ({title})", style)] if title else []
    is_other = any(element["type"] == "link" and element["url"] != url for element in build_inline(words))
    if any(element["type"] == "emoji" for element in inner) or is_other or not _leads(url, words):
        shown = inner or build_inline(words)
        return [*shown, _build_text(" (", style), *build_inline(url), _build_text(")", style), *more]
    merged = {name: True for element in inner for name in element.get("style", {})}
    link: Block = {"type": "link", "url": url, "text": words or url}
    return [{**link, "style": merged} if merged else link, *more]


def _leads(url: str, words: str) -> bool:
    """Tell if Slack makes a link of an address and its words."""
    return _HREF.fullmatch(url) is not None and len(url) <= ADDRESS_LIMIT and len(words) <= ADDRESS_LIMIT


def _build_text(text: str, style: _Style | None = None) -> Block:
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def _join(elements: Sequence[Block]) -> list[Block]:
    """Join texts of one style that stand beside each other, and leave out empty ones."""
    joined: list[Block] = []
    for element in elements:
        if element["type"] == "text" and not element["text"]:
            continue
        before = joined[-1] if joined else {}
        if element["type"] == before.get("type") == "text" and element.get("style") == before.get("style"):
            joined[-1] = {**before, "text": before["text"] + element["text"]}
        else:
            joined.append(element)
    return joined
