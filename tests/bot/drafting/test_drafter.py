"""The drafter over real HTTP, against the double: results, failures, the one layer of retry, deadlines, limits."""

import asyncio
import time
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, get_usage_metadata_callback
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableConfig, RunnableLambda

from bot.drafting import Draft, Drafter, DraftFailed, FairLimiter, SingleModelSource
from bot.drafting.errors import MalformedCompletionError
from playground.model_server import (
    Answer,
    Drop,
    ErrorStatus,
    Hang,
    InvalidJson,
    ModelDouble,
    Reply,
    TruncatedBody,
    bad_request,
    not_found,
    rate_limited,
    server_error,
    unauthorized,
    unavailable,
)
from tests.bot.drafting.briefs import (
    answer_once_full,
    answer_one,
    build_brief,
    build_briefs,
    build_drafter,
    draft_failing,
)


def compute_deadline(seconds: float) -> float:
    return time.monotonic() + seconds


# --- one draft ----------------------------------------------------------------------------------------


async def test_half_an_emoji_in_a_message_reaches_the_model(drafter: Drafter, model: ModelDouble) -> None:
    """JSON can carry it as an escape; UTF-8 cannot."""
    model.enqueue("Hi")
    assert (await drafter.ainvoke(build_brief(message="Hi \ud83d!"))).text == "Hi"
    assert "Hi \ud83d!" in model.calls[0].prompt


async def test_a_draft_says_what_it_is_and_what_it_took(drafter: Drafter, model: ModelDouble) -> None:
    """Text, model, tokens, finish reason, temperature, attempts and latency are those of the call."""
    model.latency_s = 0.05
    model.enqueue("  Which order is it?\n")
    asked_at = time.monotonic()
    draft = await drafter.ainvoke(build_brief())
    took_ms = (time.monotonic() - asked_at) * 1000
    assert draft.text == "Which order is it?"
    assert draft.model_returned is not None
    assert draft.model_returned.startswith("gpt-4o-mini")
    assert draft.finish_reason == "stop"
    assert draft.prompt_tokens is not None
    assert draft.completion_tokens is not None
    assert draft.prompt_tokens > draft.completion_tokens > 0
    assert (draft.attempts, draft.temperature, draft.mean_logprob) == (1, 0.4, None)
    assert 50 <= draft.latency_ms <= took_ms + 1


async def test_the_request_is_what_any_compatible_server_takes(drafter: Drafter, model: ModelDouble) -> None:
    """One system and one user message, the style's temperature, `max_tokens`, no streaming, the key."""
    await drafter.ainvoke(build_brief(1))
    body = model.calls[0].body
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["temperature"] == 0.9
    assert body["max_tokens"] == 900
    assert not body["stream"]
    assert set(body) == {"model", "messages", "temperature", "max_tokens", "stream"}
    assert model.calls[0].authorization == "Bearer sk-secret"


async def test_the_drafts_of_a_request_share_the_beginning_of_their_prompts(
    drafter: Drafter, model: ModelDouble
) -> None:
    await drafter.abatch([build_brief(index) for index in range(5)])
    systems = {call.texts[0] for call in model.calls}
    users = [call.texts[1] for call in model.calls]
    assert len(systems) == 1
    assert len({text.split("<style")[0] for text in users}) == 1
    assert len(set(users)) == 5


async def test_thoughts_of_an_open_model_are_no_part_of_the_reply(drafter: Drafter, model: ModelDouble) -> None:
    model.enqueue("<think>The customer is upset.\n</think>\n\nWhich order?", "<think>cut off in the midst of")
    assert (await drafter.ainvoke(build_brief())).text == "Which order?"
    assert (await draft_failing(drafter, build_brief())).error == "empty"


async def test_log_probabilities_are_averaged() -> None:
    """Where a server returns them; a token without one is left out."""

    class WithLogprobs(FakeListChatModel):
        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            tokens = [{"logprob": -0.5}, {"logprob": -1.5}, {"logprob": None}]
            message = AIMessage("Hello", response_metadata={"logprobs": {"content": tokens}})
            return ChatResult(generations=[ChatGeneration(message=message)])

    drafter = Drafter(SingleModelSource(WithLogprobs(responses=[])))
    assert (await drafter.ainvoke(build_brief())).mean_logprob == -1.0


# --- failures -----------------------------------------------------------------------------------------

FOREVER = [server_error()] * 9


@pytest.mark.parametrize(
    ("answers", "error", "attempts"),
    [
        ([rate_limited(0)] * 9, "rate_limited", 3),
        (FOREVER, "server_error", 3),
        ([unavailable(0)] * 9, "server_error", 3),
        ([Drop()] * 9, "unreachable", 3),
        ([TruncatedBody()] * 9, "unreachable", 3),
        ([bad_request()], "refused", 1),
        ([unauthorized("sk-secret")], "refused", 1),
        ([not_found()], "refused", 1),
        ([Reply(text="Half a rep", finish_reason="content_filter")], "refused", 1),
        ([InvalidJson()], "invalid_output", 1),
        ([Reply(text=None)], "empty", 1),
        ([" \n "], "empty", 1),
    ],
)
async def test_each_failure_has_its_word(
    drafter: Drafter, model: ModelDouble, answers: list[Answer | str], error: str, attempts: int
) -> None:
    """The choice log's word; tried again only where that can help; the requests counted at the server."""
    model.enqueue(*answers)
    failed = await draft_failing(drafter, build_brief())
    assert (failed.error, failed.attempts) == (error, attempts)
    assert model.total == attempts
    assert drafter.limiter.in_flight == 0


async def test_a_failure_tells_no_text_and_no_key(drafter: Drafter, model: ModelDouble) -> None:
    """Servers put the ends of the key, and sometimes the message, into their errors."""
    model.enqueue(unauthorized("sk-secret"))
    failed = await draft_failing(drafter, build_brief())
    assert str(failed) == f"refused after 1 attempts in {failed.latency_ms} ms"
    assert failed.__cause__ is not None


async def test_an_empty_account_is_not_tried_again(drafter: Drafter, model: ModelDouble) -> None:
    model.enqueue(ErrorStatus(status=429, message="You exceeded your quota.", code="insufficient_quota"))
    assert (await draft_failing(drafter, build_brief())).error == "rate_limited"
    assert model.total == 1


async def test_nobody_there_is_unreachable() -> None:
    async with ModelDouble.start() as gone:
        pass
    async with build_drafter(gone, sleep=_no_sleep) as drafter:
        failed = await draft_failing(drafter, build_brief())
    assert (failed.error, failed.attempts) == ("unreachable", 3)


async def _no_sleep(_seconds: float) -> None:
    return


async def test_a_bug_stays_a_bug() -> None:
    """What is no known failure of a call is raised, or returned, as it is: never as a failed draft."""

    class Broken(FakeListChatModel):
        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            raise ZeroDivisionError

    drafter = Drafter(SingleModelSource(Broken(responses=[])))
    [result] = await drafter.abatch([build_brief()], return_exceptions=True)
    assert isinstance(result, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        await drafter.ainvoke(build_brief())
    assert drafter.limiter.in_flight == 0


async def test_a_cancellation_from_within_is_a_failure_of_that_draft() -> None:
    """A model that is cancelled under a draft does not cancel who waits for the batch."""

    class Cancelled(FakeListChatModel):
        async def ainvoke(self, *_: Any, **__: Any) -> Any:
            raise asyncio.CancelledError

    drafter = Drafter(SingleModelSource(Cancelled(responses=[])))
    assert (await draft_failing(drafter, build_brief())).error == "cancelled"


# --- retry --------------------------------------------------------------------------------------------


async def test_a_draft_is_tried_again_until_it_succeeds(drafter: Drafter, model: ModelDouble) -> None:
    model.enqueue(server_error(), Drop(), "There we are.")
    draft = await drafter.ainvoke(build_brief())
    assert (draft.text, draft.attempts, model.total) == ("There we are.", 3, 3)


async def test_retry_after_is_honoured(model: ModelDouble) -> None:
    """With a little jitter."""
    paused: list[float] = []

    async def sleep(seconds: float) -> None:
        paused.append(seconds)

    model.enqueue(rate_limited(3), "There we are.")
    async with build_drafter(model, sleep=sleep) as drafter:
        assert (await drafter.ainvoke(build_brief())).attempts == 2
    [pause] = paused
    assert 3 <= pause < 4


async def test_between_attempts_time_passes(drafter: Drafter, model: ModelDouble) -> None:
    model.enqueue(rate_limited(0.1), "There we are.")
    await drafter.ainvoke(build_brief())
    first, second = model.calls
    assert first.ended_at is not None
    assert second.arrived_at - first.ended_at >= 0.1


async def test_a_retry_after_beyond_the_deadline_fails_at_once(drafter: Drafter, model: ModelDouble) -> None:
    model.enqueue(rate_limited(100))
    deadline = compute_deadline(60)
    failed = await draft_failing(drafter, build_brief(deadline=deadline))
    assert (failed.error, model.total) == ("rate_limited", 1)
    assert time.monotonic() < deadline


async def test_without_a_deadline_nobody_waits_for_an_hour(drafter: Drafter, model: ModelDouble) -> None:
    model.enqueue(rate_limited(3600))
    assert (await draft_failing(drafter, build_brief())).error == "rate_limited"
    assert model.total == 1


async def test_the_failed_draft_of_a_batch_fails_and_the_others_are_their_own(
    drafter: Drafter, model: ModelDouble
) -> None:
    """With LangChain's `.with_retry().abatch(return_exceptions=True)`, the failed one gets a copy of another's text."""
    tries = {0: 0, 1: 0, 2: 0}

    def reply(call: Any) -> Answer | str:
        index = next(index for index in tries if f"draft {index}!" in call.prompt)
        tries[index] += 1
        succeeds_last = index == 0 and tries[0] == 3
        return f"reply {index}" if index == 2 or succeeds_last else server_error()

    model.script(reply)
    first, second, third = await drafter.abatch(build_briefs(3), {"max_concurrency": 3}, return_exceptions=True)
    assert first.text == "reply 0"
    assert isinstance(second, DraftFailed)
    assert second.error == "server_error"
    assert third.text == "reply 2"
    assert tries == {0: 3, 1: 3, 2: 1}


async def test_the_slot_is_released_while_waiting_for_the_next_attempt(model: ModelDouble) -> None:
    """With one slot in all, another draft passes while the first waits out its Retry-After."""
    async with build_drafter(model, limiter=FairLimiter(1)) as drafter:
        model.answer_when(lambda call: "draft 0!" in call.prompt, rate_limited(0.4), times=1)
        first, second = await drafter.abatch(build_briefs(2))
    assert (first.attempts, second.attempts) == (2, 1)
    assert ["draft 0!" in call.prompt for call in model.calls] == [True, False, True]
    assert model.peak_in_flight == 1


# --- deadline -----------------------------------------------------------------------------------------


async def test_at_the_deadline_the_call_is_cut_off(
    drafter: Drafter, model: ModelDouble, deadlines: list[asyncio.Timeout]
) -> None:
    """The server sees the client leave: nothing keeps running, or billing."""
    model.enqueue(Hang())
    drafting = asyncio.create_task(draft_failing(drafter, build_brief(deadline=compute_deadline(60))))
    await model.wait_calls(1)
    deadlines[0].reschedule(0)
    failed = await drafting
    assert (failed.error, failed.attempts) == ("timed_out", 1)
    await model.wait_idle()
    assert model.calls[0].outcome == "cancelled"
    assert drafter.limiter.in_flight == 0


async def test_the_deadline_comes_by_itself(drafter: Drafter, model: ModelDouble) -> None:
    """Not before its time, and told with how long that took."""
    model.answer_when(lambda _: True, Hang())
    asked_at, deadline = time.monotonic(), compute_deadline(0.2)
    failed = await draft_failing(drafter, build_brief(deadline=deadline))
    ended_at = time.monotonic()
    assert failed.error == "timed_out"
    assert ended_at >= deadline
    assert 0 <= failed.latency_ms <= (ended_at - asked_at) * 1000 + 1
    await model.wait_idle()
    assert drafter.limiter.in_flight == 0


async def test_the_deadline_counts_the_time_in_the_queue(model: ModelDouble, deadlines: list[asyncio.Timeout]) -> None:
    model.answer_when(lambda _: True, Hang())
    async with build_drafter(model, limiter=FairLimiter(1)) as drafter:
        drafting = asyncio.create_task(
            drafter.abatch(build_briefs(2, deadline=compute_deadline(60)), return_exceptions=True)
        )
        await model.wait_calls(1)
        for deadline in deadlines[::-1]:
            deadline.reschedule(0)
        results = await drafting
    assert [(result.error, result.attempts) for result in results] == [("timed_out", 1), ("timed_out", 0)]
    assert model.total == 1
    assert drafter.limiter.queue_length == drafter.limiter.in_flight == 0


async def test_past_its_deadline_nothing_is_sent(drafter: Drafter, model: ModelDouble) -> None:
    failed = await draft_failing(drafter, build_brief(deadline=compute_deadline(-1)))
    assert (failed.error, failed.attempts, model.total) == ("timed_out", 0, 0)


async def test_the_deadline_is_on_the_injected_clock() -> None:
    drafter = Drafter(SingleModelSource(FakeListChatModel(responses=["Hello"])), monotonic=lambda: 1000.0)
    assert (await drafter.ainvoke(build_brief(deadline=1001.0))).text == "Hello"
    assert (await draft_failing(drafter, build_brief(deadline=999.0))).error == "timed_out"


# --- batches ------------------------------------------------------------------------------------------


async def test_a_batch_without_inputs_is_empty(drafter: Drafter) -> None:
    assert await drafter.abatch([]) == []


async def test_the_first_failure_of_a_batch_ends_the_others(drafter: Drafter, model: ModelDouble) -> None:
    """Without `return_exceptions`: it is raised, and the calls still running are cancelled."""
    answer_one(model, 1, bad_request(), of=3)
    with pytest.raises(DraftFailed, match="refused"):
        await drafter.abatch(build_briefs(3))
    await model.wait_idle()
    assert model.cancelled == 2


async def test_a_cancelled_batch_cancels_its_calls_and_waits_for_them(drafter: Drafter, model: ModelDouble) -> None:
    model.answer_when(lambda _: True, Hang())
    batch = asyncio.create_task(drafter.abatch(build_briefs(3), return_exceptions=True))
    await model.wait_calls(3)
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert drafter.limiter.in_flight == 0
    await model.wait_idle()
    assert model.cancelled == 3


async def test_drafts_come_as_they_are_done(drafter: Drafter, model: ModelDouble) -> None:
    model.answer_when(lambda call: "draft 1!" in call.prompt, bad_request())
    seen = [
        (index, type(result))
        async for index, result in drafter.abatch_as_completed(build_briefs(3), return_exceptions=True)
    ]
    assert sorted(seen, key=lambda pair: pair[0]) == [(0, Draft), (1, DraftFailed), (2, Draft)]


@pytest.mark.parametrize("leave", ["break", "close", "timeout", "error"])
async def test_leaving_early_cancels_what_is_left(drafter: Drafter, model: ModelDouble, leave: str) -> None:
    """However the loop is left; LangChain's own leaves the other calls running, and billed."""
    answer_one(model, 0, "done", of=4)
    await _LEAVE[leave](drafter.abatch_as_completed(build_briefs(4), return_exceptions=True))
    await model.wait_idle()
    assert model.cancelled == 3
    assert drafter.limiter.in_flight == 0


async def _break_off(drafts: Any) -> None:
    async for _ in drafts:
        break


async def _close(drafts: Any) -> None:
    await anext(drafts)
    await drafts.aclose()


async def _time_out(drafts: Any) -> None:
    await anext(drafts)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_read(drafts), 0.05)


async def _fail(drafts: Any) -> None:
    async def stumble() -> None:
        async for _ in drafts:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stumble()


async def _read(items: Any) -> None:
    async for _ in items:
        pass


_LEAVE = {"break": _break_off, "close": _close, "timeout": _time_out, "error": _fail}


@pytest.mark.parametrize("way", ["RunnableConfig", "dict", "with_config"])
@pytest.mark.parametrize("method", ["abatch", "abatch_as_completed"])
async def test_max_concurrency_holds_however_it_is_set(
    drafter: Drafter, model: ModelDouble, way: str, method: str
) -> None:
    answer_once_full(model, 2)
    runnable: Any = drafter
    config: Any = None
    if way == "RunnableConfig":
        config = RunnableConfig(max_concurrency=2)
    elif way == "dict":
        config = {"max_concurrency": 2}
    else:
        runnable = drafter.with_config(max_concurrency=2)
    if method == "abatch":
        drafts = await runnable.abatch(build_briefs(6), config)
    else:
        drafts = [draft async for _, draft in runnable.abatch_as_completed(build_briefs(6), config)]
    assert len(drafts) == 6
    assert model.peak_in_flight == 2


# --- the process-wide limit ---------------------------------------------------------------------------


async def test_the_limit_holds_over_all_batches(model: ModelDouble) -> None:
    answer_once_full(model, 4)
    async with build_drafter(model, limiter=FairLimiter(4)) as drafter:
        batches = await asyncio.gather(*(drafter.abatch(build_briefs(5, agent_id=f"U{n}")) for n in range(4)))
    assert sum(len(batch) for batch in batches) == 20
    assert model.peak_in_flight == 4


async def test_one_agents_many_drafts_do_not_hold_up_anothers(model: ModelDouble) -> None:
    """An agent with two drafts has them long before one who came first with twenty has all of theirs."""
    model.latency_s = 0.03
    async with build_drafter(model, limiter=FairLimiter(2)) as drafter:
        many = asyncio.create_task(drafter.abatch(build_briefs(20, agent_id="U1")))
        await model.wait_calls(2)
        few = await drafter.abatch(build_briefs(2, agent_id="U2"))
        calls_by_then = model.total
        await many
    assert len(few) == 2
    assert calls_by_then <= 8


# --- streaming ----------------------------------------------------------------------------------------


async def test_a_stream_gives_the_text_in_pieces_and_then_the_draft(watchable: Drafter, model: ModelDouble) -> None:
    chunks = [chunk async for chunk in watchable.astream(build_brief())]
    *pieces, last = chunks
    assert len(pieces) > 3
    assert last.text == ""
    assert last.draft is not None
    assert "".join(map(str, chunks)).strip() == last.draft.text
    assert last.draft.attempts == 1
    assert last.draft.finish_reason == "stop"
    assert last.draft.completion_tokens is not None
    assert last.draft.temperature == 0.4
    whole = pieces[0] + pieces[1]
    assert whole.text == pieces[0].text + pieces[1].text
    assert (whole + last).draft is last.draft


async def test_a_stream_is_tried_again_only_before_its_first_piece(watchable: Drafter, model: ModelDouble) -> None:
    model.enqueue(server_error(), "There we are.")
    chunks = [chunk async for chunk in watchable.astream(build_brief())]
    assert chunks[-1].draft is not None
    assert chunks[-1].draft.attempts == 2

    model.enqueue(TruncatedBody())
    stream = watchable.astream(build_brief())
    assert (await anext(stream)).text
    with pytest.raises(DraftFailed, match="unreachable after 1 attempts"):
        await _read(stream)


async def test_a_stream_keeps_its_deadline_and_does_not_strike_its_consumer(
    watchable: Drafter, model: ModelDouble, deadlines: list[asyncio.Timeout]
) -> None:
    """The deadline ends the call, also while the consumer is busy elsewhere, and is told at the next step."""
    model.token_interval_s = 0.05
    stream = watchable.astream(build_brief(deadline=compute_deadline(60)))
    await anext(stream)
    deadlines[-1].reschedule(0)
    await model.wait_idle()
    assert model.cancelled == 1
    assert watchable.limiter.in_flight == 0
    with pytest.raises(DraftFailed, match="timed_out"):
        await _read(stream)


async def test_a_stream_left_early_is_cut_off(watchable: Drafter, model: ModelDouble) -> None:
    model.token_interval_s = 0.05
    stream = watchable.astream(build_brief())
    await anext(stream)
    await stream.aclose()
    await model.wait_idle()
    assert model.cancelled == 1
    assert watchable.limiter.in_flight == 0


async def test_streams_take_slots_too(model: ModelDouble) -> None:
    answer_once_full(model, 2)
    async with build_drafter(model, limiter=FairLimiter(2)) as drafter:
        await asyncio.gather(*(_read(drafter.astream(build_brief(index))) for index in range(5)))
    assert model.peak_in_flight == 2


async def test_a_model_that_cannot_stream_gives_one_piece() -> None:
    class Whole(FakeListChatModel):
        disable_streaming: bool = True

    drafter = Drafter(SingleModelSource(Whole(responses=["Hello there"])))
    chunks = [chunk async for chunk in drafter.astream(build_brief())]
    assert [chunk.text for chunk in chunks] == ["Hello there", ""]


async def test_a_stream_without_a_chunk_is_malformed() -> None:
    class Nothing(FakeListChatModel):
        async def astream(self, *_: Any, **__: Any) -> Any:
            return
            yield

    drafter = Drafter(SingleModelSource(Nothing(responses=[])))
    with pytest.raises(DraftFailed, match="invalid_output") as failed:
        await anext(drafter.astream(build_brief()))
    assert isinstance(failed.value.__cause__, MalformedCompletionError)


# --- tracing ------------------------------------------------------------------------------------------


class Recorder(AsyncCallbackHandler):
    """Keeps what tracers would be told."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.ended: list[str] = []

    async def on_chain_start(self, serialized: Any, inputs: Any, **told: Any) -> None:
        self.runs.append({"kind": "draft", **told})

    async def on_chat_model_start(self, serialized: Any, messages: Any, **told: Any) -> None:
        self.runs.append({"kind": "model", **told})

    async def on_chain_end(self, outputs: Any, **told: Any) -> None:
        self.ended.append(type(outputs).__name__)

    async def on_chain_error(self, error: BaseException, **told: Any) -> None:
        self.ended.append(str(error).split()[0])


async def test_tracers_see_the_draft_with_the_models_run_within(drafter: Drafter, model: ModelDouble) -> None:
    """Tags, metadata and callbacks of the caller reach both; the draft adds its style, request, model and prompt."""
    recorder = Recorder()
    config = {"callbacks": [recorder], "tags": ["suggest"], "metadata": {"surface": "slash"}, "run_name": "reply"}
    model.enqueue(bad_request())
    results = await drafter.abatch([build_brief(0), build_brief(1)], config, return_exceptions=True)
    assert len(results) == 2
    drafts = [run for run in recorder.runs if run["kind"] == "draft"]
    models = [run for run in recorder.runs if run["kind"] == "model"]
    assert len(drafts) == len(models) == 2
    assert {run["parent_run_id"] for run in models} == {run["run_id"] for run in drafts}
    for run in (*drafts, *models):
        assert "suggest" in run["tags"]
        assert {"direct", "warm"} & set(run["tags"])
        assert run["metadata"].items() >= {"surface": "slash", "request_id": "r1", "model": "gpt-4o-mini"}.items()
        assert run["metadata"]["prompt_version"] == build_brief().playbook.prompt_version
    assert {run["metadata"]["sample_index"] for run in drafts} == {0, 1}
    assert {run["name"] for run in drafts} == {"reply"}
    assert sorted(recorder.ended) == ["Draft", "refused"]


async def test_whoever_listens_by_langchains_own_settings_hears_of_each_call(drafter: Drafter) -> None:
    """Runs are left out only where nobody at all would be told of them."""
    with get_usage_metadata_callback() as listener:
        draft = await drafter.ainvoke(build_brief())
    [usage] = listener.usage_metadata.values()
    assert (usage["input_tokens"], usage["output_tokens"]) == (draft.prompt_tokens, draft.completion_tokens)
    unheard = await drafter.ainvoke(build_brief())
    assert (unheard.text, unheard.temperature, unheard.prompt_tokens) == (
        draft.text, draft.temperature, draft.prompt_tokens,
    )  # fmt: skip


async def test_a_drafter_is_a_step_of_a_chain(drafter: Drafter) -> None:
    """In a chain of LangChain's, the draft's run is a child of the chain's, and its text goes on."""
    recorder = Recorder()
    chain = drafter | RunnableLambda(lambda draft: len(draft.text))
    assert await chain.ainvoke(build_brief(), {"callbacks": [recorder]}) > 0
    by_name = {run["name"]: run for run in recorder.runs}
    assert by_name["Drafter"]["parent_run_id"] == by_name["RunnableSequence"]["run_id"]
