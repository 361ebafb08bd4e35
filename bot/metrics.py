"""Numbers for Prometheus: what was asked, drafted and chosen, and how long it took. Never a text, an id or a token."""

from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from storage.records import Choice, LogEntry, Request

_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 25, 60)
_DECISION_SECONDS: Final = (1, 2, 5, 10, 30, 60, 300, 1800, 86400)


class Metrics:
    """One process's counters."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "suggest_requests", "Suggestion requests by outcome", ["surface", "outcome"], registry=self._registry
        )
        self._candidates = Counter(
            "suggest_candidates", "Drafts by style and outcome", ["style", "outcome"], registry=self._registry
        )
        self._retries = Counter("suggest_model_retries", "Model calls beyond a draft's first", registry=self._registry)
        self._choices = Counter("suggest_choices", "Choices by kind", ["kind"], registry=self._registry)
        self._model = Histogram(
            "suggest_model_seconds", "From a draft's start to its text", buckets=_SECONDS, registry=self._registry
        )
        self._shown = Histogram(
            "suggest_shown_seconds",
            "From the command to the candidates visible",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._decision = Histogram(
            "suggest_decision_seconds", "From visible to chosen", buckets=_DECISION_SECONDS, registry=self._registry
        )
        self._in_flight = Gauge("suggest_model_calls_in_flight", "Model calls in flight", registry=self._registry)
        self._waiting = Gauge("suggest_model_calls_waiting", "Model calls waiting for a slot", registry=self._registry)

    def drafted(self, entry: LogEntry) -> None:
        outcome = "failed" if entry.request.status == "failed" else "drafted"
        self._requests.labels(surface=entry.request.surface, outcome=outcome).inc()
        for candidate in entry.candidates:
            ended = candidate.error or candidate.dropped_reason or "placed"
            self._candidates.labels(style=candidate.style, outcome=ended).inc()
            self._retries.inc(max(0, candidate.attempts - 1))
            if candidate.error is None and candidate.latency_ms is not None:
                self._model.observe(candidate.latency_ms / 1000)

    def shown(self, request: Request, *, at: datetime) -> None:
        self._shown.observe((at - request.created_at) / timedelta(seconds=1))

    def chosen(self, choice: Choice) -> None:
        self._choices.labels(kind=choice.kind).inc()
        if choice.decision_ms is not None:
            self._decision.observe(choice.decision_ms / 1000)

    def exposition(self, *, in_flight: int, waiting: int) -> tuple[bytes, str]:
        """The text of /metrics, and its content type."""
        self._in_flight.set(in_flight)
        self._waiting.set(waiting)
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
