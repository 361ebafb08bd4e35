"""A command's text, taken apart."""

import unicodedata
from typing import Final

from bot.drafting.invisible import strip_invisible

HINT_MARK: Final = " // "

_AROUND: Final = " \n\t\"'`*_~\u2018\u2019\u201c\u201d\u300c\u300d"


def parse_subcommand(text: str) -> str:
    """Fold a text as it is compared with subcommands: phones begin with a capital, and may end with a full stop.

    Width, quotes, marks of Slack's formats and what cannot be seen make no difference.
    """
    folded = unicodedata.normalize("NFKC", strip_invisible(text)).casefold().strip(_AROUND)
    return folded.removesuffix(".").removesuffix("。").rstrip(_AROUND) or text.strip()


def split_hint(text: str) -> tuple[str, str | None]:
    """Split the customer's message from the hint behind the last ` // `, if there is one."""
    message, mark, hint = text.rpartition(HINT_MARK)
    if not mark or not message.strip() or not hint.strip():
        return text, None
    return message.strip(), hint.strip()
