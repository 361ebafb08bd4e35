"""The demonstration's invented history: two weeks of an experiment, and a comparison of its arms by five reviewers.

Like all that has no real model behind it, it is simulated. Besides, it belongs to the team INVENTED, so that what
people do in the demonstration stays apart from it: reports and exports have it if that team is named.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.comparing.pairs import Comparison, pair_outputs
from bot.comparing.review import Answer, Review, ReviewTools
from bot.drafting import Brief, Draft
from bot.edits import measure_similarity
from bot.experiments.assigner import ArmAssigner, Assignment, DraftingVersion
from bot.knowledge.library import Library
from bot.knowledge.retrieval import Retriever
from bot.ordering.near_duplicates import find_near_duplicates
from bot.ordering.shuffle import draw_styles, shuffle
from bot.playbook import Playbook
from bot.suggesting.briefs import BatchDrafter
from bot.suggesting.placement import place_in_order, to_candidate
from cli import __version__, clock, wiring
from cli.database_location import INVENTED
from cli.repositories import Records
from storage.records import Candidate, Choice, DismissReason, Event, LogEntry, Request, Turn

COMPARISON: Final = "invented-now-or-warmer"
DAYS: Final = 14

_AGENTS: Final = ("noor", "liam", "chloe", "mateo", "hana", "weilun")
_REQUESTS: Final = 240
_CANDIDATES: Final = 3
_ACCEPTED: Final = {"now": 0.54, "warmer": 0.84}
"""The probability that an invented agent uses one of the replies, by arm."""

_STYLES: Final = {"direct": 3.0, "warm": 2.5, "steps": 2.0, "clarify": 1.2, "options": 1.0}
"""Odds by which an invented agent prefers a style."""

_REASONS: Final[tuple[DismissReason, ...]] = ("wrong_tone", "wrong_tone", "incorrect", "needs_action_first")

_Drafts = dict[tuple[str, str], LogEntry]
"""By arm and message, a request with a candidate of each style, from which those of the history are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTools:
    """The parts that the history is made with: the bot's own, with the demonstration model in the drafter."""

    records: Records
    drafter: BatchDrafter
    playbook: Playbook
    messages: Sequence[str]
    now: datetime


async def add_history(tools: HistoryTools) -> None:
    """Add requests to the experiment that runs, drawn by the bot's own assigner, and the comparison.

    The draws are the same each time. All of it is older than a day. Raises DatabaseUnavailable.
    """
    rng = random.Random("invented history")  # noqa: S311 - no secret
    records = tools.records
    assigner = ArmAssigner(default=DraftingVersion(playbook=tools.playbook), store=records.experiments, rng=rng)
    await assigner.refresh()
    drafts: _Drafts = {}
    entries: list[LogEntry] = []
    library = wiring.make_library(records)
    for number in range(_REQUESTS):
        agent, message = rng.choice(_AGENTS), rng.choice(tools.messages)
        assigned = assigner.draw(INVENTED, agent)
        key = (assigned.arm or "", message)
        if key not in drafts:
            drafts[key] = await _draft_styles(tools, library, assigned, message)
        at = tools.now - timedelta(days=1) - timedelta(days=DAYS - 1) * (1 - (number + 1) / _REQUESTS)
        entries.append(_decide(_show(drafts[key], agent, at, rng), rng))
    await records.importer.import_new(entries)
    await _review_arms(tools, _pair_arms(drafts, tools.messages), rng)


async def _draft_styles(tools: HistoryTools, library: Library, assigned: Assignment, message: str) -> LogEntry:
    """Draft a message in all styles of an arm's playbook. The demonstration model reads no persona, but a hint."""
    book, conversation = assigned.version.playbook, (Turn(role="customer", text=message),)
    await tools.records.requests.keep_playbook(prompt_version=book.prompt_version, text=book.text, at=tools.now)
    found = await Retriever(library, book.knowledge).find(conversation, team_id=INVENTED, channel_id=INVENTED)
    briefs = [
        Brief(
            playbook=book,
            style=style,
            model=wiring.DEMONSTRATION_MODEL,
            conversation=conversation,
            hint="warmer" if assigned.arm == "warmer" else None,
            passages=found.select_for(style),
            sample_index=index,
        )
        for index, style in enumerate(book.styles)
    ]
    written: list[Draft] = await tools.drafter.abatch(briefs, return_exceptions=True)
    drafted = [to_candidate(brief, draft, "", 1.0) for brief, draft in zip(briefs, written, strict=True)]
    repeats = find_near_duplicates({each.style: each.text or "" for each in drafted})
    candidates = tuple(each for each in drafted if each.style not in repeats)
    request = _make_request(assigned, conversation, tools.now)
    return LogEntry(request=replace(request, retrieved=found.retrieved or None), candidates=candidates, choice=None)


def _make_request(assigned: Assignment, conversation: tuple[Turn, ...], at: datetime) -> Request:
    return Request(
        id=clock.new_id(),
        team_id=INVENTED,
        channel_id=INVENTED,
        agent_id=INVENTED,
        surface="slash",
        locale="en-GB",
        created_at=at,
        status="shown",
        k_requested=_CANDIDATES,
        prompt_version=assigned.version.playbook.prompt_version,
        simulated=True,
        app_version=__version__,
        conversation=conversation,
        task=assigned.version.playbook.task,
        **assigned.to_fields(),
    )


def _show(drafted: LogEntry, agent: str, at: datetime, rng: random.Random) -> LogEntry:
    """Draw styles and order for an agent, as the bot does."""
    shown_at = at + timedelta(seconds=3)
    request = replace(
        drafted.request,
        id=clock.new_id(),
        agent_id=agent,
        created_at=at,
        sent_to_slack_at=shown_at,
        shown_at=shown_at,
    )
    drawn, inclusion = draw_styles(drafted.candidates, request.k_requested, rng)
    own = [
        replace(
            each,
            id=clock.new_id(),
            request_id=request.id,
            sample_index=index,
            inclusion_propensity=inclusion,
            shown_at=shown_at,
        )
        for index, each in enumerate(drawn)
    ]
    order = shuffle([each.id for each in own], rng)
    placed = tuple(place_in_order(each, order, {}) for each in own)
    shown = Event(request_id=request.id, type="shown", at=shown_at, agent_id=agent)
    request = replace(request, order_propensity=order.order_propensity)
    return LogEntry(request=request, candidates=placed, choice=None, events=(shown,))


def _decide(entry: LogEntry, rng: random.Random) -> LogEntry:
    """Decide as an agent might: use a reply, shorten it, dismiss all, or leave it."""
    if rng.random() < _ACCEPTED[entry.request.arm or ""]:
        odds = [_STYLES.get(each.style, 1.0) for each in entry.visible]
        [picked] = rng.choices(entry.visible, odds)
        text = picked.text or ""
        shorter = text.rpartition("\n")[0].strip() if rng.random() < 0.3 else ""
        return _choose(entry, picked, shorter or text, None, rng)
    return _choose(entry, None, None, rng.choice(_REASONS), rng) if rng.random() < 0.6 else entry


def _choose(
    entry: LogEntry, picked: Candidate | None, text: str | None, reason: DismissReason | None, rng: random.Random
) -> LogEntry:
    decision_s = rng.randint(6, 55)
    at = entry.request.created_at + timedelta(seconds=3 + decision_s)
    choice = Choice(
        id=clock.new_id(),
        request_id=entry.request.id,
        kind="dismissed" if picked is None else "used" if text == picked.text else "edited",
        candidate_id=None if picked is None else picked.id,
        final_text=text,
        reason=reason,
        edit_similarity=None if picked is None or text is None else measure_similarity(picked.text or "", text),
        agent_id=entry.request.agent_id,
        chosen_at=at,
        decision_ms=decision_s * 1000,
        visible_candidate_ids=tuple(each.id for each in entry.visible),
    )
    event = Event(
        request_id=entry.request.id,
        type=choice.kind,
        at=at,
        agent_id=choice.agent_id,
        candidate_id=choice.candidate_id,
        data={"choice_id": choice.id},
    )
    return replace(entry, choice=choice, events=(*entry.events, event))


def _pair_arms(drafts: _Drafts, messages: Sequence[str]) -> Comparison:
    """Pair what both arms wrote to each message, in the first of the styles."""

    def make_row(arm: str, row: int, message: str) -> LogEntry:
        drafted = drafts[arm, message]
        return replace(drafted, request=replace(drafted.request, input_row=row), candidates=drafted.candidates[:1])

    a, b = ([make_row(arm, row, message) for row, message in enumerate(messages, 1)] for arm in ("now", "warmer"))
    return pair_outputs((a, b), ("now", "warmer"), known_as=COMPARISON)


async def _review_arms(tools: HistoryTools, comparison: Comparison, rng: random.Random) -> None:
    """Have each reviewer answer each row."""
    at = tools.now - timedelta(days=2)
    review_tools = ReviewTools(
        database=tools.records.database,
        requests=tools.records.requests,
        choices=tools.records.choices,
        redact=lambda entry: replace(entry, request=replace(entry.request, team_id=INVENTED)),
        rng=rng,
        now=lambda: at,
        new_id=clock.new_id,
        app_version=__version__,
    )
    rows = [pair.row for pair in comparison.pairs]
    wins_now = set(rng.sample(rows, len(rows) // 4))
    for reviewer in _AGENTS[:5]:
        review = Review(comparison, reviewer, review_tools)
        while (display := await review.show_next()) is not None:
            at += timedelta(seconds=rng.randint(8, 40))
            better = "a" if display.pair.row in wins_now else "b"
            place: Answer = "first" if display.entry.visible[0].side == better else "second"
            await review.answer(display, rng.choices([place, "tie", "both_bad"], [8.0, 1.5, 0.5])[0])
