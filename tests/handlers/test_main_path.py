"""From /suggest to a recorded, exported choice: the whole bot, through the workspace's strict doors."""

import json
import math

import pytest

from playground import ErrorResponse, find_mentions
from tests.conftest import Stage, StageMaker


@pytest.mark.parametrize("over", ["http", "socket"])
async def test_a_reply_is_used(stage_with: StageMaker, over: str) -> None:
    """One click: posted in the channel, confirmed privately, recorded; over signed HTTP and over Socket Mode."""
    async with stage_with(over=over) as stage:
        outcome = await stage.suggest("Where is my order?")
        assert "3 private replies are on their way" in json.dumps(outcome.body)
        shown = await stage.candidates()
        clicked = await stage.slack.click(stage.agent, shown, "use_candidate")
        assert clicked.acknowledged
        confirmation = await stage.private("Sent in")
        [line] = await stage.log()
        assert stage.replies() == [line["choice"]["final_text"]]
        assert confirmation.ts == shown.ts, "the confirmation takes the candidates' place"
        assert not stage.slack.journal.refusals()


async def test_the_log_holds_every_field_with_true_values(stage: Stage) -> None:
    """What was shown, in which order, how probable that was, what was chosen, how long it took."""
    shown = await stage.suggested("Where is my order? // be brief")
    await stage.slack.click(
        stage.agent, shown, "use_candidate", value=list_button_values(shown.blocks, "use_candidate")[1]
    )
    line = await stage.logged("shown", "used", "sent")
    request, candidates, choice = line["request"], line["candidates"], line["choice"]
    assert line["schema"] == "choice-log/1"
    assert request["conversation"] == [{"role": "customer", "text": "Where is my order?"}]
    assert request["hint"] == "be brief"
    assert (request["team_id"], request["channel_id"]) == (stage.slack.team_id, stage.slack.channels.support.id)
    assert (request["agent_id"], request["locale"]) == (stage.agent.id, stage.agent.locale)
    assert (request["surface"], request["status"], request["policy"]) == ("slash", "shown", "uniform")
    assert math.isclose(request["order_propensity"], 1 / 6)
    in_order = sorted(candidates, key=lambda candidate: candidate["position"])
    assert [candidate["id"] for candidate in in_order] == list_button_values(shown.blocks, "use_candidate")
    assert choice["visible_candidate_ids"] == [candidate["id"] for candidate in in_order]
    assert (choice["kind"], choice["candidate_id"]) == ("used", in_order[1]["id"])
    assert choice["final_text"] == in_order[1]["text"]
    assert choice["edit_similarity"] == 1.0
    for candidate in candidates:
        assert candidate["shown_at"] == request["shown_at"]
        assert math.isclose(candidate["first_propensity"], 1 / 3)
        assert math.isclose(candidate["inclusion_propensity"], 3 / 5)
        assert candidate["model"] == "gpt-4o-mini"
        assert candidate["model_returned"]
        assert candidate["prompt_tokens"] > 0
        assert candidate["completion_tokens"] > 0
        assert candidate["latency_ms"] >= 0
        assert (candidate["attempts"], candidate["finish_reason"], candidate["error"]) == (1, "stop", None)


async def test_a_reply_is_edited(stage: Stage) -> None:
    """The editor holds the text; what is submitted is posted, and recorded with its similarity."""
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "edit_candidate")
    view = await stage.slack.wait_for_view(stage.agent)
    assert view.callback_id == "edit_reply"
    await stage.slack.submit(stage.agent, view, {"reply": {"text": "It arrives *tomorrow* & that is sure."}})
    confirmation = await stage.private("with your edit")
    assert stage.replies() == ["It arrives *tomorrow* &amp; that is sure."]
    line = await stage.logged("shown", "edit_opened", "edited", "sent")
    assert line["choice"]["kind"] == "edited"
    assert line["choice"]["final_text"] == "It arrives *tomorrow* & that is sure."
    assert 0 < line["choice"]["edit_similarity"] < 1
    assert confirmation.ts == shown.ts


async def test_an_edit_submitted_unchanged_is_used(stage: Stage) -> None:
    """Looking at a reply in the editor is no edit."""
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "edit_candidate")
    await stage.slack.submit(stage.agent, await stage.slack.wait_for_view(stage.agent))
    await stage.private("Sent in")
    [line] = await stage.log()
    assert line["choice"]["kind"] == "used"


async def test_an_empty_edit_is_refused_in_the_editor(stage: Stage) -> None:
    """The editor stays open and says why; nothing is recorded."""
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "edit_candidate")
    view = await stage.slack.wait_for_view(stage.agent)
    outcome = await stage.slack.submit(stage.agent, view, {"reply": {"text": "   \n "}})
    assert outcome.body["response_action"] == "errors"
    assert list(outcome.body["errors"]) == ["reply"]
    assert (await stage.log())[0]["choice"] is None
    # the same view may be submitted again, with a text
    [view] = stage.slack.open_views(stage.agent)
    await stage.slack.submit(stage.agent, view, {"reply": {"text": "Better."}})
    await stage.private("with your edit")
    assert stage.replies() == ["Better."]


async def test_none_of_these_with_a_reason(stage: Stage) -> None:
    """Recorded at the click; the reason follows, and is optional."""
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "dismiss_request")
    asked = await stage.private("dismiss_reason")
    [line] = await stage.log()
    assert (line["choice"]["kind"], line["choice"]["reason"], line["choice"]["final_text"]) == ("dismissed", None, None)
    await stage.slack.select(stage.agent, asked, "dismiss_reason", "wrong_tone")
    await stage.private("Your reason is noted")
    [line] = await stage.log()
    assert line["choice"]["reason"] == "wrong_tone"
    assert stage.replies() == []


async def test_more_like_these(stage: Stage) -> None:
    """A redraft closes its parent and brings other candidates, in the place of the first."""
    shown = await stage.suggested("Where is my order? // be brief")
    await stage.slack.click(stage.agent, shown, "redraft_request")
    first_ids = set(list_button_values(shown.blocks, "use_candidate"))
    again = await stage.slack.wait_for_ephemeral(
        stage.agent, lambda message: bool(set(list_button_values(message.blocks, "use_candidate")) - first_ids)
    )
    assert again.ts == shown.ts
    parent, child = await stage.log()
    assert (parent["request"]["status"], parent["choice"]) == ("redrafted", None)
    assert child["request"]["parent_request_id"] == parent["request"]["id"]
    assert child["request"]["hint"] == "be brief"
    assert "redrafted" in [event["type"] for event in parent["events"]]
    assert all(text["text"] in stage.model.calls[-1].prompt for text in parent["candidates"]), "told what was shown"
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("closed already")


async def test_undo_takes_the_reply_back(stage: Stage) -> None:
    """The posted message is deleted, the request is open again in the same order, and the log keeps what was undone."""
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "use_candidate")
    confirmation = await stage.private("undo_choice")
    await stage.slack.click(stage.agent, confirmation, "undo_choice")
    reopened = await stage.private("Undone")
    assert stage.replies() == []
    assert list_button_values(reopened.blocks, "use_candidate") == list_button_values(shown.blocks, "use_candidate")
    [line] = await stage.log()
    assert line["choice"] is None
    undone = next(event for event in line["events"] if event["type"] == "undone")
    assert undone["data"]["choice"]["kind"] == "used"
    third = list_button_values(reopened.blocks, "use_candidate")[2]
    await stage.slack.click(stage.agent, reopened, "use_candidate", value=third)
    await stage.private("Sent in")
    assert len(stage.replies()) == 1


@pytest.mark.parametrize("words", ["last", "", "help"])
async def test_the_last_open_request_again(stage: Stage, words: str) -> None:
    """After a reload the candidates are gone from Slack; the database has them, in the same places."""
    shown = await stage.suggested()
    stage.slack.reload(stage.agent)
    await stage.suggest(words)
    again = await stage.candidates()
    assert list_button_values(again.blocks, "use_candidate") == list_button_values(shown.blocks, "use_candidate")
    await stage.logged("shown", "shown")
    await stage.slack.click(stage.agent, again, "use_candidate")
    await stage.private("Sent in")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("last", "no open request"),
        ("help", "/suggest last"),
        ("", "/suggest last"),
        ("export", "Only admins"),
        ("pause", "Only admins"),
        ("resume", "Only admins"),
    ],
)
async def test_single_words_are_subcommands(stage: Stage, words: str, told: str) -> None:
    """Exactly these words; nothing is drafted."""
    outcome = await stage.suggest(words)
    assert told in json.dumps(outcome.body)
    assert await stage.log() == []


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("HELP", "/suggest last"),
        ("Help.", "/suggest last"),
        ("last.", "no open request"),
        ("LAST", "no open request"),
        ("Last。", "no open request"),
        ("Export", "Only admins"),
        ("Pause", "Only admins"),
        ("RESUME.", "Only admins"),
        ("`pause`", "Only admins"),
        ("*Pause.*", "Only admins"),
        ("\u201cresume.\u201d", "Only admins"),
        ("\u200bpa\u00aduse\u2060", "Only admins"),
        ("\uff30\uff41\uff55\uff53\uff45", "Only admins"),
    ],
)
async def test_subcommands_may_be_written_as_phones_write_them(stage: Stage, typed: str, told: str) -> None:
    """A capital first, or all capitals; a full stop behind; in quotes, in a format, in full width."""
    outcome = await stage.suggest(typed)
    assert told in json.dumps(outcome.body)
    assert await stage.log() == []


@pytest.mark.parametrize(
    ("delivered", "typed"),
    [
        ("S&amp;M shoes &lt; 20 EUR", "S&M shoes < 20 EUR"),
        ("Is 3 &gt; 2? // less than &lt;5 words", "Is 3 > 2?"),
        ("I typed &amp;lt; and &amp;amp;", "I typed &lt; and &amp;"),
        ("&quot; &copy; &#38; stay", "&quot; &copy; &#38; stay"),
        ("plain & simple <3", "plain & simple <3"),
    ],
)
async def test_slacks_entities_are_the_characters_that_were_typed(stage: Stage, delivered: str, typed: str) -> None:
    """Before the model, the agent and the log; each once."""
    shown = await stage.suggested(delivered)
    [line] = await stage.log()
    assert line["request"]["conversation"][0]["text"] == typed
    assert json.dumps(typed, ensure_ascii=False)[1:-1] in json.dumps(shown.blocks, ensure_ascii=False)


@pytest.mark.parametrize("text", ["Help me", "help!", "last one", "..", "where is my last order"])
async def test_anything_else_is_the_customers_message(stage: Stage, text: str) -> None:
    """A customer may well begin with the word help."""
    await stage.suggested(text)
    [line] = await stage.log()
    assert line["request"]["conversation"][0]["text"] == text


async def test_every_draft_goes_out_once(stage: Stage) -> None:
    """K model calls for K candidates, styles drawn without replacement, the customer's message in each prompt."""
    await stage.suggested("Where is parcel 4711?")
    assert stage.model.total == 3
    assert all("Where is parcel 4711?" in call.prompt for call in stage.model.calls)
    [line] = await stage.log()
    assert len({candidate["style"] for candidate in line["candidates"]}) == 3


@pytest.mark.parametrize(("name", "over"), [("Arthur <!channel> F.", "chat.postMessage"), ("Zoë Q.", "response_url")])
async def test_a_reply_bears_the_agents_name(stage: Stage, name: str, over: str) -> None:
    """As the bot, whose name Slack shows, with the agent's over the reply: nobody is made to look like its author."""
    agent = stage.slack.change_user(stage.agent, real_name=name)
    if over == "response_url":
        stage.slack.faults.plan("chat.postMessage", ErrorResponse(error="not_in_channel"))
    shown = await stage.suggested()
    await stage.slack.click(agent, shown, "use_candidate")
    posted = await stage.slack.wait_for_message(stage.slack.channels.support)
    assert (posted.user_id, posted.username) == (stage.slack.bot_user_id, None)
    assert posted.blocks[0]["elements"] == [{"type": "plain_text", "text": name, "emoji": False}]
    assert not find_mentions(posted)
    assert name not in posted.text, "the reply alone is what a thread holds"


async def test_a_reply_is_posted_without_a_name_that_slack_does_not_tell(stage: Stage) -> None:
    """The reply is what matters."""
    stage.slack.faults.plan("users.info", ErrorResponse(error="fatal_error"), times=3)
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "use_candidate")
    posted = await stage.slack.wait_for_message(stage.slack.channels.support)
    assert [block["type"] for block in posted.blocks] == ["rich_text"]


async def test_copy_instead_of_post(stage_with: StageMaker) -> None:
    """With SUGGEST_ON_USE=copy nothing is posted: the text is shown to be copied."""
    async with stage_with(suggest_on_use="copy") as stage:
        shown = await stage.suggested()
        await stage.slack.click(stage.agent, shown, "use_candidate")
        confirmation = await stage.private("to copy")
        [line] = await stage.log()
        assert line["choice"]["final_text"] in json.dumps(confirmation.blocks, ensure_ascii=False)
        assert stage.replies() == []


async def test_nobody_is_pinged_by_the_confirmation(stage: Stage) -> None:
    """No message of ours has a live mention."""
    shown = await stage.suggested("<!channel> <@U1> please // <!here>")
    assert not find_mentions(shown)
    await stage.slack.click(stage.agent, shown, "use_candidate")
    assert not find_mentions(await stage.private("Sent in"))


def list_button_values(blocks: tuple[dict, ...], action_id: str) -> list[str]:
    return [
        element["value"]
        for block in blocks
        for element in block.get("elements", ())
        if element.get("action_id") == action_id
    ]
