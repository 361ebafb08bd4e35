"""Draw styles and uniform orders, with the probability of what was drawn."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from storage.records import Candidate, Policy, Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Candidate ids by position, with the policy that drew them and its probabilities.

    `first_propensities` and, where a ranker scored, `scores` go with `ids`: each candidate's probability of being
    first, and its quality. All that is needed to reckon the probabilities again: the scores, `policy`, `policy_params`.
    """

    ids: tuple[str, ...]
    order_propensity: float | None
    first_propensities: tuple[float, ...]
    scores: tuple[float, ...] | None = None
    policy: Policy = "uniform"
    policy_params: Mapping[str, float] = field(default_factory=dict)
    ranker_version: str | None = None


class Orderer(Protocol):
    """Puts candidates in the order shown, and never fails: in doubt it shuffles."""

    def order(self, request: Request, candidates: Sequence[Candidate]) -> Order:
        """Order these candidates: at least one, each with its text, in the order of drafting."""
        ...


@dataclass(frozen=True, slots=True)
class UniformOrderer:
    """Orders uniformly, for a team without a ranker."""

    rng: random.Random

    def order(self, request: Request, candidates: Sequence[Candidate]) -> Order:  # noqa: ARG002 - nothing matters
        return shuffle([candidate.id for candidate in candidates], self.rng)


def draw_styles(styles: Sequence[T], k: int, rng: random.Random) -> tuple[list[T], float]:
    """Draw K styles for K drafts; return them with the probability that any one style is among them.

    K ≤ S: uniformly without replacement, each with probability K/S. K > S: each style ⌊K/S⌋ times and the rest drawn
    without replacement, each with probability 1. The places in the batch are shuffled too.
    """
    rounds, rest = divmod(k, len(styles))
    drawn = list(styles) * rounds + rng.sample(list(styles), rest)
    rng.shuffle(drawn)
    return drawn, min(1.0, k / len(styles))


def shuffle(ids: Sequence[str], rng: random.Random) -> Order:
    """Draw a uniform order: probability 1/n!, 1/n for each first position; None if nothing is shown."""
    shuffled = list(ids)
    rng.shuffle(shuffled)
    return keep_drafting_order(shuffled)


def keep_drafting_order(ids: Sequence[str]) -> Order:
    """Keep the order of drafting, for surfaces where each position is visible before its draft.

    As probable as any other: styles are drawn, and put into the batch, at random.
    """
    if not ids:
        return Order(ids=(), order_propensity=None, first_propensities=())
    count = len(ids)
    return Order(ids=tuple(ids), order_propensity=1 / math.factorial(count), first_propensities=(1 / count,) * count)


def draw_places(request_id: str, k: int) -> tuple[int, ...]:
    """Draw the position of each draft, from 1, by its index in the batch; for surfaces that fill in place.

    Drawn uniformly from the request's id, which is random: before anything is drafted, independent of the drafts, of
    who is done first and of who fails, and drawn the same again by whoever goes on after a crash.
    """
    drawn = list(range(1, k + 1))
    seed_random(request_id, "places").shuffle(drawn)
    return tuple(drawn)


def seed_random(request_id: str, what: str) -> random.Random:
    """Make the random generator of one request and purpose: the same draws as often as it is asked for."""
    return random.Random(f"{what}:{request_id}")  # noqa: S311 - what is drawn is no secret
