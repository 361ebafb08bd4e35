"""Modals with inputs, or with something to read."""

from collections.abc import Sequence

from bot.errors import StaleConversation
from bot.i18n.texts import Texts
from bot.suggesting.redraft import CUSTOMERS_OWN, LANGUAGES
from bot.text_limits import count_utf16_units, split_text
from handlers.blocks.action_ids import (
    COPY_VIEW,
    EDIT_ANYWAY_VIEW,
    EDIT_VIEW,
    EXPORT_VIEW,
    HINT_BLOCK,
    LANGUAGE_BLOCK,
    LANGUAGE_VIEW,
    MESSAGE_BLOCK,
    PASTE_VIEW,
    REASON_BLOCK,
    REASON_VIEW,
    REPLY_BLOCK,
    TEXT_ACTION,
    WHOLE_VIEW,
)
from handlers.blocks.elements import Block, context, option, plain_text, section, select
from handlers.blocks.limits import EDIT_LIMIT, HINT_LIMIT, MODAL_BLOCKS, MODAL_ROOM
from handlers.blocks.messages import BlockMessage, fold
from handlers.blocks.rich_text import build_rich_texts
from handlers.payloads import EXPORT_FORMS, EXPORT_RANGES
from storage.records import Candidate


def build_edit_view(candidate: Candidate, texts: Texts, *, asked: str, posts: bool) -> Block:
    """Build the editor under the customer's message; for a reply over its limit, a modal with the text to copy."""
    text = candidate.text or ""
    if count_utf16_units(text) > EDIT_LIMIT:
        return _build_copy_view(text, texts)
    editor = _build_editor(text, texts, hint=texts("modal-where" if posts else "modal-where-copy"))
    return {
        "type": "modal",
        "callback_id": EDIT_VIEW,
        "private_metadata": candidate.id,
        "title": plain_text(texts("modal-title")),
        "submit": plain_text(texts("modal-submit" if posts else "modal-submit-copy")),
        "close": plain_text(texts("modal-close")),
        "blocks": [*_quote(asked, texts), editor],
    }


def _quote(asked: str, texts: Texts) -> Sequence[Block]:
    """Build the customer's message for the head of a modal, cut where it is long."""
    return build_rich_texts(texts("for-message", message=fold(asked))) if asked.strip() else ()


def build_stale_edit_view(stale: StaleConversation, typed: str, texts: Texts) -> Block:
    """Build the editor once more, with what the agent wrote, under the warning that the conversation has moved on."""
    return {
        "type": "modal",
        "callback_id": EDIT_ANYWAY_VIEW,
        "private_metadata": stale.candidate.id,
        "title": plain_text(texts("modal-title")),
        "submit": plain_text(texts("modal-submit-anyway")),
        "close": plain_text(texts("modal-close")),
        "blocks": [
            section(texts("stale", newer=stale.newer)),
            *_quote(stale.request.asked, texts),
            _build_editor(typed[:EDIT_LIMIT], texts, hint=texts("modal-where-anyway")),
        ],
    }


def build_language_view(candidate_id: str, texts: Texts) -> Block:
    """Build the choice of a language, the customer's own first."""
    customers = {"text": plain_text(texts("language-customers")), "value": CUSTOMERS_OWN}
    others = [{"text": plain_text(native), "value": code} for code, (_, native) in LANGUAGES.items()]
    return {
        "type": "modal",
        "callback_id": LANGUAGE_VIEW,
        "private_metadata": candidate_id,
        "title": plain_text(texts("language-title")),
        "submit": plain_text(texts("language-submit")),
        "close": plain_text(texts("modal-close")),
        "blocks": [
            {
                "type": "input",
                "block_id": LANGUAGE_BLOCK,
                "label": plain_text(texts("language-label")),
                "element": {
                    "type": "static_select",
                    "action_id": LANGUAGE_BLOCK,
                    "options": [customers, *others],
                    "initial_option": customers,
                },
            }
        ],
    }


def build_reason_view(request_id: str, texts: Texts) -> Block:
    """Build the field for a reason that the select does not have."""
    return {
        "type": "modal",
        "callback_id": REASON_VIEW,
        "private_metadata": request_id,
        "title": plain_text(texts("reason-other")),
        "submit": plain_text(texts("settings-submit")),
        "close": plain_text(texts("modal-close")),
        "blocks": [
            {
                "type": "input",
                "block_id": REASON_BLOCK,
                "label": plain_text(texts("reason-placeholder")),
                "element": {
                    "type": "plain_text_input",
                    "action_id": TEXT_ACTION,
                    "multiline": True,
                    "max_length": EDIT_LIMIT,
                    "focus_on_load": True,
                },
            }
        ],
    }


def build_paste_view(texts: Texts) -> Block:
    """Build the modal to paste the customer's message in, with a hint for how to write."""

    def build_input(name: str, *, lines: bool) -> Block:
        return {
            "type": "input",
            "block_id": name,
            "optional": name == HINT_BLOCK,
            "label": plain_text(texts(f"paste-{name}")),
            "element": {
                "type": "plain_text_input",
                "action_id": TEXT_ACTION,
                "multiline": lines,
                "max_length": EDIT_LIMIT if lines else HINT_LIMIT,
            },
        }

    return {
        "type": "modal",
        "callback_id": PASTE_VIEW,
        "title": plain_text(texts("modal-replies-title")),
        "submit": plain_text(texts("paste-submit")),
        "close": plain_text(texts("modal-close")),
        "blocks": [build_input(MESSAGE_BLOCK, lines=True), build_input(HINT_BLOCK, lines=False)],
    }


def build_export_view(texts: Texts) -> Block:
    """Build the modal that asks which requests to export, and in which form."""
    forms = [option(texts(f"export-form-{form}"), form) for form in EXPORT_FORMS]
    ranges = [option(texts(f"export-range-{days}"), days) for days in EXPORT_RANGES]
    names = [option(texts(f"export-names-{kind}"), kind) for kind in ("ids", "pseudonyms")]
    return {
        "type": "modal",
        "callback_id": EXPORT_VIEW,
        "title": plain_text(texts("export-title")),
        "submit": plain_text(texts("export-submit")),
        "close": plain_text(texts("modal-close")),
        "blocks": [
            select("export_range", texts("export-range"), ranges, initial=1),
            select("export_form", texts("export-form"), forms, initial=0),
            select("export_names", texts("export-names"), names, initial=0),
            context(texts("export-what")),
        ],
    }


def build_whole_view(candidate: Candidate, texts: Texts) -> Block:
    """Build the modal with a candidate's whole text, as far as a modal holds it."""
    text = candidate.text or ""
    shown = "".join(split_text(text, MODAL_ROOM)[:1])
    cut = [] if shown == text else [context(texts("source-cut"))]
    return {
        "type": "modal",
        "callback_id": WHOLE_VIEW,
        "title": plain_text(texts("whole-title", position=candidate.position)),
        "close": plain_text(texts("modal-copy-close")),
        "blocks": [*(build_rich_texts(shown) or [section(texts("source-forgotten"))]), *cut],
    }


def build_notice_view(message: BlockMessage, texts: Texts) -> Block:
    """Build a modal that only says something: for a refusal where there is no message to write."""
    return {
        "type": "modal",
        "title": plain_text(texts("barred-title")),
        "close": plain_text(texts("modal-copy-close")),
        "blocks": list(message.blocks),
    }


def _build_editor(text: str, texts: Texts, *, hint: str) -> Block:
    """The input with the reply's text."""
    return {
        "type": "input",
        "block_id": REPLY_BLOCK,
        "label": plain_text(texts("modal-input")),
        "hint": plain_text(hint),
        "element": {
            "type": "plain_text_input",
            "action_id": TEXT_ACTION,
            "multiline": True,
            "initial_value": text,
            "max_length": EDIT_LIMIT,
            "focus_on_load": True,
        },
    }


def _build_copy_view(text: str, texts: Texts) -> Block:
    """The modal with a text to be copied, as far as its blocks hold it."""
    return {
        "type": "modal",
        "callback_id": COPY_VIEW,
        "title": plain_text(texts("modal-copy-title")),
        "close": plain_text(texts("modal-copy-close")),
        "blocks": [section(texts("too-long-to-edit")), *build_rich_texts(text)][:MODAL_BLOCKS],
    }
