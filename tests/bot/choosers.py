"""Agents with known tastes for styles, who look at the first place first: what they choose, as a log."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.ordering.policies import PlackettLuce, draw_order
from bot.ordering.shuffle import Order, shuffle
from storage.records import Candidate, LogEntry
from tests.storage.stores import AT, a_choice, a_request

TASTES: Final = {"warm": 0.8, "direct": 0.4, "steps": 0.0, "formal": -0.4, "brief": -0.8}
"""In log-odds, the mean of all agents."""

PLACES: Final = (1.0, 0.3, 0.1, 0.0)
"""What standing there adds, in log-odds: the first of four alike is taken by 43 of 100."""

Orders = Callable[[Sequence[str], random.Random], Order]


def uniform_order(styles: Sequence[str], rng: random.Random) -> Order:
    return shuffle(styles, rng)


def learned_order(styles: Sequence[str], rng: random.Random) -> Order:
    """The order of a ranker that has learned the tastes."""
    scores = [TASTES[style] for style in styles]
    return draw_order(styles, scores, policy=PlackettLuce(), ranker_version="v1", rng=rng)


def simulate(count: int, orders: Orders, *, agents: int = 12, seed: int = 1) -> Iterator[LogEntry]:
    """Requests whose four replies are there at once. One in ten is dismissed, one in five of the rest is edited."""
    rng = random.Random(seed)
    people = [{style: taste + rng.gauss(0, 0.2) for style, taste in TASTES.items()} for _ in range(agents)]
    for number in range(count):
        person = rng.randrange(agents)
        order = orders(rng.sample(list(TASTES), 4), rng)
        drafts = _drafts(f"r{number}", order)
        utilities = [people[person][one.style] + PLACES[place] for place, one in enumerate(drafts)]
        taken = None if rng.random() < 0.1 else _take(drafts, utilities, rng)
        request = a_request(
            f"r{number}",
            agent_id=f"U{person}",
            created_at=AT + timedelta(minutes=number),
            policy=order.policy,
            policy_params=dict(order.policy_params),
            order_propensity=order.order_propensity,
            ranker_version=order.ranker_version,
            k_requested=4,
        )
        yield _decided(LogEntry(request=request, candidates=drafts, choice=None), taken, rng, seen=drafts, at=5)


def simulate_one_by_one(count: int, *, seed: int = 1) -> Iterator[LogEntry]:
    """Requests whose replies appear one by one, the most liked style last: agents look each time one is there, and
    choose among what they see, or wait for more.
    """
    rng = random.Random(seed)
    for number in range(count):
        order = shuffle(rng.sample(list(TASTES), 4), rng)
        drafts = _drafts(f"r{number}", order)
        moments = {one.id: 2 + TASTES[one.style] + rng.random() for one in drafts}
        for moment in sorted(moments.values()):
            seen = [one for one in drafts if moments[one.id] <= moment]
            odds = [math.exp(TASTES[one.style] + PLACES[(one.position or 1) - 1]) for one in seen]
            if rng.random() < sum(odds) / (sum(odds) + 3.0) or len(seen) == len(drafts):
                break
        appeared = [replace(one, shown_at=AT + timedelta(seconds=moments[one.id])) for one in drafts]
        shown = tuple(
            one if one.shown_at and moments[one.id] <= moment else replace(one, shown_at=None) for one in appeared
        )
        taken = _take(seen, [math.log(each) for each in odds], rng)
        request = a_request(f"r{number}", surface="dm", order_propensity=order.order_propensity, k_requested=4)
        yield _decided(LogEntry(request=request, candidates=shown, choice=None), taken, rng, seen=seen, at=moment)


def _drafts(request_id: str, order: Order) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            id=f"{request_id}-c{place}",
            request_id=request_id,
            sample_index=place,
            position=place + 1,
            style=style,
            model="m",
            text=f"{style}: the reply to {request_id}, in the words of this style",
            first_propensity=first,
            inclusion_propensity=0.8,
        )
        for place, (style, first) in enumerate(zip(order.ids, order.first_propensities, strict=True))
    )


def _take(drafts: Sequence[Candidate], utilities: Sequence[float], rng: random.Random) -> Candidate:
    return rng.choices(drafts, [math.exp(each) for each in utilities])[0]


def _decided(
    entry: LogEntry, taken: Candidate | None, rng: random.Random, *, seen: Sequence[Candidate], at: float
) -> LogEntry:
    edited = taken is not None and rng.random() < 0.2
    text = taken and (f"{taken.text}, changed" if edited else taken.text)
    choice = a_choice(
        entry.request.id,
        "dismissed" if taken is None else "edited" if edited else "used",
        candidate_id=taken and taken.id,
        final_text=text,
        edit_similarity=None if taken is None else 0.85 if edited else 1.0,
        agent_id=entry.request.agent_id,
        chosen_at=AT + timedelta(seconds=at),
        visible_candidate_ids=tuple(one.id for one in seen),
    )
    return replace(entry, choice=choice)
