"""Policies that draw an order from scores, with the exact probability of what was drawn.

A policy is a small value with a name, its parameters, and three methods: `draw` returns places in the scores, each
once, the first shown first; `order_probability` that of exactly these places; `first_probabilities` that of each
candidate to come first. What is logged (scores, name, parameters) suffices to reckon each probability again.
"""

import math
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.ordering.shuffle import Order
from storage.records import Policy as PolicyName

EPSILON: Final = 0.1
"""The share of displays in uniform order, for ever: what keeps every place comparable, and every weight bounded."""

TEMPERATURE: Final = 0.25
"""Of the scores' differences, in log-odds: a reply better by 0.3 goes before another 3.3 times as often (e^(0.3/T))."""

MAX_ABS_SCORE: Final = 80.0
"""Scores are log-odds: no choices teach one further from 0 than this, and what is within it never overflows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform:
    """A policy that draws every order alike, whatever the scores."""

    name: PolicyName = "uniform"

    @property
    def params(self) -> Mapping[str, float]:
        return {}

    def draw(self, scores: Sequence[float], rng: random.Random) -> list[int]:
        indexes = list(range(len(scores)))
        rng.shuffle(indexes)
        return indexes

    def order_probability(self, scores: Sequence[float], indexes: Sequence[int]) -> float:
        assert len(indexes) == len(scores)
        return 1 / math.factorial(len(scores))

    def first_probabilities(self, scores: Sequence[float]) -> list[float]:
        return [1 / len(scores)] * len(scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlackettLuce:
    """With probability ε a uniform order, else by scores/T with Gumbel noise, which is Plackett and Luce's model:
    each place goes to one of those left, with probability softmax(score/T) among them.

        P(order) = ε/K! + (1 - ε)·Π softmax        P(first) = ε/K + (1 - ε)·softmax
    """

    epsilon: float = EPSILON
    temperature: float = TEMPERATURE
    name: PolicyName = "plackett_luce"

    def __post_init__(self) -> None:
        if not 0 < self.epsilon <= 1:
            raise ValueError(
                f"epsilon is {self.epsilon}, and must be above 0, at most 1: without it some orders never are"
            )
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"the temperature is {self.temperature}, and must be a number above 0")

    @property
    def params(self) -> Mapping[str, float]:
        return {"epsilon": self.epsilon, "temperature": self.temperature}

    def draw(self, scores: Sequence[float], rng: random.Random) -> list[int]:
        if rng.random() < self.epsilon:
            return Uniform().draw(scores, rng)
        noisy = [score / self.temperature + _draw_gumbel(rng) for score in scores]
        return sorted(range(len(scores)), key=noisy.__getitem__, reverse=True)

    def order_probability(self, scores: Sequence[float], indexes: Sequence[int]) -> float:
        tempered = [scores[index] / self.temperature for index in indexes]
        learned = math.prod(_softmax(tempered[place:])[0] for place in range(len(tempered)))
        return self.epsilon / math.factorial(len(scores)) + (1 - self.epsilon) * learned

    def first_probabilities(self, scores: Sequence[float]) -> list[float]:
        learned = _softmax([score / self.temperature for score in scores])
        return [self.epsilon / len(scores) + (1 - self.epsilon) * probability for probability in learned]


OrderPolicy = Uniform | PlackettLuce


def draw_order(
    ids: Sequence[str], scores: Sequence[float], *, policy: OrderPolicy, ranker_version: str, rng: random.Random
) -> Order:
    """Draw an order of these candidates by the policy.

    Raises ValueError if the scores are not numbers within MAX_ABS_SCORE of 0, one for each candidate.
    """
    if len(scores) != len(ids) or not all(abs(score) <= MAX_ABS_SCORE for score in scores):
        raise ValueError(f"{len(ids)} candidates have the scores {list(scores)}")
    indexes = policy.draw(scores, rng)
    first = policy.first_probabilities(scores)
    return Order(
        ids=tuple(ids[index] for index in indexes),
        order_propensity=policy.order_probability(scores, indexes),
        first_propensities=tuple(first[index] for index in indexes),
        scores=tuple(scores[index] for index in indexes),
        policy=policy.name,
        policy_params=policy.params,
        ranker_version=ranker_version,
    )


def _draw_gumbel(rng: random.Random) -> float:
    """Draw standard Gumbel noise: minus the logarithm of an exponential variate, which is never let be 0."""
    return -math.log(max(rng.expovariate(1.0), sys.float_info.min))


def _softmax(values: Sequence[float]) -> list[float]:
    """Probabilities in proportion to e^value, safe from overflow."""
    top = max(values)
    odds = [math.exp(value - top) for value in values]
    total = sum(odds)
    return [each / total for each in odds]
