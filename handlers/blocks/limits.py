"""Slack's limits for messages and modals, and the room that is given to each reply in them."""

from typing import Final

BLOCKS_LIMIT: Final = 50
MESSAGE_LIMIT: Final = 11_000
"""Characters of all blocks of one message, as JSON: Slack refuses at about 12,000 of text, or 13,000 of JSON."""
MESSAGES_LIMIT: Final = 5
"""A `response_url` has 5 uses; what comes after them goes another way."""
EDIT_LIMIT: Final = 3_000
HINT_LIMIT: Final = 500
MODAL_BLOCKS: Final = 100
PLACES_LIMIT: Final = 4
"""Places in one message that fills: short replies fit in all of them."""
OWN_ROOM: Final = 9_000
"""Characters of one text as JSON, in a block of its own."""
FOLD_OVER: Final = 3_000
"""Characters of a candidate, as JSON, over which it is folded: a message takes three."""
FOLDED: Final = 1_200
"""Characters that are shown of a candidate that is folded."""
RICH_LIMIT: Final = 9_200
"""Characters of a rich text, as JSON: with its buttons it fits into a message."""
MODAL_ROOM: Final = 36_000
"""For texts in a modal, of which Slack takes 250,000 bytes; a letter outside of ASCII may take six."""
SOURCES_LIMIT: Final = 5
"""Sources under a candidate; a context block has ten elements."""
SOURCE_LINE_LIMIT: Final = 1_200
"""Characters of a candidate's sources, addresses included."""
ASKED_LIMIT: Final = 300
"""Characters of the customer's message over the candidates."""
SENT_LIMIT: Final = 60
"""Characters of a posted reply in its confirmation."""
SHORTEST: Final = 400
"""Characters of a text that is worth cutting further."""
TOO_LONG: Final = frozenset({"msg_blocks_too_long", "msg_too_long"})
"""Refusals of a message that is taken in parts."""
