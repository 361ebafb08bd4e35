"""An event loop in a thread of its own: how synchronous callers use what is asynchronous."""

import asyncio
import concurrent.futures
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import aclosing
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for other threads. Starts at once; `close()` cancels what still runs and ends the thread.

    `cancelled` makes the error that a caller gets whose coroutine is cancelled under it.
    """

    def __init__(self, name: str, *, cancelled: Callable[[], Exception] = concurrent.futures.CancelledError) -> None:
        self._cancelled = cancelled
        self.loop = asyncio.new_event_loop()
        # A script that forgets to close must still be able to end.
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        return self.loop.is_closed()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result. Should the caller be interrupted (Ctrl-C), the coroutine is cancelled."""
        if self.closed:
            coroutine.close()
            raise RuntimeError("this drafter is closed")
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("a synchronous call from within the drafter's own event loop would wait for itself")
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError as error:
            raise self._cancelled() from error
        finally:
            future.cancel()

    def iterate(self, items: AsyncGenerator[T, None]) -> Iterator[T]:
        """The generator's items. When the iterator is left early, the generator is closed and waited for."""
        handed: SimpleQueue[T | asyncio.Task[None]] = SimpleQueue()
        task = self.run(_start_handing(items, handed))
        try:
            while not isinstance(item := handed.get(), asyncio.Task):
                yield item
            if task.cancelled():
                raise self._cancelled()
            task.result()
        finally:
            if not task.done():
                self.loop.call_soon_threadsafe(task.cancel)
                while handed.get() is not task:
                    pass

    def cancel_all(self) -> None:
        """Cancel what runs, and wait until it has ended."""
        self.run(_cancel_others())

    def close(self) -> None:
        """End the thread; what still runs is cancelled first."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(_cancel_others())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
        finally:
            self.loop.close()


async def _start_handing(
    items: AsyncGenerator[T, None], handed: "SimpleQueue[T | asyncio.Task[None]]"
) -> asyncio.Task[None]:
    async def hand() -> None:
        async with aclosing(items):
            async for item in items:
                handed.put(item)

    task = asyncio.create_task(hand())
    # Last, and also should it be cancelled before it began: whoever waits is always told.
    task.add_done_callback(handed.put)
    return task


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
