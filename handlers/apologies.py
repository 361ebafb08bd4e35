"""Errors in words, in one place: a known one gets its own sentence, an unknown one a reference that the log knows."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import ceil
from uuid import uuid4

from bot.errors import (
    EmptyReply,
    LimitReached,
    MessageTooLong,
    NotAllowed,
    NotYours,
    Paused,
    Refusal,
    UnknownRequest,
)
from handlers.payloads import MalformedPayload
from handlers.private import NotShown
from handlers.texts import Texts
from storage.errors import NothingToUndo, NotOpen, Redelivered, StillPosting, StorageError, TakenOver, Unavailable

_log = logging.getLogger(__name__)

_KEYS: dict[type[Exception], str] = {
    EmptyReply: "empty-reply",
    MalformedPayload: "malformed",
    NothingToUndo: "nothing-to-undo",
    NotAllowed: "not-allowed",
    NotOpen: "not-open",
    NotYours: "not-yours",
    Paused: "paused",
    StillPosting: "still-posting",
    Unavailable: "not-recorded",
    UnknownRequest: "unknown-request",
}


async def _silence() -> None:
    """What a redelivery is told where there is nothing to acknowledge."""


@asynccontextmanager
async def apologising(
    tell: Callable[[str], Awaitable[object]], texts: Texts, *, again: Callable[[], Awaitable[object]] = _silence
) -> AsyncIterator[None]:
    """Whatever goes wrong in the block is put in words and told by `tell`; a redelivery calls `again` instead."""
    try:
        yield
    except Redelivered as error:
        _log.info("delivered again, done already: %s", error)
        await again()
    except TakenOver as error:
        _log.warning("another replica has it now: %s", error)
    except NotShown as error:
        _log.warning("the agent could not be reached: %s", error)
    except (Refusal, StorageError, MalformedPayload) as error:
        level = logging.WARNING if isinstance(error, Unavailable) else logging.INFO
        _log.log(level, "refused: %s: %s", type(error).__name__, error)
        await tell(worded(error, texts))
    except Exception:  # noqa: BLE001 - the edge: nothing above us would tell the agent
        reference = uuid4().hex[:12]
        _log.exception("unexpected, reference %s", reference)
        await tell(texts("unexpected", reference=reference))


def worded(error: Exception, texts: Texts) -> str:
    """The sentence for a known error: what happened, and what to do next."""
    if isinstance(error, MessageTooLong):
        return texts("too-long", length=error.length, limit=error.limit)
    if isinstance(error, LimitReached):
        hours = ceil(error.retry_after_s / 3600)
        return texts(f"limit-{error.which}", **_wanted(error, hours))
    return texts(_KEYS[type(error)])


def _wanted(error: LimitReached, hours: int) -> dict[str, int]:
    return {"hours": hours} if error.which == "tokens_per_day" else {"seconds": error.retry_after_s}
