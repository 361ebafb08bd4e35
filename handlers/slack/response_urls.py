"""Posts to a `response_url`: Slack's own answers are told apart, and nothing is ever sent anywhere else."""

import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.slack.errors import SERVER_ERRORS, read_retry_after_s, translate_errors

_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_LONGEST_ANSWER: Final = 64 * 1024


async def post_to_response_url(session: aiohttp.ClientSession, url: str, body: Mapping[str, Any]) -> None:
    """Post once: a second try could post twice. A redirect is not followed: the address was checked, not its target.

    Raises DeliveryRefused, DeliveryUncertain, DeliveryThrottled.
    """
    async with (
        translate_errors(),
        session.post(url, json=body, allow_redirects=False, timeout=_TIMEOUT) as answer,
    ):
        text = (await answer.content.read(_LONGEST_ANSWER)).decode("utf-8", "replace")
    refusal = _read_refusal(text)
    if answer.status == 200 and refusal is None:
        return
    if answer.status == 429:
        raise DeliveryThrottled(read_retry_after_s(answer.headers))
    if answer.status >= 500 or refusal in SERVER_ERRORS:
        raise DeliveryUncertain(f"response_url answered {refusal or answer.status}")
    raise DeliveryRefused(refusal or f"response_url_{answer.status}")


def _read_refusal(body: str) -> str | None:
    """The code of a refusal. Slack answers `ok`; or, with HTTP 200 all the same, `{"ok": false, "error": …}`."""
    if not body.startswith("{"):
        return None
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return str(told.get("error")) if told.get("ok") is False else None
