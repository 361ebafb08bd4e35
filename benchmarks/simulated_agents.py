"""Invented agents who choose among invented replies, by tastes that are known: the truth to hold an estimate against.

    U_reply = style + length · (log words − 2.5) + position + pull of the first slot, the agent's own
    U_none  = none + the agent's own reluctance

    world = World()
    for display in simulate(world, requests=800, agents=20, seed=1): …

Replies are words drawn at random, so that nothing but style and length makes one better. `order` puts the candidates of
a request in an order: at random, or the longest first, as an interface might that nobody thinks about.
"""  # noqa: RUF002

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.ranking.choice_sets import ChoiceSet, ShownCandidate
from storage.records import Turn

START = datetime(2026, 1, 5, 9, tzinfo=UTC)

_TEXT = """we you your order parcel refund today tomorrow please thank account invoice address sent check sorry team
    days label email number payment delivery courier store return help reply soon friday"""
WORDS = tuple(_TEXT.split())
QUESTION = (Turn(role="customer", text="Where is my order? It should have come on friday."),)

Order = Callable[[Sequence[str], random.Random], list[int]]


def shuffle(texts: Sequence[str], rng: random.Random) -> list[int]:
    return rng.sample(range(len(texts)), len(texts))


def sort_by_length(texts: Sequence[str], rng: random.Random) -> list[int]:
    del rng
    return sorted(range(len(texts)), key=lambda index: -len(texts[index].split()))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The true parameters. `pull` (first slot) and `reluctance` (none) are standard deviations over agents."""

    styles: Mapping[str, float] = field(
        default_factory=lambda: {"direct": 0.3, "warm": 0.1, "detailed": 0.0, "formal": -0.2, "brief": -0.2}
    )
    length: float = 0.0
    positions: tuple[float, ...] = (0.7, 0.0, -0.1, -0.1, -0.1)
    none: float = 0.0
    pull: float = 0.8
    reluctance: float = 0.6
    candidates: int = 5
    words: tuple[int, int] = (4, 24)


@dataclass(frozen=True, slots=True)
class AgentTaste:
    """One agent's deviations: pull of the first slot, and reluctance to choose at all."""

    name: str
    pull: float
    reluctance: float


def simulate(
    world: World, *, requests: int, agents: int, seed: int, order: Order = shuffle, words: Sequence[str] = WORDS
) -> Iterator[ChoiceSet]:
    """The same numbers make the same displays. Agents ask in turn, so that each has about as many choices."""
    rng = random.Random(seed)
    people = [AgentTaste(f"T1/U{n}", rng.gauss(0, world.pull), rng.gauss(0, world.reluctance)) for n in range(agents)]
    for number in range(requests):
        yield _display(world, people[number % agents], number, order, words, rng)


def compute_utility(world: World, style: str, text: str) -> float:
    """Return the utility of a reply, whatever its position and agent."""
    return world.styles[style] + world.length * (math.log1p(len(text.split())) - 2.5)


def _display(
    world: World, agent: AgentTaste, number: int, order: Order, words: Sequence[str], rng: random.Random
) -> ChoiceSet:
    styles = rng.sample(list(world.styles), world.candidates)
    texts = [" ".join(rng.choices(words, k=rng.randint(*world.words))) for _ in styles]
    places = order(texts, rng)
    shown = tuple(
        ShownCandidate(
            id=f"r{number}c{index}",
            position=place + 1,
            style=styles[index],
            model="m1",
            text=texts[index],
            first_propensity=1 / len(places) if order is shuffle else None,
        )
        for place, index in enumerate(places)
    )
    return ChoiceSet(
        request_id=f"r{number}",
        agent=agent.name,
        at=START + timedelta(minutes=20 * number),
        prompt_version="p1",
        conversation=QUESTION,
        shown=shown,
        picked=_choose(world, agent, shown, rng),
        order_propensity=1 / math.factorial(len(places)) if order is shuffle else None,
    )


def _choose(world: World, agent: AgentTaste, shown: Sequence[ShownCandidate], rng: random.Random) -> int | None:
    utilities = [compute_utility(world, one.style, one.text) + world.positions[one.position - 1] for one in shown]
    utilities[0] += agent.pull
    odds = [math.exp(each) for each in (*utilities, world.none + agent.reluctance)]
    drawn = rng.choices(range(len(odds)), odds)[0]
    return None if drawn == len(shown) else drawn
