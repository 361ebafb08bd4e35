"""Slack users: the language of their client, whether they administer the workspace, or only visit it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bot.i18n.texts import DEFAULT_LOCALE
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.slack.client import Installation
from handlers.slack.errors import translate_errors

LOOKUP_LIMIT_S: Final = 0.8
"""Asking Slack must leave time to commit and acknowledge within its 3 seconds."""

_REMEMBERED_S: Final = 3600.0
_FORGOTTEN_AFTER_FAILURE_S: Final = 60.0
_MOST: Final = 10_000
_HIDDEN: Final = frozenset({"user_not_found", "user_not_visible"})

_log = logging.getLogger(__name__)


UserKind = Literal["member", "guest", "external", "deactivated", "bot", "unknown"]
"""`guest`: of one channel or several. `external`: of another organisation, through Slack Connect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackUser:
    """A Slack user as far as known; `unknown` where Slack did not say. `name` is the one that others see."""

    name: str | None = None
    locale: str = DEFAULT_LOCALE
    is_admin: bool = False
    kind: UserKind = "unknown"


class Users:
    """Looks users up in Slack, once an hour each. One who cannot be looked up speaks English and administers nothing.

    Users of another workspace and organisation than the bot's are external.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, SlackUser]] = {}

    async def get(self, user_id: str, installation: Installation) -> SlackUser:
        """The user as the bot of this installation sees them, from memory or from Slack, within LOOKUP_LIMIT_S."""
        key = (installation.identity.team_id, user_id)
        until, person = self._known.get(key, (0.0, SlackUser()))
        if self._clock() < until:
            return person
        try:
            async with asyncio.timeout(LOOKUP_LIMIT_S), translate_errors():
                answer = await installation.client.users_info(user=user_id, include_locale=True)
            person, keep_s = _to_user(answer["user"], installation.identity.home), _REMEMBERED_S
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled, TimeoutError) as error:
            _log.warning("users.info did not answer: %s", error)
            person, keep_s = _to_unknown_user(error), _FORGOTTEN_AFTER_FAILURE_S
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = (self._clock() + keep_s, person)
        return person


def _to_unknown_user(error: Exception) -> SlackUser:
    """Treat users that Slack does not return as external; of others nothing is known for now."""
    is_hidden = isinstance(error, DeliveryRefused) and error.reason in _HIDDEN
    return SlackUser(kind="external" if is_hidden else "unknown")


def _to_user(user: Mapping[str, Any], home: frozenset[str]) -> SlackUser:
    """Read a user as `users.info` gives it."""
    kind = _classify(user, home)
    return SlackUser(
        name=_read_name(user),
        locale=str(user.get("locale") or DEFAULT_LOCALE)[:16],
        is_admin=kind == "member" and bool(user.get("is_admin") or user.get("is_owner")),
        kind=kind,
    )


def _read_name(user: Mapping[str, Any]) -> str | None:
    """The name that others see: the one chosen, else the real one."""
    profile = user.get("profile")
    chosen = profile.get("display_name") if isinstance(profile, Mapping) else None
    return next((name[:80] for name in (chosen, user.get("real_name")) if isinstance(name, str) and name), None)


def _classify(user: Mapping[str, Any], home: frozenset[str]) -> UserKind:
    """The kind of a user of this workspace, or external."""
    if user.get("deleted"):
        return "deactivated"
    # Slack says `is_stranger` only of people who share no channel with the bot; others are told by their team.
    organisation = user.get("enterprise_user")
    of = {user.get("team_id"), organisation.get("enterprise_id") if isinstance(organisation, Mapping) else None}
    if user.get("is_stranger") or not home.intersection(of):
        return "external"
    if user.get("is_bot"):
        return "bot"
    return "guest" if user.get("is_restricted") or user.get("is_ultra_restricted") else "member"
