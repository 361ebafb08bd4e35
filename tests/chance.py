"""What the product draws in the tests' own process: ids, styles and orders, the same in each run of a test.

A test that some draws break fails always, or never: not one time in a hundred, in somebody else's run. `make soak`
draws others each time.
"""

import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import cli.clock
import cli.wiring

_FIRST_MS = 1_795_000_000_000
_draws: dict[str, Iterator[int]] = defaultdict(count)


def fix_draws(set_attribute: Callable[[Any, str, Any], None]) -> None:
    """Replace the product's sources of chance, by `setattr`, or by one that is undone."""
    set_attribute(cli.wiring, "random", SimpleNamespace(SystemRandom=_make_generator))
    set_attribute(cli.clock, "new_id", _make_id)


def _number_draw() -> tuple[str, int]:
    """The test that is running, and how often it has drawn before."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    return test, next(_draws[test])


def _make_generator() -> random.Random:
    return random.Random(repr(_number_draw()))


def _make_id() -> str:
    """A UUIDv7, later than those before."""
    test, number = _number_draw()
    chance = random.Random(f"{test} {number}")
    return str(
        UUID(int=(_FIRST_MS + number) << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62))
    )
