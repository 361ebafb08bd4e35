"""When a refit is due, who does it, and what becomes of it: whatever the clocks, the database and other replicas do."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from bot.ranking.promotion import Verdict
from bot.ranking.refit import RefitResult
from bot.ranking.training import (
    AGAIN_AFTER_S,
    FIRST_CHOICES,
    LEASE,
    LIMIT_S,
    RefitFailed,
    RefitSchedule,
    RefitScheduler,
)
from storage import tables
from storage.repositories.rankers import LEARNING
from storage.rows import to_row
from tests.bot.desk import Desk
from tests.storage.stores import AT, a_choice, a_ranker, a_request, after, build_store, some_candidates

SCHEDULE = RefitSchedule(every=timedelta(hours=24), after_choices=10)
OPEN = Verdict(state="open", picks=300, agents=12, clustered_by="agent", clusters=12, gain=0.02, lower=0.01, upper=0.03)
SHUT = replace(OPEN, state="not_better", lower=-0.01)


def make_refit(version: str | None = "v1", verdict: Verdict = OPEN) -> RefitResult:
    return RefitResult(
        version=version,
        model=None if version is None else f"the model of {version}",
        trained_until=AT,
        requests=300,
        agents=12,
        left_out={"undecided": 4},
        verdict=verdict,
    )


@dataclass(slots=True)
class FakeTrainer:
    """Gives what it was told to; `meanwhile` happens while it works."""

    result: RefitResult | Exception
    meanwhile: Callable[[], Awaitable[object]] | None = None
    times: int = 0
    ended: int = 0

    async def train(self) -> RefitResult:
        self.times += 1
        try:
            if self.meanwhile:
                await self.meanwhile()
        finally:
            self.ended += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def make_scheduler(
    desk: Desk, trainer: FakeTrainer, *, me: str = "here", renew_every_s: float = 30.0
) -> RefitScheduler:
    store = build_store(desk.store.database, me=me)
    return RefitScheduler(
        rankers=store.rankers,
        leases=store.leases,
        trainer=trainer,
        schedule=SCHEDULE,
        metrics=desk.metrics,
        now=desk.clock.now,
        clock=desk.clock.monotonic,
        renew_every_s=renew_every_s,
    )


async def refit(desk: Desk, trainer: FakeTrainer, **options: Any) -> None:
    await make_scheduler(desk, trainer, **options).refit_if_due()


async def add_choices(desk: Desk, count: int, *, start: int = 0, simulated: bool = False) -> None:
    """So many requests with a choice, in one transaction: one by one they would take seconds."""
    ids = [f"r{number}" for number in range(start, start + count)]
    asked = [to_row(a_request(each, status="shown", simulated=simulated)) for each in ids]
    candidates = [to_row(candidate) for each in ids for candidate in some_candidates(each)]
    async with desk.store.database.write() as connection:
        await connection.execute(insert(tables.requests), asked)
        await connection.execute(insert(tables.candidates), candidates)
        await connection.execute(insert(tables.choices), [to_row(a_choice(each)) for each in ids])


async def actions(desk: Desk) -> list[str]:
    return [row["action"] for row in await desk.store.rows("SELECT action FROM audit ORDER BY seq")]


def outcomes(desk: Desk, outcome: str) -> float:
    return desk.metrics.registry.get_sample_value("suggest_ranker_refits_total", {"outcome": outcome}) or 0.0


# --- when -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choices", "hours", "due"),
    [
        (100, 0, False),
        (109, 1, False),
        (110, 1, True),
        (90, 1, True),
        (101, 23, False),
        (101, 25, True),
        (100, 25, False),
        (101, -1, True),
    ],
)
def test_a_refit_is_due_after_choices_or_after_a_time_with_any(choices: int, hours: float, due: bool) -> None:  # noqa: FBT001
    """Choices that went (erased, undone) count as those that came; a record from the future is a wrong clock's."""
    newest = a_ranker(choices=100, created_at=AT)
    assert SCHEDULE.is_due(newest, choices=choices, now=after(hours=hours)) is due


def test_the_first_refit_waits_for_enough_choices() -> None:
    assert not SCHEDULE.is_due(None, choices=FIRST_CHOICES - 1, now=AT)
    assert SCHEDULE.is_due(None, choices=FIRST_CHOICES, now=AT)


async def test_simulated_choices_are_nothing_to_learn_from(desk: Desk) -> None:
    await add_choices(desk, FIRST_CHOICES, simulated=True)
    trainer = FakeTrainer(make_refit())
    await refit(desk, trainer)
    assert trainer.times == 0


# --- what becomes of it -----------------------------------------------------------------------------------


async def test_a_refit_is_recorded_and_shown_by_its_gate(desk: Desk) -> None:
    await add_choices(desk, FIRST_CHOICES)
    trainer = FakeTrainer(make_refit())
    learner = make_scheduler(desk, trainer)
    await learner.refit_if_due()
    newest = await desk.store.rankers.get_newest()
    assert newest is not None
    assert (newest.version, newest.choices, newest.requests) == ("v1", FIRST_CHOICES, 300)
    assert (newest.created_at, newest.created_by, newest.gate_open) == (desk.clock.now(), "serve", True)
    assert Verdict(**newest.gate) == OPEN
    assert await actions(desk) == ["ranker_trained", "ranker_shown"]
    assert outcomes(desk, "shown") == 1
    assert desk.metrics.registry.get_sample_value("suggest_ranker_gain_lower") == 0.01
    await learner.refit_if_due()
    assert trainer.times == 1, "nothing has changed since"


@pytest.mark.parametrize(("decided", "verdict", "outcome"), [((), SHUT, "not_shown"), (("U1",), OPEN, "held_back")])
async def test_what_is_learned_and_not_shown_is_told_apart(
    desk: Desk, decided: tuple[str, ...], verdict: Verdict, outcome: str
) -> None:
    """Because it is not proven, or because a person has decided otherwise."""
    await add_choices(desk, FIRST_CHOICES)
    for person in decided:
        await desk.store.rankers.roll_back(None, actor=person, at=AT)
    await refit(desk, FakeTrainer(make_refit(verdict=verdict)))
    assert outcomes(desk, outcome) == 1
    assert "ranker_shown" not in await actions(desk)
    assert "ranker_trained" in await actions(desk)


async def test_a_gate_that_shuts_withdraws(desk: Desk) -> None:
    await add_choices(desk, FIRST_CHOICES)
    await refit(desk, FakeTrainer(make_refit()))
    await add_choices(desk, 10, start=FIRST_CHOICES)
    await refit(desk, FakeTrainer(make_refit("v2", SHUT)))
    assert (await actions(desk))[-2:] == ["ranker_trained", "ranker_withdrawn"]
    assert outcomes(desk, "withdrawn") == 1


async def test_a_log_with_nothing_to_learn_leaves_nothing_behind(desk: Desk) -> None:
    """All dismissed: asked again after a while only."""
    await add_choices(desk, FIRST_CHOICES)
    trainer = FakeTrainer(make_refit(None))
    learner = make_scheduler(desk, trainer)
    for _ in range(3):
        await learner.refit_if_due()
    assert trainer.times == 1
    assert await desk.store.rankers.get_newest() is None
    desk.clock.tick(AGAIN_AFTER_S)
    await learner.refit_if_due()
    assert trainer.times == 2
    assert outcomes(desk, "nothing") == 2


async def test_a_refit_that_fails_is_told_and_tried_again_later(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    await add_choices(desk, FIRST_CHOICES)
    trainer = FakeTrainer(RefitFailed("the database cannot be used: gone"))
    learner = make_scheduler(desk, trainer)
    for _ in range(3):
        await learner.refit_if_due()
    assert trainer.times == 1
    assert "the database cannot be used: gone" in caplog.text
    assert await actions(desk) == []
    assert outcomes(desk, "failed") == 1
    desk.clock.tick(AGAIN_AFTER_S)
    trainer.result = make_refit()
    await learner.refit_if_due()
    assert outcomes(desk, "shown") == 1


async def test_a_database_that_is_away_when_the_result_is_there_is_asked_again_later(desk: Desk) -> None:
    await add_choices(desk, FIRST_CHOICES)

    async def goes_away() -> None:
        await desk.store.change("ALTER TABLE rankers RENAME TO elsewhere")

    trainer = FakeTrainer(make_refit(), meanwhile=goes_away)
    learner = make_scheduler(desk, trainer)
    await learner.refit_if_due()
    assert outcomes(desk, "failed") == 1
    await desk.store.change("ALTER TABLE elsewhere RENAME TO rankers")
    assert await actions(desk) == [], "nothing is half recorded"
    desk.clock.tick(AGAIN_AFTER_S)
    trainer.meanwhile = None
    await learner.refit_if_due()
    assert await actions(desk) == ["ranker_trained", "ranker_shown"]


# --- one at a time ----------------------------------------------------------------------------------------


async def test_of_two_replicas_one_refits(desk: Desk) -> None:
    await add_choices(desk, FIRST_CHOICES)
    second = FakeTrainer(make_refit("v2"))
    other = make_scheduler(desk, second, me="other")
    first = FakeTrainer(make_refit(), meanwhile=other.refit_if_due)
    await refit(desk, first)
    assert (first.times, second.times) == (1, 0)
    await other.refit_if_due()
    assert second.times == 0, "it is done"


async def test_who_was_killed_while_refitting_holds_others_up_for_a_lease(desk: Desk) -> None:
    await add_choices(desk, FIRST_CHOICES)
    dead = build_store(desk.store.database, me="dead")
    assert await dead.leases.take(LEARNING, at=desk.clock.now(), until=desk.clock.now() + LEASE)
    trainer = FakeTrainer(make_refit())
    learner = make_scheduler(desk, trainer)
    await learner.refit_if_due()
    assert trainer.times == 0
    desk.clock.tick(LEASE.total_seconds() + 1)
    await learner.refit_if_due()
    assert trainer.times == 1
    assert await actions(desk) == ["ranker_trained", "ranker_shown"]


async def test_who_lost_the_lease_ends_its_work_and_records_nothing(desk: Desk) -> None:
    """A replica that was stopped for minutes: another has taken over, and decides."""
    await add_choices(desk, FIRST_CHOICES)
    other = build_store(desk.store.database, me="other")

    async def loses_it() -> None:
        desk.clock.tick(LEASE.total_seconds() + 1)
        now = desk.clock.now()
        assert await other.leases.take(LEARNING, at=now, until=now + LEASE)
        await asyncio.Event().wait()

    trainer = FakeTrainer(make_refit(), meanwhile=loses_it)
    await refit(desk, trainer, renew_every_s=0.01)
    assert trainer.ended == 1
    assert outcomes(desk, "failed") == 1
    assert await desk.store.rankers.get_newest() is None


async def test_the_lease_is_kept_as_long_as_the_work_takes(desk: Desk) -> None:
    await add_choices(desk, FIRST_CHOICES)
    second = FakeTrainer(make_refit("v2"))
    other = make_scheduler(desk, second, me="other")

    async def takes_long() -> None:
        for _ in range(5):
            before = await desk.store.rows("SELECT until FROM leases")  # before the tick: it may be renewed at once
            desk.clock.tick(60)
            while True:
                if await desk.store.rows("SELECT until FROM leases") != before:
                    break
                await asyncio.sleep(0.01)
            await other.refit_if_due()

    trainer = FakeTrainer(make_refit(), meanwhile=takes_long)
    await refit(desk, trainer, renew_every_s=0.01)
    assert (trainer.times, second.times) == (1, 0)
    assert outcomes(desk, "shown") == 1


async def test_work_without_end_is_ended(desk: Desk) -> None:
    await add_choices(desk, FIRST_CHOICES)

    async def never() -> None:
        desk.clock.tick(LIMIT_S + 1)
        await asyncio.Event().wait()

    trainer = FakeTrainer(make_refit(), meanwhile=never)
    await refit(desk, trainer, renew_every_s=0.01)
    assert trainer.ended == 1
    assert outcomes(desk, "failed") == 1


async def test_a_shutdown_ends_the_work_and_frees_the_lease(desk: Desk) -> None:
    await add_choices(desk, FIRST_CHOICES)
    began = asyncio.Event()

    async def works() -> None:
        began.set()
        await asyncio.Event().wait()

    trainer = FakeTrainer(make_refit(), meanwhile=works)
    task = asyncio.create_task(make_scheduler(desk, trainer).refit_if_due())
    await began.wait()
    task.cancel()
    await asyncio.wait([task])
    assert trainer.ended == 1
    assert await desk.store.count("leases") == 0
    assert await desk.store.count("rankers") == 0
