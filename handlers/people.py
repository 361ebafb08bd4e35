"""Who an agent is to Slack: the language of their client, and whether they administer the workspace."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.delivering import Refused, Throttled, Uncertain
from handlers.slack_errors import telling_apart
from handlers.texts import DEFAULT_LOCALE

LOOKUP_LIMIT_S: Final = 0.8
"""Asking Slack must leave time to commit and acknowledge within its 3 seconds."""

_REMEMBERED_S: Final = 3600.0
_FORGOTTEN_AFTER_FAILURE_S: Final = 60.0
_MOST: Final = 10_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What we know of a Slack user."""

    locale: str = DEFAULT_LOCALE
    is_admin: bool = False


class People:
    """Looks users up in Slack, once an hour each. Who cannot be looked up speaks English and administers nothing."""

    def __init__(self, *, client: AsyncWebClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._known: dict[str, tuple[float, Person]] = {}

    async def get(self, user_id: str) -> Person:
        """The person, from memory or from Slack, within LOOKUP_LIMIT_S."""
        until, person = self._known.get(user_id, (0.0, Person()))
        if self._clock() < until:
            return person
        try:
            async with asyncio.timeout(LOOKUP_LIMIT_S), telling_apart():
                answer = await self._client.users_info(user=user_id, include_locale=True)
            person, keep_s = _person(answer["user"]), _REMEMBERED_S
        except (Refused, Uncertain, Throttled, TimeoutError) as error:
            _log.warning("users.info did not answer: %s", error)
            person, keep_s = Person(), _FORGOTTEN_AFTER_FAILURE_S
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[user_id] = (self._clock() + keep_s, person)
        return person


def _person(user: Mapping[str, Any]) -> Person:
    return Person(
        locale=str(user.get("locale") or DEFAULT_LOCALE)[:16],
        is_admin=bool(user.get("is_admin") or user.get("is_owner")),
    )
