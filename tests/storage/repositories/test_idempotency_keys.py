"""What Slack delivers is taken once, on both engines."""

import pytest

from storage.errors import DuplicateDelivery
from storage.repositories.idempotency_keys import IdempotencyKeys
from tests.storage.stores import Store, after


async def test_a_key_is_taken_once(store: Store) -> None:
    seen = IdempotencyKeys(store.database)
    await seen.claim("export:V1", at=after(seconds=1))
    await seen.claim("export:V2", at=after(seconds=1))
    with pytest.raises(DuplicateDelivery):
        await seen.claim("export:V1", at=after(seconds=2))
