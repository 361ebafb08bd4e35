"""How long to wait before the next attempt."""

import random

from bot.drafting.retry import compute_back_off


def test_back_off_doubles_up_to_its_limit_with_jitter() -> None:
    rng = random.Random(1)
    for attempt, longest in [(1, 0.5), (2, 1.0), (3, 2.0), (6, 8.0)]:
        waits = [compute_back_off(attempt, base_s=0.5, max_s=8.0, rng=rng) for _ in range(200)]
        assert longest / 2 <= min(waits) < max(waits) <= longest
