"""Metrics for Prometheus: what was asked, drafted and chosen, and how long it took. Never a text, an id or a token."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from storage.engine.transaction import WriteTimes
from storage.records import Choice, LogEntry, Request

_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 25, 60)
_DECISION_SECONDS: Final = (1, 2, 5, 10, 30, 60, 300, 1800, 86400)
_REFIT_SECONDS: Final = (1, 2, 5, 10, 30, 60, 300, 1800)

_WRITE_SECONDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 2, 3)

_MOST_SLACK_ERRORS: Final = 200
"""Most pairs of method and code; further ones are counted as `other`."""


class Metrics:
    """The counters, histograms and gauges of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._slack_errors_seen: set[tuple[str, str]] = set()
        self._requests = self._add_counter("suggest_requests", "Suggestion requests drafted", "surface", "outcome")
        self._candidates = self._add_counter("suggest_candidates", "Drafts by style and outcome", "style", "outcome")
        self._retries = self._add_counter("suggest_model_retries", "Model calls beyond a draft's first")
        self._refused = self._add_counter("suggest_refused", "Asks not taken, by limit", "surface", "outcome")
        self._choices = self._add_counter("suggest_choices", "Choices by kind", "kind")
        self._undone = self._add_counter("suggest_undone", "Choices taken back")
        self._deliveries = self._add_counter("suggest_deliveries", "Chosen replies by what became of them", "outcome")
        self._taken_over = self._add_counter("suggest_taken_over", "Work of a replica that is gone", "work")
        self._slack_errors = self._add_counter(
            "suggest_slack_errors", "Calls that Slack did not take", "method", "code"
        )
        self._model = self._add_histogram("suggest_model_seconds", "From a draft's start to its text")
        self._shown = self._add_histogram("suggest_shown_seconds", "From the command to the candidates visible")
        self._choice = self._add_histogram("suggest_choice_seconds", "From the click to the reply posted")
        self._decision = self._add_histogram("suggest_decision_seconds", "From visible to chosen", _DECISION_SECONDS)
        self._orders = self._add_counter("suggest_orders", "Orders drawn, by policy", "policy")
        self._fell_back = self._add_counter("suggest_ranker_fallbacks", "Uniform where a ranker should order", "reason")
        self._refits = self._add_counter("suggest_ranker_refits", "Refits by what became of them", "outcome")
        self._refit = self._add_histogram(
            "suggest_ranker_refit_seconds", "From a refit's start to its end", _REFIT_SECONDS
        )
        self._gate = self._add_gauge(
            "suggest_ranker_gain_lower", "Lower bound of the newest ranker's gain, nats a choice"
        )
        self._ranker = self._add_gauge("suggest_ranker_info", "The ranker in use; uniform without one", "version")
        self._in_flight = self._add_gauge("suggest_model_calls_in_flight", "Model calls in flight")
        self._waiting = self._add_gauge("suggest_model_calls_waiting", "Model calls waiting for a slot")
        self._model_usable = self._add_gauge("suggest_model_usable", "1 if the model's server can be used, else 0")
        self._tasks = self._add_gauge("suggest_tasks", "Tasks of the event loop")
        self._write_wait = self._add_histogram(
            "suggest_write_wait_seconds", "Waiting for the database's writer, a commit's oldest step", _WRITE_SECONDS
        )
        self._write_flush = self._add_histogram(
            "suggest_write_flush_seconds", "Flushing a commit to the disk", _WRITE_SECONDS
        )
        ProcessCollector(registry=self.registry)

    def count_drafts(self, entry: LogEntry) -> None:
        """Count a request that was drafted or failed, with its candidates, retries and model times."""
        outcome = "failed" if entry.request.status == "failed" else "drafted"
        self._requests.labels(surface=entry.request.surface, outcome=outcome).inc()
        for candidate in entry.candidates:
            ended = candidate.error or candidate.dropped_reason or "placed"
            self._candidates.labels(style=candidate.style, outcome=ended).inc()
            self._retries.inc(max(0, candidate.attempts - 1))
            if candidate.error is None and candidate.latency_ms is not None:
                self._model.observe(candidate.latency_ms / 1000)

    def count_refusal(self, surface: str, outcome: str) -> None:
        """Count an ask that was refused: `outcome` is the limit, or `paused`."""
        self._refused.labels(surface=surface, outcome=outcome).inc()

    def observe_shown(self, request: Request, *, at: datetime) -> None:
        """Record the seconds from the ask to the first visible candidate."""
        self._shown.observe((at - request.created_at) / timedelta(seconds=1))

    def count_choice(self, choice: Choice) -> None:
        """Count a choice by its kind, and record how long the agent took."""
        self._choices.labels(kind=choice.kind).inc()
        if choice.decision_ms is not None:
            self._decision.observe(choice.decision_ms / 1000)

    def count_undo(self) -> None:
        """Count a choice taken back."""
        self._undone.inc()

    def count_delivery(self, choice: Choice, outcome: str, *, at: datetime) -> None:
        """Count the end of a delivery; if it was `posted`, record the seconds since the click."""
        self._deliveries.labels(outcome=outcome).inc()
        if outcome == "posted":
            self._choice.observe((at - choice.chosen_at) / timedelta(seconds=1))

    def count_takeovers(self, counts: Mapping[str, int]) -> None:
        """Count pieces of work taken over from dead replicas, by what was left to do."""
        for work, count in counts.items():
            self._taken_over.labels(work=work).inc(count)

    def count_slack_error(self, method: str, code: str) -> None:
        """Count a failed call of a Slack method. `code` is Slack's error, or the kind of failure."""
        pair = (method, code)
        if pair not in self._slack_errors_seen and len(self._slack_errors_seen) >= _MOST_SLACK_ERRORS:
            pair = ("other", "other")
        self._slack_errors_seen.add(pair)
        self._slack_errors.labels(method=pair[0], code=pair[1]).inc()

    def count_order(self, policy: str) -> None:
        """Count an order drawn by this policy."""
        self._orders.labels(policy=policy).inc()

    def observe_write(self, times: WriteTimes) -> None:
        """Record what a commit waited for."""
        self._write_wait.observe(times.waited_s)
        self._write_flush.observe(times.flushed_s)

    def set_ranker(self, version: str | None) -> None:
        """Set the ranker in use; None is uniform order."""
        self._ranker.clear()
        self._ranker.labels(version=version or "uniform").set(1)

    def count_ranker_fallback(self, reason: str) -> None:
        """Count a uniform order where a ranker should have ordered."""
        self._fell_back.labels(reason=reason).inc()

    def record_refit(self, outcome: str, *, seconds: float, lower: float | None = None) -> None:
        """Record the end of a refit, and the lower bound of its log-likelihood gain, if it has one."""
        self._refits.labels(outcome=outcome).inc()
        self._refit.observe(seconds)
        if lower is not None:
            self._gate.set(lower)

    def set_model_usable(self, usable: bool) -> None:  # noqa: FBT001 - the gauge's value
        """Set if the model's server answered and took the key, when it was last asked."""
        self._model_usable.set(usable)

    def render_exposition(self, *, in_flight: int, waiting: int, tasks: int) -> tuple[bytes, str]:
        """Return the text of /metrics, and its content type."""
        self._tasks.set(tasks)
        self._in_flight.set(in_flight)
        self._waiting.set(waiting)
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _add_counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, registry=self.registry)

    def _add_gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(name, help_text, labels, registry=self.registry)

    def _add_histogram(self, name: str, help_text: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
        return Histogram(name, help_text, buckets=buckets, registry=self.registry)
