"""One refit, from the log to a ranker and its verdict: for a process of its own, since it takes seconds of CPU."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from bot.ranking.choice_sets import NEWEST, TrainingSet, TrainingSetCollector, Weights
from bot.ranking.promotion import Verdict, judge
from storage.queries.log_entries import ChoiceLog
from storage.records import Selection


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
        until = self.trained_until
        return {**asdict(self), "trained_until": until and until.isoformat()}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Self:
        """Read it back. Raises ValueError, TypeError or KeyError if `to_dict` did not make it."""
        until, verdict = found["trained_until"], Verdict(**found["verdict"])
        return cls(**{**found, "trained_until": until and datetime.fromisoformat(until), "verdict": verdict})


async def read_training_set(
    log: ChoiceLog, selection: Selection, on_read: Callable[[int], None] = lambda _: None
) -> TrainingSet:
    """Read the newest choice sets of a log, in flat memory and a time that does not grow with it.

    `on_read` is told how many more entries are read.
    """
    since = await log.find_newest_start(selection, NEWEST)
    newest = selection if since is None else replace(selection, since=since)
    older = 0 if since is None else await log.count(selection) - await log.count(newest)
    collector = TrainingSetCollector(older=older)
    async for entry in log.iter_entries(newest):
        collector.add(entry)
        on_read(1)
    return collector.build()


def refit_ranker(found: TrainingSet, *, weights: Weights = "kept") -> RefitResult:
    """Fit a ranker to these choice sets, and judge its promotion."""
    from bot.ranking.model import NothingToLearn, fit_ranker

    judgement = judge(found, weights=weights)
    choice_sets, left_out = found.choice_sets, {str(reason): count for reason, count in found.left_out.items()}
    try:
        ranker = fit_ranker(choice_sets, weights=weights, half_life=judgement.half_life)
    except NothingToLearn:
        return RefitResult(
            version=None, model=None, trained_until=None, requests=len(choice_sets), agents=0, left_out=left_out,
            verdict=judgement.verdict,
        )  # fmt: skip
    return RefitResult(
        version=ranker.version,
        model=ranker.to_json(),
        trained_until=ranker.trained_until,
        requests=ranker.n_requests,
        agents=ranker.n_agents,
        left_out=left_out,
        verdict=judgement.verdict,
    )
