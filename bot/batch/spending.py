"""Tokens and cost of a run: measured where the server tells, else estimated from characters."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from bot.drafting.draft import Brief
from bot.drafting.prompts import build_prompt
from bot.reporting.prices import Price, Prices
from storage.records import Candidate

CHARACTERS_A_TOKEN: Final = 4
"""In English; other languages have fewer."""

TOKENS_A_DRAFT: Final = 200
"""Of a draft that is not written yet."""


@dataclass(slots=True, kw_only=True)
class Spending:
    """Sums of one run. `cost` is None where one of the models has no price."""

    prices: Prices
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    drafts: int = 0
    known_cost: float = 0.0
    unpriced: set[str] = field(default_factory=set)

    @property
    def cost(self) -> float | None:
        return None if self.unpriced else self.known_cost

    def add(self, brief: Brief, candidate: Candidate) -> None:
        """Add a draft that has ended, also one that failed. What the server did not count is estimated."""
        prompt, completion = candidate.prompt_tokens, candidate.completion_tokens
        if candidate.text is not None:
            prompt = count_prompt_tokens(brief) if prompt is None else prompt
            completion = estimate_tokens(len(candidate.text)) if completion is None else completion
        self.add_tokens(brief.model, calls=candidate.attempts, prompt=prompt or 0, completion=completion or 0)
        if candidate.error is not None:
            self.failures[candidate.error] += 1

    def add_tokens(self, model: str, *, calls: int, prompt: int, completion: int, drafts: int = 1) -> None:
        """Add the tokens of drafts by one model."""
        self.drafts += drafts
        self.calls += calls
        self.prompt_tokens += prompt
        self.completion_tokens += completion
        if price := self._get_price(model):
            self.known_cost += price.compute_cost(prompt_tokens=prompt, completion_tokens=completion)

    def _get_price(self, model: str) -> Price | None:
        price = self.prices.find(model)
        if price is None:
            self.unpriced.add(model)
        return price


def count_prompt_tokens(brief: Brief) -> int:
    """Estimate the tokens of a brief's prompt."""
    return estimate_tokens(sum(len(str(message.content)) for message in build_prompt(brief)))


def estimate_tokens(characters: int) -> int:
    return -(-characters // CHARACTERS_A_TOKEN)
