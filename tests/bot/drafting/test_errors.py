"""What errors mean, and when to try again."""

import json
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import openai
import pytest

from bot.drafting.errors import Fault, MalformedReplyError, ToldError, back_off_s, fault_of

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
REQUEST = httpx2.Request("POST", "http://model.test/v1/chat/completions")


def refused(status: int, *, headers: dict[str, str] | None = None, body: object = None) -> openai.APIStatusError:
    response = httpx2.Response(status, headers=headers, request=REQUEST)
    return openai.APIStatusError("told", response=response, body=body)


def fault(error: Exception) -> Fault | None:
    return fault_of(error, now=NOW.timestamp())


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Fault(error="refused")),
        (401, Fault(error="refused")),
        (404, Fault(error="refused")),
        (307, Fault(error="refused")),
        (408, Fault(error="timed_out", retryable=True)),
        (409, Fault(error="server_error", retryable=True)),
        (422, Fault(error="refused")),
        (429, Fault(error="rate_limited", retryable=True)),
        (500, Fault(error="server_error", retryable=True)),
        (529, Fault(error="server_error", retryable=True)),
        (200, Fault(error="invalid_output")),
    ],
)
def test_statuses(status: int, expected: Fault) -> None:
    assert fault(refused(status)) == expected


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
    found = fault(refused(503, headers=headers))
    assert found is not None
    assert found.retry_after_s == seconds


@pytest.mark.parametrize(
    "error", [refused(429, headers={"x-should-retry": "false"}), refused(429, body={"code": "insufficient_quota"})]
)
def test_a_try_that_the_server_calls_useless_is_not_made(error: Exception) -> None:
    assert fault(error) == Fault(error="rate_limited")


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


UNREACHABLE = Fault(error="unreachable", retryable=True)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (openai.APITimeoutError(REQUEST), Fault(error="timed_out")),
        (httpx2.ReadTimeout("slow"), Fault(error="timed_out")),
        (TimeoutError(), Fault(error="timed_out")),
        (caused(openai.APITimeoutError(REQUEST), httpx2.ConnectTimeout("slow")), UNREACHABLE),
        (openai.APIConnectionError(request=REQUEST), UNREACHABLE),
        (httpx2.RemoteProtocolError("cut off"), UNREACHABLE),
        (ConnectionResetError(), UNREACHABLE),
        (openai.APIError("in a stream", REQUEST, body=None), Fault(error="server_error", retryable=True)),
        (json.JSONDecodeError("no", "", 0), Fault(error="invalid_output")),
        (MalformedReplyError("no"), Fault(error="invalid_output")),
        (
            openai.APIError("in a stream", REQUEST, body={"code": 429}),
            Fault(error="rate_limited", retryable=True),
        ),
        (
            caused(openai.APIConnectionError(request=REQUEST), MalformedReplyError("packed")),
            Fault(error="invalid_output"),
        ),
        (ToldError({"code": 429}), Fault(error="rate_limited", retryable=True)),
        (ToldError({"code": "502"}), Fault(error="server_error", retryable=True)),
        (ToldError({"code": 400}), Fault(error="refused")),
        (ToldError({"code": "insufficient_quota"}), Fault(error="server_error")),
        (ToldError({"code": "overloaded"}), Fault(error="server_error", retryable=True)),
        (ToldError("overloaded"), Fault(error="server_error", retryable=True)),
        (ValueError("ours"), None),
        (RuntimeError("ours"), None),
    ],
)
def test_what_has_no_status(error: Exception, expected: Fault | None) -> None:
    assert fault(error) == expected


def test_back_off_doubles_up_to_its_limit_with_jitter() -> None:
    rng = random.Random(1)
    for attempt, longest in [(1, 0.5), (2, 1.0), (3, 2.0), (6, 8.0)]:
        waits = [back_off_s(attempt, base_s=0.5, most_s=8.0, rng=rng) for _ in range(200)]
        assert longest / 2 <= min(waits) < max(waits) <= longest


def test_an_error_told_in_a_body_keeps_its_text_to_itself() -> None:
    told: Any = {"code": 400, "message": "You wrote: my password is hunter2"}
    assert "hunter2" not in str(ToldError(told))
