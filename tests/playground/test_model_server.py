"""The model double, seen through the clients that talk to it: openai's and LangChain's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import combinations
from typing import Any

import httpx
import openai
import pytest
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion
from pydantic import SecretStr

from playground.model_server import (
    Answer,
    Call,
    Drop,
    ErrorStatus,
    Hang,
    InvalidJson,
    ModelDouble,
    Reply,
    TruncatedBody,
    bad_request,
    build_default_text,
    not_found,
    rate_limited,
    server_error,
    unauthorized,
    unavailable,
)


@pytest.fixture
async def model() -> AsyncIterator[ModelDouble]:
    async with ModelDouble.start() as double:
        yield double


@pytest.fixture
async def client(model: ModelDouble) -> AsyncIterator[AsyncOpenAI]:
    async with open_client(model) as client:
        yield client


@asynccontextmanager
async def open_client(model: ModelDouble, key: str = "sk-test-1234") -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=model.base_url, api_key=key, max_retries=0, timeout=120) as client:
        yield client


async def ask(client: AsyncOpenAI, text: str = "Where is my order?", **params: Any) -> ChatCompletion:
    messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
    completion: ChatCompletion = await client.chat.completions.create(model="small", messages=messages, **params)
    return completion


async def ask_for_text(client: AsyncOpenAI, text: str = "Where is my order?", **params: Any) -> str | None:
    return (await ask(client, text, **params)).choices[0].message.content


class TestCompletions:
    async def test_the_default_text_depends_on_the_messages_alone(self, client: AsyncOpenAI) -> None:
        first, again, other = [await ask_for_text(client, text) for text in ("one", "one", "two")]
        assert first == again != other

    def test_default_texts_are_far_apart_and_begin_differently(self) -> None:
        """Near-duplicate filters must not trip over the double, whichever texts are asked for."""
        texts = [build_default_text(["Where is my order?", f"Style {n}"]) for n in range(500)]
        assert all(len(a & b) / len(a | b) < 0.5 for a, b in combinations([set(text.split()) for text in texts], 2))
        assert len({text[:20] for text in texts}) == len(texts)

    async def test_a_completion_has_openais_shape(self, client: AsyncOpenAI) -> None:
        completion = await ask(client, n=2)
        assert completion.model == "small-2026-01"
        assert completion.object == "chat.completion"
        assert [choice.index for choice in completion.choices] == [0, 1]
        assert {choice.finish_reason for choice in completion.choices} == {"stop"}
        assert completion.choices[0].logprobs is None
        assert completion.usage is not None
        assert completion.usage.prompt_tokens > 8
        assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens

    @pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
    async def test_a_token_limit_cuts_the_text(self, model: ModelDouble, client: AsyncOpenAI, name: str) -> None:
        model.script("one two three four")
        limit: dict[str, Any] = {name: 2}
        completion = await ask(client, **limit)
        assert completion.choices[0].message.content == "one two"
        assert completion.choices[0].finish_reason == "length"
        assert completion.usage is not None
        assert completion.usage.completion_tokens == 2

    async def test_logprobs_come_per_token(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.script("one two")
        completion = await ask(client, logprobs=True, top_logprobs=3)
        logprobs = completion.choices[0].logprobs
        assert logprobs is not None
        assert logprobs.content is not None
        assert [entry.token for entry in logprobs.content] == ["one", " two"]
        assert all(-2.5 < entry.logprob <= 0 for entry in logprobs.content)
        assert [len(entry.top_logprobs) for entry in logprobs.content] == [3, 3]

    async def test_a_list_of_text_parts_counts_as_their_text(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        await client.chat.completions.create(
            model="small", messages=[{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
        )
        assert model.calls[0].texts == ["Hello"]

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"model": "m"},
            {"model": "m", "messages": []},
            {"model": "m", "messages": [{"role": "nobody", "content": "x"}]},
            {"model": "m", "messages": [{"role": "user", "content": "x"}], "n": 0},
            {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": "many"},
            {"model": "m", "messages": [{"role": "user", "content": "x"}], "top_logprobs": 21},
            ["not an object"],
        ],
    )
    async def test_a_body_that_is_no_chat_completion_is_refused(self, model: ModelDouble, body: Any) -> None:
        async with httpx.AsyncClient(base_url=model.base_url) as http:
            response = await http.post("/chat/completions", json=body)
        assert response.status_code == 400
        assert response.json()["error"]["type"] == "invalid_request_error"
        assert model.calls[0].outcome == "refused"

    async def test_a_body_that_is_no_json_is_refused(self, model: ModelDouble) -> None:
        async with httpx.AsyncClient(base_url=model.base_url) as http:
            response = await http.post("/chat/completions", content=b"{")
        assert response.status_code == 400
        assert model.total == 0


class TestStreams:
    async def test_a_stream_ends_with_the_usage_if_asked(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.script("one two three")
        model.token_interval_s = 0.001
        stream = await client.chat.completions.create(
            model="small",
            messages=[{"role": "user", "content": "Hello"}],
            stream=True,
            logprobs=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "one two three"
        assert chunks[-2].choices[0].finish_reason == "stop"
        assert chunks[-1].choices == []
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == 3
        assert sum(chunk.choices[0].logprobs is not None for chunk in chunks[:-1]) == 3
        assert model.calls[0].outcome == "answered"

    async def test_a_stream_without_the_option_has_no_usage(self, client: AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(
            model="small", messages=[{"role": "user", "content": "Hello"}], stream=True, n=2
        )
        chunks = [chunk async for chunk in stream]
        assert {chunk.choices[0].index for chunk in chunks} == {0, 1}
        assert all(chunk.usage is None for chunk in chunks)

    async def test_a_stream_can_break_off_in_the_middle(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.enqueue(TruncatedBody())
        stream = await client.chat.completions.create(
            model="small", messages=[{"role": "user", "content": "Hello"}], stream=True
        )
        # The half-sent event reaches the client as broken JSON or as a cut connection, depending on timing.
        with pytest.raises((httpx.RemoteProtocolError, openai.APIError, ValueError)):
            _ = [chunk async for chunk in stream]
        assert model.calls[0].outcome == "broken"

    async def test_leaving_a_stream_early_counts_as_cancelled(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.token_interval_s = 30
        stream = await client.chat.completions.create(
            model="small", messages=[{"role": "user", "content": "Hello"}], stream=True
        )
        async with stream:
            await anext(aiter(stream))
        await model.wait_idle()
        assert model.cancelled == 1


class TestScripts:
    async def test_a_script_sees_the_call(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.script(lambda call: f"{call.model}: {call.texts[-1]} at {call.body['temperature']}")
        assert await ask_for_text(client, "Hi", temperature=0.5) == "small: Hi at 0.5"

    async def test_a_script_may_wait(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        gate = asyncio.Event()

        async def reply(call: Call) -> Answer:
            await gate.wait()
            return Reply(text="late", finish_reason="content_filter")

        model.script(reply)
        asking = [asyncio.create_task(ask(client)) for _ in range(3)]
        await model.wait_until(lambda: model.in_flight == 3)
        gate.set()
        completions = await asyncio.gather(*asking)
        assert {completion.choices[0].finish_reason for completion in completions} == {"content_filter"}
        await model.wait_idle()
        assert (model.total, model.peak_in_flight) == (3, 3)

    async def test_the_queue_comes_before_rules_before_the_script(
        self, model: ModelDouble, client: AsyncOpenAI
    ) -> None:
        model.script("scripted")
        model.answer_when(lambda call: "warm" in call.prompt, "by rule", times=1)
        model.enqueue("first", "second")
        assert [await ask_for_text(client, "warm") for _ in range(4)] == ["first", "second", "by rule", "scripted"]

    async def test_reset_brings_the_default_text_back(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        usual = await ask_for_text(client)
        model.script("scripted")
        model.answer_when(lambda _: True, rate_limited())
        model.enqueue(rate_limited())
        model.reset()
        assert await ask_for_text(client) == usual

    async def test_a_rule_holds_until_reset(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.answer_when(lambda call: "warm" in call.prompt, "by rule")
        assert [await ask_for_text(client, "warm") for _ in range(2)] == ["by rule", "by rule"]
        assert await ask_for_text(client, "cold") != "by rule"


class TestLatency:
    async def test_latencies_are_drawn_alike_from_the_same_seed(self) -> None:
        drawn = []
        for _ in range(2):
            async with ModelDouble.start(latency_s=(0.001, 0.01), seed=7) as model, open_client(model) as client:
                for _ in range(3):
                    await ask(client)
                drawn.append([call.latency_s for call in model.calls])
        assert drawn[0] == drawn[1]
        assert len(set(drawn[0])) == 3
        assert all(0.001 <= latency <= 0.01 for latency in drawn[0])

    async def test_an_answer_takes_its_latency(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.latency_s = 0.05
        await ask(client)
        call = model.calls[0]
        assert call.ended_at is not None
        assert call.ended_at - call.arrived_at >= 0.05


class TestFaults:
    @pytest.mark.parametrize(
        ("refusal", "error"),
        [
            (bad_request(), openai.BadRequestError),
            (unauthorized("sk-test-1234"), openai.AuthenticationError),
            (not_found("small"), openai.NotFoundError),
            (rate_limited(), openai.RateLimitError),
            (server_error(), openai.InternalServerError),
            (unavailable(), openai.InternalServerError),
        ],
    )
    async def test_refusals_have_openais_shape(
        self, model: ModelDouble, client: AsyncOpenAI, refusal: ErrorStatus, error: type[openai.APIStatusError]
    ) -> None:
        model.enqueue(refusal)
        with pytest.raises(error) as caught:
            await ask(client)
        assert caught.value.status_code == refusal.status
        assert caught.value.code == refusal.code
        assert caught.value.type == refusal.type
        assert model.calls[0].outcome == "refused"

    async def test_a_rate_limit_tells_when_to_come_back(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.enqueue(rate_limited(retry_after_s=0.5), unavailable(retry_after_s=2), rate_limited(retry_after_s=None))
        told = []
        for _ in range(3):
            with pytest.raises(openai.APIStatusError) as caught:
                await ask(client)
            told.append(caught.value.response.headers.get("Retry-After"))
        assert told == ["0.5", "2", None]

    @pytest.mark.parametrize("fault", [Drop(), TruncatedBody()])
    async def test_a_broken_connection(self, model: ModelDouble, client: AsyncOpenAI, fault: Answer) -> None:
        model.enqueue(fault)
        with pytest.raises(openai.APIConnectionError):
            await ask(client)
        await model.wait_idle()
        assert (model.calls[0].outcome, model.cancelled) == ("broken", 0)

    @pytest.mark.parametrize("fault", [Hang(), TruncatedBody(then="stall")])
    async def test_a_hang_ends_when_the_client_leaves(self, model: ModelDouble, fault: Answer) -> None:
        model.enqueue(fault)
        async with AsyncOpenAI(base_url=model.base_url, api_key="any", max_retries=0, timeout=0.1) as impatient:
            with pytest.raises(openai.APITimeoutError):
                await ask(impatient)
        await model.wait_idle()
        assert (model.calls[0].outcome, model.cancelled) == ("cancelled", 1)

    async def test_a_cancelled_call_is_counted(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.latency_s = 30
        asking = asyncio.create_task(ask(client))
        await model.wait_calls(1)
        asking.cancel()
        await model.wait_idle()
        assert model.cancelled == 1

    async def test_invalid_json(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.enqueue(InvalidJson())
        with pytest.raises(ValueError, match="Expecting"):
            await ask(client)
        assert model.calls[0].outcome == "broken"

    async def test_empty_null_and_huge_texts(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.enqueue("", None, "x" * 1_000_000)
        assert await ask_for_text(client) == ""
        assert await ask_for_text(client) is None
        assert len(await ask_for_text(client) or "") == 1_000_000

    async def test_a_hanging_call_does_not_keep_the_double_from_stopping(self) -> None:
        async with AsyncExitStack() as started:
            model = await started.enter_async_context(ModelDouble.start())
            model.enqueue(Hang())
            async with open_client(model) as client:
                asking = asyncio.create_task(ask(client))
                await model.wait_calls(1)
                await started.aclose()
                with pytest.raises(openai.APIConnectionError):
                    await asking
        assert (model.calls[0].outcome, model.cancelled) == ("stopped", 0)


class TestKeysAndModels:
    async def test_another_key_is_refused(self) -> None:
        async with ModelDouble.start(api_key="sk-right") as model:
            async with open_client(model, key="sk-right") as client:
                assert await ask_for_text(client)
            async with open_client(model, key="sk-wrong-5678") as client:
                with pytest.raises(openai.AuthenticationError, match=r"sk-\*\*\*5678"):
                    await ask(client)
                with pytest.raises(openai.AuthenticationError):
                    await client.models.list()
        assert [call.outcome for call in model.calls] == ["answered", "refused"]

    async def test_models_are_listed(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.models = ("small", "org/large")
        assert [card.id async for card in client.models.list()] == ["small", "org/large"]
        assert (await client.models.retrieve("org/large")).id == "org/large"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("none")

    async def test_the_list_of_models_can_fail(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        model.models_fault = server_error()
        with pytest.raises(openai.InternalServerError):
            await client.models.list()


class TestRecords:
    async def test_waiting_in_vain_tells_the_counts(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        await ask(client)
        with pytest.raises(TimeoutError, match="1 calls, 0 in flight"):
            await model.wait_calls(2, within_s=0.01)

    async def test_finished_calls_can_be_forgotten(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        await ask(client)
        model.forget()
        await ask(client)
        assert [call.index for call in model.calls] == [1]
        assert model.total == 2

    async def test_the_authorization_is_recorded(self, model: ModelDouble, client: AsyncOpenAI) -> None:
        await ask(client)
        assert model.calls[0].authorization == "Bearer sk-test-1234"


class TestLangChain:
    async def test_chat_openai_reads_text_usage_and_model(self, model: ModelDouble) -> None:
        async with httpx.AsyncClient() as http:
            chat = langchain_model(model, http, logprobs=True)
            message = await chat.ainvoke([("system", "Be warm."), ("user", "Hello")])
        assert message.text == build_default_text(["Be warm.", "Hello"])
        assert message.usage_metadata is not None
        assert message.usage_metadata["output_tokens"] > 10
        assert message.response_metadata["model_name"] == "small-2026-01"
        assert message.response_metadata["logprobs"]["content"]

    async def test_abatch_keeps_the_good_ones(self, model: ModelDouble) -> None:
        async def reply(call: Call) -> Answer:
            await model.wait_calls(3)
            return bad_request() if "two" in call.prompt else Reply(text="Hello")

        model.script(reply)
        async with httpx.AsyncClient() as http:
            replies = await langchain_model(model, http).abatch(["one", "two", "three"], return_exceptions=True)
        assert [isinstance(reply, Exception) for reply in replies] == [False, True, False]
        assert model.peak_in_flight == 3

    async def test_astream_gives_tokens_and_usage(self, model: ModelDouble) -> None:
        model.script("one two three")
        async with httpx.AsyncClient() as http:
            chunks = [chunk async for chunk in langchain_model(model, http, stream_usage=True).astream("Hello")]
        assert "".join(chunk.text for chunk in chunks) == "one two three"
        assert sum(chunk.usage_metadata["output_tokens"] for chunk in chunks if chunk.usage_metadata) == 3


def langchain_model(model: ModelDouble, http: httpx.AsyncClient, **params: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model="small",
        base_url=model.base_url,
        api_key=SecretStr("any"),
        max_retries=0,
        http_async_client=http,
        **params,
    )


async def test_it_serves_on_a_given_port() -> None:
    async with ModelDouble.start() as first:
        port = int(first.base_url.rsplit(":", 1)[1].removesuffix("/v1"))
    async with ModelDouble.start(port=port) as second, open_client(second) as client:
        assert await ask_for_text(client)
