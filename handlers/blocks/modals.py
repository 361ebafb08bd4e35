"""Modals with inputs, or with something to read."""

from collections.abc import Callable, Sequence
from functools import partial

from bot.errors import StaleConversation
from bot.i18n.languages import LANGUAGES
from bot.i18n.texts import Texts
from bot.suggesting.redraft import CUSTOMERS_OWN
from bot.suggesting.translation import Translation, TranslationTask
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
    TRANSLATION_VIEW,
    WHOLE_VIEW,
)
from handlers.blocks.elements import Block, context, divider, modal, option, section, select, text_input
from handlers.blocks.limits import EDIT_LIMIT, HINT_LIMIT, MODAL_BLOCKS, MODAL_ROOM
from handlers.blocks.markdown import build_draft
from handlers.blocks.messages import BlockMessage, fold
from handlers.blocks.rich_text import build_rich_texts
from handlers.payloads import EXPORT_FORMS, EXPORT_RANGES
from storage.records import Candidate, Request


def build_edit_view(candidate: Candidate, texts: Texts, *, asked: str, posts: bool) -> Block:
    """Build the editor under the customer's message; for a reply over its limit, a modal with the text to copy."""
    text = candidate.text or ""
    if count_utf16_units(text) > EDIT_LIMIT:
        return build_copy_view(candidate, texts, note=texts("too-long-to-edit"))
    editor = _build_editor(text, texts, hint=texts("modal-where" if posts else "modal-where-copy"))
    return modal(
        texts,
        texts("modal-title"),
        [*_quote(asked, texts), editor],
        callback_id=EDIT_VIEW,
        submit=texts("modal-submit" if posts else "modal-submit-copy"),
        metadata=candidate.id,
    )


def _quote(asked: str, texts: Texts) -> Sequence[Block]:
    """Build the customer's message for the head of a modal, cut where it is long."""
    return build_rich_texts(texts("for-message", message=fold(asked))) if asked.strip() else ()


def build_stale_edit_view(stale: StaleConversation, typed: str, texts: Texts) -> Block:
    """Build the editor once more, with what the agent wrote, under the warning that the conversation has moved on."""
    blocks = [
        section(texts("stale", newer=stale.newer)),
        *_quote(stale.request.asked, texts),
        _build_editor(typed[:EDIT_LIMIT], texts, hint=texts("modal-where-anyway")),
    ]
    return modal(
        texts,
        texts("modal-title"),
        blocks,
        callback_id=EDIT_ANYWAY_VIEW,
        submit=texts("modal-submit-anyway"),
        metadata=stale.candidate.id,
    )


def _build_editor(text: str, texts: Texts, *, hint: str) -> Block:
    """The input with the reply's text."""
    return text_input(
        REPLY_BLOCK,
        texts("modal-input"),
        limit=EDIT_LIMIT,
        hint=hint,
        multiline=True,
        initial_value=text,
        focus_on_load=True,
    )


def build_language_view(candidate_id: str, texts: Texts) -> Block:
    """Build the choice of a language, the customer's own first."""
    options = [option(texts("language-customers"), CUSTOMERS_OWN)]
    options += [option(native, code) for code, (_, native) in LANGUAGES.items()]
    return modal(
        texts,
        texts("language-title"),
        [select(LANGUAGE_BLOCK, texts("language-label"), options, initial=0)],
        callback_id=LANGUAGE_VIEW,
        submit=texts("language-submit"),
        metadata=candidate_id,
    )


def build_reason_view(request_id: str, texts: Texts) -> Block:
    """Build the field for a reason that the select does not have."""
    label = texts("reason-placeholder")
    return modal(
        texts,
        texts("reason-other"),
        [text_input(REASON_BLOCK, label, limit=EDIT_LIMIT, multiline=True, focus_on_load=True)],
        callback_id=REASON_VIEW,
        submit=texts("settings-submit"),
        metadata=request_id,
    )


def build_paste_view(texts: Texts) -> Block:
    """Build the modal to paste the customer's message in, with a hint for how to write."""
    message = text_input(MESSAGE_BLOCK, texts("paste-message"), limit=EDIT_LIMIT, multiline=True)
    hint = text_input(HINT_BLOCK, texts("paste-hint"), limit=HINT_LIMIT)
    return modal(
        texts,
        texts("modal-replies-title"),
        [message, {**hint, "optional": True}],
        callback_id=PASTE_VIEW,
        submit=texts("paste-submit"),
    )


def build_export_view(texts: Texts) -> Block:
    """Build the modal that asks which requests to export, and in which form."""
    forms = [option(texts(f"export-form-{form}"), form) for form in EXPORT_FORMS]
    ranges = [option(texts(f"export-range-{days}"), days) for days in EXPORT_RANGES]
    names = [option(texts(f"export-names-{kind}"), kind) for kind in ("ids", "pseudonyms")]
    blocks = [
        select("export_range", texts("export-range"), ranges, initial=1),
        select("export_form", texts("export-form"), forms, initial=0),
        select("export_names", texts("export-names"), names, initial=0),
        context(texts("export-what")),
    ]
    return modal(texts, texts("export-title"), blocks, callback_id=EXPORT_VIEW, submit=texts("export-submit"))


def build_whole_view(request: Request, candidate: Candidate, texts: Texts) -> Block:
    """Build the modal with a candidate's whole text."""
    title = texts("whole-title", position=candidate.position)
    shown = partial(build_draft, request=request)
    return modal(texts, title, _build_whole(candidate.text or "", texts, shown), callback_id=WHOLE_VIEW)


def build_copy_view(candidate: Candidate, texts: Texts, *, note: str | None = None) -> Block:
    """Build the modal with a candidate's text to copy: in an input, where it can be selected on phones too, if it fits.

    What is changed in the input has no effect. Markdown is there as it was written.
    """
    text, title = candidate.text or "", texts("modal-copy-title")
    if not 0 < count_utf16_units(text) <= EDIT_LIMIT:
        shown = [*([] if note is None else [section(note)]), *_build_whole(text, texts, build_rich_texts)]
        return modal(texts, title, shown[:MODAL_BLOCKS], callback_id=COPY_VIEW)
    editor = _build_editor(text, texts, hint=texts("copy-where"))
    return modal(texts, title, [editor], callback_id=COPY_VIEW, submit=texts("modal-submit-copy"))


def build_translation_view(task: TranslationTask, translated: Translation | str, texts: Texts) -> Block:
    """Build the modal with a translation, or with what there is to say in its place, and what it was made from."""
    build = partial(build_draft, request=task.request)
    if isinstance(translated, Translation):
        cut = [context(texts("cut-off"))] if translated.is_cut_off else []
        shown = [*_build_whole(translated.text or "", texts, build), *cut, context(texts("translation-what"))]
    else:
        shown = [section(translated)]
    blocks = [*shown, divider(), context(texts("translation-of")), *_build_whole(task.shown, texts, build)]
    return modal(texts, texts("translation-title"), blocks, callback_id=TRANSLATION_VIEW)


def _build_whole(text: str, texts: Texts, build: Callable[[str], Sequence[Block]]) -> Sequence[Block]:
    """Build a whole text, as far as a modal holds it."""
    shown = "".join(split_text(text, MODAL_ROOM)[:1])
    cut = [] if shown == text else [context(texts("source-cut"))]
    return [*(build(shown) or [section(texts("no-text-kept"))]), *cut]


def build_notice_view(message: BlockMessage, texts: Texts) -> Block:
    """Build a modal that only says something: for a refusal where there is no message to write."""
    return modal(texts, texts("barred-title"), message.blocks)
