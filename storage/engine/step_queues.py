"""Steps that wait for a connection of SQLite's. What waits at the same time is done in one change of threads.

Writes that wait are committed together, with one flush. Each step has a savepoint: what one refuses touches no other.
Where the disk fails a group, all of it is rolled back, and its steps run again one by one. A step that cannot be
committed in time is refused, and its caller told that nothing was recorded: so it is not committed later. Once its
commit has begun, it is waited for. Reads wait only while all readers are busy.
"""

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from storage.engine.transaction import Step, WriteObserver, WriteTimes
from storage.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from storage.engine.sqlite import Lane

MOST_AT_ONCE: Final = 64

RIDE_S: Final = 0.05
"""The longest that a step that is not in a hurry waits for company."""

_LATE: Final = "other writes did not finish in time"

_BROKEN: Final = (DBAPIError, OSError, sqlite3.Error)

T = TypeVar("T")


class _Entry:
    """A step that waits, and what becomes of it."""

    __slots__ = ("deadline", "future", "outcome", "queued_at", "state", "step")

    def __init__(self, step: Step[Any], *, limit_s: float) -> None:
        self.step = step
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.queued_at = time.monotonic()
        self.deadline = self.queued_at + limit_s
        self.state: Literal["open", "committing", "committed"] = "open"
        self.outcome: Any = None

    async def wait(self, refuse: Callable[["_Entry"], None]) -> Any:
        """Wait for the outcome; at the deadline, `refuse` is called."""
        delay_s = self.deadline - self.queued_at
        refusal = asyncio.get_running_loop().call_later(delay_s, refuse, self)
        try:
            return await self.future
        finally:
            refusal.cancel()

    @property
    def is_given_up(self) -> bool:
        """True once nobody waits for it: its caller was cancelled, or told that nothing was recorded."""
        return self.future.done()

    def settle(self) -> None:
        """Tell the outcome to who waits for it."""
        if self.is_given_up:
            return
        if isinstance(self.outcome, Exception):
            self.future.set_exception(self.outcome)
        elif self.state == "committed":
            self.future.set_result(self.outcome)
        else:
            self.future.set_exception(DatabaseUnavailable("it was not committed"))


class _GivenUp(Exception):  # noqa: N818 - not an error: the rest of the group is run again
    """Somebody who waited for a step of the group was told that nothing is recorded."""


class _DiskFailed(Exception):  # noqa: N818 - not an error yet: each step is run again by itself
    """The group's transaction cannot be committed as a whole."""


class WriteQueue:
    """The steps that wait for one connection, in order."""

    def __init__(
        self,
        open_lane: Callable[[], "Awaitable[Lane]"],
        *,
        turn: asyncio.Semaphore,
        limit_s: float,
        observe: WriteObserver,
    ) -> None:
        self._open_lane = open_lane
        self._turn = turn
        self._limit_s = limit_s
        self._observe = observe
        self._waiting: deque[_Entry] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._deciding = threading.Lock()

    async def run(self, step: Step[T]) -> T:
        """Commit a step. Raises what the step raises, or DatabaseUnavailable."""
        entry = self._enqueue(step)
        self._start()
        result: T = await entry.wait(self._refuse)
        return result

    async def ride(self, step: Step[T]) -> T:
        """Commit a step with the next one that is in a hurry, or RIDE_S later. Raises as `run` does."""
        entry = self._enqueue(step)
        asyncio.get_running_loop().call_later(RIDE_S, self._start)
        result: T = await entry.wait(self._refuse)
        return result

    def _enqueue(self, step: Step[Any]) -> _Entry:
        entry = _Entry(step, limit_s=self._limit_s)
        self._waiting.append(entry)
        return entry

    def _start(self) -> None:
        """Have what waits committed, unless that is going on."""
        if self._waiting and (self._worker is None or self._worker.done()):
            self._worker = asyncio.create_task(self._work())

    async def finish(self) -> None:
        """Commit all that waits."""
        self._start()
        while self._worker is not None and not self._worker.done():
            await asyncio.wait([self._worker])

    def _refuse(self, entry: _Entry) -> None:
        """Refuse a step whose time is up, unless it is being committed at this moment."""
        with self._deciding:
            if not entry.is_given_up and entry.state == "open":
                entry.future.set_exception(DatabaseUnavailable(_LATE))

    async def _work(self) -> None:
        """Commit what waits, group by group."""
        while self._waiting:
            async with self._turn:
                group = _take_group(self._waiting)
                try:
                    if group:
                        self._observe(await self._commit(group))
                except _BROKEN as error:  # not opened, or not begun
                    _fail(group, error)
                finally:
                    for entry in group:
                        entry.settle()

    async def _commit(self, group: Sequence[_Entry]) -> WriteTimes:
        lane = await self._open_lane()
        waited_s = time.monotonic() - group[0].queued_at
        commit = self._commit_alone if len(group) == 1 else self._commit_group
        return WriteTimes(waited_s=waited_s, flushed_s=await lane.call(commit, lane, *group))

    # --- in the lane's thread; each returns the seconds of its flush --------------------------------------

    def _commit_group(self, lane: "Lane", *group: _Entry) -> float:
        """Run steps in one transaction; one by one where the disk fails it. Raises sqlite3.Error if none begins."""
        waited_for = [entry for entry in group if not entry.is_given_up]
        lane.begin()
        try:
            for entry in waited_for:
                entry.outcome = _run_in_savepoint(lane, entry.step)
            return self._flush(lane, waited_for)
        except _GivenUp:
            lane.roll_back()
            return self._commit_group(lane, *waited_for)
        except (_DiskFailed, sqlite3.Error):
            lane.roll_back()
            return sum(self._commit_alone(lane, entry) for entry in waited_for)

    def _commit_alone(self, lane: "Lane", entry: _Entry) -> float:
        """Run a step in a transaction of its own, if there is time for it. Returns the seconds of the flush."""
        entry.state = "open"
        if entry.is_given_up:
            return 0.0
        if time.monotonic() >= entry.deadline:
            entry.outcome = DatabaseUnavailable(_LATE)
            return 0.0
        try:
            lane.begin()
            entry.outcome = lane.drive(entry.step)
            return self._flush(lane, [entry])
        except _GivenUp:
            lane.roll_back()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the step is waited for
            entry.outcome = error
            lane.roll_back()
        return 0.0

    def _flush(self, lane: "Lane", group: Sequence[_Entry]) -> float:
        """Commit, unless somebody was told meanwhile that nothing is recorded."""
        with self._deciding:
            if any(entry.is_given_up for entry in group):
                raise _GivenUp
            for entry in group:
                entry.state = "committing"
        begun = time.monotonic()
        lane.execute_directly("COMMIT")
        for entry in group:
            entry.state = "committed"
        return time.monotonic() - begun


class ReadQueue:
    """The steps that found all readers busy: the next reader that is free takes all of them."""

    def __init__(self, borrow_lane: Callable[[], "AbstractAsyncContextManager[Lane]"], *, limit_s: float) -> None:
        self._borrow_lane = borrow_lane
        self._limit_s = limit_s
        self._waiting: deque[_Entry] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def run(self, step: Step[T]) -> T:
        """Run a step. Raises what the step raises, or DatabaseUnavailable."""
        entry = _Entry(step, limit_s=self._limit_s)
        self._waiting.append(entry)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        result: T = await entry.wait(_refuse_read)
        return result

    @property
    def is_empty(self) -> bool:
        """True if nothing waits."""
        return not self._waiting

    async def _work(self) -> None:
        while self._waiting:
            group: list[_Entry] = []
            try:
                async with self._borrow_lane() as lane:
                    group = _take_group(self._waiting)
                    await lane.call(_read_all, lane, group)
            except DatabaseUnavailable:  # no reader was free for long: those who waited have been told
                continue
            except _BROKEN as error:  # not opened
                group = group or _take_group(self._waiting)
                _fail(group, error)
            finally:
                for entry in group:
                    entry.settle()


def _read_all(lane: "Lane", group: Sequence[_Entry]) -> None:
    """Run each step in a read transaction of its own, in the lane's thread."""
    for entry in group:
        if not entry.is_given_up:
            try:
                entry.outcome = lane.run_alone(entry.step)
                entry.state = "committed"
            except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the step is waited for
                entry.outcome = error


def _refuse_read(entry: _Entry) -> None:
    if not entry.is_given_up:
        entry.future.set_exception(DatabaseUnavailable("all connections are busy"))


def _take_group(waiting: deque[_Entry]) -> list[_Entry]:
    """Take the first steps for which somebody still waits."""
    group: list[_Entry] = []
    while waiting and len(group) < MOST_AT_ONCE:
        entry = waiting.popleft()
        if not entry.is_given_up:
            group.append(entry)
    return group


def _fail(group: Sequence[_Entry], error: Exception) -> None:
    for entry in group:
        entry.outcome = DatabaseUnavailable(str(getattr(error, "orig", None) or error))


def _run_in_savepoint(lane: "Lane", step: Step[Any]) -> Any:
    """Run a step of a group, and return its result, or its exception, which undoes that step alone."""
    lane.execute_directly("SAVEPOINT step")
    try:
        outcome = lane.drive(step)
    except Exception as error:
        if _is_of_the_disk(error) or not lane.is_in_transaction:
            raise _DiskFailed from error
        lane.execute_directly("ROLLBACK TO step")
        outcome = error
    lane.execute_directly("RELEASE step")
    return outcome


def _is_of_the_disk(error: Exception) -> bool:
    """Tell errors of the disk and of the file from what was refused for what was asked."""
    return isinstance(error, DBAPIError) and not isinstance(error, IntegrityError | DataError | ProgrammingError)
