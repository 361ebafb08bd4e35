"""What went wrong in a call to a model, in the choice log's words, and whether and when to call again."""

import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from storage.records import DraftError


class AnsweredError(Exception):
    """The server answered 200, but with nothing to use. `usage` is what it says that this took, in any shape."""

    def __init__(self, message: str, *, usage: object = None) -> None:
        super().__init__(message)
        self.usage = usage


class MalformedReplyError(AnsweredError):
    """What it answered is no chat completion, or one without end."""


class ToldError(AnsweredError):
    """What it answered tells of an error: `told`, as it stands in the body or in the choice."""

    def __init__(self, told: object, *, usage: object = None) -> None:
        self.code = told.get("code") if isinstance(told, dict) else None
        self.status_code = _read_status(self.code)
        super().__init__(f"an error of status {self.status_code} in a successful answer", usage=usage)


def _read_status(code: object) -> int:
    """OpenRouter's codes are those of HTTP, some servers' are such in words; others give names, or nothing."""
    if isinstance(code, str) and re.fullmatch("[45][0-9]{2}", code):
        return int(code)
    return code if isinstance(code, int) and 400 <= code <= 599 else 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`retry_after_s` is what the server asked for, None if it said nothing."""

    error: DraftError
    retryable: bool = False
    retry_after_s: float | None = None


def fault_of(error: Exception, *, now: float) -> Fault | None:
    """What `error`, raised by a model's call, means; None if it is no failure of a call that is known, but a bug.

    `now` is the time in seconds since the epoch, for a Retry-After that is a date.
    """
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        response = getattr(error, "response", None)
        return _fault_of_status(status, getattr(response, "headers", {}), getattr(error, "code", None), now)
    if any(isinstance(cause, MalformedReplyError) for cause in _causes(error)) or isinstance(
        error, json.JSONDecodeError
    ):
        return Fault(error="invalid_output")
    return _fault_of_connection(error, now)


# What passes: the server waited too long for us, was in conflict with itself, or has too much to do.
_PASSING: Final[dict[int, DraftError]] = {408: "timed_out", 409: "server_error", 429: "rate_limited"}


def _fault_of_status(status: int, headers: Mapping[str, str], code: object, now: float) -> Fault | None:
    if status < 300:
        # A success that the client could not read.
        return Fault(error="invalid_output")
    error: DraftError | None = "server_error" if status >= 500 else _PASSING.get(status)
    if error is None:
        return Fault(error="refused")
    # The server may say itself that another try is useless, and an empty account does not fill up in seconds.
    useless = headers.get("x-should-retry") == "false" or code == "insufficient_quota"
    return Fault(error=error, retryable=not useless, retry_after_s=_retry_after_s(headers, now))


def _fault_of_connection(error: Exception, now: float) -> Fault | None:
    # Loaded already if a model of theirs failed; not worth loading for one that cannot.
    import httpx2
    import openai

    causes = list(_causes(error))
    if any(isinstance(cause, httpx2.ConnectTimeout | httpx2.PoolTimeout) for cause in causes):
        return Fault(error="unreachable", retryable=True)
    if any(isinstance(cause, openai.APITimeoutError | httpx2.TimeoutException | TimeoutError) for cause in causes):
        # Not tried again: the server may still be at work on the first call, and paid for it.
        return Fault(error="timed_out")
    if any(isinstance(cause, openai.APIConnectionError | httpx2.TransportError | ConnectionError) for cause in causes):
        return Fault(error="unreachable", retryable=True)
    if isinstance(error, openai.APIError):
        # Without a status: an error told within a stream that had begun as a success.
        told = ToldError(error.body)
        return _fault_of_status(told.status_code, {}, told.code, now)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


# --- when to call again -------------------------------------------------------------------------------


def _retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """`retry-after-ms`, or `Retry-After` in seconds or as a date; None if there is none that makes sense."""
    exact = _number(headers.get("retry-after-ms"))
    if exact is not None:
        return exact / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else -1.0
    except ValueError:
        return None
    # Not a number and negative ones fail here as well; infinity is a wait that no deadline allows.
    return number if number >= 0 else None


def back_off_s(attempt: int, *, base_s: float, most_s: float, rng: random.Random) -> float:
    """How long to wait after the `attempt`th failure: twice as long each time, half of it by chance."""
    longest = min(most_s, base_s * 2.0 ** (attempt - 1))
    return longest * rng.uniform(0.5, 1.0)
