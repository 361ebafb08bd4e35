"""An agent as people are: who gets no answer looks again, and does it once more only where it was not done."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from playground import DispatchOutcome, Ephemeral
from tests.faults.bots import Scene

MESSAGE = "Where is my order?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Asserts at every step that what was acknowledged is recorded, and that whatever is recorded is told."""

    scene: Scene

    async def asks(self, text: str = MESSAGE) -> Ephemeral:
        """Types the command until there are candidates."""
        slack = self.scene.slack
        await self._does(
            lambda: slack.run_command(self.scene.agent, slack.channels.support, "/suggest", text),
            done=lambda line: [turn["text"] for turn in line["request"]["conversation"][:1]] == [text],
        )
        return await self.sees("use_candidate")

    async def uses(self, shown: Ephemeral) -> None:
        """Presses the first Use until the choice is recorded, and sees what became of the reply."""
        await self.presses(shown, "use_candidate", done=lambda line: line["choice"] is not None)
        await self._learns_of_the_reply()

    async def edits(self, shown: Ephemeral, text: str) -> None:
        """Opens the editor, and sends the reply as rewritten."""
        slack, agent = self.scene.slack, self.scene.agent
        while not slack.open_views(agent):
            await self.scene.revive()
            outcome = await slack.click(agent, shown, "edit_candidate")
            if outcome.acknowledged:
                await self.scene.seen(lambda: slack.open_views(agent) or not self.scene.bot.is_alive)
        await self._does(
            lambda: slack.submit(agent, slack.open_views(agent)[-1], {"reply": {"text": text}}),
            done=lambda line: line["choice"] is not None,
        )
        await self._learns_of_the_reply()

    async def redraws(self, shown: Ephemeral) -> Ephemeral:
        """Asks for others, and sees them."""
        await self.presses(shown, "redraft_request", done=lambda line: line["request"]["status"] == "redrafted")
        return await self.scene.seen(lambda: self.other_than(shown))

    def other_than(self, shown: Ephemeral) -> Ephemeral | None:
        """The newest message with candidates that are not these."""
        before = set(values(shown, "use_candidate"))
        return self._newest(lambda m: bool(set(values(m, "use_candidate")) - before))

    async def undoes(self) -> bool:
        """Takes the reply back; False where no confirmation with its Undo came, as the bot was killed before it."""
        confirmation = self._newest(lambda message: "undo_choice" in _all_of(message))
        if confirmation is None:
            assert len(self.scene.bots) > 1, self.scene.told()
            return False
        await self.presses(
            confirmation, "undo_choice", done=lambda line: any(e["type"] == "undone" for e in line["events"])
        )
        return True

    @property
    def knows_it_may_stand(self) -> bool:
        """Whether the agent was told that a reply taken back may still stand in the conversation."""
        told = [message.text for message in self.scene.slack.ephemerals(self.scene.agent)]
        return any("may have been posted already" in text for text in told) or "may still stand" in _all_of_all(
            self.scene.slack.ephemerals(self.scene.agent)
        )

    async def presses(self, shown: Ephemeral, action_id: str, *, done: Callable[[dict[str, Any]], bool]) -> None:
        await self._does(lambda: self.scene.slack.click(self.scene.agent, shown, action_id), done=done)

    async def sees(self, needle: str) -> Ephemeral:
        return await self.scene.seen(lambda: self._newest(lambda message: needle in _all_of(message)))

    async def _does(
        self, act: Callable[[], Awaitable[DispatchOutcome]], *, done: Callable[[dict[str, Any]], bool]
    ) -> None:
        """Acts; and again where that was not acknowledged, and is not recorded either."""
        for _ in range(3):
            outcome = await act()
            records = await self.scene.records()
            if outcome.acknowledged:
                assert any(map(done, records.log)), f"acknowledged, not recorded: {outcome.body}\n{self.scene.told()}"
                return
            await self.scene.seen(lambda: not self.scene.bot.is_alive)
            await self.scene.revive()
            if any(map(done, (await self.scene.records()).log)):
                return
        raise AssertionError(f"never taken: {self.scene.told()}")

    async def _learns_of_the_reply(self) -> None:
        """It stands in the conversation; or nobody knows, and the agent who does not find it there presses Post."""
        told = await self.scene.seen(
            lambda: self._newest(lambda m: _is_end(m.text)) or (not self.scene.bot.is_alive and "killed")
        )
        if told == "killed":
            told = await self._hears_after_the_restart()
        if told is None or "✓ Sent" in told.text or self.scene.replies():
            return
        await self.presses(
            told, "post_reply", done=lambda line: any(e["type"] in {"used", "edited"} for e in line["events"])
        )
        await self.sees("✓ Sent")

    async def _hears_after_the_restart(self) -> Ephemeral | None:
        """What is told of a reply; None where it is in the conversation for everybody to see, and recorded as that."""
        await self.scene.revive()
        while True:
            told = self._newest(lambda m: _is_end(m.text))
            records = await self.scene.records()
            is_done = bool(records.deliveries) and all(row["state"] == "done" for row in records.deliveries)
            if told is not None or (is_done and self.scene.replies()):
                return told
            await asyncio.sleep(0.02)

    def _newest(self, matches: Callable[[Ephemeral], bool]) -> Ephemeral | None:
        return next((m for m in self.scene.slack.ephemerals(self.scene.agent)[::-1] if matches(m)), None)


def values(message: Ephemeral, action_id: str) -> list[str]:
    """The values of a message's buttons, in their order."""
    elements = (element for block in message.blocks for element in block.get("elements", ()))
    return [element["value"] for element in elements if element.get("action_id") == action_id]


def _is_end(text: str) -> bool:
    return "✓ Sent" in text or "may have been posted already" in text


def _all_of_all(messages: list[Ephemeral]) -> str:
    return "\n".join(map(_all_of, messages))


def _all_of(message: Ephemeral) -> str:
    return json.dumps([message.text, message.blocks], ensure_ascii=False)
