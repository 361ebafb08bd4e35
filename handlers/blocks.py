"""What Slack is sent: the candidates, the confirmations, the modals, as Block Kit. Pure: records in, JSON out.

Whatever a model or a customer wrote stands in `plain_text`, which Slack shows as it is: no mention in it pings anyone,
no `*` in it is bold. In a message's `text`, which has no such form, it is escaped.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from bot.errors import Stale
from bot.i18n.texts import Texts
from bot.ordering.shuffle import draw_places
from bot.suggesting.deliver import Outcome
from bot.suggesting.redraft import CUSTOMERS_OWN, LANGUAGES
from bot.text_limits import slack_length, split
from handlers.payloads import EXPORT_FORMS, EXPORT_RANGES
from storage.records import Candidate, Choice, DismissReason, DraftError, LogEntry, Request, Steer

SECTION_LIMIT: Final = 3_000
BLOCKS_LIMIT: Final = 50
MESSAGE_LIMIT: Final = 11_000
"""Characters of all blocks of one message, as JSON: Slack refuses at about 12,000 of text, or 13,000 of JSON."""
MESSAGES_LIMIT: Final = 5
"""A `response_url` has 5 uses; what comes after them goes another way."""
EDIT_LIMIT: Final = 3_000
MODAL_BLOCKS: Final = 100
PLACES_LIMIT: Final = 4
"""Places in one message that fills: short replies fit in all of them."""
OWN_ROOM: Final = 9_000
"""For a candidate that has a message to itself."""
MODAL_ROOM: Final = 36_000
"""For candidates in a modal, of which Slack takes 250,000 bytes; a letter outside of ASCII may take six."""
SHORTEST: Final = 400
"""Characters of a text that is worth cutting further."""
TOO_LONG: Final = frozenset({"msg_blocks_too_long", "msg_too_long"})
"""Refusals of a message that is taken in parts."""

USE, EDIT, REDRAFT, DISMISS = "use_candidate", "edit_candidate", "redraft_request", "dismiss_request"
REASON, UNDO, POST = "dismiss_reason", "undo_choice", "post_reply"
EDIT_VIEW, REPLY_BLOCK, TEXT_ACTION = "edit_reply", "reply", "text"
EXPORT_VIEW = "export_log"
ANYWAY, ANYWAY_VIEW = "use_anyway", "edit_reply_anyway"
STEER, STEER_VIEW, LANGUAGE = "steer_candidate", "steer_language", "language"
MODAL_VIEW = "suggested_replies"
PASTE_VIEW, MESSAGE_BLOCK, HINT_BLOCK = "paste_message", "message", "hint"
HINT_LIMIT: Final = 500

_ARCHIVED: Final = frozenset({"is_archived", "channel_is_archived"})

Block = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: its blocks, and the text that stands for them in notifications, escaped."""

    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How styles are called in front of the agent, by name."""

    styles: dict[str, str]

    def __getitem__(self, style: str) -> str:
        return self.styles.get(style, style)


def escape(text: str) -> str:
    """Text for mrkdwn in which nothing is a mention, a link or an entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def candidates(entry: LogEntry, texts: Texts, labels: Labels, *, note: str | None = None) -> tuple[Message, ...]:
    """The candidates in their places, as few messages as Slack's limits allow, about MESSAGES_LIMIT at most."""
    # Two whole sections with their buttons go into one message.
    room = SECTION_LIMIT * max(1, 2 * MESSAGES_LIMIT // max(1, len(entry.visible)))
    groups = [_head(entry.request, texts, note)]
    for candidate in entry.visible:
        unfilled = entry.unfilled.get(candidate.id, ())
        groups.extend(_candidate(candidate, texts, labels, room=room, unfilled=unfilled))
    groups.append(_foot(entry, texts))
    fallback = texts("candidates-fallback", count=len(entry.visible))
    return tuple(Message(text=fallback, blocks=tuple(blocks)) for blocks in _pages(groups))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What stands on a board: its first message, and those that follow it, by name. A modal shows all in one."""

    first: Message
    further: dict[str, Message] = field(default_factory=dict)

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(block for message in (self.first, *self.further.values()) for block in message.blocks)

    @property
    def fits(self) -> bool:
        """Whether Slack takes each of its messages."""
        messages = (self.first, *self.further.values())
        return all(len(each.blocks) <= BLOCKS_LIMIT and _size(each.blocks) <= MESSAGE_LIMIT for each in messages)


def unfolding(
    entry: LogEntry,
    texts: Texts,
    labels: Labels,
    *,
    note: str | None = None,
    room: int,
    below: Collection[str] = (),
) -> Layout:
    """All places of a request: with what is done in them, with why nothing is, or still being drafted.

    `room` is how many characters one candidate may have; what is longer is cut for display. The candidates with ids in
    `below` stand in messages of their own, and their places say so.
    """
    request = entry.request
    if request.status == "failed":
        return Layout(first=failed(entry, texts))
    drawn = draw_places(request.id, request.k_requested)
    done = {drawn[candidate.sample_index]: candidate for candidate in entry.candidates}
    pages: list[list[Block]] = []
    own: dict[str, Message] = {}
    fallback = texts("candidates-fallback", count=request.k_requested)
    for places in _divide(request.k_requested):
        pages.append([])
        for place in places:
            candidate = done.get(place)
            if candidate is None:
                pages[-1] += [_context(texts("place", position=place)), _plain_section(texts("drafting"))]
            elif candidate.position is None:
                pages[-1].append(_context(_empty_place(candidate, place, texts)))
            else:
                unfilled = entry.unfilled.get(candidate.id, ())
                groups = list(_candidate(candidate, texts, labels, room=room, unfilled=unfilled))
                if candidate.id not in below:
                    pages[-1] += [block for group in groups for block in group]
                    continue
                pages[-1].append(_context(texts("place-below", position=place, style=labels[candidate.style])))
                for part, page in enumerate(_pages(groups)):
                    own[f"{candidate.id}:{part}"] = Message(text=fallback, blocks=tuple(page))
    pages[0] = [*_head(request, texts, note), *pages[0]]
    pages[-1] += _foot(entry, texts) if entry.visible else [{"type": "divider"}, _context(texts("only-you"))]
    first, *rest = [Message(text=fallback, blocks=tuple(page)) for page in pages]
    return Layout(first=first, further={**{f"page:{index}": page for index, page in enumerate(rest)}, **own})


def _divide(count: int) -> list[range]:
    """The places, shared out evenly between as few messages as PLACES_LIMIT allows."""
    pages = -(-count // PLACES_LIMIT)
    return [range(1 + count * page // pages, 1 + count * (page + 1) // pages) for page in range(pages)]


def halve(message: Message) -> tuple[Message, ...]:
    """The message as two, cut behind the buttons that are nearest to its middle; none where it cannot be cut."""
    blocks = message.blocks
    if len(blocks) == 1:
        return tuple(Message(text=message.text, blocks=(half,)) for half in _halve_section(blocks[0]))
    cuts = range(1, len(blocks))
    if not cuts:
        return ()
    behind_buttons = [cut for cut in cuts if blocks[cut - 1]["type"] == "actions"]
    cut = min(behind_buttons or cuts, key=lambda each: abs(2 * each - len(blocks)))
    return tuple(Message(text=message.text, blocks=part) for part in (blocks[:cut], blocks[cut:]))


def _halve_section(block: Block) -> tuple[Block, ...]:
    text = block["text"]["text"] if block["type"] == "section" else ""
    if slack_length(text) < SHORTEST:
        return ()
    halves = (part for part in split(text, -(-slack_length(text) // 2)) if part.strip())
    return tuple({**block, "text": {**block["text"], "text": part}} for part in halves)


def _empty_place(candidate: Candidate, place: int, texts: Texts) -> str:
    if candidate.error is not None:
        return texts("place-failed", position=place, reason=texts(f"error-{candidate.error}"))
    return texts("place-hidden", position=place)


def modal(request: Request, shown: Sequence[Block], texts: Texts) -> Block:
    """The modal of a request; its clicks bring the request's id with them."""
    return {
        "type": "modal",
        "callback_id": MODAL_VIEW,
        "private_metadata": request.id,
        "title": _plain(texts("modal-replies-title")),
        "close": _plain(texts("modal-copy-close")),
        "blocks": list(shown)[:MODAL_BLOCKS],
    }


def paste_view(texts: Texts) -> Block:
    """Where the customer's message is pasted, and a hint for how to write."""

    def box(name: str, *, lines: bool) -> Block:
        return {
            "type": "input",
            "block_id": name,
            "optional": name == HINT_BLOCK,
            "label": _plain(texts(f"paste-{name}")),
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
        "title": _plain(texts("modal-replies-title")),
        "submit": _plain(texts("paste-submit")),
        "close": _plain(texts("modal-close")),
        "blocks": [box(MESSAGE_BLOCK, lines=True), box(HINT_BLOCK, lines=False)],
    }


def failed(entry: LogEntry, texts: Texts) -> Message:
    """Why there is nothing to show, and what to do."""
    errors = [candidate.error for candidate in entry.candidates if candidate.error]
    theirs = {"refused", "invalid_output"}.issuperset(errors)
    text = texts(
        "all-failed",
        reasons=_reasons(errors, texts),
        what_to_do=texts("what-to-do-operator" if theirs else "what-to-do-wait"),
        reference=entry.request.id,
    )
    button = _button(texts("button-again"), REDRAFT, entry.request.id)
    return Message(text=text, blocks=(_plain_section(text), _actions(button)))


def notice(text: str) -> Message:
    """One sentence, or the usage: our own words, as mrkdwn."""
    return Message(text=text, blocks=({"type": "section", "text": {"type": "mrkdwn", "text": text}},))


def notice_view(message: Message, texts: Texts) -> Block:
    """A refusal where there is no message to write: a modal with nothing to do in it."""
    return {
        "type": "modal",
        "title": _plain(texts("barred-title")),
        "close": _plain(texts("modal-copy-close")),
        "blocks": list(message.blocks),
    }


def unlinked(text: str) -> str:
    """Our own mrkdwn for a place that shows plain text only: people by their bare ids."""
    return re.sub(r"<@(\w+)>", r"\1", text)


def delivered(
    request: Request,
    choice: Choice,
    outcome: Outcome,
    texts: Texts,
    *,
    note: str | None = None,
    undo_key: str | None = None,
    unfilled: Sequence[str] = (),
) -> tuple[Message, ...]:
    """What became of the reply, with Undo; the text itself where it has to be copied, or may be missing.

    `unfilled` are placeholders of which nobody has the originals any more.
    """
    key = {
        "posted": "posted-edited" if choice.kind == "edited" else "posted",
        "copy": "to-copy",
        "not_posted": "not-posted-archived" if _ARCHIVED.intersection(outcome.reasons) else "not-posted",
        "unknown": "may-be-posted",
    }[outcome.state]
    buttons = [_button(texts("button-undo"), UNDO, request.id)]
    if outcome.state == "unknown":
        buttons.insert(0, _button(texts("button-post"), POST, request.id))
    text = texts(key)
    missing = [token for token in unfilled if token in outcome.text]
    groups = [
        [_plain_section(text)],
        *([_plain_section(part)] for part in _sections(outcome.text)),
        *([_unfilled(missing, texts)] for _ in missing[:1]),
        [*([] if note is None else [_context(note)]), _keyed(_actions(*buttons), UNDO, request, undo_key)],
    ]
    return tuple(Message(text=text, blocks=tuple(blocks)) for blocks in _pages(groups))


def dismissed(request: Request, texts: Texts, *, undo_key: str | None = None) -> Message:
    """Noted, with a select for the reason and Undo."""
    select = {
        "type": "static_select",
        "action_id": REASON,
        "placeholder": _plain(texts("reason-placeholder")),
        "options": [{"text": _plain(texts(f"reason-{reason}")), "value": reason} for reason in get_args(DismissReason)],
    }
    undo = _button(texts("button-undo"), UNDO, request.id)
    text = texts("dismissed")
    return Message(
        text=text,
        blocks=(_plain_section(text), _keyed(_actions(select, undo), REASON, request, undo_key)),
    )


def reason_noted(request: Request, texts: Texts, *, undo_key: str | None = None) -> Message:
    text = texts("reason-noted")
    undo = _button(texts("button-undo"), UNDO, request.id)
    return Message(text=text, blocks=(_plain_section(text), _keyed(_actions(undo), UNDO, request, undo_key)))


def undoable(block_id: str) -> tuple[str, str | None]:
    """The request's id, and the key that brings its originals back, of a block with Undo in it."""
    _, _, rest = block_id.partition(":")
    request_id, _, key = rest.partition(":")
    return request_id, key or None


def moved_on(stale: Stale, texts: Texts) -> tuple[Message, ...]:
    """The conversation has moved on: the reply once more, to be used all the same, edited, or drafted anew."""
    candidate = stale.candidate
    text = texts("stale", newer=stale.newer)
    buttons = [
        {**_button(texts("button-anyway"), ANYWAY, candidate.id), "style": "primary"},
        _button(texts("button-edit"), EDIT, candidate.id),
        _button(texts("button-anew"), REDRAFT, stale.request.id),
    ]
    groups = [
        [_plain_section(text)],
        *([_plain_section(part)] for part in _sections(candidate.text or "")),
        [_actions(*buttons)],
    ]
    return tuple(Message(text=text, blocks=tuple(blocks)) for blocks in _pages(groups))


def edit_view(candidate: Candidate, texts: Texts, *, posts: bool) -> Block:
    """The editor; for a reply over the editor's limit, the text to copy."""
    text = candidate.text or ""
    if slack_length(text) > EDIT_LIMIT:
        return _copy_view(text, texts)
    editor = _editor(text, texts, hint=texts("modal-where" if posts else "modal-where-copy"))
    return {
        "type": "modal",
        "callback_id": EDIT_VIEW,
        "private_metadata": candidate.id,
        "title": _plain(texts("modal-title")),
        "submit": _plain(texts("modal-submit" if posts else "modal-submit-copy")),
        "close": _plain(texts("modal-close")),
        "blocks": [editor],
    }


def moved_on_view(stale: Stale, typed: str, texts: Texts) -> Block:
    """The editor once more, with what the agent wrote: the conversation has moved on."""
    return {
        "type": "modal",
        "callback_id": ANYWAY_VIEW,
        "private_metadata": stale.candidate.id,
        "title": _plain(texts("modal-title")),
        "submit": _plain(texts("modal-submit-anyway")),
        "close": _plain(texts("modal-close")),
        "blocks": [
            _plain_section(texts("stale", newer=stale.newer)),
            _editor(typed[:EDIT_LIMIT], texts, hint=texts("modal-where-anyway")),
        ],
    }


def with_link(message: Message, link: str, texts: Texts) -> Message:
    """The message under a link to the conversation that it is about."""
    where = {"type": "context", "elements": [{"type": "mrkdwn", "text": texts("in-thread", link=link)}]}
    return Message(text=message.text, blocks=(where, *message.blocks)[:BLOCKS_LIMIT])


def _editor(text: str, texts: Texts, *, hint: str) -> Block:
    return {
        "type": "input",
        "block_id": REPLY_BLOCK,
        "label": _plain(texts("modal-input")),
        "hint": _plain(hint),
        "element": {
            "type": "plain_text_input",
            "action_id": TEXT_ACTION,
            "multiline": True,
            "initial_value": text,
            "max_length": EDIT_LIMIT,
            "focus_on_load": True,
        },
    }


def language_view(candidate_id: str, texts: Texts) -> Block:
    """Which language: the customer's own first."""
    customers = {"text": _plain(texts("language-customers")), "value": CUSTOMERS_OWN}
    others = [{"text": _plain(native), "value": code} for code, (_, native) in LANGUAGES.items()]
    return {
        "type": "modal",
        "callback_id": STEER_VIEW,
        "private_metadata": candidate_id,
        "title": _plain(texts("language-title")),
        "submit": _plain(texts("language-submit")),
        "close": _plain(texts("modal-close")),
        "blocks": [
            {
                "type": "input",
                "block_id": LANGUAGE,
                "label": _plain(texts("language-label")),
                "element": {
                    "type": "static_select",
                    "action_id": LANGUAGE,
                    "options": [customers, *others],
                    "initial_option": customers,
                },
            }
        ],
    }


def export_view(texts: Texts) -> Block:
    """Which requests, in which form."""
    forms = [_option(texts(f"export-form-{form}"), form) for form in EXPORT_FORMS]
    ranges = [_option(texts(f"export-range-{days}"), days) for days in EXPORT_RANGES]
    names = [_option(texts(f"export-names-{kind}"), kind) for kind in ("ids", "pseudonyms")]
    return {
        "type": "modal",
        "callback_id": EXPORT_VIEW,
        "title": _plain(texts("export-title")),
        "submit": _plain(texts("export-submit")),
        "close": _plain(texts("modal-close")),
        "blocks": [
            _select("export_range", texts("export-range"), ranges, initial=1),
            _select("export_form", texts("export-form"), forms, initial=0),
            _select("export_names", texts("export-names"), names, initial=0),
            _context(texts("export-what")),
        ],
    }


def _select(name: str, label: str, options: list[Block], *, initial: int) -> Block:
    """An input whose block and action have the same name."""
    element = {"type": "static_select", "action_id": name, "options": options, "initial_option": options[initial]}
    return {"type": "input", "block_id": name, "label": _plain(label), "element": element}


def _option(text: str, value: str) -> Block:
    return {"text": _plain(text), "value": value}


def reply(text: str, *, by: str | None) -> Message:
    """One part of a reply, as everyone in the conversation sees it: with the agent's name over it, if it is known."""
    names = () if by is None else (_context(by),)
    return Message(text=escape(text), blocks=(*names, *(_plain_section(part) for part in _sections(text))))


def _copy_view(text: str, texts: Texts) -> Block:
    parts = [_plain_section(part) for part in _sections(text)]
    return {
        "type": "modal",
        "callback_id": "copy_reply",
        "title": _plain(texts("modal-copy-title")),
        "close": _plain(texts("modal-copy-close")),
        "blocks": [_plain_section(texts("too-long-to-edit")), *parts][:MODAL_BLOCKS],
    }


def _head(request: Request, texts: Texts, note: str | None) -> list[Block]:
    blocks = [] if note is None else [_plain_section(note)]
    asked = next((turn.text for turn in reversed(request.conversation) if turn.role == "customer"), "")
    lines = [texts("for-message", message=_shortened(asked))]
    if request.hint:
        lines.append(texts("with-hint", hint=_shortened(request.hint)))
    if request.steer is not None:
        lines.append(texts("steered", change=_change(request, texts)))
    if request.simulated:
        lines.append(texts("demonstration"))
    return [*blocks, _context(*lines)]


def _change(request: Request, texts: Texts) -> str:
    if request.steer != "other_language":
        return texts(f"steer-{request.steer}")
    return LANGUAGES[request.steer_language][1] if request.steer_language else texts("language-customers")


def _candidate(
    candidate: Candidate, texts: Texts, labels: Labels, *, room: int, unfilled: Sequence[str] = ()
) -> Iterator[list[Block]]:
    """Groups of blocks that stay together: the last has the buttons."""
    text = candidate.text or ""
    shown = split(text, room)[0]
    parts = _sections(shown)
    position = candidate.position
    title = _context(texts("reply-label", position=position, style=labels[candidate.style]))
    for index, part in enumerate(parts[:-1]):
        heading = title if index == 0 else _context(texts("reply-continued", position=position))
        yield [heading, _plain_section(part)]
    heading = title if len(parts) == 1 else _context(texts("reply-continued", position=position))
    cut = [] if shown == text else [_context(texts("reply-cut", left=len(text) - len(shown)))]
    cut += [_unfilled(unfilled, texts)] if unfilled else []
    use = _button(texts("button-use"), USE, candidate.id, label=texts("label-use", position=position))
    edit = _button(texts("button-edit"), EDIT, candidate.id, label=texts("label-edit", position=position))
    yield [
        heading,
        _plain_section(parts[-1]),
        *cut,
        _actions({**use, "style": "primary"}, edit, _steers(candidate, texts)),
    ]


def _steers(candidate: Candidate, texts: Texts) -> Block:
    """What else can be made of this candidate: Slack takes five at most."""
    return {
        "type": "overflow",
        "action_id": STEER,
        "options": [
            {"text": _plain(texts(f"steer-{steer}")), "value": f"{steer}:{candidate.id}"} for steer in get_args(Steer)
        ],
    }


def _foot(entry: LogEntry, texts: Texts) -> list[Block]:
    errors = [candidate.error for candidate in entry.candidates if candidate.error]
    errors = [error for error in errors if error != "cancelled"]  # by the agent's own decision
    hidden = sum(candidate.dropped_reason == "near_duplicate" for candidate in entry.candidates)
    lines = []
    if errors:
        count, reasons = max(entry.request.k_requested, len(entry.candidates)), _reasons(errors, texts)
        lines.append(texts("drafts-failed", failed=len(errors), count=count, reasons=reasons))
    if hidden:
        lines.append(texts("drafts-hidden", hidden=hidden))
    lines.append(texts("only-you"))
    redraft = _button(texts("button-redraft"), REDRAFT, entry.request.id)
    dismiss = _button(texts("button-dismiss"), DISMISS, entry.request.id)
    return [{"type": "divider"}, _context(*lines), _actions(redraft, dismiss)]


def _pages(groups: Sequence[list[Block]]) -> Iterator[list[Block]]:
    """Groups put together into messages, in order, within Slack's limits."""
    page: list[Block] = []
    size = 0
    for group in groups:
        length = _size(group)
        if page and (size + length > MESSAGE_LIMIT or len(page) + len(group) > BLOCKS_LIMIT):
            yield page
            page, size = [], 0
        page = [*page, *group]
        size += length
    yield page


def _size(blocks: Sequence[Block]) -> int:
    """Characters of blocks as JSON."""
    return sum(slack_length(json.dumps(block, ensure_ascii=False)) + 2 for block in blocks)


def _sections(text: str) -> tuple[str, ...]:
    """Parts that one section block takes each; a part of white space only would be refused as empty."""
    return tuple(part for part in split(text, SECTION_LIMIT) if part.strip())


def _reasons(errors: Sequence[DraftError], texts: Texts) -> str:
    return ", ".join(texts(f"error-{error}") for error in dict.fromkeys(errors))


def _shortened(text: str, limit: int = 150) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _plain_section(text: str) -> Block:
    return {"type": "section", "text": _plain(text), "expand": True}


def _unfilled(tokens: Sequence[str], texts: Texts) -> Block:
    """Placeholders that the agent has to see to: the bot does not know what they stand for."""
    return _context(texts("unfilled", count=len(tokens), placeholders=_shortened(" ".join(tokens))))


def _keyed(block: Block, name: str, request: Request, key: str | None) -> Block:
    """The block that has Undo in it, with the key that brings the originals back: nowhere else is it kept."""
    return {**block, "block_id": f"{name}:{request.id}" if key is None else f"{name}:{request.id}:{key}"}


def _context(*lines: str) -> Block:
    return {"type": "context", "elements": [_plain(line) for line in lines]}


def _actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def _button(text: str, action_id: str, value: str, *, label: str | None = None) -> Block:
    button = {"type": "button", "text": _plain(text), "action_id": action_id, "value": value}
    return button if label is None else {**button, "accessibility_label": label}
