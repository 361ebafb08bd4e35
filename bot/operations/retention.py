"""What time does to the log: requests expire undecided, secrets are forgotten, keys and texts grow old."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from storage.repositories.erasures import Erasing
from storage.repositories.requests import BEGINNING, Requests
from storage.repositories.vault import Vault

UNDECIDED_FOR: Final = timedelta(hours=24)
"""After this an open request without a choice is `expired`."""

WHOLE_LOG_EVERY: Final = timedelta(hours=1)
"""The whole log is searched for undecided requests no more often: in a long one that takes a while."""

KEYS_KEPT_FOR: Final = timedelta(days=3)
"""Slack delivers again within minutes."""

DELIVERED_KEPT_FOR: Final = timedelta(hours=24)
"""How long the text of a reply that the agent was to copy, or of which nobody knows whether it was posted, is kept."""

PRUNED_AT_A_SWEEP: Final = 50
"""Batches: a long log that is to be pruned for the first time keeps nobody waiting."""

_log = logging.getLogger(__name__)


class Housekeeper:
    """`sweep()` now and then; it is safe to run at any time."""

    def __init__(
        self,
        *,
        requests: Requests,
        vault: Vault,
        erasing: Erasing,
        now: Callable[[], datetime],
        texts_kept_for: timedelta | None = None,
    ) -> None:
        self._requests = requests
        self._vault = vault
        self._erasing = erasing
        self._now = now
        self._texts_kept_for = texts_kept_for
        self._searched_at: datetime | None = None

    def _since(self, now: datetime) -> datetime:
        """Where to look for requests to expire: once an hour everywhere, else among those due since."""
        if self._searched_at is None or now - self._searched_at >= WHOLE_LOG_EVERY:
            self._searched_at = now
            return BEGINNING
        return now - UNDECIDED_FOR - WHOLE_LOG_EVERY

    async def sweep(self) -> None:
        now = self._now()
        since = self._since(now)
        expired = await self._requests.expire(created_after=since, created_before=now - UNDECIDED_FOR, at=now)
        forgotten = await self._requests.forget_expired_response_urls(now)
        keys = await self._requests.forget_deliveries(seen_before=now - KEYS_KEPT_FOR)
        sealed = await self._vault.forget_expired(now)
        texts = await self._erasing.forget_delivered(chosen_before=now - DELIVERED_KEPT_FOR)
        pruned = await self._prune(now)
        if expired or forgotten or keys or sealed or texts or pruned:
            _log.info(
                "swept: %s expired; forgotten: %s response URLs, %s keys, %s originals, %s replies, the texts of %s",
                expired, forgotten, keys, sealed, texts, pruned,
            )  # fmt: skip

    async def _prune(self, now: datetime) -> int:
        """Forget texts that are older than the settings allow. How many requests had some."""
        pruned = 0
        if self._texts_kept_for is not None:
            for _ in range(PRUNED_AT_A_SWEEP):
                batch = await self._erasing.prune(created_before=now - self._texts_kept_for)
                pruned += batch
                if batch == 0:
                    break
                await asyncio.sleep(0)  # whoever waits to write goes first
        return pruned
