"""HTML that texts cannot break: everything that is not made here is escaped."""

from collections.abc import Iterable
from html import escape
from typing import Final

_EMPTY: Final = frozenset({"meta", "line", "rect", "circle", "polyline", "polygon"})


class Markup(str):
    """Text that is HTML already. Only `element` and `raw` make it."""

    __slots__ = ()


def element(tag: str, /, *children: object, **attributes: str | float | None) -> Markup:
    """Make an element: `element("p", "a < b", class_="note")`. Texts are escaped, lists flattened, None left out.

    A trailing underscore of an attribute's name is dropped, others become hyphens.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_format_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in _EMPTY and not children:
        return Markup(f"<{tag}{told}>" if tag == "meta" else f"<{tag}{told}/>")
    return Markup(f"<{tag}{told}>{''.join(_flatten(children))}</{tag}>")


def raw(text: str) -> Markup:
    """Mark a text of our own as HTML."""
    return Markup(text)


def _flatten(children: Iterable[object]) -> Iterable[str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            yield child
        elif isinstance(child, str):
            yield escape(_remove_controls(child))
        elif isinstance(child, Iterable):
            yield from _flatten(child)
        else:
            yield escape(str(child))


def _format_number(value: str | float) -> str:
    return _remove_controls(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def _remove_controls(text: str) -> str:
    """Remove control characters, and marks that turn the direction of what follows."""
    return "".join("\ufffd" if _is_control(character) else character for character in text)


def _is_control(character: str) -> bool:
    return (
        character < " " and character not in "\t\n"
    ) or character in "\x7f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
