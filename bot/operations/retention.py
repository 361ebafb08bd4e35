"""Retention: undecided requests expire; secrets, keys and texts are deleted when they are old enough."""

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from storage.fields import to_iso
from storage.repositories.audit import Audit
from storage.repositories.erasures import Erasures
from storage.repositories.requests import BEGINNING, Requests
from storage.repositories.vault import Vault

UNDECIDED_FOR: Final = timedelta(hours=24)
"""After this an open request without a choice is `expired`."""

WHOLE_LOG_EVERY: Final = timedelta(hours=1)
"""The interval between searches of the whole log for undecided requests: in a long one that takes a while."""

KEYS_KEPT_FOR: Final = timedelta(days=3)
"""The age at which idempotency keys are deleted; Slack delivers again within minutes."""

DELIVERED_KEPT_FOR: Final = timedelta(hours=24)
"""The age at which texts of deliveries are deleted that were copied, or may have been posted or not."""

PRUNED_AT_A_SWEEP: Final = 50
"""Most batches in one sweep, so that pruning a long log for the first time keeps nobody waiting."""

_log = logging.getLogger(__name__)


class Housekeeper:
    """Deletes what is too old. `sweep()` may run at any time, as often as one likes."""

    def __init__(
        self,
        *,
        requests: Requests,
        vault: Vault,
        erasures: Erasures,
        now: Callable[[], datetime],
        texts_kept_for: timedelta | None = None,
    ) -> None:
        self._requests = requests
        self._vault = vault
        self._erasures = erasures
        self._now = now
        self._texts_kept_for = texts_kept_for
        self._searched_at: datetime | None = None

    def _begin_search(self, now: datetime) -> datetime:
        """Return from when on to look for undecided requests: once an hour from the beginning, else those due since."""
        if self._searched_at is None or now - self._searched_at >= WHOLE_LOG_EVERY:
            self._searched_at = now
            return BEGINNING
        return now - UNDECIDED_FOR - WHOLE_LOG_EVERY

    async def sweep(self) -> None:
        """Expire and delete what is due, and log the counts if there are any. Raises DatabaseUnavailable."""
        now = self._now()
        since = self._begin_search(now)
        expired = await self._requests.expire(created_after=since, created_before=now - UNDECIDED_FOR, at=now)
        forgotten = await self._requests.forget_expired_response_urls(now)
        keys = await self._requests.forget_keys(seen_before=now - KEYS_KEPT_FOR)
        sealed = await self._vault.forget_expired(now)
        texts = await self._erasures.forget_delivery_texts(chosen_before=now - DELIVERED_KEPT_FOR)
        pruned = await self._prune(now)
        if expired or forgotten or keys or sealed or texts or pruned:
            _log.info(
                "swept: %s expired; forgotten: %s response URLs, %s keys, %s originals, %s replies, the texts of %s",
                expired, forgotten, keys, sealed, texts, pruned,
            )  # fmt: skip

    async def _prune(self, now: datetime) -> int:
        """Delete texts that are older than the settings allow. Returns the number of requests that had some."""
        if self._texts_kept_for is None:
            return 0
        before = now - self._texts_kept_for
        return await prune_texts(self._erasures, created_before=before, at_most=PRUNED_AT_A_SWEEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """The number of requests made before a time whose texts went, or would go.

    `wiped`: the bytes are off the disk; None if nothing was changed.
    """

    dry_run: bool
    created_before: datetime
    requests: int
    wiped: bool | None


async def prune_log(erasures: Erasures, audit: Audit, *, created_before: datetime, actor: str, at: datetime) -> Pruning:
    """Delete the texts of requests made before then, and note that in the audit table. Raises DatabaseUnavailable."""
    count = await prune_texts(erasures, created_before=created_before)
    wiped = await erasures.wipe()
    data = {"created_before": to_iso(created_before), "requests": count}
    await audit.record(at=at, actor=actor, action="prune", data=data)
    return Pruning(dry_run=False, created_before=created_before, requests=count, wiped=wiped)


async def rehearse_pruning(erasures: Erasures, *, created_before: datetime) -> Pruning:
    """Count what `prune_log` would delete, and change nothing. Raises DatabaseUnavailable."""
    count = await erasures.count_prunable(created_before=created_before)
    return Pruning(dry_run=True, created_before=created_before, requests=count, wiped=None)


async def prune_texts(erasures: Erasures, *, created_before: datetime, at_most: int = sys.maxsize) -> int:
    """Delete the texts of requests made before then, in `at_most` batches, and count those that had some."""
    pruned = 0
    for _ in range(at_most):
        found = await erasures.prune(created_before=created_before)
        pruned += found
        if found == 0:
            break
        await asyncio.sleep(0)  # whoever waits to write goes first
    return pruned
