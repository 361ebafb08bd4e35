"""The drafter: one `ainvoke` is one draft, with its time limit, its one layer of retry and its measurement.

    drafter = Drafter(Models(base_url=…, api_key=…), limiter=FairLimiter(32))
    drafts = await drafter.abatch(briefs, config={"max_concurrency": 5}, return_exceptions=True)

The whole Runnable surface works. What differs from LangChain's defaults, and why:

- Retries happen in here, not in `.with_retry()`, whose `abatch` gives wrong results, nor in the client, where they
  would multiply. A slot of the process-wide limit is held during an attempt only, not while waiting for the next.
- `abatch`, `batch`, `abatch_as_completed` and `batch_as_completed` own the calls they start: when one is left early,
  cancelled, or fails, the others are cancelled and waited for, so that nothing runs, or is billed, behind your back.
- `astream` and `stream` yield `DraftChunk`s: pieces of text, and at the end the whole `Draft`. No thought of the model
  is among the pieces. Since a closing tag that nothing opened makes one of all before it, pieces come as they are
  written only from a model that keeps its thoughts apart (`has_separate_thoughts`); else all at the end.
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
from bot.drafting.cleaning import StreamCleaner, clean_reply
from bot.drafting.errors import (
    CallFailure,
    CompletionError,
    DraftFailed,
    MalformedCompletionError,
    WrongLoopError,
    classify_failure,
)
from bot.drafting.limiter import FairLimiter
from bot.drafting.metadata import read_count, read_label, read_mean_logprob, read_usage
from bot.drafting.prompts import build_messages
from bot.drafting.retry import choose_pause
from bot.playbook import Playbook, Style
from bot.suggesting.redraft import RequestedChange
from storage.records import DraftError, Turn

MAX_IN_FLIGHT = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """The input of one draft.

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
        """Join two chunks, as LangChain does for tracers and for the next step of a chain."""
        return DraftChunk(self.text + other.text, other.draft or self.draft)


class ModelSource(Protocol):
    """A source of chat models by their names."""

    def get(self, name: str) -> BaseChatModel:
        """Return the model of that name, always the same one."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SingleModelSource:
    """A source with one model, for every name."""

    model: BaseChatModel

    def get(self, name: str) -> BaseChatModel:  # noqa: ARG002 - any name
        return self.model

    async def aclose(self) -> None:
        """Do nothing: the model is the caller's to close."""


@dataclass(slots=True, kw_only=True)
class _Progress:
    """The progress of one draft: its attempts, its waiting and its tokens so far."""

    brief: Brief
    started: float
    attempts: int = 0
    queue_s: float = 0.0
    has_emitted: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def count(self, prompt_tokens: int | None, completion_tokens: int | None) -> None:
        """Add the tokens that an attempt took."""
        self.prompt_tokens = _add_counts(self.prompt_tokens, prompt_tokens)
        self.completion_tokens = _add_counts(self.completion_tokens, completion_tokens)


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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._background: BackgroundLoop | None = None
        self._starting = threading.Lock()

    # --- asynchronous ---------------------------------------------------------------------------------

    async def ainvoke(self, input: Brief, config: RunnableConfig | None = None, **_: Any) -> Draft:  # noqa: A002 - LangChain's name
        """Draft one reply. Raises DraftFailed."""
        return await self._draft_traced(input, config, _call_at_once)

    async def abatch(
        self,
        inputs: list[Brief],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **_: Any,
    ) -> list[Draft]:
        """Draft one reply for each input, in their order; with `return_exceptions`, the exception where one failed.

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
        """Yield (index, draft) as each is done; with `return_exceptions`, (index, exception) where one failed.

        Leaving early cancels the rest: at once with `contextlib.aclosing`, else as soon as the iterator is let go of.
        """
        self._claim_loop()
        ended: asyncio.Queue[asyncio.Task[Draft]] = asyncio.Queue()
        indexes = self._start_all(inputs, config)
        for task in indexes:
            task.add_done_callback(ended.put_nowait)
        try:
            for _each in indexes:
                task = await ended.get()
                yield indexes[task], _get_result(task, return_exceptions=return_exceptions)
        finally:
            await _cancel_and_wait(indexes)

    def _start_all(
        self, inputs: Sequence[Brief], config: RunnableConfig | Sequence[RunnableConfig] | None
    ) -> dict[asyncio.Task[Draft], int]:
        """Start a task for each input, at most `max_concurrency` of them at once; the values are their indexes."""
        configs = get_config_list(config, len(inputs))
        limit = configs[0].get("max_concurrency") if configs else None
        gate = asyncio.Semaphore(limit) if limit else None
        return {
            asyncio.create_task(self._draft_gated(gate, brief, own)): index
            for index, (brief, own) in enumerate(zip(inputs, configs, strict=True))
        }

    async def _draft_gated(self, gate: asyncio.Semaphore | None, brief: Brief, config: RunnableConfig) -> Draft:
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
        """Yield the text in pieces as it is written, then a last chunk with the whole Draft, whose text is trimmed.

        Raises DraftFailed, also after pieces were yielded: an attempt is repeated only while nothing of it was.
        """
        self._claim_loop()
        # A task of its own holds the slot and the deadline: neither waits for a slow consumer or strikes into its code.
        pieces: asyncio.Queue[str | asyncio.Task[Draft]] = asyncio.Queue()
        task = asyncio.create_task(self._draft_traced(input, config, partial(self._call_in_pieces, pieces.put_nowait)))
        task.add_done_callback(pieces.put_nowait)
        emitted: list[str] = []
        try:
            while isinstance(piece := await pieces.get(), str):
                emitted.append(piece)
                yield DraftChunk(piece)
            draft: Draft = _get_result(task, return_exceptions=False)
            if rest := _find_remainder(draft.text, "".join(emitted)):
                yield DraftChunk(rest)
            yield DraftChunk("", draft)
        finally:
            await _cancel_and_wait([task])

    async def aclose(self) -> None:
        """Close the models."""
        await self._models.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # --- synchronous ----------------------------------------------------------------------------------

    def invoke(self, input: Brief, config: RunnableConfig | None = None, **_: Any) -> Draft:  # noqa: A002 - LangChain's name
        """Call `ainvoke` from synchronous code."""
        return self._get_background_loop().run(self.ainvoke(input, config))

    def batch(
        self,
        inputs: list[Brief],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **_: Any,
    ) -> list[Draft]:
        """Call `abatch` from synchronous code."""
        return self._get_background_loop().run(self.abatch(inputs, config, return_exceptions=return_exceptions))

    def batch_as_completed(
        self,
        inputs: Sequence[Brief],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **_: Any,
    ) -> Iterator[tuple[int, Any]]:
        """Call `abatch_as_completed` from synchronous code."""
        drafts = self.abatch_as_completed(inputs, config, return_exceptions=return_exceptions)
        return self._get_background_loop().iterate(drafts)

    def stream(  # type: ignore[override]  # as for the asynchronous one
        self,
        input: Brief,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> Iterator[DraftChunk]:
        """Call `astream` from synchronous code."""
        return self._get_background_loop().iterate(self.astream(input, config))

    def close(self) -> None:
        """Cancel what the synchronous methods still run, close the models, end the thread. Once is enough."""
        loop = self._get_background_loop()
        if loop.is_closed:
            return
        loop.cancel_all()
        loop.run(self.aclose())
        loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _get_background_loop(self) -> BackgroundLoop:
        with self._starting:
            if self._background is None:
                if self._loop is not None:
                    raise WrongLoopError
                self._background = BackgroundLoop("drafter", make_cancel_error=_build_cancellation)
                self._loop = self._background.loop
            return self._background

    # --- one draft ------------------------------------------------------------------------------------

    async def _draft_traced(self, brief: Brief, config: RunnableConfig | None, call_model: "_ModelCall") -> Draft:
        """Draft as a run of its own for tracers, with the model's runs as its children.

        As the base class's `_acall_with_config`, without its extra task and its look at signatures: half of the CPU.
        Where neither the config nor LangChain's settings name a tracer, there is no run: a tenth of a suggestion's CPU.
        """
        self._claim_loop()
        if not get_async_callback_manager_for_config(ensure_config(config)).handlers:
            return await self._draft(brief, None, call_model)
        labelled = _label_config(config, brief)
        manager = get_async_callback_manager_for_config(labelled)
        run_id = labelled.pop("run_id", None)
        run = await manager.on_chain_start(None, brief, name=labelled.get("run_name") or self.get_name(), run_id=run_id)
        inner_config = patch_config(labelled, callbacks=run.get_child())
        token = var_child_runnable_config.set(inner_config)
        try:
            draft = await self._draft(brief, inner_config, call_model)
        except BaseException as error:
            await run.on_chain_error(error)
            raise
        finally:
            var_child_runnable_config.reset(token)
        await run.on_chain_end(draft)
        return draft

    def _claim_loop(self) -> None:
        """Bind the drafter to the running event loop. Raises WrongLoopError if it is bound to another."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise WrongLoopError

    async def _draft(self, brief: Brief, config: RunnableConfig | None, call_model: "_ModelCall") -> Draft:
        """Draft within the deadline; without a config where nobody traces it. Raises DraftFailed."""
        progress = _Progress(brief=brief, started=self._monotonic())
        left = self._compute_time_left(brief)
        if left is not None and left <= 0:
            raise self._build_failure("timed_out", progress)
        try:
            async with asyncio.timeout(left):
                message = await self._call_with_retries(progress, config, call_model)
        except TimeoutError as error:
            raise self._build_failure("timed_out", progress) from error
        return self._build_draft(message, progress)

    async def _call_with_retries(
        self, progress: _Progress, config: RunnableConfig | None, call_model: "_ModelCall"
    ) -> AIMessage:
        """Call the model until it answers. Raises DraftFailed if it is not to be called again."""
        brief = progress.brief
        model = self._models.get(brief.model)
        messages = _build_prompt(brief)
        while True:
            queued_at = self._monotonic()
            try:
                async with self.limiter.hold_slot(brief.agent_id):
                    progress.queue_s += self._monotonic() - queued_at
                    progress.attempts += 1
                    return await call_model(model, messages, config, progress)
            except Exception as error:
                # Classified here, since every provider has errors of its own; an unknown one is raised as it is.
                failure = classify_failure(error, now=self._wall_clock())
                if failure is None:
                    raise
                if isinstance(error, CompletionError):
                    progress.count(*read_usage(error.usage))
                pause_s = self._choose_pause(failure, progress)
                if pause_s is None:
                    raise self._build_failure(failure.error, progress) from error
            await self._sleep(pause_s)

    def _choose_pause(self, failure: CallFailure, progress: _Progress) -> float | None:
        """Choose the seconds until the next attempt; None if there is to be none."""
        if not failure.retryable or progress.has_emitted:
            return None
        return choose_pause(
            progress.attempts,
            retry_after_s=failure.retry_after_s,
            time_left_s=self._compute_time_left(progress.brief),
            rng=self._rng,
        )

    def _compute_time_left(self, brief: Brief) -> float | None:
        return None if brief.deadline is None else brief.deadline - self._monotonic()

    def _build_draft(self, message: AIMessage, progress: _Progress) -> Draft:
        """Build the draft from the model's message. Raises DraftFailed if no reply is in it."""
        metadata = message.response_metadata
        text = clean_reply(str(message.text))
        finish_reason = read_label(metadata.get("finish_reason"))
        progress.count(*_count_tokens(message))
        if finish_reason == "content_filter" or message.additional_kwargs.get("refusal"):
            raise self._build_failure("refused", progress)
        if not text:
            raise self._build_failure("empty", progress)
        logprob = (
            metadata["mean_logprob"] if "mean_logprob" in metadata else read_mean_logprob(metadata.get("logprobs"))
        )
        return Draft(
            text=text,
            model_returned=read_label(metadata.get("model_name")),
            latency_ms=self._measure_latency_ms(progress),
            # A model that fits itself to its server may have asked more than once.
            attempts=progress.attempts + metadata.get("requests", 1) - 1,
            finish_reason=finish_reason,
            prompt_tokens=progress.prompt_tokens,
            completion_tokens=progress.completion_tokens,
            mean_logprob=logprob,
            temperature=metadata.get("temperature", progress.brief.style.temperature),
            queue_ms=round(progress.queue_s * 1000),
        )

    async def _call_in_pieces(
        self,
        emit: Callable[[str], None],
        model: BaseChatModel,
        messages: list[BaseMessage],
        config: RunnableConfig | None,
        progress: _Progress,
    ) -> AIMessage:
        """Stream from the model, and emit the pieces that are safe to show."""
        chunks: list[AIMessageChunk] = []
        written: list[str] = []
        cleaner = StreamCleaner() if getattr(model, "has_separate_thoughts", False) else None
        async for chunk in model.astream(messages, config, temperature=progress.brief.style.temperature):
            chunks.append(chunk)
            written.append(str(chunk.text))
            if cleaner and (piece := cleaner.feed(written[-1])):
                progress.has_emitted = True
                emit(piece)
        if not chunks:
            raise MalformedCompletionError("the stream ended before it began")
        return _join_chunks("".join(written), chunks)

    def _build_failure(self, error: DraftError, progress: _Progress) -> DraftFailed:
        queue_ms = round(progress.queue_s * 1000) if progress.attempts else self._measure_latency_ms(progress)
        return DraftFailed(
            error,
            attempts=progress.attempts,
            latency_ms=self._measure_latency_ms(progress),
            queue_ms=queue_ms,
            prompt_tokens=progress.prompt_tokens,
            completion_tokens=progress.completion_tokens,
        )

    def _measure_latency_ms(self, progress: _Progress) -> int:
        return round((self._monotonic() - progress.started) * 1000)


# --- asking a model -----------------------------------------------------------------------------------

_ModelCall = Callable[[BaseChatModel, list[BaseMessage], RunnableConfig | None, _Progress], Awaitable[AIMessage]]


async def _call_at_once(
    model: BaseChatModel, messages: list[BaseMessage], config: RunnableConfig | None, progress: _Progress
) -> AIMessage:
    temperature = progress.brief.style.temperature
    if config is None and (answer := getattr(model, "answer_untraced", None)):
        untraced: AIMessage = await answer(messages, temperature=temperature)
        return untraced
    return await model.ainvoke(messages, config, temperature=temperature)


def _join_chunks(text: str, chunks: Sequence[AIMessageChunk]) -> AIMessage:
    """Join the chunks of a stream to one message, with a text that was joined before: LangChain is slow at that."""
    with_metadata = [
        chunk for chunk in chunks if chunk.response_metadata or chunk.usage_metadata or chunk.additional_kwargs
    ]
    # A model that cannot stream gives one whole message instead.
    whole = add_ai_message_chunks(*with_metadata) if len(with_metadata) > 1 else (with_metadata or chunks)[0]
    return whole.model_copy(update={"content": text})


def _find_remainder(text: str, emitted: str) -> str:
    """Return the part of a text that is still to be emitted; "" if what was emitted is no beginning of it."""
    return text[len(emitted) :] if text.startswith(emitted) else ""


def _build_prompt(brief: Brief) -> list[BaseMessage]:
    return build_messages(
        playbook=brief.playbook,
        style=brief.style,
        conversation=brief.conversation,
        hint=brief.hint,
        previous=brief.previous,
        change=brief.change,
    )


def _label_config(config: RunnableConfig | None, brief: Brief) -> RunnableConfig:
    """Add tags and metadata of this draft for tracers: the K of a batch may share one config."""
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


def _count_tokens(message: AIMessage) -> tuple[int | None, int | None]:
    """Count the tokens read and written, as the server says; None where it gave no count that makes sense."""
    if "token_usage" in message.response_metadata:  # as the server gave them: LangChain makes 0 of what is missing
        return read_usage(message.response_metadata["token_usage"])
    usage = message.usage_metadata
    return (read_count(usage["input_tokens"]), read_count(usage["output_tokens"])) if usage else (None, None)


def _add_counts(counted: int | None, more: int | None) -> int | None:
    return more if counted is None else read_count(counted + (more or 0))


# --- tasks --------------------------------------------------------------------------------------------


def _get_result(task: asyncio.Task[Draft], *, return_exceptions: bool) -> Any:
    """Return the draft of a finished task; its exception is returned or raised."""
    if task.cancelled():
        # Not by us, or nobody would be waiting for it.
        error: BaseException | None = _build_cancellation()
    else:
        error = task.exception()
    if error is None:
        return task.result()
    if return_exceptions and isinstance(error, Exception):
        return error
    raise error


def _build_cancellation() -> DraftFailed:
    return DraftFailed("cancelled", attempts=0, latency_ms=0)


async def _cancel_and_wait(tasks: Collection[asyncio.Task[Draft]]) -> None:
    """Cancel what still runs, and wait until it has let go of its connection and its slot."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
