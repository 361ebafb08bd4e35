"""Payloads that Slack would never send, though rightly signed: nothing breaks, nothing wrong is recorded."""

import asyncio
import json
import urllib.parse
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.text_limits import clean
from playground import Ephemeral, View
from tests.faults.agents import Agent, values
from tests.faults.bots import Scene
from tests.faults.conftest import SceneMaker

EXAMPLES = 400
AT_ONCE = 8
OPEN_REQUESTS = 6

Path = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is done to the `where`-th place of a payload."""

    where: int
    how: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A real payload of some kind, with some changes."""

    kind: str
    request: int
    changes: tuple[Change, ...]


class Nested:
    """Stands for arrays within arrays, too deep for a recursive reader."""


ODD_TEXTS = st.sampled_from(
    ["", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\u202e", "\u2028", "𐏿" * 40, "é" * 70, "-1", "null", "../..",
     "x" * 65, "x" * 256, "x" * 3_000, "x" * 200_000, "<!channel>", "U0AGENT", "T0PLAYGROUND", "use_candidate"]
)  # fmt: skip
VALUES = st.one_of(
    ODD_TEXTS,
    st.text(max_size=20),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just({"id": None}),
    st.just([{"action_id": "use_candidate"}]),
    st.builds(Nested),
)
CHANGES = st.builds(
    Change, where=st.integers(0, 10_000), how=st.sampled_from(["drop", "set", "set", "rename", "double"]), value=VALUES
)
KINDS = (
    "command", "use_candidate", "edit_candidate", "redraft_request", "dismiss_request", "dismiss_reason", "view",
)  # fmt: skip


def mutations(count: int, kinds: Sequence[str] = KINDS) -> list[Mutation]:
    """As many different ones, the same in each run."""
    found: list[Mutation] = []
    drawn = st.builds(
        Mutation,
        kind=st.sampled_from(kinds),
        request=st.integers(0, OPEN_REQUESTS - 1),
        changes=st.lists(CHANGES, min_size=1, max_size=3).map(tuple),
    )

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def collect(mutation: Mutation) -> None:
        found.append(mutation)

    collect()
    return found


def places(payload: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all fields, from the top down."""
    items = payload.items() if isinstance(payload, dict) else enumerate(payload) if isinstance(payload, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(payload: dict[str, Any], change: Change) -> dict[str, Any]:
    """The payload, itself changed."""
    paths = list(places(payload))
    if not paths:
        return payload
    *parents, key = paths[change.where % len(paths)]
    parent: Any = payload
    for step in parents:
        parent = parent[step]
    if change.how == "drop":
        del parent[key]
    elif change.how == "rename" and isinstance(parent, dict):
        parent[f"{key}_"] = parent.pop(key)
    elif change.how == "double" and isinstance(parent[key], str):
        parent[key] *= 2
    else:
        parent[key] = deepcopy(change.value)
    return payload


def encoded(mutation: Mutation, payload: dict[str, Any]) -> bytes:
    """The body as Slack would send it: a form, in which interactivity is JSON."""
    for change in mutation.changes:
        payload = changed(payload, change)
    if mutation.kind == "command":
        fields = [(name, value if isinstance(value, str) else str(value)) for name, value in payload.items()]
    else:
        fields = [("payload", as_json(payload))]
    return urllib.parse.urlencode(fields, errors="surrogatepass").encode()


def as_json(payload: dict[str, Any]) -> str:
    return json.dumps(payload, default=lambda _: "NESTED").replace('"NESTED"', "[" * 20_000 + "]" * 20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """Real payloads to change."""

    scene: Scene
    shown: list[Ephemeral]
    dismissed: Ephemeral
    view: View

    def payload(self, mutation: Mutation) -> dict[str, Any]:
        slack, agent = self.scene.slack, self.scene.agent
        if mutation.kind == "command":
            command = slack.prepare_command(agent, slack.channels.support, "/suggest", "Where is my order?")
            return dict(command.payload)
        if mutation.kind == "view":
            entered = {"reply": {"text": {"type": "plain_text_input", "value": "It leaves today."}}}
            return slack.payloads.build_view_submission(agent, self.view, entered)
        if mutation.kind == "dismiss_reason":
            click = slack.prepare_click(agent, self.dismissed, "undo_choice").payload
            option = {"text": {"type": "plain_text", "text": "Wrong tone"}, "value": "wrong_tone"}
            [action] = click["actions"]
            reason = {**action, "type": "static_select", "action_id": "dismiss_reason", "selected_option": option}
            return {**click, "actions": [reason]}
        payload = slack.prepare_click(agent, self.shown[mutation.request], mutation.kind).payload
        return json.loads(json.dumps(payload))


async def stocked(scene: Scene) -> Stock:
    """Some open requests, an open editor, and a dismissal whose reason may still be given."""
    slack, agent = scene.slack, Agent(scene=scene)
    shown = [await agent.asks(f"Question {n}?") for n in range(OPEN_REQUESTS + 1)]
    last = shown.pop()
    await slack.click(scene.agent, last, "edit_candidate")
    view = await slack.wait_for_view(scene.agent)
    await slack.click(scene.agent, last, "dismiss_request")
    return Stock(scene=scene, shown=shown, dismissed=await agent.sees("dismiss_reason"), view=view)


async def test_signed_payloads_that_slack_never_sends(scenes: SceneMaker) -> None:
    """400 of them: no server error, no traceback, no wrong record, no task that hangs; then a good command works."""
    async with scenes() as scene:
        await scene.start()
        stock = await stocked(scene)
        gate = asyncio.Semaphore(AT_ONCE)
        texts = {"Where is my order?", *(f"Question {n}?" for n in range(OPEN_REQUESTS + 1))}
        broken: list[str] = []

        async def send(mutation: Mutation) -> None:
            body = encoded(mutation, stock.payload(mutation))
            texts.update(clean(text).strip() for text in urllib.parse.parse_qs(body.decode()).get("text", ()))
            async with gate:
                answer = await scene.slack.send_raw(body)
            if answer.status >= 500 or "Traceback" in answer.text:
                broken.append(f"{mutation}: {answer.status} {answer.text[:200]}")

        await asyncio.gather(*map(send, mutations(EXAMPLES)))
        assert not broken, f"{len(broken)}: " + "\n".join(broken[:5])
        await Agent(scene=scene).asks("Are you still there?")
        records = await scene.settle()

    texts.add("Are you still there?")
    drafted = {c["id"]: c for line in records.log for c in line["candidates"]}
    for line in records.log:
        check(line, texts)
    chosen = [line["choice"] for line in records.log if line["choice"] and line["choice"]["kind"] != "dismissed"]
    for choice in chosen:
        rewritten = choice["final_text"] != drafted[choice["candidate_id"]]["text"]
        assert rewritten == (choice["kind"] == "edited")
    replies = sorted(text for text in scene.replies())
    assert len(replies) == len(records.deliveries) == len(chosen)
    assert all(values(message, "use_candidate") for message in stock.shown)


def check(line: dict[str, Any], texts: set[str]) -> None:
    """A record of something that was asked, by the one who asked."""
    request, choice = line["request"], line["choice"]
    said = request["conversation"][0]["text"]
    assert said in texts or any(text.startswith(said) for text in texts), repr(said[:100])
    assert request["status"] in {"shown", "redrafted"}
    assert choice is None or choice["agent_id"] == request["agent_id"]
    for name in ("team_id", "channel_id", "agent_id"):
        assert 0 < len(request[name]) <= 64
        assert "\x00" not in request[name]
    for event in line["events"]:
        assert event["agent_id"] == request["agent_id"], event


@pytest.mark.parametrize("kind", ["command", "payload"])
async def test_a_payload_of_half_a_megabyte(scenes: SceneMaker, kind: str) -> None:
    """Refused in words or as a bad request, at once."""
    async with scenes() as scene:
        await scene.start()
        name = "text" if kind == "command" else "payload"
        answer = await scene.slack.send_raw(f"{name}={'x' * 500_000}&command=/suggest".encode())
        assert answer.status < 500
        await scene.settle()
