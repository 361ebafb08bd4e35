"""Briefs for the tests, and drafters to give them to."""

import random
from typing import Any

from bot.drafting import Brief, Drafter, DraftFailed, FairLimiter, Models
from bot.playbook import load_playbook
from playground.model_server import Answer, Call, Hang, ModelDouble, build_default_text
from storage.records import Turn

PLAYBOOK = load_playbook(None)
MESSAGE = "My parcel arrived broken and I need it by Friday"


def build_brief(sample_index: int = 0, *, message: str = MESSAGE, **fields: Any) -> Brief:
    return Brief(
        playbook=PLAYBOOK,
        style=fields.pop("style", PLAYBOOK.styles[sample_index % 5]),
        model="gpt-4o-mini",
        conversation=(Turn(role="customer", text=message),),
        request_id="r1",
        sample_index=sample_index,
        **{"agent_id": "U1", **fields},
    )


def build_briefs(count: int = 3, **fields: Any) -> list[Brief]:
    """Briefs that the double can tell apart: `draft 0` and so on stands in the message."""
    return [build_brief(index, message=f"draft {index}!", **fields) for index in range(count)]


def build_drafter(model: ModelDouble, **changes: Any) -> Drafter:
    """A drafter on the double, whose pauses are short unless the server asks for more."""
    models = Models(base_url=model.base_url, api_key="sk-secret")
    return Drafter(
        changes.pop("models", models),
        limiter=changes.pop("limiter", FairLimiter(32)),
        rng=random.Random(7),
        **changes,
    )


def build_watchable_drafter(model: ModelDouble, **changes: Any) -> Drafter:
    """A drafter on the double as on a server that keeps thoughts apart: texts come as they are written."""
    models = Models(base_url=model.base_url, api_key="sk-secret")
    served: Any = models.get("gpt-4o-mini")
    served.has_separate_thoughts = True
    return build_drafter(model, models=models, **changes)


def answer_once_full(model: ModelDouble, limit: int) -> None:
    """No call is answered before `limit` are in flight; those beyond it have a moment to show themselves."""

    async def reply(call: Call) -> str:
        await model.wait_until(lambda: model.peak_in_flight >= limit)
        return build_default_text(call.texts)

    model.latency_s = 0.03
    model.script(reply)


def answer_one(model: ModelDouble, index: int, answer: Answer | str, *, of: int) -> None:
    """Draft `index` gets its answer once all `of` calls have arrived; the others hang."""

    async def reply(call: Call) -> Answer | str:
        if f"draft {index}!" not in call.prompt:
            return Hang()
        # A call cancelled while it still connects is not seen by the server, and anyio warns of it.
        await model.wait_calls(of)
        return answer

    model.script(reply)


async def draft_failing(drafter: Drafter, wanted: Brief) -> DraftFailed:
    [result] = await drafter.abatch([wanted], return_exceptions=True)
    assert isinstance(result, DraftFailed), result
    return result
