"""Errors of drafting, and the classification of failed model calls in the choice log's words.

    Exception
    ├── DraftFailed                     a draft failed: what callers of the `Drafter` see
    ├── CompletionError                 a response of status 200 without a usable completion
    │   ├── MalformedCompletionError    it is no chat completion, or one without end
    │   └── ReportedError               it reports an error in its body
    └── RuntimeError
        └── WrongLoopError              a `Drafter` was used from a second event loop

Whatever else a model's call raises is known by its status, or as an error of the connection; `classify_failure` tells.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.drafting.retry import read_retry_after
from storage.records import DraftError

TOO_LONG: Final = "context_length_exceeded"
"""The finish reason where the model's context does not hold what it was asked."""


class DraftFailed(Exception):  # noqa: N818 - it is told, and counted, as an outcome
    """A draft that failed. The cause is chained; `str()` holds no text of anybody's and no key.

    The tokens are those that its attempts took, as far as the server counted them. `finish_reason` is the last one
    that the server gave, or TOO_LONG.
    """

    def __init__(
        self,
        error: DraftError,
        *,
        attempts: int,
        latency_ms: int,
        queue_ms: int = 0,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
        finish_reason: str | None = None,
    ) -> None:
        self.error: DraftError = error
        self.finish_reason = finish_reason
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self.queue_ms = queue_ms
        self.attempts = attempts
        self.latency_ms = latency_ms
        super().__init__(f"{error} after {attempts} attempts in {latency_ms} ms")


class WrongLoopError(RuntimeError):
    """A drafter was used from a second event loop: its limit and connections belong to the first."""

    def __init__(self) -> None:
        super().__init__(
            "this Drafter belongs to another event loop, the one that used it first (the synchronous methods have one "
            "of their own). Use one Drafter a loop: its synchronous methods, or its asynchronous ones in one loop."
        )


class CompletionError(Exception):
    """A response of status 200 without a usable completion.

    `usage` is the server's count of the tokens that it took, in any shape.
    """

    def __init__(self, message: str, *, usage: object = None) -> None:
        super().__init__(message)
        self.usage = usage


class MalformedCompletionError(CompletionError):
    """A response of status 200 that is no chat completion, or one without end."""


class ReportedError(CompletionError):
    """A response of status 200 that reports an error: `reported`, as it stands in the body or in the choice."""

    def __init__(self, reported: object, *, usage: object = None) -> None:
        self.code = reported.get("code") if isinstance(reported, dict) else None
        self.status_code = _read_status(self.code)
        super().__init__(f"an error of status {self.status_code} in a successful answer", usage=usage)


def _read_status(code: object) -> int:
    """Read a status from an error's code; 500 if it is none.

    OpenRouter's codes are statuses of HTTP, some servers' are such as texts; others give names, or nothing.
    """
    if isinstance(code, str) and re.fullmatch("[45][0-9]{2}", code):
        return int(code)
    return code if isinstance(code, int) and 400 <= code <= 599 else 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailure:
    """The failure of a model's call. `retry_after_s` is what the server asked for, None if it said nothing.

    `finish_reason` TOO_LONG: it may be asked for less. `room` is how many tokens then, None if the server did not say.
    """

    error: DraftError
    retryable: bool = False
    retry_after_s: float | None = None
    finish_reason: str | None = None
    room: int | None = None


def classify_failure(error: Exception, *, now: float) -> CallFailure | None:
    """Classify what a model's call raised; None if it is no known failure of a call, but a bug.

    `now` is the time in seconds since the epoch, for a Retry-After that is a date.
    """
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        response = getattr(error, "response", None)
        too_long = find_room(error) if status in _REFUSALS else None
        return too_long or _classify_status(status, getattr(response, "headers", {}), getattr(error, "code", None), now)
    if any(isinstance(cause, MalformedCompletionError) for cause in _iterate_causes(error)) or isinstance(
        error, json.JSONDecodeError
    ):
        return CallFailure(error="invalid_output")
    return _classify_connection_error(error, now)


# Statuses that pass: the server waited too long for us, was in conflict with itself, or has too much to do.
_TRANSIENT: Final[dict[int, DraftError]] = {408: "timed_out", 409: "server_error", 429: "rate_limited"}


_REFUSALS: Final = {400, 413, 422}
_TOO_LONG: Final = re.compile(
    r"context[ _-](?:length|size|window|limit)|prompt is too long|too many (?:input )?tokens|input token count"
    r"|max_new_tokens` must be|at most \d+ (?:completion|output) tokens|max_model_len",
    re.IGNORECASE,
)
_HELD: Final = re.compile(
    r"(?:context[ _-](?:length|size|window|limit)|max_model_len)[^\d\n]{0,40}(\d{2,8})|must be <= (\d{2,8})",
    re.IGNORECASE,
)
_ASKED: Final = re.compile(
    r"(\d{1,8})(?: tokens)? (?:in|from|of) the (?:messages|prompt|input)|(\d{1,8}) `?inputs?`? tokens"
)
_MOST: Final = re.compile(r"at most (\d{2,8}) (?:completion|output) tokens")
_MAX_QUOTED: Final = 5000


def find_room(error: Exception) -> CallFailure | None:
    """Find that a refusal says the request is too long for the model, and what it would hold; None if it does not."""
    told = str(getattr(error, "body", None))[:_MAX_QUOTED]
    if not _TOO_LONG.search(told):
        return None
    held, asked, most = _HELD.search(told), _ASKED.search(told), _MOST.search(told)
    room = int(most[1]) if most else None
    if held and asked:
        room = int(held[1] or held[2]) - int(asked[1] or asked[2])
    return CallFailure(error="refused", finish_reason=TOO_LONG, room=room)


def _classify_status(status: int, headers: Mapping[str, str], code: object, now: float) -> CallFailure | None:
    if status < 300:
        # A success that the client could not read.
        return CallFailure(error="invalid_output")
    error: DraftError | None = "server_error" if status >= 500 else _TRANSIENT.get(status)
    if error is None:
        return CallFailure(error="refused")
    # The server may say itself that another try is useless, and an empty account does not fill up in seconds.
    is_final = headers.get("x-should-retry") == "false" or code == "insufficient_quota"
    return CallFailure(error=error, retryable=not is_final, retry_after_s=read_retry_after(headers, now))


def _classify_connection_error(error: Exception, now: float) -> CallFailure | None:
    # Loaded already if a model of theirs failed; not worth loading for one that cannot.
    import httpx2
    import openai

    causes = list(_iterate_causes(error))
    if any(isinstance(cause, httpx2.ConnectTimeout | httpx2.PoolTimeout) for cause in causes):
        return CallFailure(error="unreachable", retryable=True)
    if any(isinstance(cause, openai.APITimeoutError | httpx2.TimeoutException | TimeoutError) for cause in causes):
        # Not tried again: the server may still be at work on the first call, and paid for it.
        return CallFailure(error="timed_out")
    if any(isinstance(cause, openai.APIConnectionError | httpx2.TransportError | ConnectionError) for cause in causes):
        return CallFailure(error="unreachable", retryable=True)
    if isinstance(error, openai.APIError):
        # Without a status: an error reported within a stream that had begun as a success.
        reported = ReportedError(error.body)
        return _classify_status(reported.status_code, {}, reported.code, now)
    return None


def _iterate_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
