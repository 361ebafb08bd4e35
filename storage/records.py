"""The nouns of the product, frozen. Every `*_at` is an aware datetime in UTC, every `*_ms` whole milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Role = Literal["customer", "agent"]
Surface = Literal["slash", "cli", "shortcut", "mention", "dm", "global", "home", "batch", "compare", "import"]
Status = Literal["drafting", "shown", "failed", "redrafted", "expired"]
DraftError = Literal[
    "rate_limited", "timed_out", "refused", "server_error", "unreachable", "invalid_output", "empty", "cancelled"
]
DroppedReason = Literal["near_duplicate", "not_selected"]
Policy = Literal["uniform", "plackett_luce", "unlogged"]
ChoiceKind = Literal["used", "edited", "dismissed"]
DismissReason = Literal[
    "irrelevant",
    "incorrect",
    "wrong_tone",
    "wrong_language",
    "ignored_instructions",
    "confidential",
    "needs_action_first",
    "other",
]
Steer = Literal["shorter", "warmer", "more_formal", "other_language", "more_like_this"]
TextKept = Literal["redacted", "full", "none"]
DeliveryState = Literal["pending", "attempting", "done", "unknown"]
EventType = Literal[
    "shown",
    "edit_opened",
    "used",
    "edited",
    "sent",
    "dismissed",
    "reason_given",
    "redrafted",
    "undone",
    "expired",
    "failed",
    "stale_warned",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a conversation, as the model saw it."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One ask: a conversation in, K candidates out, at most one standing choice.

    `response_url` is Slack's address of the agent's private message; it is a secret, and forgotten when it expires.
    `sent_to_slack_at` stands for `shown_at` where a click overtakes the record of it. `owner` is the replica that
    drafts the request. `steer` is what the agent wants made of the parent's candidate `parent_candidate_id`. `seen_ts`
    is the newest message of the thread when it was read for the model, `pointed_ts` the one that the agent pointed at.
    `text_kept` tells what the texts here are: with placeholders for personal data, as they were, or gone.
    """

    id: str
    team_id: str
    channel_id: str
    thread_ts: str | None = None
    agent_id: str
    surface: Surface
    locale: str
    created_at: datetime
    sent_to_slack_at: datetime | None = None
    shown_at: datetime | None = None
    status: Status = "drafting"
    hint: str | None = None
    k_requested: int
    prompt_version: str
    ranker_version: str | None = None
    policy: Policy = "uniform"
    policy_params: dict[str, Any] = field(default_factory=dict)
    order_propensity: float | None = None
    parent_request_id: str | None = None
    parent_candidate_id: str | None = None
    steer: Steer | None = None
    steer_language: str | None = None
    simulated: bool = False
    app_version: str
    conversation: tuple[Turn, ...]
    seen_ts: str | None = None
    pointed_ts: str | None = None
    text_kept: TextKept = "full"
    response_url: str | None = field(default=None, repr=False)
    response_url_expires_at: datetime | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One drafted reply, also when it failed (`error`) or was dropped (`dropped_reason`): then `position` is None."""

    id: str
    request_id: str
    sample_index: int
    position: int | None = None
    style: str
    model: str
    model_returned: str | None = None
    temperature: float | None = None
    text: str | None = None
    error: DraftError | None = None
    dropped_reason: DroppedReason | None = None
    duplicate_of: str | None = None
    shown_at: datetime | None = None
    latency_ms: int | None = None
    attempts: int = 0
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    mean_logprob: float | None = None
    score: float | None = None
    first_propensity: float | None = None
    inclusion_propensity: float | None = None
    sources: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The agent's decision on a request. At most one stands; one taken back keeps its row, with `retracted_at`."""

    id: str
    request_id: str
    kind: ChoiceKind
    candidate_id: str | None
    final_text: str | None
    reason: DismissReason | None = None
    edit_similarity: float | None = None
    agent_id: str
    chosen_at: datetime
    decision_ms: int | None
    visible_candidate_ids: tuple[str, ...]
    retracted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseUrl:
    """Slack's address of an agent's private message: a secret that works until `expires_at`."""

    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultEntry:
    """The values of a request's placeholders, and its texts if no table keeps them, sealed until `expires_at`."""

    request_id: str
    sealed: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One part of a chosen reply on its way into the conversation.

    `attempting` is committed before Slack is called: found after a crash, it means that nobody knows (`unknown`).
    `text` is kept until the part is done; what the agent is to copy is kept. `owner` is the replica that posts it,
    tells its agent, or deletes it after an undo; None when nothing of that is left to do.
    """

    id: str
    choice_id: str
    request_id: str
    part: int
    state: DeliveryState = "pending"
    address: str
    channel_id: str | None = None
    message_ts: str | None = None
    attempts: int = 0
    text: str | None = field(default=None, repr=False)
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An append-only fact about a request; `data` holds what the fact needs."""

    request_id: str
    type: EventType
    at: datetime
    agent_id: str | None = None
    candidate_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of the choice log: a request with all that belongs to it. `choice` is the standing one.

    Where originals were put back for the agent's eyes, `unfilled` has the placeholders that could not be, by candidate.
    """

    request: Request
    candidates: tuple[Candidate, ...]
    choice: Choice | None
    events: tuple[Event, ...] = ()
    unfilled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def visible(self) -> tuple[Candidate, ...]:
        """The candidates that were given a place, in the order shown."""
        placed = [candidate for candidate in self.candidates if candidate.position is not None]
        return tuple(sorted(placed, key=lambda candidate: candidate.position or 0))
