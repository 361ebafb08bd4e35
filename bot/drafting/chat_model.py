"""Chat models of any OpenAI-compatible server, through LangChain.

    models = Models(base_url="http://127.0.0.1:11434/v1", api_key=None)
    model = models.get("llama3")
    await models.aclose()

Everything is passed explicitly: left alone, LangChain and the openai client look for addresses, keys and proxies in the
environment, share one HTTP client between event loops, and retry on their own.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from openai.types.chat import ChatCompletionChunk
from pydantic import PrivateAttr

from bot.drafting.bodies import parse_json
from bot.drafting.errors import MalformedCompletionError, ReportedError, find_room
from bot.drafting.http import Server
from bot.drafting.metadata import read_mean_logprob, read_usage

MAX_TOKENS = 900
"""About 2,500 characters in many languages; fewer in those where a token is hardly more than a character."""

T = TypeVar("T")


class Models:
    """Gives models by name, each made once, all on one `Server`, whose arguments these are and which `aclose` closes.

    With `max_tokens` 0, no limit is sent. With `logprobs`, the server is asked for log-probabilities, which not every
    server has and which make bodies several times as large.
    """

    def __init__(
        self,
        *,
        base_url: str | None,
        api_key: str | None,
        max_in_flight: int = 100,
        max_tokens: int = MAX_TOKENS,
        reasoning_effort: str | None = None,
        logprobs: bool = False,
    ) -> None:
        self._server = Server(base_url=base_url, api_key=api_key, max_in_flight=max_in_flight)
        self._max_tokens = max_tokens
        self._reasoning_effort = reasoning_effort
        self._logprobs = logprobs
        self._models_by_name: dict[str, BaseChatModel] = {}

    def get(self, name: str) -> BaseChatModel:
        """Return the model of that name. Nothing is sent: an unknown name fails at the first draft."""
        if name not in self._models_by_name:
            self._models_by_name[name] = build_openai_model(
                name,
                server=self._server,
                max_tokens=self._max_tokens,
                reasoning_effort=self._reasoning_effort,
                logprobs=self._logprobs,
            )
        return self._models_by_name[name]

    async def aclose(self) -> None:
        """Close the server's connections."""
        await self._server.aclose()


def build_openai_model(
    name: str,
    *,
    server: Server,
    max_tokens: int = MAX_TOKENS,
    reasoning_effort: str | None = None,
    logprobs: bool = False,
) -> BaseChatModel:
    """Build a chat model on an OpenAI-compatible server, for asynchronous use. The caller closes the server."""

    async def give_key() -> str:
        return server.api_key

    model = ServedChatModel(
        model=name,
        base_url=server.base_url,
        # A coroutine function, so that LangChain makes no synchronous client, which would have settings of its own.
        api_key=give_key,
        http_async_client=server.http,
        http_socket_options=(),  # those of the client; without, a warning says that proxies are passed over
        openai_proxy=None,
        max_retries=0,
        max_completion_tokens=max_tokens or None,
        reasoning_effort=reasoning_effort,
        logprobs=True if logprobs else None,
        timeout=None,
        stream_usage=True,
        use_responses_api=False,
        cache=False,
    )
    model.use_server(server)
    return model


class ServedChatModel(ChatOpenAI):
    """LangChain's chat model for OpenAI-compatible servers, with two differences.

    It is lean: `_agenerate` asks the server by itself (`Server.post`) and reads the JSON, where ChatOpenAI goes through
    two clients, builds the SDK's models, dumps them again, and changes threads for it. That is most of a draft's CPU.

    It fits itself to the server: some refuse a parameter that others need (`temperature` with reasoning models,
    `max_tokens` or `max_completion_tokens` depending on the server's age). What a 400 or 422 names is sent under its
    other name, or left out, at once; and from then on, should the server take the call without it.
    """

    has_separate_thoughts: bool = False
    """True where no answer of the server has thoughts in its text: `Drafter.astream` asks for it."""

    _refused: frozenset[str] = PrivateAttr(default=frozenset())
    _server: Server = PrivateAttr()

    def use_server(self, server: Server) -> None:
        """Send to this server; OpenAI's own needs no trial of its parameters."""
        self._server = server
        if server.host == "api.openai.com":
            self._refused = frozenset({"max_tokens"})
            self.has_separate_thoughts = True

    async def answer_untraced(self, messages: list[BaseMessage], **parameters: Any) -> AIMessage:
        """Answer as `ainvoke` does, without its callbacks."""
        return _read_completion(*await self._send_fitted(self.build_payload(messages, **parameters), self._post))

    def build_payload(self, messages: list[BaseMessage], **parameters: Any) -> dict[str, Any]:
        """Build the body of a request: the model's own parameters, and those of this call; None is left out."""
        payload = {
            "model": self.model_name,
            "messages": convert_to_openai_messages(messages),
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "reasoning_effort": self.reasoning_effort,
            "logprobs": self.logprobs,
            "stream": False,
            **parameters,
        }
        return {name: value for name, value in payload.items() if value is not None}

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        message = await self.answer_untraced(messages, stop=stop, **kwargs)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Stream the text as it comes; usage, finish reason and model follow once, in a last chunk."""
        wanted = {**kwargs, "stream": True, "stream_options": {"include_usage": True}}
        payload = self.build_payload(messages, stop=stop, **wanted)
        stream, info = await self._send_fitted(payload, self._open_stream)
        facts = _Facts()
        try:
            async with stream:
                async for event in stream:
                    if piece := _read_event(event, facts):
                        yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
        except _UNREADABLE as error:
            raise MalformedCompletionError("not a stream of a chat completion", usage=facts.usage) from error
        if not facts.has_begun:
            raise MalformedCompletionError("a stream without a chunk")
        # At the end, and once: what stands in several chunks, LangChain adds up.
        yield ChatGenerationChunk(message=AIMessageChunk(content="", **facts.to_fields(info)))

    async def _send_fitted(
        self, payload: dict[str, Any], send: Callable[[dict[str, Any]], Awaitable[T]]
    ) -> tuple[T, dict[str, Any]]:
        """Send the payload in the form that the server takes; return its answer, and facts of that form."""
        refused = self._refused
        for sent in count(1):
            fitted = _fit_payload(refused, payload)
            try:
                accepted = await send(fitted)
            except openai.APIStatusError as error:
                name = None if find_room(error) else _find_refused_parameter(error)
                if name is None or name not in fitted or name in refused:
                    raise
                refused |= {name}
            else:
                if refused != self._refused:
                    self._refused |= refused
                return accepted, {"temperature": fitted.get("temperature"), "requests": sent}
        raise AssertionError("count never ends")

    async def _post(self, payload: dict[str, Any]) -> bytes:
        return await self._server.post("/chat/completions", payload)

    async def _open_stream(self, payload: dict[str, Any]) -> openai.AsyncStream[ChatCompletionChunk]:
        stream: openai.AsyncStream[ChatCompletionChunk] = await self.async_client.create(**payload)
        return stream


def _read_completion(answer: bytes, info: dict[str, Any]) -> AIMessage:
    try:
        body = parse_json(answer)
    except ValueError as error:
        raise MalformedCompletionError("not JSON, or too much of it") from error
    usage = body.get("usage") if isinstance(body, dict) else None
    try:
        if reported := body.get("error"):
            # Some routers answer 200 and tell in the body what happened behind them.
            raise ReportedError(reported, usage=usage)
        choice = body["choices"][0]
        _raise_reported_error(choice, usage)
        info = {**info, "mean_logprob": read_mean_logprob(choice.get("logprobs"))}
        facts = _Facts(finish_reason=choice.get("finish_reason"), model=body.get("model"), usage=usage)
        facts.refusal = choice["message"].get("refusal") or ""
        return AIMessage(content=choice["message"].get("content") or "", **facts.to_fields(info))
    except _UNREADABLE as error:
        raise MalformedCompletionError("not a chat completion", usage=usage) from error


@dataclass(slots=True, kw_only=True)
class _Facts:
    """The facts of a response beside its text, in whatever types the server gave them."""

    finish_reason: object = None
    model: object = None
    usage: object = None
    refusal: str = ""
    has_begun: bool = False

    def to_fields(self, info: dict[str, Any]) -> dict[str, Any]:
        """Convert to fields of a message of LangChain's; `info` has facts of the request."""
        metadata = {"finish_reason": self.finish_reason, "model_name": self.model, "token_usage": self.usage, **info}
        prompt, completion = read_usage(self.usage)
        counted = None
        if prompt is not None and completion is not None:
            counted = UsageMetadata(input_tokens=prompt, output_tokens=completion, total_tokens=prompt + completion)
        return {
            "response_metadata": metadata,
            "usage_metadata": counted,
            "additional_kwargs": {"refusal": self.refusal} if self.refusal else {},
        }


def _read_event(event: ChatCompletionChunk, facts: _Facts) -> str | list[str | dict[str, Any]]:
    """Return the piece of text in an event; everything else that it tells goes into `facts`."""
    chunk = event.model_dump(warnings=False)
    facts.usage = chunk.get("usage") or facts.usage
    facts.model = chunk.get("model") or facts.model
    if not chunk["choices"]:
        facts.has_begun = True
        return ""
    choice = chunk["choices"][0]
    _raise_reported_error(choice, facts.usage)
    facts.finish_reason = choice.get("finish_reason") or facts.finish_reason
    if (delta := choice["delta"]) is None:
        return ""
    facts.has_begun = True
    facts.refusal += delta.get("refusal") or ""
    return delta.get("content") or ""


def _raise_reported_error(choice: dict[str, Any], usage: object) -> None:
    """Raise ToldError where the choice says that it is none: others stood behind the server, and failed midway."""
    reported = choice.get("error")
    if reported or choice.get("finish_reason") == "error":
        raise ReportedError(reported, usage=usage)


# What reading a body of another shape raises.
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)

_ALTERNATIVE_NAMES = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_PARAMETER_NAME = re.compile(
    r"\b(max_completion_tokens|max_tokens|temperature|logprobs|stream_options|reasoning_effort)\b"
)


def _fit_payload(refused: frozenset[str], payload: dict[str, Any]) -> dict[str, Any]:
    """Rename the refused parameters in a payload, or leave them out where their other name is refused, too."""
    fitted = dict(payload)
    for name in refused & payload.keys():
        value = fitted.pop(name)
        other = _ALTERNATIVE_NAMES.get(name)
        if other is not None and other not in refused:
            fitted[other] = value
    return fitted


def _find_refused_parameter(error: openai.APIStatusError) -> str | None:
    """Find the parameter that the server does not take as it is, of those that we can do without."""
    if error.status_code not in {400, 403, 422}:
        return None
    found = _PARAMETER_NAME.search(error.param or str(error.body))
    return found[0] if found else None
