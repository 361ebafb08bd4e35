"""Metadata: what servers say beside a text, read into the types that are recorded, whatever stands there."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any, Final

from bot.drafting.cleaning import strip_invisible

MAX_LABEL: Final = 200
_MAX_LOGPROB: Final = 1e6


def read_label(value: object) -> str | None:
    """A name or a reason, in one line of at most MAX_LABEL characters; None for anything else."""
    if not isinstance(value, str):
        return None
    return " ".join(strip_invisible(value[:MAX_LABEL]).split()) or None


def read_count(value: object) -> int | None:
    """A count that the database can hold; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def read_usage(usage: object) -> tuple[int | None, int | None]:
    """Tokens read and written, as the server counted them."""
    told: Mapping[str, Any] = usage if isinstance(usage, Mapping) else {}
    return read_count(told.get("prompt_tokens")), read_count(told.get("completion_tokens"))


def read_mean_logprob(logprobs: object) -> float | None:
    """The mean of what stands in `content`; not every server gives it, and not every one in this form."""
    tokens = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    told = [token.get("logprob") for token in tokens if isinstance(token, Mapping)] if isinstance(tokens, list) else []
    # Neither infinite nor not a number, which no comparison holds for.
    values = [value for value in told if isinstance(value, int | float) and abs(value) < _MAX_LOGPROB]
    return fmean(values) if values else None
