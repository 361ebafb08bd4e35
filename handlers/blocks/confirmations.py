"""Answers to a decision: what became of the reply, with Undo; or a question before it is sent."""

from collections.abc import Sequence
from typing import Final, get_args

from bot.errors import StaleConversation
from bot.i18n.texts import Texts
from bot.suggesting.deliver import DeliveryOutcome
from handlers.blocks.action_ids import EDIT, POST, REASON, REDRAFT, UNDO, USE_ANYWAY
from handlers.blocks.elements import Block, actions, button, context, mrkdwn_section, plain_text, section
from handlers.blocks.limits import SENT_LIMIT
from handlers.blocks.markdown import build_draft
from handlers.blocks.messages import BlockMessage, build_unfilled_note, escape, paginate, shorten
from handlers.blocks.sources import build_question
from storage.records import Choice, DismissReason, Request

_ARCHIVED: Final = frozenset({"is_archived", "channel_is_archived"})


def build_delivery(
    request: Request,
    choice: Choice,
    outcome: DeliveryOutcome,
    texts: Texts,
    *,
    note: str | None = None,
    link: str | None = None,
    undo_key: str | None = None,
    unfilled: Sequence[str] = (),
) -> tuple[BlockMessage, ...]:
    """Say what became of the reply, with Undo; the text itself where it has to be copied, or may be missing.

    `link` leads to the posted reply. `unfilled` are placeholders of which nobody has the originals any more.
    """
    buttons = [button(texts("button-undo"), UNDO, request.id)]
    if outcome.state == "unknown":
        buttons.insert(0, button(texts("button-post"), POST, request.id))
    is_posted = outcome.state == "posted"
    text = _word_posted(request, choice, outcome, texts, link=link) if is_posted else _word_unposted(outcome, texts)
    missing = [token for token in unfilled if token in outcome.text]
    groups = [
        [mrkdwn_section(text)],
        *([block] for block in build_draft(outcome.text, request)),
        *([build_unfilled_note(missing, texts)] for _ in missing[:1]),
        [*([] if note is None else [context(note)]), _add_undo_key(actions(*buttons), UNDO, request, undo_key)],
    ]
    return paginate(groups, text=text)


def _word_posted(request: Request, choice: Choice, outcome: DeliveryOutcome, texts: Texts, *, link: str | None) -> str:
    """Word as mrkdwn which reply was posted where, with a link to it."""
    begins = shorten(choice.final_text or "…", SENT_LIMIT)
    channel_id = request.channel_id if outcome.begins is None else outcome.begins.channel_id
    edited = choice.kind == "edited"
    posted = texts("posted-edited" if edited else "posted", channel=channel_id, text=escape(begins))
    return posted if link is None else f"{posted} · {texts('posted-link', link=link)}"


def _word_unposted(outcome: DeliveryOutcome, texts: Texts) -> str:
    """Say why the reply stands below."""
    key = {
        "copy": "to-copy",
        "not_posted": "not-posted-archived" if _ARCHIVED.intersection(outcome.reasons) else "not-posted",
        "unknown": "may-be-posted",
    }[outcome.state]
    return texts(key)


def build_dismissal(request: Request, texts: Texts, *, undo_key: str | None = None) -> BlockMessage:
    """Note that none was chosen, with a select for the reason and Undo."""
    select = {
        "type": "static_select",
        "action_id": REASON,
        "placeholder": plain_text(texts("reason-placeholder")),
        "options": [
            {"text": plain_text(texts(f"reason-{reason}")), "value": reason} for reason in get_args(DismissReason)
        ],
    }
    undo = button(texts("button-undo"), UNDO, request.id)
    text = texts("dismissed")
    return BlockMessage(
        text=text,
        blocks=(section(text), _add_undo_key(actions(select, undo), REASON, request, undo_key)),
    )


def build_reason_note(request: Request, texts: Texts, *, undo_key: str | None = None) -> BlockMessage:
    """Note the reason, with Undo."""
    text = texts("reason-noted")
    undo = button(texts("button-undo"), UNDO, request.id)
    return BlockMessage(text=text, blocks=(section(text), _add_undo_key(actions(undo), UNDO, request, undo_key)))


def parse_undo_block(block_id: str) -> tuple[str, str | None]:
    """Read the id of a block with Undo: the request's id, and the key that brings its originals back."""
    _, _, rest = block_id.partition(":")
    request_id, _, key = rest.partition(":")
    return request_id, key or None


def build_stale_warning(stale: StaleConversation, texts: Texts) -> tuple[BlockMessage, ...]:
    """Warn that the conversation has moved on: the reply once more, to be used, edited, or drafted anew."""
    candidate = stale.candidate
    text = texts("stale", newer=stale.newer)
    buttons = [
        button(texts("button-anyway"), USE_ANYWAY, candidate.id, is_primary=True),
        button(texts("button-edit"), EDIT, candidate.id, confirm=build_question(candidate, texts)),
        button(texts("button-anew"), REDRAFT, stale.request.id),
    ]
    groups = [
        [section(text)],
        *([block] for block in build_draft(candidate.text or "", stale.request)),
        [actions(*buttons)],
    ]
    return paginate(groups, text=text)


def _add_undo_key(block: Block, name: str, request: Request, key: str | None) -> Block:
    """Put the request's id, and the key that brings the originals back, into the block's id, and nowhere else."""
    return {**block, "block_id": f"{name}:{request.id}" if key is None else f"{name}:{request.id}:{key}"}
