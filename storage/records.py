"""The nouns of the product, frozen. Every `*_at` is an aware datetime in UTC, every `*_ms` whole milliseconds.

Fields marked `Logged` are the choice log's, in its order: declared here, and nowhere else (`storage/fields.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from storage.fields import Count, Id, Locale, Logged, Name, Place, Share, Short, Time

Role = Literal["customer", "agent"]
Surface = Literal["slash", "cli", "shortcut", "mention", "dm", "global", "home", "batch", "compare", "import"]
Status = Literal["drafting", "shown", "failed", "redrafted", "expired", "drafted"]
DraftError = Literal[
    "rate_limited", "timed_out", "refused", "server_error", "unreachable", "invalid_output", "empty", "cancelled"
]
DroppedReason = Literal["near_duplicate", "not_selected"]
Policy = Literal["uniform", "plackett_luce", "unlogged"]
ChoiceKind = Literal["used", "edited", "dismissed", "tied"]
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
Task = Literal["reply", "write"]
Side = Literal["a", "b"]
Unit = Literal["request", "agent"]
Stopper = Literal["admin", "guardrail"]
TextKept = Literal["redacted", "full", "none"]
OnUse = Literal["post", "copy"]
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
    "tied",
    "skipped",
    "expanded",
    "copied",
    "translated",
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
    `text_kept` tells what the texts here are: with placeholders for personal data, as they were, or gone. `styles_off`
    are names of styles that its agent had switched off. `markdown`: its playbook has texts written in that.
    """

    id: Annotated[Id, Logged("UUIDv7: ids sort by creation time")]
    team_id: Annotated[Id, Logged("Slack's id of the workspace; `cli` from a terminal")]
    channel_id: Annotated[Id, Logged("where the agent asked; `cli` from a terminal")]
    thread_ts: Annotated[Short | None, Logged("the thread's first message", "outside threads")] = None
    agent_id: Annotated[Id, Logged("who asked; `cli` from a terminal")]
    surface: Annotated[Surface, Logged("where it was asked: see [vocabularies](#vocabularies)")]
    locale: Annotated[
        Locale,
        Logged("the agent's language: chosen in Home, or that of Slack or the terminal; `en-US` where it is not known"),
    ]
    created_at: Annotated[Time, Logged("when it was accepted; the deadline counts from here")]
    sent_to_slack_at: Time | None = None
    shown_at: Annotated[
        Time | None,
        Logged(
            "when the candidates were first visible; if the click was recorded before that, when they were sent"
            " to Slack",
            "if no candidate was ever visible",
        ),
    ] = None
    status: Annotated[Status, Logged("see [status](#status)")] = "drafting"
    hint: Annotated[str | None, Logged("what the agent wrote after the last ` // `", "without one")] = None
    k_requested: Annotated[Count, Logged("K: the number of drafts")]
    prompt_version: Annotated[
        Name,
        Logged("hash of the playbook's text and of the prompt's fixed text; the playbook is in the table `playbooks`"),
    ]
    ranker_version: Annotated[
        Name | None, Logged("which ranker gave the scores; kept in the table `rankers`", "if no ranker ordered")
    ] = None
    policy: Annotated[Policy, Logged("how the order was drawn: see [propensities](#propensities)")] = "uniform"
    policy_params: Annotated[
        dict[str, Any],
        Logged(
            "the policy's parameters, from which the probabilities can be computed again, with the scores: `{}`"
            " for `uniform`, `epsilon` and `temperature` for `plackett_luce`"
        ),
    ] = field(default_factory=dict)
    order_propensity: Annotated[
        Share | None, Logged("the probability of exactly this order", "if nothing could be shown")
    ] = None
    parent_request_id: Annotated[
        Id | None, Logged("the request for which the agent wanted others", "unless it is a redraft")
    ] = None
    parent_candidate_id: Annotated[
        Id | None,
        Logged("the candidate of the parent that these were made from", "unless it was made from one candidate"),
    ] = None
    steer: Annotated[
        Steer | None,
        Logged(
            "the change wanted: see [vocabularies](#vocabularies). Without `parent_candidate_id`, the wish of "
            "an earlier request, which *More like these* keeps",
            "without a wished change",
        ),
    ] = None
    steer_language: Annotated[
        Locale | None,
        Logged(
            "the language wanted, by its BCP 47 code",
            "unless `steer` is `other_language`; for the customer's own language",
        ),
    ] = None
    simulated: Annotated[bool, Logged("true if no real model wrote the candidates")] = False
    app_version: Annotated[Short, Logged("the version of this program")]
    conversation: Annotated[
        tuple[Turn, ...], Logged('the messages that the model saw, oldest first: `{"role": …, "text": …}`')
    ]
    task: Annotated[
        Task | None,
        Logged(
            "what was drafted: a `reply`, or the text that a brief asks for (`write`)",
            "in requests of versions without tasks, which drafted replies",
            is_new=True,
        ),
    ] = None
    input_row: Annotated[
        Place | None,
        Logged("the row of the file that it was drafted from, from 1", "unless it comes from a file", is_new=True),
    ] = None
    input: Annotated[
        dict[str, Any] | None,
        Logged("the other keys of that row, as they were", "unless it comes from a file", is_new=True),
    ] = None
    comparison: Annotated[
        Id | None,
        Logged(
            "the comparison that it belongs to: one id for all its rows and reviewers",
            "outside comparisons",
            is_new=True,
        ),
    ] = None
    experiment: Annotated[
        Name | None, Logged("the name of the experiment that was running", "outside experiments", is_new=True)
    ] = None
    arm: Annotated[
        Name | None, Logged("the experiment's arm that was drawn for it", "outside experiments", is_new=True)
    ] = None
    arm_propensity: Annotated[
        Share | None, Logged("the probability of that arm: its share", "outside experiments", is_new=True)
    ] = None
    retrieved: Annotated[
        tuple[Any, ...] | None,
        Logged(
            'the passages found for it, best first: `[{"id": …, "score": …}]`; then earlier replies, by the id of '
            'the request that they answered, with `"earlier": true`',
            "if no knowledge was searched",
            is_new=True,
        ),
    ] = None
    styles_off: tuple[str, ...] | None = None
    markdown: bool | None = None
    seen_ts: Short | None = None
    pointed_ts: Short | None = None
    text_kept: TextKept = "full"
    response_url: str | None = field(default=None, repr=False)
    response_url_expires_at: Time | None = None
    owner: Id | None = None

    @property
    def asked(self) -> str:
        """The customer's last message; empty if there is none."""
        return next((turn.text for turn in reversed(self.conversation) if turn.role == "customer"), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One drafted reply, also when it failed (`error`) or was dropped (`dropped_reason`): then `position` is None."""

    id: Annotated[Id, Logged("UUIDv7")]
    request_id: Id
    sample_index: Annotated[Count, Logged("its place in the batch of K drafts, from 0")]
    position: Annotated[
        Place | None,
        Logged(
            "its place as shown, from 1; showing it again keeps it. In progressive display, a failed draft "
            "leaves its place empty: [gaps](#propensities)",
            "if it failed or was dropped",
        ),
    ] = None
    style: Annotated[Name, Logged("the name of the playbook's style")]
    model: Annotated[str, Logged("the model requested")]
    model_returned: Annotated[
        str | None, Logged("the model that the server says it used", "if the draft failed, or the server did not say")
    ] = None
    temperature: Annotated[
        float | None, Logged("the value sent; for a failed draft, the style's", "if the model takes none")
    ] = None
    text: Annotated[
        str | None, Logged("the whole reply, also if Slack showed its beginning only", "if the draft failed")
    ] = None
    error: Annotated[DraftError | None, Logged("the reason", "unless the draft failed", width=32)] = None
    dropped_reason: Annotated[
        DroppedReason | None, Logged("why it was not shown although it was drafted", "unless it was dropped", width=32)
    ] = None
    duplicate_of: Annotated[
        Id | None, Logged("the `id` of the candidate that it repeats", "unless it is a near-duplicate")
    ] = None
    shown_at: Annotated[Time | None, Logged("as the request's", "if it was never visible")] = None
    latency_ms: Annotated[
        Count | None,
        Logged("from the call to its end, with queueing and waits for retries", "if a bug broke the draft"),
    ] = None
    attempts: Annotated[Count, Logged("calls made to the model; 0 if the deadline came first")] = 0
    finish_reason: Annotated[
        str | None,
        Logged(
            "why the model stopped: `length` means cut off, on an `empty` draft before its first word; "
            "`context_length_exceeded` that the request is too long for the model",
            "if the server did not say",
        ),
    ] = None
    prompt_tokens: Annotated[
        Count | None, Logged("tokens read, in all attempts; also of a draft that failed", "if the server did not say")
    ] = None
    completion_tokens: Annotated[
        Count | None, Logged("tokens written, as above, including thoughts that were cut", "if the server did not say")
    ] = None
    mean_logprob: Annotated[float | None, Logged("mean log-probability of a token", "if the server gives none")] = None
    score: Annotated[
        float | None,
        Logged(
            "the ranker's quality, in log-odds; comparable within a request only",
            "if no ranker ordered, or it was not shown",
        ),
    ] = None
    first_propensity: Annotated[Share | None, Logged("the probability that it came first", "if it was not shown")] = (
        None
    )
    inclusion_propensity: Annotated[
        Share | None, Logged("the probability that its style was among the K drafts", "in imports without it")
    ] = None
    sources: Annotated[
        tuple[Any, ...],
        Logged(
            'the passages that it was written from: `[{"id": …, "title": …, "cited": …, "internal": …, '
            '"earlier": …, "url": …, "date": …, "passage": …, "covered": …}]`, `passage` a fingerprint of its text, '
            "`covered` the share of the question found in it, and of an earlier reply `used`; `[]` without knowledge"
        ),
    ] = ()
    side: Annotated[
        Side | None,
        Logged("the version that it stands for, in a comparison of two", "outside comparisons", is_new=True),
    ] = None
    style_version: Annotated[
        Name | None,
        Logged("a hash of the style's instruction: a style that is worded anew is another", "in imports", is_new=True),
    ] = None

    @property
    def style_key(self) -> str:
        """Name the style as it was worded."""
        return self.style if self.style_version is None else f"{self.style}#{self.style_version}"

    @property
    def cited_shares(self) -> tuple[float | None, ...]:
        """The share of the question that each source that it cites has; None where that is not known."""
        told = [one.get("covered") for one in self.sources if isinstance(one, dict) and one.get("cited")]
        return tuple(share if isinstance(share, int | float) and 0 <= share <= 1 else None for share in told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The agent's decision on a request. At most one stands; one taken back keeps its row, with `retracted_at`."""

    id: Annotated[Id, Logged("UUIDv7")]
    request_id: Id
    kind: Annotated[ChoiceKind, Logged("`used` as it was, `edited`, `dismissed`, or `tied`: two texts, equally good")]
    candidate_id: Annotated[Id | None, Logged("which candidate", "if dismissed or tied")]
    final_text: Annotated[
        str | None,
        Logged("the text to send; the event `sent` records that all of it was posted", "if dismissed or tied"),
    ]
    reason: Annotated[
        DismissReason | None, Logged("why the agent chose none", "unless dismissed with a reason", width=32)
    ] = None
    edit_similarity: Annotated[Share | None, Logged("0 to 1: see below", "if dismissed or tied")] = None
    agent_id: Annotated[Id, Logged("who decided: the agent who asked")]
    chosen_at: Annotated[Time, Logged("time of the decision")]
    decision_ms: Annotated[
        Count | None, Logged("`chosen_at` − the request's `shown_at`, never below 0", "in imports without it")
    ]
    visible_candidate_ids: Annotated[tuple[Id, ...], Logged("the candidates that could be chosen, in the order shown")]
    retracted_at: Annotated[
        Time | None,
        Logged(
            "time of the undo; the retracted choice is in its event `undone`", "always, in an export", is_blank=True
        ),
    ] = None
    note: Annotated[
        str | None,
        Logged("what the reviewer noted, or the agent whose reason is `other`", "without a note", is_new=True),
    ] = None


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


def bind_delivery(delivery_id: str) -> str:
    """Name what a delivery's text is bound to: no other part's, nor what the vault has of its request, opens for it."""
    return f"delivery {delivery_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An append-only fact about a request; `data` holds what the fact needs."""

    request_id: Id
    type: Annotated[EventType, Logged("one of the types below", width=32)]
    at: Annotated[Time, Logged("when")]
    agent_id: Annotated[Id | None, Logged("the person who did it", "if nobody did it, as with `expired`")] = None
    candidate_id: Annotated[Id | None, Logged("the candidate concerned", "if it concerns none")] = None
    data: Annotated[dict[str, Any], Logged("further facts, by type")] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """An agent's own settings; None where those of the bot, or of Slack, count. `styles_off` are names of styles."""

    candidates: Count | None = None
    language: Locale | None = None
    on_use: OnUse | None = None
    hint: str | None = None
    styles_off: tuple[str, ...] = ()

    def fall_back_to(self, defaults: "ChannelDefaults") -> "AgentSettings":
        """Return these settings, with a channel's defaults where the agent has set nothing."""
        return replace(
            self,
            candidates=self.candidates or defaults.candidates,
            language=self.language or defaults.language,
            styles_off=self.styles_off or defaults.styles_off,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDefaults:
    """The settings for a channel where its agents have set nothing; None and () where those of the bot count."""

    candidates: Count | None = None
    language: Locale | None = None
    styles_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side of an experiment: what its requests are drafted with; without playbook and model, what settings say.

    `playbook` is the file as it was named, `file` its whole path, `text` what it held at the start. `default_model` was
    then the settings' model, where not every style has one of its own.
    """

    name: Name
    share: Share
    playbook: str | None = None
    model: str | None = None
    file: str | None = None
    text: str | None = field(default=None, repr=False)
    default_model: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A randomised comparison on live requests. `arm` is the one at fault, where the guardrail stopped it.

    `is_running` is None once it has stopped. `salt` is the key by which agents are drawn. `untold` are the admins who
    still have to be told that the guardrail stopped it.
    """

    name: Name
    by: Unit
    is_running: bool | None = True
    started_at: Time
    started_by: Id
    stopped_at: Time | None = None
    stopped_by: Stopper | None = None
    arm: Name | None = None
    arms: tuple[Arm, ...]
    salt: Name = field(repr=False)
    untold: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Criteria for requests; None means any.

    They are made in [since, until), of one team, channel, agent and comparison, have a candidate of this style and a
    standing choice of this kind; none is of `without_team`. Simulated ones count only if `include_simulated`; with
    `is_compared`, those of comparisons only; with `found_nothing`, those for which the knowledge was searched in vain,
    or an earlier reply was found.
    """

    since: datetime | None = None
    until: datetime | None = None
    team_id: str | None = None
    without_team: str | None = None
    channel_id: str | None = None
    agent_id: str | None = None
    comparison: str | None = None
    style: str | None = None
    kind: ChoiceKind | None = None
    include_simulated: bool = False
    is_compared: bool = False
    found_nothing: bool = False

    def narrow_to_gaps(self) -> Self:
        """Return those of them whose search of the knowledge found nothing, whoever drafted."""
        return replace(self, include_simulated=True, found_nothing=True)
