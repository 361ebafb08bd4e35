"""Slack's failures told apart: not taken for certain, perhaps taken, or to be tried later."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain

DEFAULT_RETRY_AFTER_S: Final = 1.0

_CODE: Final = re.compile(r"[a-z][a-z0-9_]*")

# What the SDK trips over when an answer is no JSON object: a proxy's page, say.
_UNREADABLE: Final = (AttributeError, KeyError, TypeError, ValueError)

CLOSED: Final = "not_found"
"""Refusal of an update by which we know that the agent has left the modal."""

# Slack's own failures, answered with HTTP 200: whether the call was carried out is not said.
SERVER_ERRORS: Final = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})


@asynccontextmanager
async def translate_errors() -> AsyncIterator[None]:
    """Turn failures of a Web API call, or of a post to a `response_url`, into those of `bot/suggesting/deliver.py`.

    Raises DeliveryRefused, DeliveryUncertain, DeliveryThrottled.
    """
    try:
        yield
    except SlackApiError as error:
        raise _to_delivery_error(error) from error
    except (aiohttp.ClientError, TimeoutError, SlackClientError, *_UNREADABLE) as error:
        raise DeliveryUncertain(type(error).__name__) from error


def _to_delivery_error(error: SlackApiError) -> DeliveryRefused | DeliveryUncertain | DeliveryThrottled:
    """The error of `bot/suggesting/deliver.py` for an answer of the Web API."""
    status = getattr(error.response, "status_code", 200)
    code = _read_code(error.response)
    if status == 429 or code == "ratelimited":
        return DeliveryThrottled(read_retry_after_s(getattr(error.response, "headers", {})))
    if status >= 500 or code is None or code in SERVER_ERRORS:
        return DeliveryUncertain(code or f"http_{status}")
    return DeliveryRefused(code)


def _read_code(response: Any) -> str | None:
    """Slack's own code for a no. None for an answer that is not Slack's, or cut off: it may have been a yes."""
    data = getattr(response, "data", None)
    if not isinstance(data, dict) or data.get("ok") is not False:
        return None
    code = data.get("error")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def read_retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds to wait, as the header says; a default where it does not."""
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return max(0.0, float(value))
            except ValueError:
                break
    return DEFAULT_RETRY_AFTER_S
