"""What time does to the log."""

import logging
from datetime import timedelta

import pytest

from bot.operations.retention import KEYS_KEPT_FOR, UNDECIDED_FOR
from storage.records import ResponseUrl
from tests.bot.desk import Desk
from tests.storage.stores import after

SECRET = "https://hooks.slack.com/secret"


async def test_a_sweep_expires_the_undecided_and_forgets_secrets_and_old_keys(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    housekeeper = desk.make_housekeeper()
    entry = await desk.show("one", response_url=ResponseUrl(url=SECRET, expires_at=after(minutes=30)))
    await housekeeper.sweep()
    assert await desk.store.url_of(entry.request.id) == SECRET
    desk.clock.tick(1800)
    await housekeeper.sweep()
    assert await desk.store.url_of(entry.request.id) is None
    assert (await desk.store.entries())[0].request.status == "shown"
    desk.clock.tick(UNDECIDED_FOR.total_seconds())
    await housekeeper.sweep()
    [recorded] = await desk.store.entries()
    assert recorded.request.status == "expired"
    assert recorded.events[-1].at == desk.clock.now()
    assert await desk.store.count("seen_deliveries") == 1
    desk.clock.tick(KEYS_KEPT_FOR.total_seconds())
    with caplog.at_level(logging.INFO):
        await housekeeper.sweep()
        await housekeeper.sweep()
    assert await desk.store.count("seen_deliveries") == 0
    assert len(caplog.records) == 1
    assert SECRET not in caplog.text


async def test_texts_are_forgotten_when_they_are_old_enough(desk: Desk) -> None:
    """In batches, until none is left that is old enough."""
    await desk.show("one", text="Where is it?")
    await desk.make_housekeeper().sweep()
    desk.clock.tick(timedelta(days=8).total_seconds())
    await desk.show("two", text="And now?")
    await desk.make_housekeeper().sweep()
    assert [entry.request.text_kept for entry in await desk.store.entries()] == ["redacted", "redacted"]
    await desk.make_housekeeper(texts_kept_for=timedelta(days=7)).sweep()
    old, new = await desk.store.entries()
    assert (old.request.text_kept, old.candidates[0].text) == ("none", None)
    assert (new.request.text_kept, new.candidates[0].text) == ("redacted", "two")
