"""Ids of buttons, selects, shortcuts, views and inputs: public, as docs/architecture.md lists them."""

from typing import Final

USE: Final = "use_candidate"
USE_ANYWAY: Final = "use_anyway"
EDIT: Final = "edit_candidate"
REDRAFT: Final = "redraft_request"
STEER: Final = "steer_candidate"
DISMISS: Final = "dismiss_request"
REASON: Final = "dismiss_reason"
UNDO: Final = "undo_choice"
POST: Final = "post_reply"

MESSAGE_SHORTCUT: Final = "suggest_replies"
GLOBAL_SHORTCUT: Final = "suggest_anywhere"

CANDIDATES_VIEW: Final = "suggested_replies"
COPY_VIEW: Final = "copy_reply"
EDIT_VIEW: Final = "edit_reply"
EDIT_ANYWAY_VIEW: Final = "edit_reply_anyway"
LANGUAGE_VIEW: Final = "steer_language"
PASTE_VIEW: Final = "paste_message"
EXPORT_VIEW: Final = "export_log"

REPLY_BLOCK: Final = "reply"
MESSAGE_BLOCK: Final = "message"
HINT_BLOCK: Final = "hint"
LANGUAGE_BLOCK: Final = "language"
"""Also the id of the select in it."""
TEXT_ACTION: Final = "text"
