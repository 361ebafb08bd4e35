"""Answers that a call to the double can be given: completions, error statuses and faults."""

from dataclasses import dataclass, field
from typing import Any, Literal

JsonObject = dict[str, Any]
FinishReason = Literal["stop", "length", "content_filter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A completion. `text=None` sends null content; `max_tokens` of the call still cuts it (`length`), unless the
    server is one that does not mind it. Log-probabilities are sent if the call asks for them, unless it has none.

    `changes` stand in the body, or in each event of a stream, in place of what would; `choice_changes` in the choice
    that tells how it ended: `Reply(text="Hi", changes={"model": ["x"]}, choice_changes={"finish_reason": "error"})`.
    """

    text: str | None
    finish_reason: FinishReason = "stop"
    minds_max_tokens: bool = True
    has_logprobs: bool = True
    changes: JsonObject = field(default_factory=dict)
    choice_changes: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorStatus:
    """An error status with OpenAI's error body. `retry_after_s` becomes the header."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """No byte is sent until the client leaves or the double stops."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is closed before any byte."""


@dataclass(frozen=True, slots=True)
class TruncatedBody:
    """Status, headers and half of the body; then the connection closes, or stalls until the client leaves."""

    then: Literal["close", "stall"] = "close"


@dataclass(frozen=True, slots=True)
class InvalidJson:
    """A complete 200 whose body is not JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBody:
    """A complete answer, byte for byte, of any size and kind; `encoding` is the header Content-Encoding."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect to another address."""

    location: str
    status: int = 307


@dataclass(frozen=True, slots=True)
class EndlessBody:
    """A text that does not end, a chunk after the other, until the client leaves or `most` bytes are sent."""

    most: int = 400_000_000


Answer = Reply | ErrorStatus | Hang | Drop | TruncatedBody | InvalidJson | RawBody | Redirect | EndlessBody


def rate_limited(retry_after_s: float | None = 1) -> ErrorStatus:
    """Build the error of a rate limit (429)."""
    return ErrorStatus(
        status=429,
        message="Rate limit reached for requests.",
        type="requests",
        code="rate_limit_exceeded",
        retry_after_s=retry_after_s,
    )


def bad_request(message: str = "Invalid request.", code: str | None = None) -> ErrorStatus:
    """Build the error of a request that the server does not take (400)."""
    return ErrorStatus(status=400, message=message, code=code)


def unauthorized(key: str = "") -> ErrorStatus:
    """Word the refusal of a key as OpenAI does: with the ends of the key, which must not be shown or logged."""
    shown = f"{key[:3]}***{key[-4:]}" if key else "none"
    return ErrorStatus(status=401, message=f"Incorrect API key provided: {shown}.", code="invalid_api_key")


def not_found(model: str = "the-model") -> ErrorStatus:
    """Build the error of an unknown model (404)."""
    return ErrorStatus(
        status=404,
        message=f"The model `{model}` does not exist or you do not have access to it.",
        code="model_not_found",
    )


def server_error(status: int = 500) -> ErrorStatus:
    """Build an error of the server itself (500)."""
    return ErrorStatus(
        status=status, message="The server had an error while processing your request.", type="server_error"
    )


def unavailable(retry_after_s: float | None = None) -> ErrorStatus:
    """Build the error of an overloaded server (503)."""
    return ErrorStatus(
        status=503, message="The engine is currently overloaded.", type="server_error", retry_after_s=retry_after_s
    )


def to_answer(value: Answer | str | None) -> Answer:
    """Convert a text, or None for null content, to the completion with it."""
    return Reply(text=value) if value is None or isinstance(value, str) else value
