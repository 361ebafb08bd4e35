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
from contextlib import aclosing
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManager
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import (
    ensure_config,
    get_async_callback_manager_for_config,
    get_config_list,
    patch_config,
    var_child_runnable_config,
)

from bot.drafting.background_loop import BackgroundLoop
from bot.drafting.draft import Brief, Draft, DraftChunk
from bot.drafting.draft_run import DraftingMeans, DraftRun
from bot.drafting.errors import DraftFailed, WrongLoopError
from bot.drafting.limiter import FairLimiter
from bot.drafting.model_source import ModelSource

MAX_IN_FLIGHT = 32


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
        self._means = DraftingMeans(
            models=models,
            limiter=self.limiter,
            monotonic=monotonic,
            wall_clock=wall_clock,
            sleep=sleep,
            rng=rng or random.Random(),  # noqa: S311 - jitter, no secret
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._background: BackgroundLoop | None = None
        self._starting = threading.Lock()

    # --- asynchronous ---------------------------------------------------------------------------------

    async def ainvoke(self, input: Brief, config: RunnableConfig | None = None, **_: Any) -> Draft:  # noqa: A002 - LangChain's name
        """Draft one reply. Raises DraftFailed."""
        return await self._draft_traced(input, config)

    async def abatch(
        self,
        inputs: list[Brief],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        on_end: Callable[[int, Any], Awaitable[None]] | None = None,
        **_: Any,
    ) -> list[Draft]:
        """Draft one reply for each input, in their order; with `return_exceptions`, the exception where one failed.

        Without, the first failure is raised, and the other drafts are cancelled. `on_end` is called with (index,
        result) as each ends, for who must not lose a finished draft to a crash before the last one.
        """
        drafts: dict[int, Draft] = {}
        async with aclosing(self.abatch_as_completed(inputs, config, return_exceptions=return_exceptions)) as ended:
            async for index, draft in ended:
                drafts[index] = draft
                if on_end is not None:
                    await on_end(index, draft)
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
        task = asyncio.create_task(self._draft_traced(input, config, pieces.put_nowait))
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

    async def _draft_traced(
        self, brief: Brief, config: RunnableConfig | None, emit: Callable[[str], None] | None = None
    ) -> Draft:
        """Draft as a run of its own for tracers, with the model's runs as its children.

        As the base class's `_acall_with_config`, without its extra task and its look at signatures: half of the CPU.
        Where neither the config nor LangChain's settings name a tracer, there is no run: a tenth of a suggestion's CPU.
        """
        self._claim_loop()
        if hasattr(self._models.get(brief.model), "answer_untraced") and not _is_traced(config):
            return await DraftRun(brief, self._means, emit).draft(None)
        labelled = _label_config(config, brief)
        manager = get_async_callback_manager_for_config(labelled)
        run_id = labelled.pop("run_id", None)
        run = await manager.on_chain_start(None, brief, name=labelled.get("run_name") or self.get_name(), run_id=run_id)
        inner_config = patch_config(labelled, callbacks=run.get_child())
        token = var_child_runnable_config.set(inner_config)
        try:
            draft = await DraftRun(brief, self._means, emit).draft(inner_config)
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


def _find_remainder(text: str, emitted: str) -> str:
    """Return the part of a text that is still to be emitted; "" if what was emitted is no beginning of it."""
    return text[len(emitted) :] if text.startswith(emitted) else ""


def _is_traced(config: RunnableConfig | None) -> bool:
    """Tell if a tracer listens, by this config or the one that it is called under, or by LangChain's settings."""
    callbacks = (config or {}).get("callbacks") or (var_child_runnable_config.get() or {}).get("callbacks")
    return bool(AsyncCallbackManager.configure(callbacks).handlers)


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
