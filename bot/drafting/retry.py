"""Retries: how often to call a model again, and how long to wait before.

The wait doubles with each attempt, and half of it is drawn by chance. A server's Retry-After is honoured. No wait goes
past a draft's deadline: then there is no other attempt.
"""

import random
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MAX_ATTEMPTS = 3
BACK_OFF_S = 0.5
MAX_BACK_OFF_S = 8.0
JITTER_S = 0.2
MAX_PAUSE_S = 60.0


def choose_pause(
    attempts: int, *, retry_after_s: float | None, time_left_s: float | None, rng: random.Random
) -> float | None:
    """Choose the seconds to wait after `attempts` failed ones; None if there is to be no other attempt.

    `time_left_s` is until the deadline, None if there is none.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    pause_s = compute_back_off(attempts, base_s=BACK_OFF_S, max_s=MAX_BACK_OFF_S, rng=rng)
    if retry_after_s is not None:
        # With some jitter, or the drafts of a request would all come back in the same instant.
        pause_s = max(pause_s, retry_after_s + rng.uniform(0, JITTER_S))
    longest_s = MAX_PAUSE_S if time_left_s is None else min(time_left_s, MAX_PAUSE_S)
    return pause_s if pause_s < longest_s else None


def compute_back_off(attempt: int, *, base_s: float, max_s: float, rng: random.Random) -> float:
    """Compute the seconds to wait after the `attempt`th failure: twice as long each time, half of it by chance."""
    longest_s = min(max_s, base_s * 2.0 ** (attempt - 1))
    return longest_s * rng.uniform(0.5, 1.0)


def read_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Read the seconds to wait from `retry-after-ms`, or from `Retry-After` in seconds or as a date.

    `now` is in seconds since the epoch. None if no header makes sense.
    """
    milliseconds = _read_number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _read_number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None


def _read_number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else -1.0
    except ValueError:
        return None
    # Not a number and negative ones fail here as well; infinity is a wait that no deadline allows.
    return number if number >= 0 else None
