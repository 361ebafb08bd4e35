"""Errors in words, in one place: a known one gets its own sentence, an unknown one a reference that the log knows."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from math import ceil
from typing import Final
from uuid import uuid4

from bot.errors import (
    REFERENCE_LENGTH,
    AccessDenied,
    AdminRequired,
    DraftingPaused,
    EmptyReply,
    LimitReached,
    MessageTooLong,
    NotOwner,
    Refusal,
    StaleConversation,
    UnknownRequest,
)
from bot.i18n.texts import Texts
from handlers.payloads import MalformedPayload
from handlers.slack.ephemeral import NotShown
from storage.errors import (
    DatabaseUnavailable,
    DeliveryInProgress,
    DuplicateDelivery,
    NothingToUndo,
    OwnershipLost,
    RequestClosed,
    StorageError,
)

_log = logging.getLogger(__name__)

MOST_HELPERS: Final = 3

_KEYS: dict[type[Exception], str] = {
    EmptyReply: "empty-reply",
    MalformedPayload: "malformed",
    NothingToUndo: "nothing-to-undo",
    RequestClosed: "not-open",
    NotOwner: "not-yours",
    DraftingPaused: "paused",
    DeliveryInProgress: "still-posting",
    DatabaseUnavailable: "not-recorded",
    UnknownRequest: "unknown-request",
}


async def _ignore_redelivery() -> None:
    """Do nothing for a redelivery: there is nothing to acknowledge."""


@asynccontextmanager
async def report_errors(
    tell: Callable[[str], Awaitable[object]],
    texts: Texts,
    *,
    again: Callable[[], Awaitable[object]] = _ignore_redelivery,
) -> AsyncIterator[None]:
    """Put whatever goes wrong in the block in words, and `tell` them; a redelivery calls `again` instead."""
    try:
        yield
    except DuplicateDelivery as error:
        _log.info("delivered again, done already: %s", error)
        await again()
    except OwnershipLost as error:
        _log.warning("another replica has it now: %s", error)
    except NotShown as error:
        _log.warning("the agent could not be reached: %s", error)
    except (Refusal, StorageError, MalformedPayload) as error:
        level = logging.WARNING if isinstance(error, DatabaseUnavailable) else logging.INFO
        _log.log(level, "refused: %s: %s", type(error).__name__, error)
        await tell(describe_error(error, texts))
    except Exception:  # noqa: BLE001 - the edge: nothing above us would tell the agent
        reference = uuid4().hex[:REFERENCE_LENGTH]
        _log.exception("unexpected, reference %s", reference)
        await tell(texts("unexpected", reference=reference))


def describe_error(error: Exception, texts: Texts) -> str:
    """The sentence for a known error, as mrkdwn: what happened, and what to do next."""
    if isinstance(error, MessageTooLong):
        return texts("too-long", length=error.length, limit=error.limit)
    if isinstance(error, LimitReached):
        hours = ceil(error.retry_after_s / 3600)
        return texts(f"limit-{error.which}", **_describe_wait(error, hours))
    if isinstance(error, AccessDenied):
        return texts(f"barred-{error.reason}", who=_name_helpers(error.helpers, texts))
    if isinstance(error, StaleConversation):
        return texts("stale", newer=error.newer)
    if isinstance(error, AdminRequired):
        return texts("not-allowed", who=_name_helpers(error.helpers, texts))
    kind = next(kind for kind in type(error).__mro__ if kind in _KEYS)
    return texts(_KEYS[kind])


def _name_helpers(helpers: Sequence[str], texts: Texts) -> str:
    """Name the admins to ask, as mentions in mrkdwn; or admins in general where none are configured."""
    if not helpers:
        return texts("helpers-admins")
    return texts("helpers-named", names=texts("list-comma").join(f"<@{user_id}>" for user_id in helpers[:MOST_HELPERS]))


def _describe_wait(error: LimitReached, hours: int) -> dict[str, int]:
    """The time to wait, in the unit that the limit's sentence has."""
    return {"hours": hours} if error.which == "tokens_per_day" else {"seconds": error.retry_after_s}
