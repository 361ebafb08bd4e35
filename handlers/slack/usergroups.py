"""Members of the user groups that may use the bot, as Slack says, remembered for a while."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.slack.errors import translate_errors
from handlers.slack.users import LOOKUP_LIMIT_S

REMEMBERED_S: Final = 300.0
"""Slack allows some twenty such questions a minute."""

AT_MOST_S: Final = 3600.0
"""Where Slack does not answer, what it last said holds so long and no longer."""

AGAIN_AFTER_S: Final = 30.0

_log = logging.getLogger(__name__)


class Usergroups:
    """The members of some user groups together. `lacks_scope`: the app may not ask for them."""

    def __init__(self, ids: frozenset[str], *, clock: Callable[[], float]) -> None:
        self.ids = ids
        self.lacks_scope = False
        self._clock = clock
        self._members: dict[str, tuple[float, frozenset[str]]] = {}
        self._ask_at = float("-inf")
        self._asking = asyncio.Lock()

    async def has_member(self, user_id: str, client: AsyncWebClient) -> bool | None:
        """Tell whether this user is in one of the groups, within LOOKUP_LIMIT_S; None where Slack does not say."""
        if self._clock() >= self._ask_at:
            try:
                async with asyncio.timeout(LOOKUP_LIMIT_S):
                    await self._refresh(client)
            except TimeoutError:
                _log.warning("usergroups.users.list did not answer in time")
        known = [members for asked_at, members in self._members.values() if self._clock() - asked_at < AT_MOST_S]
        if any(user_id in members for members in known):
            return True
        return False if len(known) == len(self.ids) else None

    async def _refresh(self, client: AsyncWebClient) -> None:
        """Ask for all groups, once for all who wait."""
        async with self._asking:
            if self._clock() < self._ask_at:
                return
            answered = [False]
            try:
                answered = await asyncio.gather(*(self._fetch_members(each, client) for each in sorted(self.ids)))
            finally:  # also where the time was up
                self._ask_at = self._clock() + (REMEMBERED_S if all(answered) else AGAIN_AFTER_S)

    async def _fetch_members(self, usergroup: str, client: AsyncWebClient) -> bool:
        """Ask for one group's members. Returns False where Slack does not say."""
        try:
            async with translate_errors():
                answer = await client.usergroups_users_list(usergroup=usergroup)
                members = frozenset(str(user_id) for user_id in answer["users"])
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            self.lacks_scope = isinstance(error, DeliveryRefused) and error.reason == "missing_scope"
            _log.warning("usergroups.users.list did not tell who is in %s: %s", usergroup, error)
            return False
        self.lacks_scope = False
        self._members[usergroup] = (self._clock(), members)
        return True
