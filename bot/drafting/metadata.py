"""Metadata: the facts beside a text in a server's response, read into the types that are recorded."""

from statistics import fmean
from typing import Any, Final

from bot.drafting.invisible import strip_invisible

MAX_LABEL: Final = 200
CUT_OFF: Final = "length"
"""The finish reason of a text that the budget of tokens, or the model's limit, cut off."""

_MAX_LOGPROB: Final = 1e6
_NUMBERS: Final = (int, float)


def read_label(value: object) -> str | None:
    """Read a name or a reason, in one line of at most MAX_LABEL characters; None for anything else."""
    if not isinstance(value, str):
        return None
    return " ".join(strip_invisible(value[:MAX_LABEL]).split()) or None


def read_finish_reason(value: object) -> str | None:
    """Read a finish reason; what servers call a budget that is spent becomes CUT_OFF."""
    label = read_label(value)
    return CUT_OFF if label is not None and label.lower() in {"length", "max_tokens", "model_length"} else label


def read_count(value: object) -> int | None:
    """Read a count that the database can hold; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def read_usage(usage: object) -> tuple[int | None, int | None]:
    """Read the tokens of prompt and completion, as the server counted them; None where it did not."""
    counts: dict[str, Any] = usage if isinstance(usage, dict) else {}
    return read_count(counts.get("prompt_tokens")), read_count(counts.get("completion_tokens"))


def read_mean_logprob(logprobs: object) -> float | None:
    """Average the log-probabilities in `content`; None where the server gave none, or in another form."""
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    given = [token.get("logprob") for token in tokens if isinstance(token, dict)] if isinstance(tokens, list) else []
    # Neither infinite nor not a number, which no comparison holds for.
    values = [value for value in given if isinstance(value, _NUMBERS) and abs(value) < _MAX_LOGPROB]
    return fmean(values) if values else None
