"""One refit, from the log to a ranker and its verdict: for a process of its own, since it takes seconds of CPU."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from bot.ranking.displays import Display, Weights, display_of
from bot.ranking.gate import Verdict, judge
from storage.choicelog import ChoiceLog, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """What a refit came to; `model` is None where there was nothing to learn. `left_out`: entries by reason."""

    version: str | None
    model: str | None = field(repr=False)
    trained_until: datetime | None
    requests: int
    agents: int
    left_out: dict[str, int]
    verdict: Verdict

    def to_json(self) -> str:
        until = self.trained_until
        return json.dumps({**asdict(self), "trained_until": until and until.isoformat()}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError, TypeError or KeyError where the text was not written by `to_json`."""
        found: dict[str, Any] = json.loads(text)
        until = found.pop("trained_until")
        verdict = Verdict.from_dict(found.pop("verdict"))
        return cls(trained_until=until and datetime.fromisoformat(until), verdict=verdict, **found)


async def read(log: ChoiceLog, selection: Selection) -> tuple[list[Display], dict[str, int]]:
    """The displays of a log, and how many entries are none, by reason."""
    displays: list[Display] = []
    left_out: dict[str, int] = {}
    async for entry in log.entries(selection):
        found = display_of(entry)
        if isinstance(found, Display):
            displays.append(found)
        else:
            left_out[found] = left_out.get(found, 0) + 1
    return displays, left_out


def refit(displays: Sequence[Display], left_out: dict[str, int], *, weights: Weights = "kept") -> Refit:
    """Learn from these displays, and judge what was learned."""
    from bot.ranking.model import NothingToLearn, fit

    verdict = judge(displays, weights=weights)
    try:
        ranker = fit(displays, weights=weights)
    except NothingToLearn:
        return Refit(
            version=None, model=None, trained_until=None, requests=len(displays), agents=0, left_out=left_out,
            verdict=verdict,
        )  # fmt: skip
    return Refit(
        version=ranker.version,
        model=ranker.to_json(),
        trained_until=ranker.trained_until,
        requests=ranker.n_requests,
        agents=ranker.n_agents,
        left_out=left_out,
        verdict=verdict,
    )
