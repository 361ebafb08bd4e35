"""The reply's way into the conversation: once, whatever Slack answers, and wherever the process dies."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.operations.write_buffer import TRIES
from bot.suggesting.choose import PART_LIMIT, RecordedChoice
from bot.suggesting.deliver import (
    DELETE_TRIES,
    Deliverer,
    DeliveryOutcome,
    DeliveryRefused,
    DeliveryThrottled,
    DeliveryUncertain,
)
from storage.errors import DatabaseUnavailable, DeliveryInProgress, DuplicateDelivery, RequestClosed
from storage.records import Delivery, ResponseUrl
from storage.repositories.deliveries import Deliveries
from tests.bot.desk import Desk
from tests.storage.stores import after

LONG = "\n\n".join(letter * (PART_LIMIT - 10) for letter in "abc")
"""Three parts."""


async def load_event_types(desk: Desk) -> list[str]:
    return [event.type for event in (await desk.store.entries())[0].events]


async def load_states(desk: Desk, chosen: RecordedChoice) -> list[str]:
    return [part.state for part in await desk.load_parts(chosen)]


# --- what Slack answers ------------------------------------------------------------------------------------


async def test_a_reply_is_posted_once_and_recorded_as_sent(desk: Desk) -> None:
    chosen = await desk.use_reply("Dear customer")
    assert await desk.make_deliverer().deliver(chosen) == DeliveryOutcome(state="posted")
    assert desk.courier.calls == [("channel", "Dear customer")]
    [part] = await desk.load_parts(chosen)
    assert (part.state, part.attempts, part.channel_id, part.text) == ("done", 1, "C1", None)
    assert part.message_ts in desk.courier.standing
    sent = (await desk.store.entries())[0].events[-1]
    assert (sent.type, sent.agent_id, sent.candidate_id) == ("sent", "U1", chosen.choice.candidate_id)
    assert sent.data == {
        "choice_id": chosen.choice.id,
        "address": "channel",
        "channel_id": "C1",
        "message_ts": [part.message_ts],
    }


async def test_the_attempt_is_committed_before_slack_is_called(desk: Desk) -> None:
    chosen = await desk.use_reply()
    seen: list[str] = []

    async def look() -> None:
        seen.extend(await load_states(desk, chosen))

    desk.courier.answers = [look]
    await desk.make_deliverer().deliver(chosen)
    assert seen == ["attempting"]


async def test_a_long_reply_is_posted_part_by_part_in_order(desk: Desk) -> None:
    chosen = await desk.use_reply(LONG)
    assert len(chosen.parts) == 3
    assert await desk.make_deliverer().deliver(chosen) == DeliveryOutcome(state="posted")
    assert "".join(desk.courier.standing.values()) == LONG
    assert await load_states(desk, chosen) == ["done"] * 3
    assert (await load_event_types(desk)).count("sent") == 1
    sent = (await desk.store.entries())[0].events[-1]
    assert sent.data["message_ts"] == list(desk.courier.standing)


async def test_a_reply_to_copy_is_given_back(desk: Desk) -> None:
    entry = await desk.show("Dear customer")
    chosen = await desk.make_chooser(on_use="copy").use(desk.make_click(), entry.candidates[0].id)
    assert await desk.make_deliverer().deliver(chosen) == DeliveryOutcome(state="copy", text="Dear customer")
    assert desk.courier.calls == []


async def test_what_the_channel_refuses_goes_through_the_clicks_way_back(desk: Desk) -> None:
    chosen = await desk.use_reply("Hi")
    desk.courier.answers = [DeliveryRefused("not_in_channel")]
    assert await desk.make_deliverer().deliver(chosen) == DeliveryOutcome(state="posted")
    assert [address for address, _ in desk.courier.calls] == ["channel", "response_url"]
    [part] = await desk.load_parts(chosen)
    assert (part.state, part.address, part.attempts, part.message_ts) == ("done", "response_url", 2, None)
    assert (await load_event_types(desk))[-1] == "sent"


async def test_what_nobody_takes_is_left_to_copy(desk: Desk) -> None:
    chosen = await desk.use_reply("Hi")
    desk.courier.answers = [DeliveryRefused("not_in_channel"), DeliveryRefused("expired_url")]
    assert await desk.make_deliverer().deliver(chosen) == DeliveryOutcome(
        state="not_posted", text="Hi", reasons=("not_in_channel", "expired_url")
    )
    [part] = await desk.load_parts(chosen)
    assert (part.state, part.address) == ("done", "copy")
    assert "sent" not in await load_event_types(desk)


async def test_of_a_long_reply_only_what_was_not_taken_is_left_to_copy(desk: Desk) -> None:
    chosen = await desk.use_reply(LONG)
    first, second, third = (part.text or "" for part in chosen.parts)

    async def fine() -> None:
        """Taken."""

    desk.courier.answers = [fine, DeliveryRefused("msg_too_long"), DeliveryRefused("used_url"), fine]
    assert await desk.make_deliverer().deliver(chosen) == DeliveryOutcome(
        state="not_posted", text=second, reasons=("msg_too_long", "used_url")
    )
    assert desk.courier.taken == [first, third]
    assert "sent" not in await load_event_types(desk)


async def test_a_throttled_part_waits_as_told_and_is_pending_meanwhile(desk: Desk) -> None:
    chosen = await desk.use_reply()
    desk.courier.answers = [DeliveryThrottled(7.0), DeliveryThrottled(30.0)]
    waiting: list[str] = []

    async def sleep(seconds: float) -> None:
        waiting.extend(await load_states(desk, chosen))
        await desk.clock.sleep(seconds)

    deliverer = desk.make_deliverer()
    deliverer._sleep = sleep
    assert await deliverer.deliver(chosen) == DeliveryOutcome(state="posted")
    assert desk.clock.slept == [7.0, 30.0]
    assert waiting == ["pending", "pending"]
    assert [part.attempts for part in await desk.load_parts(chosen)] == [3]
    assert len(desk.courier.taken) == 1


async def test_an_undo_while_throttled_cancels_the_post(desk: Desk) -> None:
    chosen = await desk.use_reply()
    desk.courier.answers = [DeliveryThrottled(7.0)]

    async def undo_meanwhile(_seconds: float) -> None:
        undone = await desk.make_chooser().undo(desk.make_click(), chosen.request.id)
        assert undone.parts == ()

    deliverer = desk.make_deliverer()
    deliverer._sleep = undo_meanwhile
    assert await deliverer.deliver(chosen) == DeliveryOutcome(state="cancelled")
    assert desk.courier.taken == []
    assert await desk.load_parts(chosen) == ()


async def test_an_undo_during_the_call_is_told_to_wait(desk: Desk) -> None:
    chosen = await desk.use_reply()

    async def undo_meanwhile() -> None:
        with pytest.raises(DeliveryInProgress):
            await desk.make_chooser().undo(desk.make_click(), chosen.request.id)

    desk.courier.answers = [undo_meanwhile]
    assert await desk.make_deliverer().deliver(chosen) == DeliveryOutcome(state="posted")


async def test_what_may_have_been_posted_is_never_posted_again_by_itself(desk: Desk) -> None:
    chosen = await desk.use_reply(LONG)
    first, second, third = (part.text or "" for part in chosen.parts)

    async def fine() -> None:
        """Taken."""

    desk.courier.answers = [fine, DeliveryUncertain("timeout")]
    assert await desk.make_deliverer().deliver(chosen) == DeliveryOutcome(state="unknown", text=second + third)
    assert await load_states(desk, chosen) == ["done", "unknown", "pending"]
    calls = len(desk.courier.calls)
    for _ in range(3):
        [(again, outcome)] = await desk.recover()
        assert outcome == DeliveryOutcome(state="unknown", text=second + third)
        assert again.choice == chosen.choice
    assert len(desk.courier.calls) == calls
    assert desk.courier.taken == [first]


async def test_the_agent_may_have_it_posted_again(desk: Desk) -> None:
    chosen = await desk.use_reply("Hi")
    desk.courier.answers = [DeliveryUncertain("timeout")]
    await desk.make_deliverer().deliver(chosen)
    click = desk.make_click(response_url=ResponseUrl(url="https://hooks.slack.com/new", expires_at=after(minutes=30)))
    again = await desk.make_deliverer().post_again(click, chosen.request.id)
    assert again.request.response_url == "https://hooks.slack.com/new"
    assert await desk.make_deliverer().deliver(again) == DeliveryOutcome(state="posted")
    assert desk.courier.taken == ["Hi"]
    assert (await load_event_types(desk))[-1] == "sent"
    with pytest.raises(DuplicateDelivery):
        await desk.make_deliverer().post_again(click, chosen.request.id)


@pytest.mark.parametrize("how", ["posted", "pending", "undone", "undecided"])
async def test_only_what_is_unknown_is_posted_again(desk: Desk, how: str) -> None:
    if how == "undecided":
        request = (await desk.show("Hi")).request
    else:
        chosen = await desk.use_reply("Hi")
        request = chosen.request
    if how == "posted":
        await desk.make_deliverer().deliver(chosen)
    if how == "undone":
        desk.courier.answers = [DeliveryUncertain("timeout")]
        await desk.make_deliverer().deliver(chosen)
        await desk.make_chooser().undo(desk.make_click(), request.id)
    with pytest.raises(RequestClosed):
        await desk.make_deliverer().post_again(desk.make_click(), request.id)


# --- taking it back ----------------------------------------------------------------------------------------


async def test_undo_deletes_what_was_posted(desk: Desk) -> None:
    chosen = await desk.use_reply(LONG)
    await desk.make_deliverer().deliver(chosen)
    undone = await desk.make_chooser().undo(desk.make_click(), chosen.request.id)
    desk.courier.answers = [DeliveryThrottled(3.0)]
    assert await desk.make_deliverer().retract(undone.parts)
    assert desk.courier.standing == {}
    assert desk.clock.slept == [3.0]
    assert await desk.load_parts(chosen) == ()


@pytest.mark.parametrize(
    "failure", [[DeliveryRefused("cant_delete_message")], [DeliveryUncertain("timeout")] * DELETE_TRIES]
)
async def test_what_cannot_be_deleted_is_told(desk: Desk, failure: list[Exception]) -> None:
    chosen = await desk.use_reply(LONG)
    await desk.make_deliverer().deliver(chosen)
    undone = await desk.make_chooser().undo(desk.make_click(), chosen.request.id)
    desk.courier.answers = list(failure)
    assert not await desk.make_deliverer().retract(undone.parts)
    assert len(desk.courier.standing) == 1


async def test_what_may_not_be_deleted_is_tried_again_at_once_and_at_the_next_start(desk: Desk) -> None:
    chosen = await desk.use_reply("Hi")
    await desk.make_deliverer().deliver(chosen)
    undone = await desk.make_chooser().undo(desk.make_click(), chosen.request.id)
    desk.courier.answers = [DeliveryUncertain("timeout")] * DELETE_TRIES
    assert not await desk.make_deliverer().retract(undone.parts)
    await desk.recover()
    assert desk.courier.standing == {}
    assert await desk.load_parts(chosen) == ()


async def test_what_stands_somewhere_unknown_cannot_be_deleted(desk: Desk) -> None:
    chosen = await desk.use_reply()
    desk.courier.answers = [DeliveryRefused("not_in_channel")]
    await desk.make_deliverer().deliver(chosen)
    undone = await desk.make_chooser().undo(desk.make_click(), chosen.request.id)
    assert not await desk.make_deliverer().retract(undone.parts)


async def test_what_was_left_to_copy_has_nothing_to_delete(desk: Desk) -> None:
    chosen = await desk.use_reply()
    desk.courier.answers = [DeliveryRefused("not_in_channel"), DeliveryRefused("expired_url")]
    await desk.make_deliverer().deliver(chosen)
    undone = await desk.make_chooser().undo(desk.make_click(), chosen.request.id)
    calls = len(desk.courier.calls)
    assert await desk.make_deliverer().retract(undone.parts)
    assert len(desk.courier.calls) == calls


# --- what the database refuses meanwhile ----------------------------------------------------------------------


class Faulty(Deliveries):
    """Fails as told: `(step, "before" or "after" its commit)` at the n-th call of all."""

    def __init__(self, desk: Desk, *, fails: Callable[[int, str, str], BaseException | None]) -> None:
        super().__init__(desk.store.database, me=desk.store.deliveries._me)
        self._fails = fails
        self._calls = 0

    async def begin_attempt(self, delivery_id: str) -> bool:
        return bool(await self._step("attempt", lambda: super(Faulty, self).begin_attempt(delivery_id)))

    async def mark_done(self, delivery: Delivery, *, sent: Any) -> None:
        await self._step("done", lambda: super(Faulty, self).mark_done(delivery, sent=sent))

    async def put_back(self, delivery_id: str, *, address: str) -> None:
        await self._step("put_back", lambda: super(Faulty, self).put_back(delivery_id, address=address))

    async def mark_unknown(self, delivery_id: str) -> None:
        await self._step("unknown", lambda: super(Faulty, self).mark_unknown(delivery_id))

    async def _step(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        self._calls += 1
        self._strike(name, "before")
        result = await work()
        self._strike(name, "after")
        return result

    def _strike(self, name: str, when: str) -> None:
        error = self._fails(self._calls, name, when)
        if error is not None:
            raise error


def lock_for(times: int, *steps: str) -> Callable[[int, str, str], BaseException | None]:
    """The database takes none of these steps, so many times."""
    left = [times]

    def fails(_n: int, step: str, when: str) -> BaseException | None:
        if when == "before" and step in steps and left[0]:
            left[0] -= 1
            return DatabaseUnavailable("database is locked")
        return None

    return fails


ANSWERS: dict[str, list[Exception]] = {
    "done": [],
    "put_back": [DeliveryRefused("not_in_channel")],
    "unknown": [DeliveryUncertain("timeout")],
}


@pytest.mark.parametrize("step", ANSWERS)
async def test_what_slack_answered_is_recorded_with_patience(desk: Desk, step: str) -> None:
    """A lock that passes leaves no part on its way for ever."""
    chosen = await desk.use_reply("Hi")
    desk.courier.answers = list(ANSWERS[step])
    deliverer = desk.make_deliverer(deliveries=Faulty(desk, fails=lock_for(TRIES - 1, step)))
    outcome = await deliverer.deliver(chosen)
    assert outcome.state == ("unknown" if step == "unknown" else "posted")
    assert len(desk.clock.slept) == TRIES - 1
    assert "attempting" not in await load_states(desk, chosen)
    assert len(desk.courier.taken) == (step != "unknown")


@pytest.mark.parametrize("step", ANSWERS)
async def test_where_patience_ends_the_next_start_finds_it_unknown(desk: Desk, step: str) -> None:
    chosen = await desk.use_reply("Hi")
    desk.courier.answers = list(ANSWERS[step])
    with pytest.raises(DatabaseUnavailable):
        await desk.make_deliverer(deliveries=Faulty(desk, fails=lock_for(99, step))).deliver(chosen)
    assert await load_states(desk, chosen) == ["attempting"]
    taken = list(desk.courier.taken)
    [(_, outcome)] = await desk.recover()
    assert outcome == DeliveryOutcome(state="unknown", text="Hi")
    assert desk.courier.taken == taken


async def test_an_attempt_that_cannot_be_recorded_is_not_made(desk: Desk) -> None:
    chosen = await desk.use_reply()
    with pytest.raises(DatabaseUnavailable):
        await desk.make_deliverer(deliveries=Faulty(desk, fails=lock_for(1, "attempt"))).deliver(chosen)
    assert desk.courier.calls == []
    [(_, outcome)] = await desk.recover()
    assert outcome == DeliveryOutcome(state="posted")
    assert len(desk.courier.taken) == 1


# --- crashes ---------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


async def deliver_and_die(desk: Desk, chosen: RecordedChoice, point: int) -> bool:
    """Deliver in a process that dies at the n-th point of its way. False where there are not so many."""
    passed = [0]

    def here() -> None:
        passed[0] += 1
        if passed[0] == point:
            raise Killed

    def fails(_n: int, _step: str, _when: str) -> BaseException | None:
        passed[0] += 1
        return Killed() if passed[0] == point else None

    class Dying(type(desk.courier)):  # type: ignore[misc]
        """Dies before Slack has taken the part, or after."""

        async def post(self, request: Any, part: Delivery) -> Any:
            here()
            posted = await desk.courier.post(request, part)
            here()
            return posted

    deliverer = desk.make_deliverer(deliveries=Faulty(desk, fails=fails))
    deliverer._courier = Dying()
    try:
        await deliverer.deliver(chosen)
    except Killed:
        return True
    return False


# Each part: attempt, post, done; each with a before and an after.
@pytest.mark.parametrize("answers", ["taken", "refused", "throttled"])
@pytest.mark.parametrize("point", range(1, 19))
async def test_wherever_the_process_dies_nothing_is_lost_and_nothing_posted_twice(
    desk: Desk, point: int, answers: str
) -> None:
    chosen = await desk.use_reply(LONG)
    texts = [part.text or "" for part in chosen.parts]
    desk.courier.answers = {"taken": [], "refused": [DeliveryRefused("x")], "throttled": [DeliveryThrottled(1)]}[
        answers
    ]
    assert await deliver_and_die(desk, chosen, point)
    desk.courier.answers = []
    recovered = await desk.recover()
    # In order, none twice.
    assert desk.courier.taken == texts[: len(desk.courier.taken)]
    after_restart = await load_states(desk, chosen)
    assert "attempting" not in after_restart
    if "unknown" in after_restart:
        # The agent is told, with all the text that may be missing, and decides.
        [(_, outcome)] = recovered
        at = after_restart.index("unknown")
        assert outcome == DeliveryOutcome(state="unknown", text="".join(texts[at:]))
        again = await desk.make_deliverer().post_again(desk.make_click(), chosen.request.id)
        assert (await desk.make_deliverer().deliver(again)).state == "posted"
        await desk.make_deliverer().record_told(again)
        assert len(desk.courier.taken) <= len(texts) + 1
    else:
        assert [outcome.state for _, outcome in recovered] in ([], ["posted"])
        assert desk.courier.taken == texts
    assert set(desk.courier.taken) == set(texts)
    assert await load_states(desk, chosen) == ["done"] * 3
    assert (await load_event_types(desk)).count("sent") == 1
    assert await desk.recover() == []


async def test_the_way_has_no_more_points_than_were_tried(desk: Desk) -> None:
    assert not await deliver_and_die(desk, await desk.use_reply(LONG), 19)


async def test_a_crash_before_the_agent_saw_what_to_copy_keeps_its_text(desk: Desk) -> None:
    chosen = await desk.use_reply(LONG)
    desk.courier.answers = [DeliveryRefused("a"), DeliveryRefused("b")]  # the first part; then the process dies

    def dies_at_the_second_part(n: int, step: str, when: str) -> BaseException | None:
        return Killed() if step == "attempt" and n == 6 and when == "before" else None

    with pytest.raises(Killed):
        await desk.make_deliverer(deliveries=Faulty(desk, fails=dies_at_the_second_part)).deliver(chosen)
    assert await load_states(desk, chosen) == ["done", "pending", "pending"]
    [(_, outcome)] = await desk.recover()
    assert outcome == DeliveryOutcome(state="not_posted", text=chosen.parts[0].text or "")


async def test_after_a_restart_what_was_taken_back_is_deleted(desk: Desk) -> None:
    chosen = await desk.use_reply(LONG)
    await desk.make_deliverer().deliver(chosen)
    await desk.make_chooser().undo(desk.make_click(), chosen.request.id)  # and the process dies
    assert len(desk.courier.standing) == 3
    assert await desk.recover() == []
    assert desk.courier.standing == {}


async def test_after_a_restart_several_replies_go_out_in_the_order_of_their_choices(desk: Desk) -> None:
    for text in ("first", "second", "third"):
        await desk.use_reply(text)
    recovered = await desk.recover()
    assert desk.courier.taken == ["first", "second", "third"]
    assert [chosen.choice.final_text for chosen, _ in recovered] == desk.courier.taken


async def test_two_processes_that_recover_at_once_post_once(desk: Desk) -> None:
    chosen = await desk.use_reply("Hi")
    other: list[DeliveryOutcome] = []

    async def meanwhile() -> None:
        other.append(await desk.make_deliverer().deliver(chosen))

    desk.courier.answers = [meanwhile]
    assert await desk.make_deliverer().deliver(chosen) == DeliveryOutcome(state="posted")
    assert other == [DeliveryOutcome(state="cancelled")]
    assert desk.courier.taken == ["Hi"]


async def test_parts_already_done_are_not_posted_again(desk: Desk) -> None:
    chosen = await desk.use_reply(LONG)
    await desk.make_deliverer().deliver(chosen)
    loaded = replace(chosen, parts=await desk.load_parts(chosen))
    assert await desk.make_deliverer().deliver(loaded) == DeliveryOutcome(state="posted")
    assert len(desk.courier.calls) == 3


def test_deliverers_wait_for_real_unless_told_otherwise(desk: Desk) -> None:
    import asyncio

    made = Deliverer(
        requests=desk.store.requests,
        choices=desk.store.choices,
        deliveries=desk.store.deliveries,
        privacy=desk.privacy,
        courier=desk.courier,
        now=desk.clock.now,
    )
    assert made._sleep is asyncio.sleep
