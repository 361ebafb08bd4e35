"""Models on any OpenAI-compatible server: what is sent, how they fit themselves to it, what they make of its bodies."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from langchain_core.messages import HumanMessage
from langchain_openai.chat_models import _client_utils

from bot.drafting import Drafter, DraftFailed, Models
from bot.drafting.chat_model import build_openai_model
from bot.drafting.http import Server
from playground.model_server import ErrorStatus, ModelDouble, bad_request
from tests.bot.drafting.briefs import build_brief, build_briefs, build_drafter, draft_failing


async def test_a_model_is_made_once_and_shares_the_client() -> None:
    models = Models(base_url="http://127.0.0.1:1/v1", api_key=None)
    one, other = models.get("one"), models.get("other")
    assert models.get("one") is one
    assert one is not other
    assert one.http_async_client is other.http_async_client  # type: ignore[attr-defined]
    await models.aclose()


async def test_a_server_without_keys_works(model: ModelDouble) -> None:
    async with Drafter(Models(base_url=model.base_url, api_key=None)) as drafter:
        assert (await drafter.ainvoke(build_brief())).text
    assert model.calls[0].authorization in {"", "Bearer none"}


async def test_nothing_is_taken_from_the_environment(model: ModelDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither keys, addresses and proxies nor LangChain's own settings: what counts is what was passed."""
    for name, value in {
        "OPENAI_API_KEY": "sk-other",
        "OPENAI_BASE_URL": "http://127.0.0.1:1/other",
        "OPENAI_API_BASE": "http://127.0.0.1:1/other",
        "OPENAI_PROXY": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    async with build_drafter(model) as drafter:
        await drafter.ainvoke(build_brief())
    assert model.calls[0].authorization == "Bearer sk-secret"


@pytest.mark.parametrize(
    ("address", "proxied"),
    [
        ("http://127.0.0.1:11434/v1", False),
        ("http://localhost:11434/v1", False),
        ("http://llm.localhost/v1", False),
        ("http://[::1]:11434/v1", False),
        ("http://10.0.0.5:8000/v1", True),
        ("https://api.openai.com/v1", True),
    ],
)
async def test_proxies_of_the_environment_are_taken_but_not_for_this_machine(
    address: str,
    proxied: bool,  # noqa: FBT001 - a column of the table above
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:3128")
    server = Server(base_url=address, api_key=None)
    assert server.http.trust_env is proxied
    assert server.proxy == ("http://proxy.test:3128" if proxied else None)
    await server.aclose()
    monkeypatch.setenv("NO_PROXY", "10.0.0.5,api.openai.com")
    server = Server(base_url=address, api_key=None)
    assert server.proxy is None
    await server.aclose()


async def test_openai_itself_gets_the_newer_name_for_the_token_limit() -> None:
    server = Server(base_url=None, api_key="sk-x")
    made: Any = build_openai_model("gpt-4o-mini", server=server)
    assert made._refused == {"max_tokens"}
    await server.aclose()


# --- fitting ------------------------------------------------------------------------------------------


def build_refusal(name: str, instead: str = "") -> ErrorStatus:
    return bad_request(f"Unsupported parameter: '{name}' is not supported with this model. {instead}".strip())


async def test_a_refused_temperature_is_left_out_from_then_on(drafter: Drafter, model: ModelDouble) -> None:
    """As reasoning models do. The draft says that none was sent."""
    model.answer_when(lambda call: "temperature" in call.body, build_refusal("temperature"))
    first = await drafter.ainvoke(build_brief())
    second = await drafter.ainvoke(build_brief())
    assert first.temperature is second.temperature is None
    assert ["temperature" in call.body for call in model.calls] == [True, False, False]


async def test_the_token_limit_is_sent_under_the_name_that_the_server_knows(
    drafter: Drafter, model: ModelDouble
) -> None:
    refusal = build_refusal("max_tokens", "Use 'max_completion_tokens' instead.")
    model.answer_when(lambda call: "max_tokens" in call.body, refusal)
    draft = await drafter.ainvoke(build_brief())
    assert draft.attempts == 2
    assert model.calls[-1].body["max_completion_tokens"] == 900


async def test_a_token_limit_that_no_name_helps_is_left_out(drafter: Drafter, model: ModelDouble) -> None:
    model.answer_when(lambda call: "max_tokens" in call.body, build_refusal("max_tokens"))
    model.answer_when(lambda call: "max_completion_tokens" in call.body, build_refusal("max_completion_tokens"))
    await drafter.ainvoke(build_brief())
    assert not {"max_tokens", "max_completion_tokens"} & set(model.calls[-1].body)


async def test_a_refusal_that_stays_is_no_reason_to_forget_a_parameter(drafter: Drafter, model: ModelDouble) -> None:
    """Left out only for good when the server took the call without it."""
    model.enqueue(bad_request("temperature 0.4: I do not like it"), bad_request("nor that"))
    assert (await draft_failing(drafter, build_brief())).error == "refused"
    assert (await drafter.ainvoke(build_brief())).temperature == 0.4


async def test_streams_fit_themselves_too(drafter: Drafter, model: ModelDouble) -> None:
    model.answer_when(lambda call: "stream_options" in call.body, build_refusal("stream_options"))
    chunks = [chunk async for chunk in drafter.astream(build_brief())]
    assert chunks[-1].draft is not None
    assert chunks[-1].draft.prompt_tokens is None
    assert "stream_options" not in model.calls[-1].body


async def test_log_probabilities_are_asked_for_only_when_wanted(model: ModelDouble) -> None:
    async with Drafter(Models(base_url=model.base_url, api_key="x", logprobs=True)) as drafter:
        await drafter.ainvoke(build_brief())
    assert model.calls[0].body["logprobs"] is True


async def test_a_model_is_for_asynchronous_use(model: ModelDouble) -> None:
    """A synchronous call would go past the shared client, with settings of its own."""
    models = Models(base_url=model.base_url, api_key="x")
    with pytest.raises(ValueError, match="Sync client is not available"):
        models.get("gpt-4o-mini").invoke([HumanMessage("Hello")])
    await models.aclose()


# --- bodies that are no chat completion -----------------------------------------------------------------


@asynccontextmanager
async def serve(body: bytes, *, content_type: str = "application/json") -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def build_body(**changes: Any) -> bytes:
    message = {"role": "assistant", "content": "Hello"}
    body = {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return json.dumps({**body, **changes}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"<html>502</html>",
        b"[]",
        b"null",
        b'"Hello"',
        b"{}",
        build_body(choices=None),
        build_body(choices=[]),
        build_body(choices=["Hello"]),
        build_body(choices=[{}]),
        build_body(choices=[{"message": None}]),
        build_body(choices=[{"message": {"role": "assistant", "content": 7}}]),
    ],
)
async def test_another_shape_is_invalid_output(body: bytes) -> None:
    async with serve(body) as address, Drafter(Models(base_url=address, api_key="x")) as drafter:
        assert (await draft_failing(drafter, build_brief())).error == "invalid_output"


async def test_a_completion_without_the_usual_extras_is_fine() -> None:
    async with serve(build_body()) as address, Drafter(Models(base_url=address, api_key="x")) as drafter:
        draft = await drafter.ainvoke(build_brief())
    assert (draft.text, draft.model_returned) == ("Hello", "m")
    assert draft.prompt_tokens is draft.completion_tokens is None


async def test_a_refusal_in_the_message_counts_as_refused() -> None:
    message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    body = build_body(choices=[{"message": message, "finish_reason": "stop"}])
    async with serve(body) as address, Drafter(Models(base_url=address, api_key="x")) as drafter:
        assert (await draft_failing(drafter, build_brief())).error == "refused"


async def test_an_error_in_a_successful_answer_is_an_error() -> None:
    """As OpenRouter tells of a provider behind it."""
    body = json.dumps({"error": {"code": 400, "message": "Provider returned error"}}).encode()
    async with serve(body) as address, Drafter(Models(base_url=address, api_key="x")) as drafter:
        assert (await draft_failing(drafter, build_brief())).error == "refused"


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ("not JSON", "invalid_output"),
        ('{"choices": [{"index": 0}]}', "invalid_output"),
        ('{"choices": [{"index": 0, "delta": {"content": 7}}]}', "invalid_output"),
        ('{"choices": [{"index": 0, "delta": {"role": "assistant", "refusal": "No."}}]}', "refused"),
        ("[DONE]", "invalid_output"),
        ('{"error": {"message": "overloaded"}}', "server_error"),
    ],
)
async def test_streams_of_another_shape(event: str, error: str) -> None:
    body = f"data: {event}\n\n".encode()
    async with (
        serve(body, content_type="text/event-stream") as address,
        Drafter(Models(base_url=address, api_key="x"), sleep=_no_sleep) as drafter,
    ):
        with pytest.raises(DraftFailed, match=error):
            [chunk async for chunk in drafter.astream(build_brief())]


async def _no_sleep(_seconds: float) -> None:
    return


async def test_many_drafts_at_once_share_the_client(drafter: Drafter, model: ModelDouble) -> None:
    drafts = await drafter.abatch(build_briefs(30))
    assert len({draft.text for draft in drafts}) > 1
    assert model.total == 30


async def test_no_library_warns_of_a_proxy_that_is_taken(
    model: ModelDouble, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is our own, and has its proxy."""
    monkeypatch.setattr(_client_utils, "_proxy_env_warning_emitted", False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    server = Server(base_url=model.base_url, api_key="k")
    build_openai_model("m", server=server)
    await server.aclose()
    assert not caplog.records
