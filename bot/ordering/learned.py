"""The learned order in a running bot: the ranker that the database says is shown, looked up now and then.

ordering = LearnedOrderer(…)       # an Orderer: uniform until a ranker is shown
await ordering.refresh()            # every REFRESH_EVERY_S: follow what promotion or a person has changed
ordering.order(request, candidates)
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

from bot.operations.metrics import Metrics
from bot.ordering.policies import PlackettLuce, draw_order
from bot.ordering.shuffle import Order, shuffle
from storage.records import Candidate, Request, Turn
from storage.repositories.audit import Audit
from storage.repositories.rankers import Rankers, StoredRanker

REFRESH_EVERY_S: Final = 20.0
"""A change of ranker reaches every replica within this."""

ACTOR: Final = "serve"

_log = logging.getLogger(__name__)


class Scorer(Protocol):
    @property
    def version(self) -> str: ...

    def score_candidates(
        self, conversation: Sequence[Turn], candidates: Sequence[Candidate], prompt_version: str
    ) -> Sequence[float]:
        """Score the quality of each candidate, in log-odds."""
        ...


class LearnedOrderer:
    """Orders by the ranker that is shown, through a policy; uniformly if there is none or it does not work.

    What does not work is told once for each ranker, in the log, in the metrics and in the audit: an order is worth
    less than a suggestion in time.
    """

    def __init__(
        self,
        *,
        rankers: Rankers,
        audit: Audit,
        metrics: Metrics,
        now: Callable[[], datetime],
        rng: random.Random,
    ) -> None:
        self._rankers = rankers
        self._audit = audit
        self._metrics = metrics
        self._now = now
        self._rng = rng
        self._scorer: Scorer | None = None
        self._unrecorded: dict[str, str] = {}
        self._recorded: set[str] = set()

    @property
    def version(self) -> str | None:
        """Version of the ranker in use; None while the order is uniform."""
        return None if self._scorer is None else self._scorer.version

    def order(self, request: Request, candidates: Sequence[Candidate]) -> Order:
        """Order by the ranker in use; uniformly without one."""
        ids = [candidate.id for candidate in candidates]
        order = (
            shuffle(ids, self._rng)
            if self._scorer is None
            else self._order_by_scores(self._scorer, request, candidates)
        )
        self._metrics.count_order(order.policy)
        return order

    async def refresh(self) -> None:
        """Use the ranker that the database says is shown.

        Raises DatabaseUnavailable; then the one used before stays in use.
        """
        change = await self._rankers.get_current()
        wanted = None if change is None else change.version
        before = self.version
        if wanted != before:
            self._scorer = None if wanted is None else await self._load_scorer(wanted)
        if self.version != before:
            _log.info("replies are ordered by %s from now on", self.version or "chance")
        self._metrics.set_ranker(self.version)
        await self._record_failures()

    async def _load_scorer(self, version: str) -> Scorer | None:
        """Load a ranker; return None, and note the failure, if it is missing or cannot be used."""
        found = await asyncio.to_thread(_parse_ranker, await self._rankers.get(version), version)
        if isinstance(found, str):
            self._note_failure(version, f"it cannot be used: {found}", reason="corrupt")
            return None
        return found

    def _order_by_scores(self, scorer: Scorer, request: Request, candidates: Sequence[Candidate]) -> Order:
        """Draw an order by the ranker's scores; shuffle, and note the failure, if it raises."""
        ids = [candidate.id for candidate in candidates]
        try:
            scores = scorer.score_candidates(request.conversation, candidates, request.prompt_version)
            return draw_order(ids, scores, policy=PlackettLuce(), ranker_version=scorer.version, rng=self._rng)
        except Exception as error:  # noqa: BLE001 - whatever breaks in a model, the candidates are shown
            _log.exception("the ranker %s failed", scorer.version, extra={"request_id": request.id})
            self._note_failure(scorer.version, f"it failed: {type(error).__name__}", reason="failed")
            return shuffle(ids, self._rng)

    def _note_failure(self, version: str, why: str, *, reason: str) -> None:
        """Count a failure, and keep it for the audit once a ranker."""
        self._metrics.count_ranker_fallback(reason)
        if version not in self._recorded:
            _log.error("the order is uniform and not by the ranker %s: %s", version, why)
            self._unrecorded[version] = why

    async def _record_failures(self) -> None:
        """Record in the audit the failures since the last refresh."""
        while self._unrecorded:
            version, why = next(iter(self._unrecorded.items()))
            data = {"version": version, "why": why}
            await self._audit.record(at=self._now(), actor=ACTOR, action="ranker_fell_back", data=data)
            self._recorded.add(version)
            del self._unrecorded[version]


def _parse_ranker(stored: StoredRanker | None, version: str) -> Scorer | str:
    """Parse a stored ranker; or tell why it is missing, corrupt, or not the version asked for.

    Runs in a thread: the model's libraries take a while to import.
    """
    from bot.ranking.model import CorruptModel, Ranker

    if stored is None:
        return "it is not in the database any more"
    try:
        ranker = Ranker.from_json(stored.model)
    except CorruptModel as error:
        return str(error)
    return ranker if ranker.version == version else f"it says that it is {ranker.version}"
