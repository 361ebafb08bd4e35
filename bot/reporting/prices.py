"""Prices of tokens: a small TOML file of the team's own, beside list prices that come along, with their day.

currency = "USD"

[models."gpt-4o-mini"]
prompt = 0.15       # per million tokens read
completion = 0.60   # per million tokens written
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import resources
from typing import Annotated, Final

from pydantic import Field, StrictFloat, StrictStr, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from bot.errors import UsageError
from bot.toml_files import TomlError, TomlFile, TomlTable

PER: Final = 1_000_000

_Amount = Annotated[StrictFloat, Field(ge=0, allow_inf_nan=False)]


class PriceError(UsageError):
    """A price table that cannot be used; the message names the file and what is wrong, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Price of one model, per million tokens. `day`: of a list price that came with this program."""

    prompt: float
    completion: float
    day: date | None = None

    def compute_cost(self, *, prompt_tokens: int, completion_tokens: int) -> float:
        """Compute the cost of so many tokens, in the table's currency."""
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / PER


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices by the model's name as it stands in the log. Without a table there is no currency, and no price."""

    currency: str | None = None
    models: Mapping[str, Price] = field(default_factory=dict)
    listed: Mapping[str, Price] = field(default_factory=dict)

    def find(self, model: str) -> Price | None:
        """Find a model's price. List prices also hold for `vendor/name` and for a name with a date behind it."""
        plain = _DATED.sub("", model.rpartition("/")[2])
        return self.models.get(model) or self.listed.get(model) or self.listed.get(plain)

    def find_day(self, models: Iterable[str]) -> date | None:
        """Find the day of the list prices, if one of these models has such a price."""
        found = [price.day for price in map(self.find, models) if price is not None and price.day is not None]
        return min(found, default=None)

    def add_list_prices(self) -> "Prices":
        """Add list prices where they are in the same currency; what the table names stays as it is."""
        listed = _load_list_prices()
        if self.currency not in {None, listed.currency}:
            return self
        return replace(self, currency=listed.currency, listed=listed.models)


_DATED: Final = re.compile(r"-(\d{4}-\d\d-\d\d|\d{8})$")


class _PriceRow(TomlTable):
    prompt: _Amount
    completion: _Amount


class _PriceTable(TomlTable):
    currency: Annotated[StrictStr, StringConstraints(strip_whitespace=True, min_length=1, max_length=8)] = "USD"
    models: Annotated[dict[str, _PriceRow], Field(min_length=1)]


def parse_prices(text: str, *, source: str) -> Prices:
    """Parse a price table. Raises PriceError."""
    try:
        file = TomlFile(source, text, title="the price table")
        table = _PriceTable.model_validate(tomllib.loads(text))
    except TomlError as error:
        raise PriceError(f"{source} is no TOML: {error.reason}, in line {error.line}") from error
    except ValidationError as error:
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden" or len(each["loc"]) > 1)
        line = file.build_error(first["loc"], "").line
        raise PriceError(f"{source}{_word(first)}" + (f" (line {line})" if line else "")) from error
    models = {name: Price(prompt=row.prompt, completion=row.completion) for name, row in table.models.items()}
    return Prices(currency=table.currency, models=models)


def _load_list_prices() -> Prices:
    table = tomllib.loads(resources.files("bot.reporting").joinpath("prices.toml").read_text(encoding="utf-8"))
    day = table["day"]
    models = {name: Price(**row, day=day) for name, row in table["models"].items()}
    return Prices(currency=table["currency"], models=models)


def _word(error: ErrorDetails) -> str:
    """Word a mistake, to be put after the file's name."""
    key, *rest = error["loc"]
    if rest and (len(rest) == 1 or error["type"] in {"missing", "extra_forbidden"}):
        return f", model {rest[0]!r}: write `prompt` and `completion`, both per million tokens, and nothing else"
    if rest:
        return f", model {rest[0]!r}: `{rest[1]}` must be a number, 0 or above"
    if key == "models":
        return ' has no model: write [models."gpt-4o-mini"] with `prompt` and `completion`'
    if key == "currency":
        return ': `currency` must be a short text, such as "USD"'
    return f": {key!r} is not known; there are `currency` and `models`"
