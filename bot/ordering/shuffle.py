"""Chance with its books kept: which styles are drafted, what is shown in which order, and how probable that was."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from storage.records import Candidate, Policy, Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Candidate ids by position, how they came to stand so, and how probable that was.

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
    """Puts candidates in the order shown. It never fails: where it cannot do better, it shuffles."""

    def order(self, request: Request, candidates: Sequence[Candidate]) -> Order:
        """The order of these candidates: at least one, each with its text, in the order of drafting."""
        ...


@dataclass(frozen=True, slots=True)
class UniformOrderer:
    """The order of a team without a ranker: uniform."""

    rng: random.Random

    def order(self, request: Request, candidates: Sequence[Candidate]) -> Order:  # noqa: ARG002 - nothing matters
        return shuffle([candidate.id for candidate in candidates], self.rng)


def draw_styles(styles: Sequence[T], k: int, rng: random.Random) -> tuple[list[T], float]:
    """K styles for K drafts, and the probability that any one style is among them.

    K ≤ S: uniformly without replacement, each with probability K/S. K > S: each style ⌊K/S⌋ times and the rest drawn
    without replacement, each with probability 1. The places in the batch are shuffled too.
    """
    rounds, rest = divmod(k, len(styles))
    drawn = list(styles) * rounds + rng.sample(list(styles), rest)
    rng.shuffle(drawn)
    return drawn, min(1.0, k / len(styles))


def shuffle(ids: Sequence[str], rng: random.Random) -> Order:
    """A uniform order of what is shown: 1/n! for the order, 1/n for each first place; None where nothing is shown."""
    shuffled = list(ids)
    rng.shuffle(shuffled)
    return keep_drafting_order(shuffled)


def keep_drafting_order(ids: Sequence[str]) -> Order:
    """The order of drafting, for surfaces where each place is visible before its draft: nothing moves.

    As probable as any other: styles are drawn, and put into the batch, at random.
    """
    if not ids:
        return Order(ids=(), order_propensity=None, first_propensities=())
    count = len(ids)
    return Order(ids=tuple(ids), order_propensity=1 / math.factorial(count), first_propensities=(1 / count,) * count)


def draw_places(request_id: str, k: int) -> tuple[int, ...]:
    """For surfaces that fill in place: where each draft stands, from 1, by its place in the batch.

    Drawn uniformly from the request's id, which is random: before anything is drafted, independent of the drafts, of
    who is done first and of who fails, and drawn the same again by whoever goes on after a crash.
    """
    drawn = list(range(1, k + 1))
    seed_random(request_id, "places").shuffle(drawn)
    return tuple(drawn)


def seed_random(request_id: str, what: str) -> random.Random:
    """The chance of one request, as often as it is asked for."""
    return random.Random(f"{what}:{request_id}")  # noqa: S311 - what is drawn is no secret
