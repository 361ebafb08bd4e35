"""The synchronous half of the Runnable surface, for scripts and notebooks, and the rule of one event loop."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from bot.drafting import DemonstrationModel, Draft, Drafter, DraftFailed, FairLimiter, SingleModelSource, WrongLoopError
from bot.drafting.background_loop import BackgroundLoop
from playground.model_server import Hang, ModelDouble, bad_request
from tests.bot.drafting.briefs import (
    answer_once_full,
    answer_one,
    build_brief,
    build_briefs,
    build_drafter,
    build_watchable_drafter,
)


@pytest.fixture
def model() -> Iterator[ModelDouble]:
    """The double in a loop and a thread of its own, since these tests block theirs."""
    loop = BackgroundLoop("model")
    server = ModelDouble.start()
    try:
        yield loop.run(server.__aenter__())
        loop.run(server.__aexit__(None, None, None))
    finally:
        loop.close()


@pytest.fixture
def drafter(model: ModelDouble) -> Iterator[Drafter]:
    with build_drafter(model) as made:
        yield made


def wait_for(condition: Any) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_invoke_gives_a_draft_or_raises(drafter: Drafter, model: ModelDouble) -> None:
    model.enqueue("Which order?", bad_request())
    assert drafter.invoke(build_brief()).text == "Which order?"
    with pytest.raises(DraftFailed, match="refused"):
        drafter.invoke(build_brief())


def test_batch_keeps_the_order_and_the_failures(drafter: Drafter, model: ModelDouble) -> None:
    model.answer_when(lambda call: "draft 1!" in call.prompt, bad_request())
    first, second, third = drafter.batch(build_briefs(3), {"max_concurrency": 3}, return_exceptions=True)
    assert isinstance(first, Draft)
    assert isinstance(second, DraftFailed)
    assert isinstance(third, Draft)
    assert drafter.batch([]) == []
    with pytest.raises(DraftFailed):
        drafter.batch(build_briefs(3))


@pytest.mark.parametrize("config", [RunnableConfig(max_concurrency=2), {"max_concurrency": 2}, None])
def test_max_concurrency_holds_in_batch(drafter: Drafter, model: ModelDouble, config: Any) -> None:
    answer_once_full(model, 2)
    runnable: Any = drafter.with_config(max_concurrency=2) if config is None else drafter
    assert len(runnable.batch(build_briefs(6), config)) == 6
    assert model.peak_in_flight == 2


def test_batch_as_completed_gives_them_as_they_are_done(drafter: Drafter, model: ModelDouble) -> None:
    model.answer_when(lambda call: "draft 0!" in call.prompt, bad_request())
    results = dict(drafter.batch_as_completed(build_briefs(3), return_exceptions=True))
    assert isinstance(results[0], DraftFailed)
    assert {type(results[1]), type(results[2])} == {Draft}


def test_batch_as_completed_left_early_cancels_the_rest(drafter: Drafter, model: ModelDouble) -> None:
    answer_one(model, 0, "done", of=3)
    for index, _ in drafter.batch_as_completed(build_briefs(3), return_exceptions=True):
        assert index == 0
        break
    assert drafter.limiter.in_flight == 0
    wait_for(lambda: model.cancelled == 2)


def test_a_stream_raises_its_failure(drafter: Drafter, model: ModelDouble) -> None:
    model.enqueue(bad_request())
    with pytest.raises(DraftFailed, match="refused"):
        list(drafter.stream(build_brief()))


def test_stream_gives_pieces(model: ModelDouble) -> None:
    """Of a model that keeps its thoughts apart."""
    with build_watchable_drafter(model) as drafter:
        *pieces, last = drafter.stream(build_brief())
    assert len(pieces) > 3
    assert last.draft is not None


def test_the_deadline_holds(drafter: Drafter, model: ModelDouble) -> None:
    model.enqueue(Hang())
    with pytest.raises(DraftFailed, match="timed_out"):
        drafter.invoke(build_brief(deadline=time.monotonic() + 0.1))
    wait_for(lambda: model.in_flight == 0)
    assert model.cancelled == model.total


def test_threads_share_the_limit(model: ModelDouble) -> None:
    answer_once_full(model, 2)
    with build_drafter(model, limiter=FairLimiter(2)) as drafter, ThreadPoolExecutor(6) as threads:
        assert len(list(threads.map(drafter.invoke, build_briefs(6)))) == 6
    assert model.peak_in_flight == 2


@pytest.mark.parametrize(
    ("method", "calls"),
    [
        (lambda drafter: drafter.invoke(build_brief()), 1),
        (lambda drafter: drafter.batch(build_briefs(2)), 2),
        (lambda drafter: list(drafter.stream(build_brief())), 1),
        (lambda drafter: list(drafter.batch_as_completed(build_briefs(2))), 2),
    ],
)
def test_closing_cancels_what_runs(model: ModelDouble, method: Callable[[Drafter], object], calls: int) -> None:
    """A thread that waits for a draft then is told so."""
    model.script(lambda _: Hang())
    drafter = build_drafter(model)
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            method(drafter)
        except DraftFailed as failed:
            failures.append(failed)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_for(lambda: model.in_flight == calls)
    drafter.close()
    thread.join(5)
    assert not thread.is_alive()
    assert [str(failure).split()[0] for failure in failures] == ["cancelled"]
    wait_for(lambda: model.in_flight == 0)


def test_a_closed_drafter_says_so() -> None:
    drafter = Drafter(SingleModelSource(DemonstrationModel()))
    drafter.close()
    drafter.close()
    with pytest.raises(RuntimeError, match="closed"):
        drafter.invoke(build_brief())


# --- one event loop -------------------------------------------------------------------------------------


def run_in_new_loop(coroutine: Any) -> Any:
    with asyncio.Runner() as runner:
        return runner.run(coroutine)


def test_a_second_event_loop_is_refused_by_name() -> None:
    drafter = Drafter(SingleModelSource(DemonstrationModel()))
    assert run_in_new_loop(drafter.ainvoke(build_brief())).text
    with pytest.raises(WrongLoopError, match="another event loop"):
        run_in_new_loop(drafter.ainvoke(build_brief()))
    with pytest.raises(WrongLoopError):
        run_in_new_loop(drafter.abatch([build_brief()], return_exceptions=True))
    with pytest.raises(WrongLoopError):
        drafter.invoke(build_brief())


def test_asynchronous_use_after_synchronous_is_refused_by_name() -> None:
    with Drafter(SingleModelSource(DemonstrationModel())) as drafter:
        assert drafter.invoke(build_brief()).text
        with pytest.raises(WrongLoopError):
            run_in_new_loop(drafter.abatch([build_brief()]))


def test_a_synchronous_call_from_within_its_own_loop_is_refused() -> None:
    """It would wait for itself."""
    loop = BackgroundLoop("test")

    async def inner() -> None:
        return

    async def outer() -> None:
        loop.run(inner())

    with pytest.raises(RuntimeError, match="wait for itself"):
        loop.run(outer())
    loop.close()
    loop.close()
