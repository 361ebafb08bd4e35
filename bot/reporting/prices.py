"""Prices of tokens: a small TOML file of the team's own, since prices change and differ.

currency = "USD"

[models."gpt-4o-mini"]
prompt = 0.15       # per million tokens read
completion = 0.60   # per million tokens written
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PER: Final = 1_000_000


class PriceError(Exception):
    """A price table that cannot be used; the message names the file and what is wrong, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Price of one model, per million tokens."""

    prompt: float
    completion: float

    def compute_cost(self, *, prompt_tokens: int, completion_tokens: int) -> float:
        """Compute the cost of so many tokens, in the table's currency."""
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / PER


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices by the model's name as it stands in the log. Without a table there is no currency, and no price."""

    currency: str | None = None
    models: Mapping[str, Price] = field(default_factory=dict)


def parse_prices(text: str, *, source: str) -> Prices:
    """Parse a price table. Raises PriceError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PriceError(f"{source} is no TOML: {error}") from error
    if unknown := set(table) - {"currency", "models"}:
        raise PriceError(f"{source}: {min(unknown)!r} is not known; there are `currency` and `models`")
    currency = table.get("currency", "USD")
    if not isinstance(currency, str) or not 1 <= len(currency.strip()) <= 8:
        raise PriceError(f'{source}: `currency` must be a short text, such as "USD"')
    models = table.get("models")
    if not isinstance(models, dict) or not models:
        raise PriceError(f'{source} has no model: write [models."gpt-4o-mini"] with `prompt` and `completion`')
    return Prices(
        currency=currency.strip(), models={name: _parse_price(name, value, source) for name, value in models.items()}
    )


def _parse_price(name: str, value: Any, source: str) -> Price:
    where = f"{source}, model {name!r}"
    if not isinstance(value, dict) or set(value) != {"prompt", "completion"}:
        raise PriceError(f"{where}: write `prompt` and `completion`, both per million tokens, and nothing else")
    return Price(
        prompt=_parse_amount(f"{where}: `prompt`", value["prompt"]),
        completion=_parse_amount(f"{where}: `completion`", value["completion"]),
    )


def _parse_amount(where: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:
        raise PriceError(f"{where} must be a number, 0 or above")
    return float(value)
