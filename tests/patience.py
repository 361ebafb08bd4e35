"""Limits of the product that a busy machine may reach, made longer for the tests; who is about one sets it short."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import bot.drafting.model_server
import bot.privacy.user_patterns
import cli.readiness
import cli.repositories
import handlers.context
import handlers.slack.threads
import handlers.slack.usergroups
import handlers.slack.users
from playground import Timing
from storage.engine.database import Database

PATIENT_S = 60.0
WRITE_LIMIT_S = 10.0
"""Some tests wait for it."""

LIMITS: tuple[tuple[ModuleType, str], ...] = (
    (bot.privacy.user_patterns, "TIME_LIMIT_S"),
    (bot.drafting.model_server, "TIMEOUT_S"),
    (cli.readiness, "SLACK_TIMEOUT_S"),
    (cli.repositories, "STATEMENT_LIMIT_S"),
    (handlers.context, "SETTINGS_LIMIT_S"),
    (handlers.slack.threads, "LOOK_LIMIT_S"),
    (handlers.slack.usergroups, "LOOKUP_LIMIT_S"),
    (handlers.slack.users, "LOOKUP_LIMIT_S"),
)

PATIENT_SLACK = Timing(acknowledge=PATIENT_S, trigger=PATIENT_S)
"""Slack's own limits, where a test is not about them."""


def lengthen_limits(set_attribute: Callable[[Any, str, Any], None]) -> None:
    """Make each limit longer by `setattr`, or by one that is undone."""
    for module, name in LIMITS:
        set_attribute(module, name, PATIENT_S)
    defaults = Database.__init__.__kwdefaults__ or {}
    set_attribute(Database.__init__, "__kwdefaults__", {**defaults, "write_limit_s": WRITE_LIMIT_S})
