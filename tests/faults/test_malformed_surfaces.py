"""Payloads that Slack would never send, rightly signed, at the doors in threads, direct messages and modals."""

import asyncio
import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any

import pytest

from playground import Message, View
from tests.faults.agents import Agent
from tests.faults.bots import Scene
from tests.faults.conftest import SceneMaker
from tests.faults.test_malformed import AT_ONCE, Mutation, as_json, changed, mutations

EXAMPLES = 250
EVENTS = ("app_mention", "message")
KINDS = (*EVENTS, "shortcut", "anywhere", "pasted", "language", "use_candidate", "use_anyway", "steer_candidate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """Real payloads to change, around one thread with an open modal."""

    scene: Scene
    last: Message
    view: View
    candidate_id: str

    def payload(self, kind: str) -> dict[str, Any]:
        return json.loads(json.dumps(self._real(kind)))

    def _real(self, kind: str) -> dict[str, Any]:
        payloads, agent = self.scene.slack.payloads, self.scene.agent
        if kind in EVENTS:
            return payloads.build_event(self._event(kind))
        if kind == "shortcut":
            return payloads.build_message_shortcut(agent, self.last, "suggest_replies")
        if kind == "anywhere":
            return payloads.build_global_shortcut(agent, "suggest_anywhere")
        if kind == "pasted":
            return self._submission("paste_message", {"message": {"text": {"value": "Where?"}}, "hint": {"text": {}}})
        if kind == "language":
            chosen = {"selected_option": {"value": "de"}}
            return self._submission("steer_language", {"language": {"language": chosen}})
        click = json.loads(json.dumps(self.scene.slack.prepare_click(agent, self.view, "use_candidate").payload))
        [action] = click["actions"]
        if kind == "steer_candidate":
            del action["value"]
            action["selected_option"] = {"value": f"shorter:{self.candidate_id}"}
        action["action_id"] = kind
        return click

    def _event(self, kind: str) -> dict[str, Any]:
        slack = self.scene.slack
        event = {"type": kind, "user": self.scene.agent.id, "ts": slack.clock.ts(), "text": "Where is my order?"}
        if kind == "message":
            return {**event, "channel": slack.channels.dm.id, "channel_type": "im"}
        return {**event, "channel": self.last.channel_id, "thread_ts": self.last.thread_ts}

    def _submission(self, callback_id: str, values: dict[str, Any]) -> dict[str, Any]:
        submission = self.scene.slack.payloads.build_view_submission(self.scene.agent, self.view, {})
        view = {"callback_id": callback_id, "private_metadata": self.candidate_id, "state": {"values": values}}
        return {**submission, "view": {**submission["view"], **view}}


async def stocked(scene: Scene) -> Stock:
    slack = scene.slack
    first = slack.write(slack.people.stranger, slack.channels.support, "Where is my order?")
    last = slack.write(slack.people.stranger, slack.channels.support, "Hello?", thread_ts=first.ts)
    await slack.run_message_shortcut(scene.agent, last, "suggest_replies")
    view = await slack.wait_for_view(scene.agent, lambda view: "use_candidate" in json.dumps(view.blocks))
    found = re.search(r"shorter:([0-9a-f-]+)", json.dumps(view.blocks))
    assert found is not None
    return Stock(scene=scene, last=last, view=view, candidate_id=found[1])


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_signed_payloads_of_threads_and_modals_that_slack_never_sends(scenes: SceneMaker, engine: str) -> None:
    """No server error, no traceback, no record of what is none; then a good command works."""
    async with scenes(engine) as scene:
        await scene.start()
        stock = await stocked(scene)
        gate = asyncio.Semaphore(AT_ONCE)
        broken: list[str] = []

        async def send(mutation: Mutation) -> None:
            payload = stock.payload(mutation.kind)
            for change in mutation.changes:
                payload = changed(payload, change)
            async with gate:
                answer = await sent(scene, mutation.kind, as_json(payload))
                for _ in range(20):  # where the database is busy Slack is told so, and delivers it again
                    if answer.status != 503:
                        break
                    answer = await sent(scene, mutation.kind, as_json(payload))
            if answer.status >= 500 or "Traceback" in answer.text:
                broken.append(f"{mutation}: {answer.status} {answer.text[:200]}")

        await asyncio.gather(*map(send, mutations(EXAMPLES, KINDS)))
        assert not broken, f"{len(broken)}: " + "\n".join(broken[:5])
        assert "Traceback" not in scene.bot.errors
        await Agent(scene=scene).asks("Are you still there?")
        records = await scene.records()

    assert any(line["request"]["surface"] == "dm" for line in records.log)
    for line in records.log:
        request = line["request"]
        for name in ("team_id", "channel_id", "agent_id"):
            assert 0 < len(request[name]) <= 64
            assert "\x00" not in request[name]
        assert request["thread_ts"] is None or re.fullmatch(r"[0-9]+\.[0-9]+", request["thread_ts"])


async def sent(scene: Scene, kind: str, text: str) -> Any:
    if kind in EVENTS:
        return await scene.slack.send_raw(text.encode(errors="surrogatepass"), content_type="application/json")
    return await scene.slack.send_raw(urllib.parse.urlencode([("payload", text)], errors="surrogatepass").encode())
