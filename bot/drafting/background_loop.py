"""An event loop in a thread of its own, by which synchronous callers use what is asynchronous."""

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

    `make_cancel_error` makes the error that a caller gets whose coroutine is cancelled under it.
    """

    def __init__(
        self, name: str, *, make_cancel_error: Callable[[], Exception] = concurrent.futures.CancelledError
    ) -> None:
        self._make_cancel_error = make_cancel_error
        self.loop = asyncio.new_event_loop()
        # A script that forgets to close must still be able to end.
        self._thread = threading.Thread(target=self._run_loop, name=name, daemon=True)
        self._thread.start()

    @property
    def is_closed(self) -> bool:
        return self.loop.is_closed()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and return its result; it is cancelled if the caller is interrupted (Ctrl-C)."""
        if self.is_closed:
            coroutine.close()
            raise RuntimeError("this drafter is closed")
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("a synchronous call from within the drafter's own event loop would wait for itself")
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError as error:
            raise self._make_cancel_error() from error
        finally:
            future.cancel()

    def iterate(self, items: AsyncGenerator[T, None]) -> Iterator[T]:
        """Yield the generator's items; when left early, close the generator and wait for it."""
        queue: SimpleQueue[T | asyncio.Task[None]] = SimpleQueue()
        task = self.run(_start_feeding(items, queue))
        try:
            while not isinstance(item := queue.get(), asyncio.Task):
                yield item
            if task.cancelled():
                raise self._make_cancel_error()
            task.result()
        finally:
            if not task.done():
                self.loop.call_soon_threadsafe(task.cancel)
                while queue.get() is not task:
                    pass

    def cancel_all(self) -> None:
        """Cancel what runs, and wait until it has ended."""
        self.run(_cancel_others())

    def close(self) -> None:
        """End the thread; what still runs is cancelled first."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(_cancel_others())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
        finally:
            self.loop.close()


async def _start_feeding(
    items: AsyncGenerator[T, None], queue: "SimpleQueue[T | asyncio.Task[None]]"
) -> asyncio.Task[None]:
    async def feed() -> None:
        async with aclosing(items):
            async for item in items:
                queue.put(item)

    task = asyncio.create_task(feed())
    # Last, and also should it be cancelled before it began: whoever waits is always told.
    task.add_done_callback(queue.put)
    return task


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
