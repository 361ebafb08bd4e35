"""The nouns of a report. `suggest report --json` writes these fields as they are: they may be added to, never renamed.

eligible   requests that somebody made and waited for; batches and comparisons are none
shown      eligible requests of which at least one candidate was visible
accepted   shown requests with a standing choice to use a reply, as it was or edited
undecided  shown requests without a choice or redraft: still open, or expired after 24 hours
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from bot.stats.cluster_intervals import Estimate
from storage.fields import Place, Share
from storage.queries.reports import Dimension, Sources

SCHEMA: Final = "report/1"
BINS: Final = 20

Amount = Annotated[float, Field(ge=0)]

RateCase = Literal[
    "shown",
    "accepted",
    "used",
    "edited",
    "dismissed",
    "redrafted",
    "undecided",
    "failed",
    "undone",
    "picked",
    "near_duplicate",
]
RateBase = Literal["eligible", "shown", "accepted", "choices", "displays", "drafts", "picks"]
NoteCode = Literal[
    "simulated_left_out",
    "unattended_left_out",
    "still_open",
    "few_agents",
    "order_unknown",
    "order_learned",
    "inclusion_unknown",
    "not_selected",
    "styles_off",
    "randomised",
    "many_groups",
    "by_week",
    "withheld",
    "sources_not_drawn",
    "newest_weeks",
]
ReasonDimension = Literal["style", "channel", "language"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something to know before the numbers are believed; `count` of what it is about."""

    code: NoteCode
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The share of `case` in `of`."""

    case: RateCase
    of: RateBase
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Plain counts. Every eligible request is in exactly one of the eight from `used` to `never_shown`.

    `undone` are choices that were taken back; the request counts as what became of it after.
    """

    eligible: int
    shown: int
    accepted: int
    used: int
    edited: int
    dismissed: int
    redrafted: int
    expired: int
    open: int
    failed: int
    never_shown: int
    undone: int
    agents: int
    drafts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The requests made in the seven days from a Monday, in UTC; not `is_whole` where some days are not counted."""

    start: date
    is_whole: bool
    eligible: int
    shown: int
    agents: int
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChange:
    """Change of a rate between two weeks: `difference` is `after` - `before`, with an interval of its own."""

    case: RateCase
    of: RateBase
    before: Estimate
    after: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekOverWeek:
    """The last two whole weeks in a row."""

    before: date
    after: date
    changes: tuple[RateChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A period beside the one of the same length before it: [`before`, `after`) and [`after`, `until`)."""

    before: datetime
    after: datetime
    until: datetime
    changes: tuple[RateChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSaved:
    """Minutes that agents did not write, by an assumption: a reply by hand takes `minutes_per_reply`.

    `spent_minutes` is from the screen to the choice, refused sets included; one choice counts at most as a reply by
    hand. `saved_minutes` is the rest, negative where reading took longer. `accepted` replies have a time; `untimed`
    have none.
    """

    minutes_per_reply: Amount
    accepted: int
    untimed: int
    spent_minutes: Amount
    saved_minutes: float
    per_accepted_minutes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarityBin:
    """Edits with a similarity from `low` to below `high`; the last one has 1 in it."""

    low: float
    high: float
    edits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """Similarity of what was sent to the candidate, from 0 to 1, to a hundredth.

    `unknown`: edits without a similarity, in imports.
    """

    known: int
    unknown: int
    lower_quartile: Share | None
    median: Share | None
    upper_quartile: Share | None
    bins: Annotated[tuple[SimilarityBin, ...], Field(min_length=BINS, max_length=BINS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A reason of dismissals; None if the agent did not say."""

    reason: str | None
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadingReason:
    """The reason given most, and how far it is before the next one, as a difference of shares of dismissals."""

    reason: str
    next: str | None
    difference: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonGroup:
    """Reasons of the dismissals in one channel or language, or of those that showed a style.

    Without `reasons` where it is `is_withheld`.
    """

    by: ReasonDimension
    name: str
    dismissed: int
    agents: int
    is_withheld: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuestion:
    """A question, in its newest wording, masked: how many requests asked alike, and what became of them."""

    question: str
    requests: int
    shown: int
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A reply that was used as it was, or the first one of a set that was dismissed; masked."""

    question: str
    reply: str
    style: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFindings:
    """Found in the newest `requests` with texts: what is asked most, examples, what the knowledge lacked."""

    requests: int
    questions: tuple[AskedQuestion, ...]
    used: tuple[Example, ...]
    dismissed: tuple[Example, ...]
    gaps: tuple[AskedQuestion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Drafts that failed alike. `share`: of all drafts."""

    error: str
    drafts: int
    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """Counts of all drafts by their fate, before any was shown."""

    drafts: int
    failed: int
    near_duplicates: int
    not_selected: int
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds, to three digits: `model` a draft that came, `shown` from the ask to the screen, `decision` from the
    screen to the choice. `model` is None where it is about all.
    """

    step: Literal["model", "shown", "decision"]
    model: str | None
    count: int
    p50: int | None
    p90: int | None
    p99: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """Tokens of one model. `untold`: drafts that came without a count of tokens. `cost` is None without a price."""

    model: str
    drafts: int
    untold: int
    prompt_tokens: int
    completion_tokens: int
    cost: Amount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """`total` of the models with a price; None if there is none. Then `unpriced` and `untold` tell what is missing.

    `prices_of` is the day of the prices that came with this program; None where all are the team's own.
    """

    currency: str | None
    models: tuple[ModelCost, ...]
    total: Amount | None
    per_accepted: Amount | None
    unpriced: tuple[str, ...]
    untold: int
    prices_of: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionShare:
    """Share of all picks that went to the candidate in this position."""

    position: Place
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionShares:
    """Picks where so many were shown together. `expected`: each place's share if places did not matter, since the
    order was drawn. `effective`: as many unweighted picks would tell as much.
    """

    shown_together: Annotated[int, Field(ge=2)]
    picks: int
    effective: Amount
    expected: Share
    places: tuple[PositionShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRate:
    """Accepted, of shown requests for which the knowledge had something (`found`), or was searched in vain (`none`).

    What is found depends on what is asked: a difference between the two need not be due to the sources.
    """

    sources: Sources
    shown: int
    accepted: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One style, model, prompt, agent, channel or surface.

    `count` of eligible requests, or of drafts for a style or model. Without `rates` where it is `is_withheld`. For a
    style or model: `even` is what share of its displays would be picked if picks were spread evenly over what was shown
    together, and `against_even` how far it is above that.
    """

    name: str
    count: int
    agents: int
    is_withheld: bool
    rates: tuple[Rate, ...]
    even: Share | None = None
    against_even: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """The report by one dimension, and what to know of it."""

    by: Dimension
    groups: tuple[Group, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The time asked for, and the times of the first and last request that is counted."""

    since: datetime | None
    until: datetime | None
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of it, as of `made_at`.

    `breakdown` is the first of `breakdowns`, those asked for. `styles` is there unasked, of the newest weeks.
    """

    schema: Literal["report/1"]
    made_at: datetime
    period: Period
    team_id: str | None
    totals: Totals
    rates: tuple[Rate, ...]
    weeks: tuple[Week, ...]
    week_over_week: WeekOverWeek | None
    edits: Edits
    dismissals: tuple[Reason, ...]
    drafts: Drafts
    latency: tuple[Latency, ...]
    cost: Cost
    places: tuple[PositionShares, ...]
    sources: tuple[SourceRate, ...]
    breakdown: Breakdown | None
    notes: tuple[Note, ...]
    breakdowns: tuple[Breakdown, ...]
    styles: Breakdown
    trend: Trend | None
    time_saved: TimeSaved
    leading_reason: LeadingReason | None
    reason_groups: tuple[ReasonGroup, ...]
    texts: TextFindings | None
