"""What errors mean, and whether to try again."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import openai
import pytest

from bot.drafting.errors import CallFailure, MalformedCompletionError, ReportedError, classify_failure

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
REQUEST = httpx2.Request("POST", "http://model.test/v1/chat/completions")


def build_status_error(
    status: int, *, headers: dict[str, str] | None = None, body: object = None
) -> openai.APIStatusError:
    response = httpx2.Response(status, headers=headers, request=REQUEST)
    return openai.APIStatusError("told", response=response, body=body)


def classify(error: Exception) -> CallFailure | None:
    return classify_failure(error, now=NOW.timestamp())


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, CallFailure(error="refused")),
        (401, CallFailure(error="refused")),
        (404, CallFailure(error="refused")),
        (307, CallFailure(error="refused")),
        (408, CallFailure(error="timed_out", retryable=True)),
        (409, CallFailure(error="server_error", retryable=True)),
        (422, CallFailure(error="refused")),
        (429, CallFailure(error="rate_limited", retryable=True)),
        (500, CallFailure(error="server_error", retryable=True)),
        (529, CallFailure(error="server_error", retryable=True)),
        (200, CallFailure(error="invalid_output")),
    ],
)
def test_statuses(status: int, expected: CallFailure) -> None:
    assert classify(build_status_error(status)) == expected


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=20), usegmt=True)}, 20.0),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=20), usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, float("inf")),
        ({}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    found = classify(build_status_error(503, headers=headers))
    assert found is not None
    assert found.retry_after_s == seconds


@pytest.mark.parametrize(
    "error",
    [
        build_status_error(429, headers={"x-should-retry": "false"}),
        build_status_error(429, body={"code": "insufficient_quota"}),
    ],
)
def test_a_try_that_the_server_calls_useless_is_not_made(error: Exception) -> None:
    assert classify(error) == CallFailure(error="rate_limited")


def chain(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


UNREACHABLE = CallFailure(error="unreachable", retryable=True)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (openai.APITimeoutError(REQUEST), CallFailure(error="timed_out")),
        (httpx2.ReadTimeout("slow"), CallFailure(error="timed_out")),
        (TimeoutError(), CallFailure(error="timed_out")),
        (chain(openai.APITimeoutError(REQUEST), httpx2.ConnectTimeout("slow")), UNREACHABLE),
        (openai.APIConnectionError(request=REQUEST), UNREACHABLE),
        (httpx2.RemoteProtocolError("cut off"), UNREACHABLE),
        (ConnectionResetError(), UNREACHABLE),
        (openai.APIError("in a stream", REQUEST, body=None), CallFailure(error="server_error", retryable=True)),
        (json.JSONDecodeError("no", "", 0), CallFailure(error="invalid_output")),
        (MalformedCompletionError("no"), CallFailure(error="invalid_output")),
        (
            openai.APIError("in a stream", REQUEST, body={"code": 429}),
            CallFailure(error="rate_limited", retryable=True),
        ),
        (
            chain(openai.APIConnectionError(request=REQUEST), MalformedCompletionError("packed")),
            CallFailure(error="invalid_output"),
        ),
        (ReportedError({"code": 429}), CallFailure(error="rate_limited", retryable=True)),
        (ReportedError({"code": "502"}), CallFailure(error="server_error", retryable=True)),
        (ReportedError({"code": 400}), CallFailure(error="refused")),
        (ReportedError({"code": "insufficient_quota"}), CallFailure(error="server_error")),
        (ReportedError({"code": "overloaded"}), CallFailure(error="server_error", retryable=True)),
        (ReportedError("overloaded"), CallFailure(error="server_error", retryable=True)),
        (ValueError("ours"), None),
        (RuntimeError("ours"), None),
    ],
)
def test_what_has_no_status(error: Exception, expected: CallFailure | None) -> None:
    assert classify(error) == expected


def test_an_error_told_in_a_body_keeps_its_text_to_itself() -> None:
    told: Any = {"code": 400, "message": "You wrote: my password is hunter2"}
    assert "hunter2" not in str(ReportedError(told))
