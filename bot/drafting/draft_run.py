"""One draft: its attempts within the deadline, the one layer of retry, and what they took."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import RunnableConfig

from bot.drafting.cleaning import StreamCleaner, clean_reply
from bot.drafting.draft import Brief, Draft
from bot.drafting.errors import (
    TOO_LONG,
    CallFailure,
    CompletionError,
    DraftFailed,
    MalformedCompletionError,
    classify_failure,
)
from bot.drafting.limiter import FairLimiter
from bot.drafting.metadata import CUT_OFF, read_count, read_finish_reason, read_label, read_mean_logprob, read_usage
from bot.drafting.model_source import ModelSource
from bot.drafting.prompts import build_prompt
from bot.drafting.retry import choose_pause
from storage.records import DraftError

_log = logging.getLogger(__name__)

_GROWTH: Final = 4
"""How many times the tokens a draft gets that was cut off before its first word; and how much fewer, where too many."""

_BYTES_A_TOKEN: Final = 3
_UNLIMITED_TOKENS: Final = 2000
"""What a text without a limit is thought to take."""

_FEWEST_TOKENS: Final = 32
"""No reply is worth asking for with less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftingMeans:
    """The means of all drafts of a drafter: `monotonic` in seconds, `wall_clock` in seconds since the epoch."""

    models: ModelSource
    limiter: FairLimiter
    monotonic: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rng: random.Random = field(default_factory=random.Random)


class DraftRun:
    """Drafts one brief, once. Pieces of the text go to `emit`, if there is one, as soon as they are safe to show."""

    def __init__(self, brief: Brief, means: DraftingMeans, emit: Callable[[str], None] | None = None) -> None:
        self._brief = brief
        self._means = means
        self._emit = emit
        self._started = means.monotonic()
        self._model = means.models.get(brief.model)
        self._messages = build_prompt(brief)
        self._parameters = _choose_parameters(brief)
        self._is_budget_final = False
        self._attempts = 0
        self._queue_s = 0.0
        self._has_emitted = False
        self._prompt_tokens: int | None = None
        self._completion_tokens: int | None = None
        self._last_failure: tuple[DraftError, str | None] = ("rate_limited", None)

    async def draft(self, config: RunnableConfig | None) -> Draft:
        """Draft within the deadline; without a config where nobody traces it. Raises DraftFailed."""
        left = self._compute_time_left()
        if left is not None and left <= 0:
            raise self._build_failure("timed_out")
        try:
            async with asyncio.timeout(left):
                while not isinstance(ended := await self._attempt_reserved(config), Draft):
                    if ended:
                        await self._means.sleep(ended)
                return ended
        except TimeoutError as error:
            raise self._build_failure("timed_out") from error

    async def _attempt_reserved(self, config: RunnableConfig | None) -> Draft | float:
        """Call the model once, within the budget of the request. Returns and raises as `_attempt`."""
        if (budget := self._brief.budget) is None:
            return await self._attempt(config)
        queued_at, before = self._means.monotonic(), self._used_tokens
        reserved = await budget.reserve(self._estimate_tokens())
        self._queue_s += self._means.monotonic() - queued_at
        if reserved is None:
            raise self._build_failure(*self._last_failure)
        try:
            return await self._attempt(config)
        finally:
            budget.settle(reserved, self._used_tokens - before)

    async def _attempt(self, config: RunnableConfig | None) -> Draft | float:
        """Call the model once; if it is to be called again, return after how many seconds. Raises DraftFailed."""
        queued_at = self._means.monotonic()
        try:
            await self._means.limiter.acquire(self._brief.agent_id)
            try:
                self._queue_s += self._means.monotonic() - queued_at
                self._attempts += 1
                message = await self._call_model(config)
            finally:
                self._means.limiter.release()
        except Exception as error:
            # Classified here, since every provider has errors of its own; an unknown one is raised as it is.
            failure = classify_failure(error, now=self._means.wall_clock())
            if failure is None:
                raise
            if isinstance(error, CompletionError):
                self._count(*read_usage(error.usage))
            self._last_failure = (failure.error, failure.finish_reason)
            if failure.finish_reason == TOO_LONG and self._shrink_budget(failure.room):
                return 0.0
            pause_s = self._choose_pause(failure)
            if pause_s is None:
                raise self._build_failure(*self._last_failure) from error
            return pause_s
        return self._read_draft(message)

    async def _call_model(self, config: RunnableConfig | None) -> AIMessage:
        if config is None and self._emit is None and (answer := getattr(self._model, "answer_untraced", None)):
            untraced: AIMessage = await answer(self._messages, **self._parameters)
            return untraced
        if self._emit is None:
            return await self._model.ainvoke(self._messages, config, **self._parameters)
        return await self._stream_from_model(self._emit, config)

    async def _stream_from_model(self, emit: Callable[[str], None], config: RunnableConfig | None) -> AIMessage:
        chunks: list[AIMessageChunk] = []
        written: list[str] = []
        cleaner = StreamCleaner() if getattr(self._model, "has_separate_thoughts", False) else None
        async for chunk in self._model.astream(self._messages, config, **self._parameters):
            chunks.append(chunk)
            written.append(str(chunk.text))
            if cleaner and (piece := cleaner.feed(written[-1])):
                self._has_emitted = True
                emit(piece)
        if not chunks:
            raise MalformedCompletionError("the stream ended before it began")
        return _join_chunks("".join(written), chunks)

    def _read_draft(self, message: AIMessage) -> Draft | float:
        """Read the draft in the model's message; 0 if the model is to be asked for more at once. Raises DraftFailed."""
        metadata = message.response_metadata
        finish_reason = read_finish_reason(metadata.get("finish_reason"))
        used = _count_tokens(message)
        self._count(*used)
        if finish_reason == "content_filter" or message.additional_kwargs.get("refusal"):
            raise self._build_failure("refused", finish_reason)
        text = clean_reply(str(message.text))
        if not text:
            self._last_failure = ("empty", finish_reason)
            if finish_reason == CUT_OFF and self._grow_budget(used[1]):
                return 0.0
            raise self._build_failure(*self._last_failure)
        logprob = (
            metadata["mean_logprob"] if "mean_logprob" in metadata else read_mean_logprob(metadata.get("logprobs"))
        )
        return Draft(
            text=text,
            model_returned=read_label(metadata.get("model_name")),
            latency_ms=self._measure_latency_ms(),
            # A model that fits itself to its server may have asked more than once.
            attempts=self._attempts + metadata.get("requests", 1) - 1,
            finish_reason=finish_reason,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            mean_logprob=logprob,
            temperature=metadata.get("temperature", self._brief.style.temperature),
            queue_ms=round(self._queue_s * 1000),
        )

    # --- the budget of tokens: it grows once, or shrinks once -----------------------------------------

    @property
    def _budget(self) -> int | None:
        budget = self._parameters.get("max_tokens", getattr(self._model, "max_tokens", None))
        return budget if isinstance(budget, int) else None

    def _grow_budget(self, completion_tokens: int | None) -> bool:
        """Ask for more, if the model spent all before its first word, and was not given more before."""
        budget = self._budget or completion_tokens
        return bool(budget) and self._set_budget((budget or 0) * _GROWTH, "cut off before its first word")

    def _shrink_budget(self, room: int | None) -> bool:
        """Ask for less, if the model's context does not hold what was asked for; `room` is what it holds."""
        budget = self._budget
        if budget is None:
            return False
        smaller = budget // _GROWTH if room is None else min(room, budget - 1)
        return smaller >= _FEWEST_TOKENS and self._set_budget(smaller, "too long for the model")

    def _set_budget(self, budget: int, reason: str) -> bool:
        if self._is_budget_final or self._has_emitted:
            return False
        self._is_budget_final = True
        self._parameters = {**self._parameters, "max_tokens": budget}
        _log.info("draft %s: asked again, for %d tokens", reason, budget, extra={"request_id": self._brief.request_id})
        return True

    # --- time, tokens and failures --------------------------------------------------------------------

    @property
    def _used_tokens(self) -> int:
        return (self._prompt_tokens or 0) + (self._completion_tokens or 0)

    def _estimate_tokens(self) -> int:
        """Estimate what a call may take: a token for three bytes is more than a prompt has in most languages."""
        prompt = sum(len(str(message.content).encode("utf-8", "replace")) for message in self._messages)
        return prompt // _BYTES_A_TOKEN + (self._budget or _UNLIMITED_TOKENS)

    def _choose_pause(self, failure: CallFailure) -> float | None:
        """Choose the seconds until the next attempt; None if there is to be none."""
        if not failure.retryable or self._has_emitted:
            return None
        return choose_pause(
            self._attempts,
            retry_after_s=failure.retry_after_s,
            time_left_s=self._compute_time_left(),
            rng=self._means.rng,
        )

    def _compute_time_left(self) -> float | None:
        return None if self._brief.deadline is None else self._brief.deadline - self._means.monotonic()

    def _measure_latency_ms(self) -> int:
        return round((self._means.monotonic() - self._started) * 1000)

    def _count(self, prompt_tokens: int | None, completion_tokens: int | None) -> None:
        """Add the tokens that an attempt took."""
        self._prompt_tokens = _add_counts(self._prompt_tokens, prompt_tokens)
        self._completion_tokens = _add_counts(self._completion_tokens, completion_tokens)

    def _build_failure(self, error: DraftError, finish_reason: str | None = None) -> DraftFailed:
        latency_ms = self._measure_latency_ms()
        return DraftFailed(
            error,
            attempts=self._attempts,
            latency_ms=latency_ms,
            queue_ms=round(self._queue_s * 1000) if self._attempts else latency_ms,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            finish_reason=finish_reason,
        )


def _choose_parameters(brief: Brief) -> dict[str, Any]:
    """Choose what is sent in place of the model's own parameters; None is sent to nobody."""
    style = brief.style
    parameters: dict[str, Any] = {"temperature": style.temperature}
    if style.max_tokens is not None:
        parameters["max_tokens"] = style.max_tokens or None
    if style.reasoning_effort is not None:
        parameters["reasoning_effort"] = style.reasoning_effort
    return parameters


def _join_chunks(text: str, chunks: Sequence[AIMessageChunk]) -> AIMessage:
    """Join the chunks of a stream to one message, with a text that was joined before: LangChain is slow at that."""
    with_metadata = [
        chunk for chunk in chunks if chunk.response_metadata or chunk.usage_metadata or chunk.additional_kwargs
    ]
    # A model that cannot stream gives one whole message instead.
    whole = add_ai_message_chunks(*with_metadata) if len(with_metadata) > 1 else (with_metadata or chunks)[0]
    return whole.model_copy(update={"content": text})


def _count_tokens(message: AIMessage) -> tuple[int | None, int | None]:
    """Count the tokens read and written, as the server says; None where it gave no count that makes sense."""
    if "token_usage" in message.response_metadata:  # as the server gave them: LangChain makes 0 of what is missing
        return read_usage(message.response_metadata["token_usage"])
    usage = message.usage_metadata
    return (read_count(usage["input_tokens"]), read_count(usage["output_tokens"])) if usage else (None, None)


def _add_counts(counted: int | None, more: int | None) -> int | None:
    return more if counted is None else read_count(counted + (more or 0))
