"""The candidates of a request: all at once, or in places that fill one by one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from bot.errors import REFERENCE_LENGTH
from bot.i18n.languages import LANGUAGES, find_language, is_surely_in
from bot.i18n.texts import Texts
from bot.knowledge.passages import list_cited
from bot.ordering.shuffle import draw_places
from bot.suggesting.placement import SILENT, choose_reason, is_cut_off, list_reasons
from bot.text_limits import count_json_units, split_text
from handlers.blocks.action_ids import ACTIONS, CANDIDATES_VIEW, REDRAFT, STEER, Place
from handlers.blocks.elements import Block, actions, button, context, divider, measure, modal, option, section
from handlers.blocks.limits import (
    ASKED_LIMIT,
    BLOCKS_LIMIT,
    FOLD_OVER,
    FOLDED,
    MESSAGE_LIMIT,
    MESSAGES_LIMIT,
    MODAL_BLOCKS,
    PLACES_LIMIT,
    RICH_LIMIT,
    SHORTEST,
)
from handlers.blocks.markdown import build_draft
from handlers.blocks.messages import BlockMessage, build_unfilled_note, fold, paginate, shorten
from handlers.blocks.rich_text import build_rich_texts
from handlers.blocks.sources import build_question, build_sources
from storage.records import Candidate, LogEntry, Request, Steer


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleLabels:
    """Labels of styles as agents see them, by name."""

    styles: Mapping[str, str]

    def __getitem__(self, style: str) -> str:
        return self.styles.get(style, style)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLayout:
    """The messages that show a request in places: the first, and those that follow it, by name.

    A modal shows all in one.
    """

    first: BlockMessage
    further: dict[str, BlockMessage] = field(default_factory=dict)

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(block for message in (self.first, *self.further.values()) for block in message.blocks)

    @property
    def fits(self) -> bool:
        """True if Slack takes each of its messages."""
        messages = (self.first, *self.further.values())
        return all(len(each.blocks) <= BLOCKS_LIMIT and measure(each.blocks) <= MESSAGE_LIMIT for each in messages)


def build_candidates(
    entry: LogEntry, texts: Texts, labels: StyleLabels, *, note: str | None = None, base: str | None = None
) -> tuple[BlockMessage, ...]:
    """Build as few messages of candidates, in their order, as Slack's limits allow: about MESSAGES_LIMIT at most.

    `base` is the reply that they were made from.
    """
    groups = [
        _build_head(entry.request, texts, note, base),
        *(_build_candidate(candidate, entry, texts, labels) for candidate in entry.visible),
        _build_foot(entry, texts),
    ]
    fallback = texts("candidates-fallback", count=len(entry.visible))
    return paginate(groups, text=fallback)


def build_places(
    entry: LogEntry,
    texts: Texts,
    labels: StyleLabels,
    *,
    note: str | None = None,
    base: str | None = None,
    below: Collection[str] = (),
) -> MessageLayout:
    """Build all places of a request: what is done stands in them, why nothing is, or that it is still being drafted.

    The candidates with ids in `below` stand in messages of their own, and their places say so. `base` is the reply that
    all were made from.
    """
    request = entry.request
    if request.status == "failed":
        return MessageLayout(first=build_failure(entry, texts))
    drawn = draw_places(request.id, request.k_requested)
    done = {drawn[candidate.sample_index]: candidate for candidate in entry.candidates}
    pages: list[list[Block]] = []
    own: dict[str, BlockMessage] = {}
    fallback = texts("candidates-fallback", count=request.k_requested)
    for places in _divide_places(request.k_requested):
        pages.append([])
        for place in places:
            candidate = done.get(place)
            if candidate is None or candidate.position is None:
                pages[-1] += _build_empty_place(candidate, place, texts)
                continue
            shown = _build_candidate(candidate, entry, texts, labels)
            if candidate.id in below:
                own[candidate.id] = BlockMessage(text=fallback, blocks=tuple(shown[1:]))
                shown = [divider(), context(texts("place-below", position=place, style=labels[candidate.style]))]
            pages[-1] += shown
    pages[0] = [*_build_head(request, texts, note, base), *pages[0]]
    pages[-1] += _build_foot(entry, texts) if entry.visible else [divider(), context(texts("only-you"))]
    first, *rest = [BlockMessage(text=fallback, blocks=tuple(page)) for page in pages]
    return MessageLayout(first=first, further={**{f"page:{index}": page for index, page in enumerate(rest)}, **own})


def build_failure(entry: LogEntry, texts: Texts) -> BlockMessage:
    """Say why there is nothing to show, and what to do."""
    reasons = list_reasons(entry.candidates)
    text = texts(
        "all-failed",
        kind="silent" if SILENT.issuperset(reasons) else "useless",
        reasons=_word_reasons(reasons, texts),
        what_to_do=advise(reasons, texts),
        reference=entry.request.id[-REFERENCE_LENGTH:],
    )
    again = button(texts("button-again"), REDRAFT, entry.request.id)
    return BlockMessage(text=text, blocks=(section(text), actions(again)))


def advise(reasons: Sequence[str], texts: Texts) -> str:
    """Say what to do where drafts failed for these reasons alone."""
    theirs = {"refused", "invalid_output", "spent", "too_long"}.issuperset(reasons)
    return texts("what-to-do-operator" if theirs else "what-to-do-wait")


def build_candidates_view(request: Request, shown: Sequence[Block], texts: Texts) -> Block:
    """Build the modal of a request; clicks in it bring the request's id with them."""
    title = texts("modal-replies-title")
    return modal(texts, title, shown[:MODAL_BLOCKS], callback_id=CANDIDATES_VIEW, metadata=request.id)


def _divide_places(count: int) -> list[range]:
    """Share the places out evenly between as few messages as PLACES_LIMIT allows."""
    pages = -(-count // PLACES_LIMIT)
    return [range(1 + count * page // pages, 1 + count * (page + 1) // pages) for page in range(pages)]


def _build_empty_place(candidate: Candidate | None, place: int, texts: Texts) -> list[Block]:
    """Say that a draft is still written, that it failed, or that it is nearly the same as another."""
    if candidate is None:
        return [divider(), context(texts("place", position=place)), section(texts("drafting"))]
    if candidate.error is not None:
        reason = texts(f"error-{choose_reason(candidate.error, candidate.finish_reason)}")
        return [divider(), context(texts("place-failed", position=place, reason=reason))]
    return [divider(), context(texts("place-hidden", position=place))]


def _build_head(request: Request, texts: Texts, note: str | None, base: str | None) -> list[Block]:
    """The note, and what the candidates are for: the message, the hint, the change asked for and of which reply."""
    blocks = [] if note is None else [section(note)]
    lines = []
    if request.hint:
        lines.append(texts("with-hint", hint=shorten(request.hint)))
    if request.steer is not None:
        lines.append(texts("steered", change=_describe_change(request, texts)))
    if request.simulated:
        lines.append(texts("demonstration"))
    blocks += build_rich_texts(texts("for-message", message=shorten(request.asked, ASKED_LIMIT)))
    limit = FOLDED if request.k_requested <= MESSAGES_LIMIT else ASKED_LIMIT
    changed = () if base is None else build_draft(fold(base, limit), request, room=2 * limit)
    return [*blocks, *([context(*lines)] if lines else []), *changed]


def _describe_change(request: Request, texts: Texts) -> str:
    """The change that a redraft asked for; for another language, that language's own name."""
    if request.steer != "other_language":
        return texts(f"steer-{request.steer}")
    return LANGUAGES[request.steer_language][1] if request.steer_language else texts("language-customers")


def _build_candidate(candidate: Candidate, entry: LogEntry, texts: Texts, labels: StyleLabels) -> list[Block]:
    """Build one candidate's blocks, with what is said of it and its buttons."""
    text, unfilled = candidate.text or "", entry.unfilled.get(candidate.id, ())
    sources, question = build_sources(entry.request, candidate, texts), build_question(candidate, texts)
    beside = measure([*sources, *([] if question is None else [question, question])])
    # With many candidates, what stands beside each counts too: a message takes two.
    limit = max(SHORTEST, FOLD_OVER - (beside if entry.request.k_requested > MESSAGES_LIMIT else 0))
    is_folded = count_json_units(text) > limit
    shown = split_text(text, min(FOLDED, limit), count_json_units)[0] if is_folded else text
    position = candidate.position
    marks = [texts("cut-off")] if is_cut_off(candidate) else []
    title = context(texts("reply-label", position=position, style=labels[candidate.style]), *marks)
    cut = [context(texts("reply-cut", left=len(text) - len(shown)))] if is_folded else []
    cut += [build_unfilled_note(unfilled, texts)] if unfilled else []
    has = {
        "candidate": True,
        "folded": is_folded,
        "sources": bool(list_cited(candidate.sources)),
        "foreign": not is_surely_in(text, find_language(entry.request.locale)),
    }
    places = [place for place in get_args(Place) if has.get(place)]
    buttons = _build_buttons(places, candidate.id, texts, position=position, question=question)
    menu = actions(*buttons, _build_steer_menu(candidate, texts))
    return [divider(), title, *build_draft(shown, entry.request, room=RICH_LIMIT - beside), *cut, *sources, menu]


def _build_buttons(
    places: Sequence[Place], value: str, texts: Texts, *, position: int | None = None, question: Block | None = None
) -> list[Block]:
    """Build the buttons of some places; those under a candidate tell screen readers which one it is.

    Some have the `question` before the click.
    """
    return [
        button(
            texts(f"button-{action.label}"),
            action.id,
            value,
            label=None if position is None else texts(f"label-{action.label}", position=position),
            is_primary=action.is_primary,
            confirm=question if action.asks else None,
        )
        for action in ACTIONS
        if action.place in places
    ]


def _build_steer_menu(candidate: Candidate, texts: Texts) -> Block:
    """The menu of changes to this candidate: Slack takes five options at most."""
    return {
        "type": "overflow",
        "action_id": STEER,
        "options": [option(texts(f"steer-{steer}"), f"{steer}:{candidate.id}") for steer in get_args(Steer)],
    }


def _build_foot(entry: LogEntry, texts: Texts) -> list[Block]:
    """Build the end of the last message: failed drafts and why, then the buttons for the whole request."""
    # Those that are cancelled are so by the agent's own decision.
    failed = [candidate for candidate in entry.candidates if candidate.error not in {None, "cancelled"}]
    hidden = sum(candidate.dropped_reason == "near_duplicate" for candidate in entry.candidates)
    lines = []
    if failed:
        count, reasons = (
            max(entry.request.k_requested, len(entry.candidates)),
            _word_reasons(list_reasons(failed), texts),
        )
        lines.append(texts("drafts-failed", failed=len(failed), count=count, reasons=reasons))
    if hidden:
        lines.append(texts("drafts-hidden", hidden=hidden))
    lines.append(texts("only-you"))
    return [divider(), context(*lines), actions(*_build_buttons(("request",), entry.request.id, texts))]


def _word_reasons(reasons: Sequence[str], texts: Texts) -> str:
    return texts("list-comma").join(texts(f"error-{reason}") for reason in reasons)
