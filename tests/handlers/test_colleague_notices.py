"""Two agents at one message at once: each is told that the other is at it."""

import asyncio
from dataclasses import replace

from playground import ErrorResponse
from tests.conftest import Stage, StageMaker


async def test_each_is_told_of_the_other(stage: Stage) -> None:
    """In their own languages, privately; the drafting of neither is held up."""
    colleague = stage.slack.change_user(stage.slack.people.colleague, locale="zh-TW")
    await stage.suggested("Where is my order?")
    await stage.suggest("Where is my order? // be brief", user=colleague)
    assert "<@U0COLLEAGUE> has just asked" in (await stage.private("has just asked")).text
    assert "<@U0AGENT> 剛才也為同一則訊息" in (await stage.private("剛才也為同一則訊息", user=colleague)).text
    await stage.candidates(user=colleague)
    assert len(stage.slack.ephemerals(stage.agent)) == 3, "the acknowledgement, the candidates, and this"


async def test_both_at_the_same_moment(stage: Stage) -> None:
    """At least one sees the other's request, and tells both."""
    colleague = stage.slack.people.colleague
    await asyncio.gather(stage.suggest("Where is it?"), stage.suggest("Where is it?", user=colleague))
    for user in (stage.agent, colleague):
        await stage.private("the same message", user=user)
        await stage.candidates(user=user)


async def test_nobody_is_told_of_other_messages_or_of_what_is_decided(stage: Stage) -> None:
    """Nor of one's own, nor of the same words in another channel."""
    colleague = stage.slack.people.colleague
    shown = await stage.suggested("Where is my order?")
    await stage.suggest("Where is my order?")
    await stage.suggest("Where is my refund?", user=colleague)
    await stage.slack.run_command(colleague, stage.slack.channels.backstage, "/suggest", "Where is my order?")
    await stage.slack.click(stage.agent, shown, "dismiss_request")
    again = await stage.slack.wait_for_ephemeral(stage.agent, lambda message: "use_candidate" in str(message.blocks))
    await stage.slack.click(stage.agent, again, "use_candidate")
    await stage.private("Sent in")
    await stage.suggest("Where is my order?", user=colleague)
    await stage.slack.wait_until_idle()
    await asyncio.gather(stage.candidates(user=colleague), stage.slack.wait_until_idle())
    told = [*stage.slack.ephemerals(stage.agent), *stage.slack.ephemerals(colleague)]
    assert not [message for message in told if "same message" in message.text]


async def test_the_first_who_cannot_be_told(stage_with: StageMaker) -> None:
    """The second one is all the same, and gets their replies."""
    async with stage_with() as stage:
        await stage.suggested("Where is my order?")
        stage.slack.state.response_urls = {
            key: replace(url, uses=5) for key, url in stage.slack.state.response_urls.items()
        }
        for method in ("chat.postEphemeral", "conversations.open"):
            stage.slack.faults.plan(method, ErrorResponse(error="user_not_in_channel"), times=2)
        await stage.suggest("Where is my order?", user=stage.slack.people.colleague)
        await stage.private("a moment ago", user=stage.slack.people.colleague)
        await stage.candidates(user=stage.slack.people.colleague)
