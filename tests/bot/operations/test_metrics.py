"""Numbers for Prometheus: they parse, they are right, and they tell nothing of anybody."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from bot.drafting import DraftFailed
from bot.operations.metrics import Metrics
from storage.engine.transaction import WriteTimes
from tests.bot.desk import Desk, make_draft
from tests.storage.stores import a_choice


def parse_numbers(metrics: Metrics) -> dict[str, float]:
    """`name{label=value}`: number."""
    text, content_type = metrics.render_exposition(in_flight=2, waiting=1, tasks=3)
    assert content_type.startswith("text/plain")
    return {
        sample.name + "".join(f"[{key}={value}]" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


async def test_what_happened_is_counted(desk: Desk) -> None:
    failed = DraftFailed("refused", attempts=3, latency_ms=10)
    entry = await desk.show(make_draft("one", attempts=2), "one", failed)
    desk.clock.tick(4)
    await desk.make_chooser().dismiss(desk.make_click(), entry.request.id)
    await desk.draft(failed)
    found = parse_numbers(desk.metrics)
    assert found["suggest_requests_total[outcome=drafted][surface=slash]"] == 1
    assert found["suggest_requests_total[outcome=failed][surface=slash]"] == 1
    by_outcome = {
        outcome: sum(
            value for name, value in found.items() if name.startswith(f"suggest_candidates_total[outcome={outcome}]")
        )
        for outcome in ("placed", "near_duplicate", "refused")
    }
    assert by_outcome == {"placed": 1, "near_duplicate": 1, "refused": 2}
    assert found["suggest_model_retries_total"] == 1 + 2 + 2
    assert (found["suggest_model_seconds_count"], found["suggest_model_seconds_sum"]) == (2, 2 * 0.812)
    assert (found["suggest_shown_seconds_count"], found["suggest_shown_seconds_sum"]) == (1, 2.0)
    assert found["suggest_choices_total[kind=dismissed]"] == 1
    assert found["suggest_decision_seconds_sum"] == 4.0
    assert (found["suggest_model_calls_in_flight"], found["suggest_model_calls_waiting"]) == (2, 1)


async def test_numbers_hold_no_text_no_id_no_name(desk: Desk) -> None:
    chosen = await desk.use_reply("Dear customer")
    text = desk.metrics.render_exposition(in_flight=0, waiting=0, tasks=0)[0].decode()
    entry = (await desk.store.entries())[0]
    for private in (
        "Dear",
        "Where is",
        "U1",
        "T1",
        "C1",
        "gpt",
        chosen.choice.id,
        entry.request.id,
        entry.candidates[0].id,
    ):
        assert private not in text


async def test_a_choice_whose_time_is_not_known_is_counted(desk: Desk) -> None:
    chosen = await desk.use_reply()
    desk.metrics.count_choice(replace(chosen.choice, decision_ms=None))
    found = parse_numbers(desk.metrics)
    assert (found["suggest_choices_total[kind=used]"], found["suggest_decision_seconds_count"]) == (2, 1)


def test_two_bots_in_one_process_count_apart() -> None:
    """Nothing is registered globally: a second bot in the same process, as in tests, does not clash."""
    one, other = Metrics(), Metrics()
    one.count_choice(a_choice())
    assert parse_numbers(one)["suggest_choices_total[kind=used]"] == 1
    assert "suggest_choices_total[kind=used]" not in parse_numbers(other)


def test_waits_of_writes_are_counted() -> None:
    metrics = Metrics()
    metrics.observe_write(WriteTimes(waited_s=0.5, flushed_s=0.25))
    found = parse_numbers(metrics)
    assert (found["suggest_write_wait_seconds_sum"], found["suggest_write_flush_seconds_sum"]) == (0.5, 0.25)
