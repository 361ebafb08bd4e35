"""Texts of customers and models, shown and never obeyed."""

import re
from typing import Final

# Escape sequences could repaint the screen; marks of direction could turn the words around.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def make_printable(text: str) -> str:
    """Replace the characters that a terminal would take as a command, or that turn the direction of what follows."""
    return _CONTROLS.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def pluralise(number: int, noun: str) -> str:
    """Write a number with its noun: 1 row, 2 rows."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
