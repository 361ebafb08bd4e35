"""Numbers for Prometheus: what was asked, drafted and chosen, and how long it took. Never a text, an id or a token."""

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

from storage.records import Choice, LogEntry, Request

_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 25, 60)
_DECISION_SECONDS: Final = (1, 2, 5, 10, 30, 60, 300, 1800, 86400)
_REFIT_SECONDS: Final = (1, 2, 5, 10, 30, 60, 300, 1800)

_MOST_SLACK_ERRORS: Final = 200
"""Pairs of method and code, beyond which a pair not seen before is counted as `other`."""


class Metrics:
    """One process's counters."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._slack_errors_seen: set[tuple[str, str]] = set()
        self._requests = self._counter("suggest_requests", "Suggestion requests drafted", "surface", "outcome")
        self._candidates = self._counter("suggest_candidates", "Drafts by style and outcome", "style", "outcome")
        self._retries = self._counter("suggest_model_retries", "Model calls beyond a draft's first")
        self._refused = self._counter("suggest_refused", "Asks not taken, by limit", "surface", "outcome")
        self._choices = self._counter("suggest_choices", "Choices by kind", "kind")
        self._undone = self._counter("suggest_undone", "Choices taken back")
        self._deliveries = self._counter("suggest_deliveries", "Chosen replies by what became of them", "outcome")
        self._taken_over = self._counter("suggest_taken_over", "Work of a replica that is gone", "work")
        self._slack_errors = self._counter("suggest_slack_errors", "Calls that Slack did not take", "method", "code")
        self._model = self._histogram("suggest_model_seconds", "From a draft's start to its text")
        self._shown = self._histogram("suggest_shown_seconds", "From the command to the candidates visible")
        self._choice = self._histogram("suggest_choice_seconds", "From the click to the reply posted")
        self._decision = self._histogram("suggest_decision_seconds", "From visible to chosen", _DECISION_SECONDS)
        self._orders = self._counter("suggest_orders", "Orders drawn, by policy", "policy")
        self._fell_back = self._counter("suggest_ranker_fallbacks", "Uniform where a ranker should order", "reason")
        self._refits = self._counter("suggest_ranker_refits", "Refits by what became of them", "outcome")
        self._refit = self._histogram("suggest_ranker_refit_seconds", "From a refit's start to its end", _REFIT_SECONDS)
        self._gate = self._gauge("suggest_ranker_gain_lower", "Lower bound of the newest ranker's gain, nats a choice")
        self._ranker = self._gauge("suggest_ranker_info", "The ranker in use; uniform without one", "version")
        self._in_flight = self._gauge("suggest_model_calls_in_flight", "Model calls in flight")
        self._waiting = self._gauge("suggest_model_calls_waiting", "Model calls waiting for a slot")
        self._tasks = self._gauge("suggest_tasks", "Tasks of the event loop")
        ProcessCollector(registry=self.registry)

    def count_drafts(self, entry: LogEntry) -> None:
        outcome = "failed" if entry.request.status == "failed" else "drafted"
        self._requests.labels(surface=entry.request.surface, outcome=outcome).inc()
        for candidate in entry.candidates:
            ended = candidate.error or candidate.dropped_reason or "placed"
            self._candidates.labels(style=candidate.style, outcome=ended).inc()
            self._retries.inc(max(0, candidate.attempts - 1))
            if candidate.error is None and candidate.latency_ms is not None:
                self._model.observe(candidate.latency_ms / 1000)

    def count_refusal(self, surface: str, outcome: str) -> None:
        """An ask that a limit did not let in, by that limit's name, or while drafting was paused."""
        self._refused.labels(surface=surface, outcome=outcome).inc()

    def observe_shown(self, request: Request, *, at: datetime) -> None:
        self._shown.observe((at - request.created_at) / timedelta(seconds=1))

    def count_choice(self, choice: Choice) -> None:
        self._choices.labels(kind=choice.kind).inc()
        if choice.decision_ms is not None:
            self._decision.observe(choice.decision_ms / 1000)

    def count_undo(self) -> None:
        self._undone.inc()

    def count_delivery(self, choice: Choice, outcome: str, *, at: datetime) -> None:
        """How the delivery of a chosen reply ended, `posted` or otherwise."""
        self._deliveries.labels(outcome=outcome).inc()
        if outcome == "posted":
            self._choice.observe((at - choice.chosen_at) / timedelta(seconds=1))

    def count_takeovers(self, counts: Mapping[str, int]) -> None:
        """Pieces of work taken over, by what was left to do."""
        for work, count in counts.items():
            self._taken_over.labels(work=work).inc(count)

    def count_slack_error(self, method: str, code: str) -> None:
        """A call of this method that Slack did not take; `code` is Slack's, or says what came instead of one."""
        pair = (method, code)
        if pair not in self._slack_errors_seen and len(self._slack_errors_seen) >= _MOST_SLACK_ERRORS:
            pair = ("other", "other")
        self._slack_errors_seen.add(pair)
        self._slack_errors.labels(method=pair[0], code=pair[1]).inc()

    def count_order(self, policy: str) -> None:
        self._orders.labels(policy=policy).inc()

    def set_ranker(self, version: str | None) -> None:
        """The ranker in use from now on."""
        self._ranker.clear()
        self._ranker.labels(version=version or "uniform").set(1)

    def count_ranker_fallback(self, reason: str) -> None:
        self._fell_back.labels(reason=reason).inc()

    def record_refit(self, outcome: str, *, seconds: float, lower: float | None = None) -> None:
        """How a refit ended, and the lower bound of its gain, if one could be reckoned."""
        self._refits.labels(outcome=outcome).inc()
        self._refit.observe(seconds)
        if lower is not None:
            self._gate.set(lower)

    def render_exposition(self, *, in_flight: int, waiting: int, tasks: int) -> tuple[bytes, str]:
        """The text of /metrics, and its content type."""
        self._tasks.set(tasks)
        self._in_flight.set(in_flight)
        self._waiting.set(waiting)
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(name, told, labels, registry=self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(name, told, labels, registry=self.registry)

    def _histogram(self, name: str, told: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
        return Histogram(name, told, buckets=buckets, registry=self.registry)
