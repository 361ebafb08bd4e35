"""The learned order in a running bot: it follows the database, and whatever breaks, the candidates are shown."""

import logging
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.operations.metrics import Metrics
from bot.ordering.learned import LearnedOrderer
from bot.ordering.policies import PlackettLuce
from bot.ranking.model import Ranker, fit_ranker
from storage.errors import DatabaseUnavailable
from storage.records import Candidate, Turn
from storage.repositories.rankers import LEARNING, StoredRanker
from tests.bot.desk import Desk
from tests.bot.ranking.logs import make_choice_sets
from tests.storage.stores import AT, a_ranker, a_request, after

RANKER = fit_ranker(make_choice_sets(), weights="picks")
OTHER = fit_ranker(make_choice_sets(seed=8), weights="picks")
SHORT, LONG = "It will arrive on friday.", " ".join(["It was sent today with the next truck."] * 6)


def make_orderer(desk: Desk) -> LearnedOrderer:
    return LearnedOrderer(
        rankers=desk.store.rankers,
        audit=desk.store.audit,
        metrics=desk.metrics,
        now=desk.clock.now,
        rng=random.Random(5),
    )


def make_stored_ranker(ranker: Ranker) -> StoredRanker:
    return a_ranker(ranker.version, model=ranker.to_json())


async def record_rankers(desk: Desk, *rankers: StoredRanker) -> None:
    assert await desk.store.leases.take(LEARNING, at=AT, until=after(minutes=2))
    for ranker in rankers:
        await desk.store.rankers.record(ranker)


async def load_orderer(desk: Desk, *rankers: StoredRanker) -> LearnedOrderer:
    """An orderer that has looked at these rankers, the last of which is shown."""
    if rankers:
        await record_rankers(desk, *rankers)
    ordering = make_orderer(desk)
    await ordering.refresh()
    return ordering


def candidates(*texts: str) -> list[Candidate]:
    return [
        Candidate(id=f"c{index}", request_id="r1", sample_index=index, style="warm", model="m1", text=text)
        for index, text in enumerate(texts)
    ]


def read_counter(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


async def test_without_a_ranker_the_order_is_uniform(desk: Desk) -> None:
    order = (await load_orderer(desk)).order(a_request(), candidates(SHORT, LONG))
    assert (order.policy, order.ranker_version, order.scores) == ("uniform", None, None)
    assert order.order_propensity == 1 / 2
    assert read_counter(desk.metrics, "suggest_ranker_info", version="uniform") == 1


async def test_a_ranker_that_is_shown_orders(desk: Desk) -> None:
    """The better reply comes first as often as is logged, and what is logged can be reckoned again."""
    ordering = await load_orderer(desk, make_stored_ranker(RANKER))
    drawn = [ordering.order(a_request(), candidates(LONG, SHORT)) for _ in range(400)]
    assert {order.ranker_version for order in drawn} == {RANKER.version}
    scores = RANKER.score_candidates(a_request().conversation, candidates(LONG, SHORT), "p1")
    first = PlackettLuce().first_probabilities(scores)[1]
    assert first > 0.6
    assert abs(sum(order.ids[0] == "c1" for order in drawn) / 400 - first) < 0.1
    for order in drawn:
        assert order.scores is not None
        assert dict(zip(order.ids, order.scores, strict=True)) == dict(zip(("c0", "c1"), scores, strict=True))
    assert read_counter(desk.metrics, "suggest_orders_total", policy="plackett_luce") == 400
    assert read_counter(desk.metrics, "suggest_ranker_info", version=RANKER.version) == 1


async def test_it_follows_what_the_gate_and_persons_change(desk: Desk) -> None:
    ordering = await load_orderer(desk, make_stored_ranker(RANKER))
    assert ordering.version == RANKER.version
    await desk.store.rankers.record(make_stored_ranker(OTHER))
    assert ordering.version == RANKER.version, "until the next look"
    await ordering.refresh()
    assert ordering.version == OTHER.version
    await desk.store.rankers.roll_back(None, actor="cli", at=AT)
    await ordering.refresh()
    assert ordering.version is None
    assert read_counter(desk.metrics, "suggest_ranker_info", version=OTHER.version) == 0


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("{", "it is no JSON"),
        (RANKER.to_json()[:-100], "it is no JSON"),
        (RANKER.to_json().replace('"n_agents": 12', '"n_agents": 13'), "it was changed"),
        (OTHER.to_json(), f"it says that it is {OTHER.version}"),
    ],
)
async def test_a_corrupt_ranker_means_uniform_order_and_is_told_once(
    desk: Desk, caplog: pytest.LogCaptureFixture, model: str, why: str
) -> None:
    await record_rankers(desk, a_ranker(RANKER.version, model=model))
    ordering = make_orderer(desk)
    for _ in range(3):
        await ordering.refresh()
    assert ordering.order(a_request(), candidates(SHORT, LONG)).policy == "uniform"
    [told] = [row for row in await desk.store.rows("SELECT * FROM audit") if row["action"] == "ranker_fell_back"]
    assert why in told["data"]
    assert RANKER.version in told["data"]
    assert sum(why in record.message and record.levelno == logging.ERROR for record in caplog.records) == 1
    assert read_counter(desk.metrics, "suggest_ranker_fallbacks_total", reason="corrupt") >= 1


async def test_a_ranker_that_is_gone_means_uniform_order(desk: Desk) -> None:
    await record_rankers(desk, make_stored_ranker(RANKER))
    await desk.store.change("DELETE FROM rankers")
    ordering = make_orderer(desk)
    await ordering.refresh()
    assert ordering.order(a_request(), candidates(SHORT, LONG)).policy == "uniform"
    assert "not in the database any more" in (await desk.store.rows("SELECT * FROM audit ORDER BY seq"))[-1]["data"]


class Broken:
    """A ranker that does not keep its promises."""

    version = "broken"

    def __init__(self, scores: Sequence[float] | None) -> None:
        self._scores = scores

    def score_candidates(self, _1: Sequence[Turn], _2: Sequence[Candidate], _3: str) -> Sequence[float]:
        if self._scores is None:
            raise IndexError("out of the words")
        return self._scores


@pytest.mark.parametrize("scores", [None, (), (1.0,), (1.0, float("nan"))])
async def test_a_ranker_that_fails_means_uniform_order_and_the_candidates_are_shown(
    desk: Desk, caplog: pytest.LogCaptureFixture, scores: Sequence[float] | None
) -> None:
    ordering = make_orderer(desk)
    ordering._scorer = Broken(scores)
    desk.drafter.results = ["one", "another"]
    for _ in range(2):
        suggester = desk.make_suggester(candidates=2, orderer=ordering)
        entry = await suggester.draft(await suggester.accept(desk.make_ask()))
        assert len(entry.visible) == 2
        assert (entry.request.policy, entry.request.ranker_version) == ("uniform", None)
        assert {candidate.first_propensity for candidate in entry.visible} == {1 / 2}
    await ordering.refresh()
    assert [row["action"] for row in await desk.store.rows("SELECT * FROM audit")] == ["ranker_fell_back"]
    assert read_counter(desk.metrics, "suggest_ranker_fallbacks_total", reason="failed") == 2
    assert "the ranker broken failed" in caplog.text


async def test_while_the_database_is_away_the_ranker_stays(desk: Desk, tmp_path: object) -> None:
    ordering = await load_orderer(desk, make_stored_ranker(RANKER))
    await desk.store.change("ALTER TABLE ranker_changes RENAME TO elsewhere")
    with pytest.raises(DatabaseUnavailable):
        await ordering.refresh()
    assert ordering.version == RANKER.version
    assert ordering.order(a_request(), candidates(SHORT, LONG)).policy == "plackett_luce"


@pytest.mark.parametrize(
    "texts",
    [
        (SHORT, LONG * 400),
        ("您的订单将于周五送达。", "我们很抱歉，请稍候。"),
        ("ההזמנה שלך בדרך", "🚚🚚🚚"),
        ("", " "),
    ],
)
async def test_any_text_gets_an_order(desk: Desk, texts: tuple[str, str]) -> None:
    """100,000 characters, scripts without spaces, right to left, none at all; an unknown style and prompt."""
    ordering = await load_orderer(desk, make_stored_ranker(RANKER))
    request = a_request(prompt_version="new", conversation=(Turn(role="customer", text=texts[0]),))
    unknown = [replace(each, style="new", model="new") for each in candidates(*texts)]
    order = ordering.order(request, unknown)
    assert (order.policy, sorted(order.ids)) == ("plackett_luce", ["c0", "c1"])


async def test_one_candidate_has_one_order(desk: Desk) -> None:
    ordering = await load_orderer(desk, make_stored_ranker(RANKER))
    order = ordering.order(a_request(), candidates(SHORT))
    assert order.ids == ("c0",)
    assert order.order_propensity == pytest.approx(1)
    assert order.first_propensities == (pytest.approx(1),)
