"""Ids of buttons, menus, views and shortcuts: public. One table of what each does, where it stands, and its label.

`handlers/app.py` registers the handlers that it names, `handlers/blocks/` builds the buttons under candidates from it,
and the table in docs/architecture.md is made from it.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Final, Literal

USE: Final = "use_candidate"
USE_ANYWAY: Final = "use_anyway"
EDIT: Final = "edit_candidate"
EXPAND: Final = "show_candidate"
SHOW_SOURCE: Final = "show_source"
COPY: Final = "copy_candidate"
TRANSLATE: Final = "translate_candidate"
REDRAFT: Final = "redraft_request"
STEER: Final = "steer_candidate"
DISMISS: Final = "dismiss_request"
REASON: Final = "dismiss_reason"
UNDO: Final = "undo_choice"
POST: Final = "post_reply"
SHOW: Final = "show_request"
OPEN_SETTINGS: Final = "open_settings"
OPEN_CHANNEL: Final = "open_channel_defaults"
PAUSE: Final = "pause_drafting"
RESUME: Final = "resume_drafting"

MESSAGE_SHORTCUT: Final = "suggest_replies"
GLOBAL_SHORTCUT: Final = "suggest_anywhere"

CANDIDATES_VIEW: Final = "suggested_replies"
COPY_VIEW: Final = "copy_reply"
EDIT_VIEW: Final = "edit_reply"
EDIT_ANYWAY_VIEW: Final = "edit_reply_anyway"
LANGUAGE_VIEW: Final = "steer_language"
REASON_VIEW: Final = "other_reason"
PASTE_VIEW: Final = "paste_message"
EXPORT_VIEW: Final = "export_log"
SOURCE_VIEW: Final = "source"
WHOLE_VIEW: Final = "whole_reply"
TRANSLATION_VIEW: Final = "translation"
SETTINGS_VIEW: Final = "settings"
CHANNEL_VIEW: Final = "channel_defaults"

REPLY_BLOCK: Final = "reply"
MESSAGE_BLOCK: Final = "message"
HINT_BLOCK: Final = "hint"
LANGUAGE_BLOCK: Final = "language"
"""Also the id of the select in it."""
REASON_BLOCK: Final = "reason"
TEXT_ACTION: Final = "text"

Place = Literal["candidate", "folded", "sources", "foreign", "request"]


@dataclass(frozen=True, slots=True)
class Action:
    """A button, menu, modal or shortcut that Slack calls back by this id.

    `handler` is its function, as `module:name` in `handlers/`; a view that only shows something has none. `place`: a
    button under each candidate, under those that are cut, cite sources or may be in another language, or under them
    all, whose text is `button-<label>`, and `label-<label>` for the screen readers of all but the last. `asks`: it asks
    first where a source is internal.
    `value` and `about` are for docs/architecture.md.
    """

    id: str
    kind: Literal["click", "view", "message_shortcut", "global_shortcut"]
    handler: str
    value: str
    about: str
    _: KW_ONLY
    place: Place | None = None
    label: str = ""
    is_primary: bool = False
    asks: bool = False


_CANDIDATE: Final = "the candidate's id"
_REQUEST: Final = "the request's id"
_METADATA: Final = "the candidate's id, as `private_metadata`"
_BACK: Final = "[brings the originals back](privacy.md#while-a-request-is-open)"

# fmt: off
ACTIONS: Final = (
    Action(USE, "click", "actions.use:use", _CANDIDATE,
           "*Use*, under each candidate", place="candidate", label="use", is_primary=True, asks=True),
    Action(EDIT, "click", "actions.edit:edit", _CANDIDATE,
           "*Edit*, under each candidate", place="candidate", label="edit", asks=True),
    Action(EXPAND, "click", "actions.expand:expand", _CANDIDATE,
           "*Show all*, under each candidate that is too long for its place", place="folded", label="expand"),
    Action(SHOW_SOURCE, "click", "actions.source:show_source", _CANDIDATE,
           "*Show source*, under each candidate that cites one", place="sources", label="source"),
    Action(COPY, "click", "actions.expand:copy", _CANDIDATE,
           "*Copy*, under each candidate", place="candidate", label="copy"),
    Action(TRANSLATE, "click", "actions.translate:translate", _CANDIDATE,
           "*Translate for me*, under each candidate that may be in a language that is not the agent's",
           place="foreign", label="translate"),
    Action(STEER, "click", "actions.redraft:steer", "the wish and the candidate's id: `shorter:<id>`",
           "the menu beside them"),
    Action(REDRAFT, "click", "actions.redraft:redraft", _REQUEST,
           "*More like these*, and *Try again* after a failure", place="request", label="redraft"),
    Action(DISMISS, "click", "actions.dismiss:dismiss", _REQUEST, "*None of these*", place="request", label="dismiss"),
    Action(REASON, "click", "actions.dismiss:give_reason", "the reason; the request's id is in the `block_id`",
           "the select that follows"),
    Action(USE_ANYWAY, "click", "actions.use:use_anyway", _CANDIDATE,
           "*Use anyway*, after the warning that the thread has moved on"),
    Action(UNDO, "click", "actions.undo:undo", _REQUEST, f"*Undo*; the `block_id` has the key that {_BACK}"),
    Action(POST, "click", "actions.post_again:post_again", _REQUEST, "*Post*, for a reply that Slack did not confirm"),
    Action(SHOW, "click", "actions.home:show_request", _REQUEST, "*Show the replies*, in Home, for an open request"),
    Action(OPEN_SETTINGS, "click", "actions.home:open_settings", "none", "*Change settings*, in Home"),
    Action(OPEN_CHANNEL, "click", "actions.home:open_channel_defaults", "the channel's id, or `new`",
           "*Change* and *Set defaults for a channel*, in an admin's Home"),
    Action(PAUSE, "click", "actions.home:pause_drafting", "none", "*Pause drafting*, in an admin's Home"),
    Action(RESUME, "click", "actions.home:resume_drafting", "none", "*Resume drafting*, in an admin's Home"),
    Action(EDIT_VIEW, "view", "views.edit_reply:on_edit", _METADATA, "the editor: input block `reply`, action `text`"),
    Action(EDIT_ANYWAY_VIEW, "view", "views.edit_reply:on_edit_anyway", _METADATA,
           "the editor after that warning: as `edit_reply`"),
    Action(LANGUAGE_VIEW, "view", "views.steer_language:on_language", _METADATA,
           "the choice of a language: input block `language`, action `language`"),
    Action(REASON_VIEW, "view", "views.other_reason:on_reason", "the request's id, as `private_metadata`",
           "the field for another reason: input block `reason`, action `text`"),
    Action(PASTE_VIEW, "view", "views.paste_message:on_paste", "none",
           "the modal to paste in: input blocks `message` and `hint`, action `text`"),
    Action(EXPORT_VIEW, "view", "views.export_log:on_export", "none",
           "the modal of `/suggest export`: inputs `export_range`, `export_form`, `export_names`"),
    Action(SOURCE_VIEW, "view", "", "none", "the modal with the passages that a candidate cites"),
    Action(WHOLE_VIEW, "view", "", "none", "the modal with the whole text of a long candidate"),
    Action(TRANSLATION_VIEW, "view", "", "none", "the modal with a translation for reading, over the reply as it is"),
    Action(SETTINGS_VIEW, "view", "views.settings:on_settings", "none",
           "settings: inputs `candidates`, `language`, `on_use`, `styles`; input block `hint`, action `text`"),
    Action(CHANNEL_VIEW, "view", "views.channel_defaults:on_channel_defaults", "none",
           "a channel's defaults: inputs `channel`, `candidates`, `language`, `styles`"),
    Action(CANDIDATES_VIEW, "view", "", "the request's id, as `private_metadata`", "the modal with candidates"),
    Action(COPY_VIEW, "view", "", "none",
           "the modal with a reply to copy: input block `reply`, action `text`, where it is not too long"),
    Action(MESSAGE_SHORTCUT, "message_shortcut", "shortcuts.message_shortcut:on_message_shortcut", "none",
           "the shortcut in a message's menu"),
    Action(GLOBAL_SHORTCUT, "global_shortcut", "shortcuts.global_shortcut:on_global_shortcut", "none",
           "the shortcut beside the composer"),
)
# fmt: on
