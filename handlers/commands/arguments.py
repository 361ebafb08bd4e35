"""A command's text, taken apart."""

from typing import Final

HINT_MARK: Final = " // "


def parse_subcommand(text: str) -> str:
    """Fold a text as it is compared with subcommands: phones begin with a capital, and may end with a full stop."""
    return text.strip().casefold().removesuffix(".").removesuffix("。").rstrip() or text.strip()


def split_hint(text: str) -> tuple[str, str | None]:
    """Split the customer's message from the hint behind the last ` // `, if there is one."""
    message, mark, hint = text.rpartition(HINT_MARK)
    if not mark or not message.strip() or not hint.strip():
        return text, None
    return message.strip(), hint.strip()
