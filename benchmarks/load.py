"""Suggestions at a given rate, each then clicked; and what each of them met.

The load is open: the next suggestion is sent when its time has come, however slow the earlier ones are.
"""

import asyncio
import json
import math
import random
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from benchmarks.slack_server import Received, SlackServer, buttons
from benchmarks.systems import Replica, Usage
from playground.model_server import Call, build_default_text

MESSAGE = "My parcel #{number:08d} arrived broken and I need it by Friday"
SETTLING_S = 0.3
NUMBER = re.compile(r"#(\d{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Suggestions a second for a time; `think_s` passes between answer and click; `patience_s`, until one is lost."""

    rate: float
    duration_s: float
    candidates: int
    think_s: float = 0.3
    patience_s: float = 30.0
    seed: int = 1

    @property
    def suggestions(self) -> int:
        return round(self.rate * self.duration_s)


@dataclass(slots=True, kw_only=True, eq=False)
class Trace:
    """The course of one suggestion. Times are seconds of `time.monotonic`, None for what did not happen."""

    number: int
    sent_at: float
    acked_at: float | None = None
    shown_at: float | None = None
    candidates_shown: int = 0
    slowest_model_s: float = 0.0
    model_calls: int = 0
    clicked_at: float | None = None
    click_acked_at: float | None = None
    posted_at: float | None = None
    posts: int = 0
    confirmed_at: float | None = None
    bad_statuses: list[int] = field(default_factory=list)
    shown: asyncio.Event = field(default_factory=asyncio.Event)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    offered: Sequence[tuple[str, dict[str, object]]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRun:
    """One load on one set of replicas: the traces, and what the replicas had used before and after."""

    plan: Plan
    traces: Sequence[Trace]
    received: Sequence[Received]
    before: Sequence[Usage]
    after: Sequence[Usage]
    seconds: float
    generator_cpu_s: float
    reference_ms: float


class Recorder:
    """Knows which suggestion a model call or a payload belongs to, and writes it into the trace."""

    def __init__(self) -> None:
        self.traces: dict[int, Trace] = {}
        self.received: list[Received] = []

    def open(self, number: int) -> Trace:
        self.traces[number] = trace = Trace(number=number, sent_at=time.monotonic())
        return trace

    def record_model_call(self, call: Call) -> str:
        """The model double's script."""
        match = NUMBER.search(call.prompt)
        trace = self.traces.get(int(match[1])) if match else None
        if trace is not None:
            trace.model_calls += 1
            trace.slowest_model_s = max(trace.slowest_model_s, call.latency_s)
        return build_default_text(call.texts)

    def record_payload(self, received: Received) -> None:
        self.received.append(received)
        trace = self.traces.get(received.number) if received.number is not None else None
        if trace is None:
            return
        if received.method == "chat.postMessage":
            trace.posts += 1
            trace.posted_at = trace.posted_at or received.at
        elif received.origin == "click":
            trace.confirmed_at = trace.confirmed_at or received.at
        elif offered := buttons(received.payload, "use_candidate"):
            trace.shown_at = trace.shown_at or received.at
            trace.offered = [*trace.offered, *offered]
            trace.candidates_shown = len(trace.offered)
            trace.shown.set()
        if trace.posts and trace.confirmed_at is not None:
            trace.finished.set()


class Generator:
    """Sends suggestions to the replicas in turn; numbers go on from spell to spell."""

    def __init__(self, side: SlackServer, recorder: Recorder, replicas: Sequence[Replica]) -> None:
        self._side = side
        self._recorder = recorder
        self._replicas = replicas
        self._next = 1

    async def run(self, plan: Plan) -> LoadRun:
        rng = random.Random(plan.seed)
        numbers = range(self._next, self._next + plan.suggestions)
        self._next += plan.suggestions
        reference = [reference_work_ms()]
        before, cpu, started = self._usage(), time.process_time(), time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for place, number in enumerate(numbers):
                await asyncio.sleep(started + place / plan.rate - time.monotonic())
                tasks.create_task(self._suggestion(plan, number, rng.random()))
        await asyncio.sleep(SETTLING_S)  # so that late writes are counted, and late second posts seen
        seconds, after, generator_cpu_s = time.monotonic() - started, self._usage(), time.process_time() - cpu
        reference.append(reference_work_ms())
        return LoadRun(
            plan=plan,
            traces=[self._recorder.traces.pop(number) for number in numbers],
            received=self._take_payloads(),
            before=before,
            after=after,
            seconds=seconds,
            generator_cpu_s=generator_cpu_s,
            reference_ms=sum(reference) / 2,
        )

    async def _suggestion(self, plan: Plan, number: int, lot: float) -> None:
        trace = self._recorder.open(number)
        url = self._replicas[number % len(self._replicas)].url
        try:
            async with asyncio.timeout(plan.patience_s):
                trace.bad_statuses += _list_bad_status(
                    await self._side.deliver_command(url, number, MESSAGE.format(number=number))
                )
                trace.acked_at = time.monotonic()
                await trace.shown.wait()
                await asyncio.sleep(plan.think_s)
                block_id, button = trace.offered[int(lot * len(trace.offered))]
                trace.clicked_at = time.monotonic()
                trace.bad_statuses += _list_bad_status(await self._side.deliver_click(url, number, block_id, button))
                trace.click_acked_at = time.monotonic()
                await trace.finished.wait()
        except (TimeoutError, OSError):
            return  # what did not happen stays None, and is counted as lost

    def _usage(self) -> list[Usage]:
        return [replica.usage() for replica in self._replicas]

    def _take_payloads(self) -> list[Received]:
        received, self._recorder.received[:] = list(self._recorder.received), []
        return received


def _list_bad_status(status: int) -> list[int]:
    return [] if status == 200 else [status]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The figures of a spell. Times in milliseconds; None where nothing was measured."""

    suggestions: int
    cpu_ms: float
    ack_p50_ms: float | None
    ack_p99_ms: float | None
    shown_over_model_p50_ms: float | None
    shown_over_model_p99_ms: float | None
    click_ack_p50_ms: float | None
    click_ack_p99_ms: float | None
    post_p50_ms: float | None
    post_p99_ms: float | None
    lost: int
    doubled: int
    candidates_missing: int
    model_calls_extra: int
    bad_statuses: int
    refused_payloads: int
    rss_mb: float
    threads: int
    files: int
    cores_used: float
    generator_cores: float
    reference_ms: float

    @classmethod
    def from_run(cls, load_run: LoadRun, refused_payloads: int) -> Self:
        traces, count = load_run.traces, len(load_run.traces)
        cpu_s = sum(usage.cpu_s for usage in load_run.after) - sum(usage.cpu_s for usage in load_run.before)
        ack = _measure_spans((trace.sent_at, trace.acked_at) for trace in traces)
        over = [
            (trace.shown_at - trace.sent_at - trace.slowest_model_s) * 1000
            for trace in traces
            if trace.shown_at is not None
        ]
        click = _measure_spans((trace.clicked_at, trace.click_acked_at) for trace in traces)
        post = _measure_spans((trace.clicked_at, trace.posted_at) for trace in traces)
        return cls(
            suggestions=count,
            cpu_ms=cpu_s * 1000 / count,
            ack_p50_ms=quantile(ack, 0.5),
            ack_p99_ms=quantile(ack, 0.99),
            shown_over_model_p50_ms=quantile(over, 0.5),
            shown_over_model_p99_ms=quantile(over, 0.99),
            click_ack_p50_ms=quantile(click, 0.5),
            click_ack_p99_ms=quantile(click, 0.99),
            post_p50_ms=quantile(post, 0.5),
            post_p99_ms=quantile(post, 0.99),
            lost=sum(not trace.finished.is_set() for trace in traces),
            doubled=sum(trace.posts > 1 for trace in traces),
            candidates_missing=sum(load_run.plan.candidates - trace.candidates_shown for trace in traces),
            model_calls_extra=sum(trace.model_calls - load_run.plan.candidates for trace in traces),
            bad_statuses=sum(len(trace.bad_statuses) for trace in traces),
            refused_payloads=refused_payloads,
            rss_mb=sum(usage.rss_mb for usage in load_run.after),
            threads=sum(usage.threads for usage in load_run.after),
            files=sum(usage.files for usage in load_run.after),
            cores_used=cpu_s / load_run.seconds,
            generator_cores=load_run.generator_cpu_s / load_run.seconds,
            reference_ms=load_run.reference_ms,
        )


def reference_work_ms() -> float:
    """CPU of a fixed piece of work. Machines, virtual ones above all, are not always equally fast: this tells."""
    started = time.process_time()
    for number in range(2_000):
        json.loads(json.dumps({"blocks": [{"text": f"{number} {place}"} for place in range(20)]}))
    return (time.process_time() - started) * 1000


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _measure_spans(pairs: Iterable[tuple[float | None, float | None]]) -> list[float]:
    return [(end - start) * 1000 for start, end in pairs if start is not None and end is not None]
