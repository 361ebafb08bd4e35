"""Something wrong with the demonstration model, on demand."""

import pytest

from bot.drafting import DemonstrationModel, Drafter, DraftFailed, OneModel
from bot.drafting.demonstration_faults import SLOWER, Trouble, Troubles
from storage.records import DraftError
from tests.bot.drafting.briefs import brief


class Waits:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.mark.parametrize(("trouble", "error"), [("rate_limited", "rate_limited"), ("broken", "server_error")])
async def test_calls_fail_as_a_server_would_make_them_until_all_is_well(trouble: Trouble, error: DraftError) -> None:
    waits = Waits()
    troubles = Troubles(sleep=waits.sleep)
    drafter = Drafter(OneModel(DemonstrationModel(latency_s=1.0, sleep=troubles.think)), sleep=waits.sleep)
    troubles.now = trouble
    with pytest.raises(DraftFailed) as failed:
        await drafter.ainvoke(brief())
    assert (failed.value.error, failed.value.attempts) == (error, 3)
    troubles.now = None
    assert (await drafter.ainvoke(brief())).text


async def test_it_is_slower_when_it_is_to_be_slow() -> None:
    waits = Waits()
    troubles = Troubles(sleep=waits.sleep)
    model = DemonstrationModel(latency_s=1.0, sleep=troubles.think)
    await Drafter(OneModel(model)).ainvoke(brief())
    troubles.now = "slow"
    await Drafter(OneModel(model)).ainvoke(brief())
    assert waits.seconds == [1.0, SLOWER]
