"""Something wrong with the demonstration model, on demand."""

import pytest

from bot.drafting import DemonstrationModel, Drafter, DraftFailed, SingleModelSource
from bot.drafting.demonstration_faults import SLOWDOWN, FaultSimulator, SimulatedFault
from storage.records import DraftError
from tests.bot.drafting.briefs import build_brief


class Waits:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.mark.parametrize(("trouble", "error"), [("rate_limited", "rate_limited"), ("broken", "server_error")])
async def test_calls_fail_as_a_server_would_make_them_until_all_is_well(
    trouble: SimulatedFault, error: DraftError
) -> None:
    waits = Waits()
    simulator = FaultSimulator(sleep=waits.sleep)
    drafter = Drafter(
        SingleModelSource(DemonstrationModel(latency_s=1.0, sleep=simulator.wait_or_fail)), sleep=waits.sleep
    )
    simulator.current = trouble
    with pytest.raises(DraftFailed) as failed:
        await drafter.ainvoke(build_brief())
    assert (failed.value.error, failed.value.attempts) == (error, 3)
    simulator.current = None
    assert (await drafter.ainvoke(build_brief())).text


async def test_it_is_slower_when_it_is_to_be_slow() -> None:
    waits = Waits()
    simulator = FaultSimulator(sleep=waits.sleep)
    model = DemonstrationModel(latency_s=1.0, sleep=simulator.wait_or_fail)
    await Drafter(SingleModelSource(model)).ainvoke(build_brief())
    simulator.current = "slow"
    await Drafter(SingleModelSource(model)).ainvoke(build_brief())
    assert waits.seconds == [1.0, SLOWDOWN]
