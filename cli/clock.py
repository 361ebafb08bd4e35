"""The time, and what is made anew: ids in the order of time, keys that nobody guesses.

Apart from `wiring`, which takes a second to import: commands that draft nothing do without that.
"""

import secrets
import time
from datetime import UTC, datetime

from uuid_utils import uuid7

monotonic = time.monotonic


def now() -> datetime:
    """Return the time in UTC, to the millisecond: as precise as it is kept."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def new_id() -> str:
    """Make a UUIDv7: ids sort by the time they were made."""
    return str(uuid7())


def new_salt() -> str:
    """Make a key that nobody guesses."""
    return secrets.token_hex(16)
