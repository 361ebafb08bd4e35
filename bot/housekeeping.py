"""What time does to the log: requests expire undecided, secrets are forgotten, keys of deliveries grow old."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from storage.requests import BEGINNING, Requests

UNDECIDED_FOR: Final = timedelta(hours=24)
"""After this an open request without a choice is `expired`."""

WHOLE_LOG_EVERY: Final = timedelta(hours=1)
"""The whole log is searched for undecided requests no more often: in a long one that takes a while."""

KEYS_KEPT_FOR: Final = timedelta(days=3)
"""Slack delivers again within minutes."""

_log = logging.getLogger(__name__)


class Housekeeper:
    """`sweep()` now and then; it is safe to run at any time."""

    def __init__(self, *, requests: Requests, now: Callable[[], datetime]) -> None:
        self._requests = requests
        self._now = now
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
        if expired or forgotten or keys:
            _log.info("swept: %s expired, %s response URLs and %s keys forgotten", expired, forgotten, keys)
