"""One draft = one `ainvoke`: the call to the model with its time limit, its one layer of retry and its measurement.

    drafter = Drafter(Models(base_url=…, api_key=…), limiter=FairLimiter(32))
    drafts = await drafter.abatch(briefs, config={"max_concurrency": 5}, return_exceptions=True)

The whole Runnable surface works. What differs from LangChain's defaults, and why:

- Retries happen in here, not in `.with_retry()`, whose `abatch` gives wrong results, nor in the client, where they
  would multiply. A slot of the process-wide limit is held during an attempt only, not while waiting for the next.
- `abatch`, `batch`, `abatch_as_completed` and `batch_as_completed` own the calls they start: when one is left early,
  cancelled, or fails, the others are cancelled and waited for, so that nothing runs, or is billed, behind your back.
- `astream` and `stream` yield `DraftChunk`s: pieces of text, and at the end the whole `Draft`. No thought of the model
  is among the pieces. Since a closing tag that nothing opened makes one of all before it, pieces come as they are
  written only from a model that keeps its thoughts apart, or has ended a draft without any; else all at the end.
- The synchronous methods run on one event loop in a thread of the drafter's own, where limits and deadlines hold too.

Errors:

    DraftFailed             this draft failed; `.error` says how, in the choice log's words
    WrongLoopError          the drafter is used from a second event loop
    any other exception     a bug, of ours or a library's. It is never made into a DraftFailed: with
                            `return_exceptions=True` it stands in the result as it is, for the caller to raise or report
"""

import asyncio
import random
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, Self

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import (
    ensure_config,
    get_async_callback_manager_for_config,
    get_config_list,
    patch_config,
    var_child_runnable_config,
)

from bot.drafting.background_loop import BackgroundLoop
from bot.drafting.cleaning import Cleaned, GrowingText, clean_reply
from bot.drafting.errors import AnsweredError, Fault, MalformedReplyError, back_off_s, fault_of
from bot.drafting.limiter import FairLimiter
from bot.drafting.metadata import read_count, read_label, read_mean_logprob, read_usage
from bot.drafting.prompts import build_messages
from bot.playbook import Playbook, Style
from bot.suggesting.redraft import RequestedChange
from storage.records import DraftError, Turn

MAX_ATTEMPTS = 3
BACK_OFF_S = 0.5
MOST_BACK_OFF_S = 8.0
JITTER_S = 0.2
MOST_PAUSE_S = 60.0
MAX_IN_FLIGHT = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """All that one draft needs.

    `deadline` is a time on the drafter's monotonic clock, queueing included; None for no limit. `agent_id` is whose
    turn it is in the queue. `previous` are texts already shown, from which the draft is to differ; `change` is what to
    make of one that was shown.
    """

    playbook: Playbook
    style: Style
    model: str
    conversation: tuple[Turn, ...]
    hint: str | None = None
    previous: tuple[str, ...] = ()
    change: RequestedChange | None = None
    request_id: str = ""
    agent_id: str = ""
    sample_index: int = 0
    deadline: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A drafted reply.

    `latency_ms` counts from the call to the text, queueing and back-off included; `attempts` the requests made to the
    model; `queue_ms` the waiting for slots of the process-wide limit. The tokens are those of all attempts, as far as
    the server told. `temperature` is the one that was sent, None if the model takes none; `mean_logprob` is None unless
    the server gave log-probabilities.
    """

    text: str
    model_returned: str | None
    latency_ms: int
    attempts: int
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    mean_logprob: float | None
    temperature: float | None
    queue_ms: int = 0


@dataclass(frozen=True, slots=True)
class DraftChunk:
    """A piece of a streamed draft. The last one has no text, but the whole `draft`; `str()` is the text."""

    text: str
    draft: Draft | None = None

    def __str__(self) -> str:
        return self.text

    def __add__(self, other: "DraftChunk") -> "DraftChunk":
        """LangChain adds up chunks for tracers, and for the next step of a chain."""
        return DraftChunk(self.text + other.text, other.draft or self.draft)


class DraftFailed(Exception):  # noqa: N818 - it is told, and counted, as an outcome
    """A draft that failed. The cause is chained; `str()` holds no text of anybody's and no key.

    The tokens are those that its attempts took, as far as the server told.
    """

    def __init__(
        self,
        error: DraftError,
        *,
        attempts: int,
        latency_ms: int,
        queue_ms: int = 0,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
    ) -> None:
        self.error: DraftError = error
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self.queue_ms = queue_ms
        self.attempts = attempts
        self.latency_ms = latency_ms
        super().__init__(f"{error} after {attempts} attempts in {latency_ms} ms")


class WrongLoopError(RuntimeError):
    """The drafter's limit and connections belong to the event loop that used it first."""

    def __init__(self) -> None:
        super().__init__(
            "this Drafter belongs to another event loop, the one that used it first (the synchronous methods have one "
            "of their own). Use one Drafter a loop: its synchronous methods, or its asynchronous ones in one loop."
        )


class ModelSource(Protocol):
    """Where the drafter gets its models from."""

    def get(self, name: str) -> BaseChatModel:
        """The model of that name, always the same one."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class OneModel:
    """A source that gives the same model for every name."""

    model: BaseChatModel

    def get(self, name: str) -> BaseChatModel:  # noqa: ARG002 - any name
        return self.model

    async def aclose(self) -> None:
        """Nothing to close."""


@dataclass(slots=True, kw_only=True)
class _Course:
    """How far a draft has come."""

    brief: Brief
    started: float
    attempts: int = 0
    queued_s: float = 0.0
    streamed: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def count(self, prompt_tokens: int | None, completion_tokens: int | None) -> None:
        """Add what an attempt took."""
        self.prompt_tokens = _add(self.prompt_tokens, prompt_tokens)
        self.completion_tokens = _add(self.completion_tokens, completion_tokens)


class Drafter(Runnable[Brief, Draft]):
    """Drafts replies; see the module's docstring. Closing it closes its models.

    `monotonic` is the clock of the deadlines, in seconds; `wall_clock` seconds since the epoch.
    """

    name = "Drafter"

    def __init__(
        self,
        models: ModelSource,
        *,
        limiter: FairLimiter | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.limiter = limiter or FairLimiter(MAX_IN_FLIGHT)
        self._models = models
        self._monotonic = monotonic
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._is_plain: dict[str, bool] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._background: BackgroundLoop | None = None
        self._starting = threading.Lock()

    # --- asynchronous ---------------------------------------------------------------------------------

    async def ainvoke(self, input: Brief, config: RunnableConfig | None = None, **_: Any) -> Draft:  # noqa: A002 - LangChain's name
        """One draft. Raises DraftFailed."""
        return await self._traced(input, config, _ask_at_once)

    async def abatch(
        self,
        inputs: list[Brief],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **_: Any,
    ) -> list[Draft]:
        """One draft for each input, in their order; with `return_exceptions`, the exception where one failed.

        Without, the first failure is raised, and the other drafts are cancelled.
        """
        ended = self.abatch_as_completed(inputs, config, return_exceptions=return_exceptions)
        drafts = {index: draft async for index, draft in ended}
        return [drafts[index] for index in range(len(inputs))]

    async def abatch_as_completed(
        self,
        inputs: Sequence[Brief],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **_: Any,
    ) -> AsyncGenerator[tuple[int, Any], None]:
        """(index, draft) as each is done; with `return_exceptions`, (index, exception) where one failed.

        Leaving early cancels the rest: at once with `contextlib.aclosing`, else as soon as the iterator is let go of.
        """
        self._settle()
        ended: asyncio.Queue[asyncio.Task[Draft]] = asyncio.Queue()
        indexes = self._start_all(inputs, config)
        for task in indexes:
            task.add_done_callback(ended.put_nowait)
        try:
            for _each in indexes:
                task = await ended.get()
                yield indexes[task], _outcome(task, return_exceptions=return_exceptions)
        finally:
            await _stop(indexes)

    def _start_all(
        self, inputs: Sequence[Brief], config: RunnableConfig | Sequence[RunnableConfig] | None
    ) -> dict[asyncio.Task[Draft], int]:
        configs = get_config_list(config, len(inputs))
        limit = configs[0].get("max_concurrency") if configs else None
        gate = asyncio.Semaphore(limit) if limit else None
        return {
            asyncio.create_task(self._gated(gate, brief, own)): index
            for index, (brief, own) in enumerate(zip(inputs, configs, strict=True))
        }

    async def _gated(self, gate: asyncio.Semaphore | None, brief: Brief, config: RunnableConfig) -> Draft:
        if gate is None:
            return await self.ainvoke(brief, config)
        async with gate:
            return await self.ainvoke(brief, config)

    async def astream(  # type: ignore[override]  # pieces are no Drafts: see DraftChunk
        self,
        input: Brief,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> AsyncGenerator[DraftChunk, None]:
        """The text in pieces as it is written, then a last chunk with the whole Draft, whose text is trimmed.

        Raises DraftFailed, also after pieces were yielded: an attempt is repeated only while nothing of it was.
        """
        self._settle()
        # A task of its own holds the slot and the deadline: neither waits for a slow consumer or strikes into its code.
        pieces: asyncio.Queue[str | asyncio.Task[Draft]] = asyncio.Queue()
        task = asyncio.create_task(self._traced(input, config, partial(self._ask_in_pieces, pieces.put_nowait)))
        task.add_done_callback(pieces.put_nowait)
        given: list[str] = []
        try:
            while isinstance(piece := await pieces.get(), str):
                given.append(piece)
                yield DraftChunk(piece)
            draft: Draft = _outcome(task, return_exceptions=False)
            if rest := _find_rest(draft.text, "".join(given)):
                yield DraftChunk(rest)
            yield DraftChunk("", draft)
        finally:
            await _stop([task])

    async def aclose(self) -> None:
        """Close the models."""
        await self._models.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # --- synchronous ----------------------------------------------------------------------------------

    def invoke(self, input: Brief, config: RunnableConfig | None = None, **_: Any) -> Draft:  # noqa: A002 - LangChain's name
        """As `ainvoke`, for synchronous code."""
        return self._own_loop().run(self.ainvoke(input, config))

    def batch(
        self,
        inputs: list[Brief],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **_: Any,
    ) -> list[Draft]:
        """As `abatch`, for synchronous code."""
        return self._own_loop().run(self.abatch(inputs, config, return_exceptions=return_exceptions))

    def batch_as_completed(
        self,
        inputs: Sequence[Brief],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **_: Any,
    ) -> Iterator[tuple[int, Any]]:
        """As `abatch_as_completed`, for synchronous code."""
        drafts = self.abatch_as_completed(inputs, config, return_exceptions=return_exceptions)
        return self._own_loop().iterate(drafts)

    def stream(  # type: ignore[override]  # as for the asynchronous one
        self,
        input: Brief,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> Iterator[DraftChunk]:
        """As `astream`, for synchronous code."""
        return self._own_loop().iterate(self.astream(input, config))

    def close(self) -> None:
        """Cancel what the synchronous methods still run, close the models, end the thread. Once is enough."""
        loop = self._own_loop()
        if loop.closed:
            return
        loop.cancel_all()
        loop.run(self.aclose())
        loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _own_loop(self) -> BackgroundLoop:
        with self._starting:
            if self._background is None:
                if self._loop is not None:
                    raise WrongLoopError
                self._background = BackgroundLoop("drafter", cancelled=_cancelled)
                self._loop = self._background.loop
            return self._background

    # --- one draft ------------------------------------------------------------------------------------

    async def _traced(self, brief: Brief, config: RunnableConfig | None, ask: "_Ask") -> Draft:
        """The draft as a run of its own for tracers, with the model's runs as its children.

        As the base class's `_acall_with_config`, without its extra task and its look at signatures: half of the CPU.
        """
        self._settle()
        labelled = _labelled(config, brief)
        manager = get_async_callback_manager_for_config(labelled)
        run_id = labelled.pop("run_id", None)
        run = await manager.on_chain_start(None, brief, name=labelled.get("run_name") or self.get_name(), run_id=run_id)
        within = patch_config(labelled, callbacks=run.get_child())
        outside = var_child_runnable_config.set(within)
        try:
            draft = await self._draft(brief, within, ask)
        except BaseException as error:
            await run.on_chain_error(error)
            raise
        finally:
            var_child_runnable_config.reset(outside)
        await run.on_chain_end(draft)
        return draft

    def _settle(self) -> None:
        """The first event loop that uses the drafter is its own from then on."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise WrongLoopError

    async def _draft(self, brief: Brief, config: RunnableConfig, ask: "_Ask") -> Draft:
        course = _Course(brief=brief, started=self._monotonic())
        left = self._time_left(brief)
        if left is not None and left <= 0:
            raise self._failed("timed_out", course)
        try:
            async with asyncio.timeout(left):
                message = await self._attempts(course, config, ask)
        except TimeoutError as error:
            raise self._failed("timed_out", course) from error
        return self._drafted(message, course)

    async def _attempts(self, course: _Course, config: RunnableConfig, ask: "_Ask") -> AIMessage:
        brief = course.brief
        model = self._models.get(brief.model)
        messages = _messages(brief)
        while True:
            asked_at = self._monotonic()
            try:
                async with self.limiter.slot(brief.agent_id):
                    course.queued_s += self._monotonic() - asked_at
                    course.attempts += 1
                    return await ask(model, messages, config, course)
            except Exception as error:
                # Told apart here, since every provider has its own; what is not known is raised as it is.
                fault = fault_of(error, now=self._wall_clock())
                if fault is None:
                    raise
                if isinstance(error, AnsweredError):
                    course.count(*read_usage(error.usage))
                pause_s = self._pause_s(fault, course)
                if pause_s is None:
                    raise self._failed(fault.error, course) from error
            await self._sleep(pause_s)

    def _pause_s(self, fault: Fault, course: _Course) -> float | None:
        """How long to wait before the next attempt; None if there is to be none."""
        if not fault.retryable or course.streamed or course.attempts >= MAX_ATTEMPTS:
            return None
        pause_s = back_off_s(course.attempts, base_s=BACK_OFF_S, most_s=MOST_BACK_OFF_S, rng=self._rng)
        if fault.retry_after_s is not None:
            # With some jitter, or the drafts of a request would all come back in the same instant.
            pause_s = max(pause_s, fault.retry_after_s + self._rng.uniform(0, JITTER_S))
        left = self._time_left(course.brief)
        longest = MOST_PAUSE_S if left is None else min(left, MOST_PAUSE_S)
        return pause_s if pause_s < longest else None

    def _time_left(self, brief: Brief) -> float | None:
        return None if brief.deadline is None else brief.deadline - self._monotonic()

    def _drafted(self, message: AIMessage, course: _Course) -> Draft:
        told = message.response_metadata
        cleaned = clean_reply(str(message.text))
        finish_reason = read_label(told.get("finish_reason"))
        course.count(*_tokens(message))
        if finish_reason == "content_filter" or message.additional_kwargs.get("refusal"):
            raise self._failed("refused", course)
        self._learn(course.brief.model, cleaned, finish_reason)
        if not cleaned.text:
            raise self._failed("empty", course)
        logprob = told["mean_logprob"] if "mean_logprob" in told else read_mean_logprob(told.get("logprobs"))
        return Draft(
            text=cleaned.text,
            model_returned=read_label(told.get("model_name")),
            latency_ms=self._latency_ms(course),
            # A model that fits itself to its server may have asked more than once.
            attempts=course.attempts + told.get("requests", 1) - 1,
            finish_reason=finish_reason,
            prompt_tokens=course.prompt_tokens,
            completion_tokens=course.completion_tokens,
            mean_logprob=logprob,
            temperature=told.get("temperature", course.brief.style.temperature),
            queue_ms=round(course.queued_s * 1000),
        )

    def _learn(self, model: str, cleaned: Cleaned, finish_reason: str | None) -> None:
        """A model that has once ended a text without a thought in it may be watched as it writes the next ones."""
        if cleaned.had_thoughts:
            self._is_plain[model] = False
        elif cleaned.text and finish_reason != "length":
            self._is_plain.setdefault(model, True)

    async def _ask_in_pieces(
        self,
        emit: Callable[[str], None],
        model: BaseChatModel,
        messages: list[BaseMessage],
        config: RunnableConfig,
        course: _Course,
    ) -> AIMessage:
        chunks: list[AIMessageChunk] = []
        written: list[str] = []
        growing = GrowingText()
        keeps_apart = getattr(model, "keeps_thoughts_apart", False)
        async for chunk in model.astream(messages, config, temperature=course.brief.style.temperature):
            chunks.append(chunk)
            written.append(str(chunk.text))
            is_safe = keeps_apart or self._is_plain.get(course.brief.model, False)
            if piece := growing.feed(written[-1], is_safe=is_safe):
                course.streamed = True
                emit(piece)
        if not chunks:
            raise MalformedReplyError("the stream ended before it began")
        return _join_chunks("".join(written), chunks)

    def _failed(self, error: DraftError, course: _Course) -> DraftFailed:
        queue_ms = round(course.queued_s * 1000) if course.attempts else self._latency_ms(course)
        return DraftFailed(
            error,
            attempts=course.attempts,
            latency_ms=self._latency_ms(course),
            queue_ms=queue_ms,
            prompt_tokens=course.prompt_tokens,
            completion_tokens=course.completion_tokens,
        )

    def _latency_ms(self, course: _Course) -> int:
        return round((self._monotonic() - course.started) * 1000)


# --- asking a model -----------------------------------------------------------------------------------

_Ask = Callable[[BaseChatModel, list[BaseMessage], RunnableConfig, _Course], Awaitable[AIMessage]]


async def _ask_at_once(
    model: BaseChatModel, messages: list[BaseMessage], config: RunnableConfig, course: _Course
) -> AIMessage:
    return await model.ainvoke(messages, config, temperature=course.brief.style.temperature)


def _join_chunks(text: str, chunks: Sequence[AIMessageChunk]) -> AIMessage:
    """The message of a stream. The texts are joined before: LangChain adds up chunks one by one."""
    told = [chunk for chunk in chunks if chunk.response_metadata or chunk.usage_metadata or chunk.additional_kwargs]
    # A model that cannot stream gives one whole message instead.
    whole = add_ai_message_chunks(*told) if len(told) > 1 else (told or chunks)[0]
    return whole.model_copy(update={"content": text})


def _find_rest(text: str, given: str) -> str:
    """The part of a text that is still to be given; nothing if what was given turned out to be no part of it."""
    return text[len(given) :] if text.startswith(given) else ""


def _messages(brief: Brief) -> list[BaseMessage]:
    return build_messages(
        playbook=brief.playbook,
        style=brief.style,
        conversation=brief.conversation,
        hint=brief.hint,
        previous=brief.previous,
        change=brief.change,
    )


def _labelled(config: RunnableConfig | None, brief: Brief) -> RunnableConfig:
    """The config with what tracers want to know of this draft: the K of a batch may share one config."""
    labelled = ensure_config(config)
    labelled["tags"] = sorted({*labelled["tags"], brief.style.name})
    labelled["metadata"] = {
        **labelled["metadata"],
        "request_id": brief.request_id,
        "sample_index": brief.sample_index,
        "style": brief.style.name,
        "model": brief.model,
        "prompt_version": brief.playbook.prompt_version,
    }
    return labelled


def _tokens(message: AIMessage) -> tuple[int | None, int | None]:
    """Read and written, as the server counted them; None where it gave no count that makes sense."""
    if "token_usage" in message.response_metadata:  # as the server gave them: LangChain makes 0 of what is missing
        return read_usage(message.response_metadata["token_usage"])
    usage = message.usage_metadata
    return (read_count(usage["input_tokens"]), read_count(usage["output_tokens"])) if usage else (None, None)


def _add(counted: int | None, more: int | None) -> int | None:
    return more if counted is None else read_count(counted + (more or 0))


# --- tasks --------------------------------------------------------------------------------------------


def _outcome(task: asyncio.Task[Draft], *, return_exceptions: bool) -> Any:
    if task.cancelled():
        # Not by us, or nobody would be waiting for it.
        error: BaseException | None = _cancelled()
    else:
        error = task.exception()
    if error is None:
        return task.result()
    if return_exceptions and isinstance(error, Exception):
        return error
    raise error


def _cancelled() -> DraftFailed:
    return DraftFailed("cancelled", attempts=0, latency_ms=0)


async def _stop(tasks: Collection[asyncio.Task[Draft]]) -> None:
    """Cancel what still runs, and wait until it has let go of its connection and its slot."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
