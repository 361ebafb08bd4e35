"""One refit, from the log to a ranker and its verdict: for a process of its own, since it takes seconds of CPU."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from bot.ranking.choice_sets import ChoiceSet, Weights, to_choice_set
from bot.ranking.promotion import Verdict, judge
from storage.queries.log_entries import ChoiceLog, Selection

NEWEST: Final = 50_000
"""Displays that a refit learns from: more would tell hardly anything, and tastes, prompts and models change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefitResult:
    """Result of a refit; `model` is None if there was nothing to learn. `left_out`: entries by reason."""

    version: str | None
    model: str | None = field(repr=False)
    trained_until: datetime | None
    requests: int
    agents: int
    left_out: dict[str, int]
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """Convert it for JSON."""
        until = self.trained_until
        return {**asdict(self), "trained_until": until and until.isoformat()}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Self:
        """Read it back. Raises ValueError, TypeError or KeyError if `to_dict` did not make it."""
        until, verdict = found["trained_until"], Verdict.from_dict(found["verdict"])
        return cls(**{**found, "trained_until": until and datetime.fromisoformat(until), "verdict": verdict})


async def read_choice_sets(
    log: ChoiceLog, selection: Selection, *, newest: int | None = None
) -> tuple[list[ChoiceSet], dict[str, int]]:
    """Read the choice sets of a log, all or the newest, with counts of the entries left out, by reason."""
    choice_sets: deque[ChoiceSet] = deque(maxlen=newest)
    left_out: Counter[str] = Counter()
    async for entry in log.iter_entries(selection):
        found = to_choice_set(entry)
        if not isinstance(found, ChoiceSet):
            left_out[found] += 1
            continue
        left_out["older"] += len(choice_sets) == newest
        choice_sets.append(found)
    return list(choice_sets), {reason: count for reason, count in left_out.items() if count}


def refit_ranker(
    choice_sets: Sequence[ChoiceSet], left_out: dict[str, int], *, weights: Weights = "kept"
) -> RefitResult:
    """Fit a ranker to these choice sets, and judge its promotion."""
    from bot.ranking.model import NothingToLearn, fit_ranker

    verdict = judge(choice_sets, weights=weights)
    try:
        ranker = fit_ranker(choice_sets, weights=weights)
    except NothingToLearn:
        return RefitResult(
            version=None, model=None, trained_until=None, requests=len(choice_sets), agents=0, left_out=left_out,
            verdict=verdict,
        )  # fmt: skip
    return RefitResult(
        version=ranker.version,
        model=ranker.to_json(),
        trained_until=ranker.trained_until,
        requests=ranker.n_requests,
        agents=ranker.n_agents,
        left_out=left_out,
        verdict=verdict,
    )
