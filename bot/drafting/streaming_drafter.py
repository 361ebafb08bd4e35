"""A batch of drafts that can be watched as it is written."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Protocol

from bot.drafting.draft import Brief, Draft
from bot.drafting.drafter import Drafter


class Watcher(Protocol):
    """A display of drafts inside a `with`: told how they begin, each piece of text, and how each ends."""

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def begin(self, briefs: Sequence[Brief]) -> None: ...

    def append(self, index: int, piece: str) -> None: ...

    def finish(self, index: int, draft: Draft | BaseException) -> None: ...


class StreamingDrafter:
    """A `Drafter` that streams each batch to a watcher, all drafts at once.

    The drafter's deadline, retries and limits hold; a batch that is cancelled leaves nothing running.
    """

    def __init__(self, drafter: Drafter, watcher: Watcher) -> None:
        self._drafter = drafter
        self._watcher = watcher

    async def abatch(self, inputs: list[Brief], config: Any = None, *, return_exceptions: bool = False) -> list[Draft]:
        """Draft as `Drafter.abatch` does."""
        with self._watcher:
            self._watcher.begin(inputs)
            tasks = [asyncio.create_task(self._stream(index, brief, config)) for index, brief in enumerate(inputs)]
            try:
                drafts: list[Any] = await asyncio.gather(*tasks, return_exceptions=return_exceptions)
                return drafts
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def abatch_as_completed(
        self, inputs: Sequence[Brief], config: Any = None, *, return_exceptions: bool = False
    ) -> AsyncGenerator[tuple[int, Any], None]:
        """Yield all drafts when the last is done: the watcher has seen each as it was written."""
        for finish in enumerate(await self.abatch(list(inputs), config, return_exceptions=return_exceptions)):
            yield finish

    async def _stream(self, index: int, brief: Brief, config: Any) -> Draft:
        try:
            draft = await self._read(index, brief, config)
        except Exception as error:
            self._watcher.finish(index, error)
            raise
        self._watcher.finish(index, draft)
        return draft

    async def _read(self, index: int, brief: Brief, config: Any) -> Draft:
        async with aclosing(self._drafter.astream(brief, config)) as chunks:
            async for chunk in chunks:
                if chunk.draft is not None:
                    return chunk.draft
                self._watcher.append(index, chunk.text)
        raise AssertionError("the last chunk holds the draft")
