"""The Web API against slack_sdk's own client."""

from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground import AppConfig, Workspace, find_mentions
from tests.playground.blocks import Json, modal, section, text_input


async def read_refusal(call: Any) -> str:
    """The error code by which Slack refuses this call."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


def grant_scopes(*scopes: str) -> AppConfig:
    return replace(AppConfig(), bot_scopes=frozenset(scopes))


# --- tokens and scopes -------------------------------------------------------------------------


async def test_auth_test_tells_who_and_with_which_scopes(slack: Workspace, client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert (answer["team_id"], answer["user_id"]) == (slack.team_id, slack.bot_user_id)
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_a_call_without_a_token(slack: Workspace) -> None:
    assert await read_refusal(AsyncWebClient(base_url=slack.api_url).auth_test()) == "not_authed"


async def test_a_wrong_token(slack: Workspace) -> None:
    assert await read_refusal(AsyncWebClient(token="xoxb-wrong", base_url=slack.api_url).auth_test()) == "invalid_auth"


async def test_the_token_of_a_removed_app(slack: Workspace, client: AsyncWebClient) -> None:
    slack.state.refuse_token(slack.bot_token)
    assert await read_refusal(client.auth_test()) == "account_inactive"


async def test_an_app_token_where_a_bot_token_is_needed(slack: Workspace) -> None:
    client = AsyncWebClient(token=slack.app_token, base_url=slack.api_url)
    assert await read_refusal(client.chat_postMessage(channel="C0SUPPORT", text="x")) == "not_allowed_token_type"


async def test_a_bot_token_where_an_app_token_is_needed(slack: Workspace, client: AsyncWebClient) -> None:
    assert await read_refusal(client.apps_connections_open(app_token=slack.bot_token)) == "not_allowed_token_type"


async def test_an_unknown_method(client: AsyncWebClient) -> None:
    assert await read_refusal(client.api_call("chat.shout")) == "unknown_method"


async def test_a_missing_scope_names_what_is_needed_and_provided() -> None:
    async with Workspace.start(config=grant_scopes("commands", "im:write")) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel="C0SUPPORT", text="x")
    assert caught.value.response["error"] == "missing_scope"
    assert caught.value.response["needed"] == "chat:write"
    assert caught.value.response["provided"] == "commands,im:write"


async def test_history_needs_the_scope_of_the_channels_kind() -> None:
    async with Workspace.start(config=grant_scopes("channels:history")) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        assert (await client.conversations_history(channel="C0SUPPORT"))["ok"]
        assert await read_refusal(client.conversations_history(channel="G0BACKSTAGE")) == "missing_scope"
        assert await read_refusal(client.conversations_info(channel="C0SUPPORT")) == "missing_scope"


# --- posting -----------------------------------------------------------------------------------


async def test_a_post_is_in_the_history_with_its_blocks(slack: Workspace, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0SUPPORT", text="hello", blocks=[section("hello")])
    history = await client.conversations_history(channel="C0SUPPORT")
    assert history["messages"][0]["ts"] == posted["ts"]
    assert history["messages"][0]["blocks"][0]["text"]["text"] == "hello"
    assert history["messages"][0]["blocks"][0]["block_id"]
    assert slack.messages(slack.channels.support)[0].bot_id


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0NOWHERE", "channel_not_found"),
        ("G0VAULT", "channel_not_found"),
        ("C0ATTIC", "is_archived"),
        ("C0NOTICES", "restricted_action"),
    ],
)
async def test_where_the_bot_may_not_post(client: AsyncWebClient, channel: str, error: str) -> None:
    assert await read_refusal(client.chat_postMessage(channel=channel, text="x")) == error


async def test_public_channels_from_outside_need_their_own_scope(client: AsyncWebClient) -> None:
    assert (await client.chat_postMessage(channel="C0LOBBY", text="x"))["ok"]
    async with Workspace.start(config=grant_scopes("chat:write")) as slack:
        narrow = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        assert await read_refusal(narrow.chat_postMessage(channel="C0LOBBY", text="x")) == "not_in_channel"


async def test_a_persons_id_means_the_direct_message(slack: Workspace, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="U0AGENT", text="x")
    opened = await client.conversations_open(users="U0AGENT")
    assert posted["channel"] == opened["channel"]["id"] == slack.channels.dm.id


async def test_direct_messages_need_the_messages_tab() -> None:
    async with Workspace.start(config=replace(AppConfig(), messages_tab=False)) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        for channel in ("U0AGENT", "D0AGENT"):
            assert await read_refusal(client.chat_postMessage(channel=channel, text="x")) == "messages_tab_disabled"


async def test_a_channels_name_will_do(client: AsyncWebClient) -> None:
    assert (await client.chat_postMessage(channel="#support-invented", text="x"))["channel"] == "C0SUPPORT"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({}, "no_text"),
        ({"text": "  "}, "no_text"),
        ({"text": "", "blocks": []}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": [section("")]}, "invalid_blocks"),
        ({"text": "x", "blocks": "{not json"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": [section("x" * 3000)] * 4 + [section("x")]}, "msg_blocks_too_long"),
        ({"text": "x", "thread_ts": "1.2"}, "thread_not_found"),
        ({"text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
        ({"markdown_text": " "}, "no_text"),
        ({"text": 7}, "invalid_arguments"),
        ({"text": "x", "blocks": {}}, "invalid_blocks_format"),
        ({"text": "x", "channel": ""}, "invalid_arguments"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
    ],
)
async def test_messages_that_slack_refuses(client: AsyncWebClient, message: Json, error: str) -> None:
    body = {"channel": "C0SUPPORT", **message}
    assert await read_refusal(client.api_call("chat.postMessage", json=body)) == error


async def test_refused_blocks_say_where_and_why(client: AsyncWebClient, slack: Workspace) -> None:
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0SUPPORT", text="x", blocks=[section("x" * 3001)])
    expected = "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert caught.value.response["response_metadata"]["messages"] == [expected]
    assert [entry.error for entry in slack.journal.refusals()] == ["invalid_blocks"]


async def test_the_longest_message_that_slack_takes(client: AsyncWebClient) -> None:
    blocks = [*[section("x" * 3000)] * 3, section("x" * 2000)]
    assert (await client.chat_postMessage(channel="C0SUPPORT", text="x" * 40_000, blocks=blocks))["ok"]


async def test_forms_are_read_like_json(slack: Workspace) -> None:
    form = {"token": slack.bot_token, "channel": "C0SUPPORT", "text": "x", "blocks": '[{"type": "divider"}]'}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.api_url}chat.postMessage", data=form) as answer,
    ):
        assert (await answer.json())["ok"]
    assert slack.messages(slack.channels.support)[0].blocks[0]["type"] == "divider"
    assert "token" not in slack.journal.calls("chat.postMessage")[0]


async def test_posting_under_another_name_needs_its_scope(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0SUPPORT", text="x", username="Ada Invented")
    assert posted["message"]["username"] == "Ada Invented"
    async with Workspace.start(config=grant_scopes("chat:write")) as slack:
        narrow = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        call = narrow.chat_postMessage(channel="C0SUPPORT", text="x", username="Ada Invented")
        assert await read_refusal(call) == "missing_scope"


async def test_a_user_token_posts_as_the_person(slack: Workspace) -> None:
    token = slack.issue_user_token(slack.people.agent)
    client = AsyncWebClient(token=token.value, base_url=slack.api_url)
    posted = await client.chat_postMessage(channel="C0SUPPORT", text="x")
    assert posted["message"]["user"] == "U0AGENT"


# --- threads, updates, deletions ---------------------------------------------------------------


async def test_a_thread_is_read_oldest_first_and_page_by_page(slack: Workspace, client: AsyncWebClient) -> None:
    first = slack.write(slack.people.agent, slack.channels.support, "first")
    for text in ("second", "third"):
        await client.chat_postMessage(channel="C0SUPPORT", text=text, thread_ts=first.ts)
    pages = await client.conversations_replies(channel="C0SUPPORT", ts=first.ts, limit=2)
    messages = [message async for page in pages for message in page["messages"]]
    assert [message["text"] for message in messages] == ["first", "second", "third"]
    assert messages[0]["reply_count"] == 2
    history = await client.conversations_history(channel="C0SUPPORT")
    assert [message["text"] for message in history["messages"]] == ["first"]


async def test_a_reply_to_a_reply_joins_the_thread(slack: Workspace, client: AsyncWebClient) -> None:
    first = slack.write(slack.people.agent, slack.channels.support, "first")
    reply = await client.chat_postMessage(channel="C0SUPPORT", text="second", thread_ts=first.ts)
    third = await client.chat_postMessage(channel="C0SUPPORT", text="third", thread_ts=reply["ts"])
    assert third["message"]["thread_ts"] == first.ts


async def test_history_between_two_times(slack: Workspace, client: AsyncWebClient) -> None:
    one, two, three = (slack.write(slack.people.agent, slack.channels.support, text) for text in ("1", "2", "3"))
    between = await client.conversations_history(channel="C0SUPPORT", oldest=one.ts, latest=three.ts)
    assert [message["ts"] for message in between["messages"]] == [two.ts]
    all_three = await client.conversations_history(channel="C0SUPPORT", oldest=one.ts, latest=three.ts, inclusive=True)
    assert len(all_three["messages"]) == 3


async def test_replies_of_no_thread(client: AsyncWebClient) -> None:
    assert await read_refusal(client.conversations_replies(channel="C0SUPPORT", ts="1.2")) == "thread_not_found"


async def test_an_update_keeps_the_blocks_unless_it_brings_some(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0SUPPORT", text="old", blocks=[section("old")])
    kept = await client.chat_update(channel="C0SUPPORT", ts=posted["ts"], text="new")
    assert kept["message"]["blocks"]
    assert kept["message"]["edited"]["user"] == "U0SUGGEST"
    emptied = await client.chat_update(channel="C0SUPPORT", ts=posted["ts"], text="new", blocks=[])
    assert "blocks" not in emptied["message"]


async def test_markdown_text_is_the_whole_message(slack: Workspace, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0SUPPORT", markdown_text="**bold**")
    assert slack.messages(slack.channels.support)[0].text == "**bold**"


async def test_an_archived_channels_messages_stay_as_they_are(slack: Workspace, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0SUPPORT", text="x"))["ts"]
    slack.change_channel(slack.channels.support, is_archived=True)
    assert await read_refusal(client.chat_update(channel="C0SUPPORT", ts=ts, text="y")) == "is_archived"


async def test_limits_and_cursors_that_are_none(client: AsyncWebClient) -> None:
    assert await read_refusal(client.conversations_members(channel="C0SUPPORT", cursor="x")) == "invalid_cursor"
    call = client.api_call("conversations.members", params={"channel": "C0SUPPORT", "limit": "many"})
    assert await read_refusal(call) == "invalid_limit"


async def test_an_updates_text_has_its_own_limit(client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0SUPPORT", text="old"))["ts"]
    assert (await client.chat_update(channel="C0SUPPORT", ts=ts, text="x" * 4_000))["ok"]
    assert await read_refusal(client.chat_update(channel="C0SUPPORT", ts=ts, text="x" * 4_001)) == "msg_too_long"


async def test_only_the_bots_own_messages_can_be_changed(slack: Workspace, client: AsyncWebClient) -> None:
    theirs = slack.write(slack.people.agent, slack.channels.support, "mine")
    assert await read_refusal(client.chat_update(channel="C0SUPPORT", ts=theirs.ts, text="x")) == "cant_update_message"
    assert await read_refusal(client.chat_delete(channel="C0SUPPORT", ts=theirs.ts)) == "cant_delete_message"


async def test_a_deleted_message_is_gone(slack: Workspace, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0SUPPORT", text="x"))["ts"]
    assert (await client.chat_getPermalink(channel="C0SUPPORT", message_ts=ts))["permalink"]
    await client.chat_delete(channel="C0SUPPORT", ts=ts)
    assert slack.messages(slack.channels.support) == []
    assert await read_refusal(client.chat_delete(channel="C0SUPPORT", ts=ts)) == "message_not_found"
    assert await read_refusal(client.chat_getPermalink(channel="C0SUPPORT", message_ts=ts)) == "message_not_found"


# --- ephemerals --------------------------------------------------------------------------------


async def test_an_ephemeral_is_seen_by_one_person_until_a_reload(slack: Workspace, client: AsyncWebClient) -> None:
    await client.chat_postEphemeral(channel="C0SUPPORT", user="U0AGENT", text="for you")
    assert [ephemeral.text for ephemeral in slack.ephemerals(slack.people.agent)] == ["for you"]
    assert slack.ephemerals(slack.people.colleague) == []
    assert slack.messages(slack.channels.support) == []
    slack.reload(slack.people.agent)
    assert slack.ephemerals(slack.people.agent) == []


async def test_an_ephemeral_cannot_be_updated_or_deleted(client: AsyncWebClient) -> None:
    ts = (await client.chat_postEphemeral(channel="C0SUPPORT", user="U0AGENT", text="x"))["message_ts"]
    assert await read_refusal(client.chat_update(channel="C0SUPPORT", ts=ts, text="y")) == "message_not_found"
    assert await read_refusal(client.chat_delete(channel="C0SUPPORT", ts=ts)) == "message_not_found"


@pytest.mark.parametrize(
    ("channel", "user", "error"),
    [
        ("C0LOBBY", "U0AGENT", "not_in_channel"),
        ("G0VAULT", "U0AGENT", "channel_not_found"),
        ("G0BACKSTAGE", "U0GUEST", "user_not_in_channel"),
        ("C0ATTIC", "U0AGENT", "is_archived"),
    ],
)
async def test_where_no_ephemeral_can_go(client: AsyncWebClient, channel: str, user: str, error: str) -> None:
    assert await read_refusal(client.chat_postEphemeral(channel=channel, user=user, text="x")) == error


async def test_an_ephemeral_in_a_thread_without_replies_is_shown_to_nobody(
    slack: Workspace, client: AsyncWebClient
) -> None:
    first = slack.write(slack.people.agent, slack.channels.support, "first")
    post = {"channel": "C0SUPPORT", "user": "U0AGENT", "text": "x", "thread_ts": first.ts}
    await client.chat_postEphemeral(**post)
    assert slack.ephemerals(slack.people.agent) == []
    slack.write(slack.people.colleague, slack.channels.support, "second", thread_ts=first.ts)
    await client.chat_postEphemeral(**post)
    assert slack.ephemerals(slack.people.agent)[0].thread_ts == first.ts


# --- views -------------------------------------------------------------------------------------


async def test_a_trigger_opens_one_modal(slack: Workspace, client: AsyncWebClient) -> None:
    trigger = slack.state.issue_trigger("U0AGENT").id
    opened = await client.views_open(trigger_id=trigger, view=modal())
    assert [view.id for view in slack.open_views(slack.people.agent)] == [opened["view"]["id"]]
    assert opened["view"]["root_view_id"] == opened["view"]["id"]
    assert await read_refusal(client.views_open(trigger_id=trigger, view=modal())) == "exchanged_trigger_id"


async def test_a_trigger_lives_three_seconds(slack: Workspace, client: AsyncWebClient) -> None:
    trigger = slack.state.issue_trigger("U0AGENT").id
    slack.clock.advance(3.5)
    assert await read_refusal(client.views_open(trigger_id=trigger, view=modal())) == "expired_trigger_id"


async def test_an_invented_trigger(client: AsyncWebClient) -> None:
    assert await read_refusal(client.views_open(trigger_id="1.2.3", view=modal())) == "invalid_trigger_id"
    assert await read_refusal(client.views_open(view=modal(), trigger_id="")) == "invalid_arguments"


async def test_a_refused_view_leaves_the_trigger_unused(slack: Workspace, client: AsyncWebClient) -> None:
    trigger = slack.state.issue_trigger("U0AGENT").id
    with pytest.raises(SlackApiError) as caught:
        await client.views_open(trigger_id=trigger, view=modal(title={"type": "plain_text", "text": "x" * 25}))
    assert caught.value.response["error"] == "invalid_arguments"
    assert "/view/title/text" in caught.value.response["response_metadata"]["messages"][0]
    assert (await client.views_open(trigger_id=trigger, view=modal()))["ok"]


async def test_an_update_needs_the_current_hash(slack: Workspace, client: AsyncWebClient) -> None:
    trigger = slack.state.issue_trigger("U0AGENT").id
    view = (await client.views_open(trigger_id=trigger, view=modal()))["view"]
    fresh = (await client.views_update(view_id=view["id"], hash=view["hash"], view=modal(section("new"))))["view"]
    assert fresh["hash"] != view["hash"]
    stale = client.views_update(view_id=view["id"], hash=view["hash"], view=modal())
    assert await read_refusal(stale) == "hash_conflict"
    assert (await client.views_update(view_id=view["id"], view=modal()))["ok"]


async def test_an_update_of_a_closed_modal(slack: Workspace, client: AsyncWebClient) -> None:
    trigger = slack.state.issue_trigger("U0AGENT").id
    view = (await client.views_open(trigger_id=trigger, view=modal()))["view"]
    await slack.close_view(slack.people.agent, await slack.wait_for_view(slack.people.agent))
    assert await read_refusal(client.views_update(view_id=view["id"], view=modal())) == "not_found"
    assert await read_refusal(client.views_update(view_id="V1", view=modal())) == "not_found"


async def test_an_update_by_external_id(slack: Workspace, client: AsyncWebClient) -> None:
    trigger = slack.state.issue_trigger("U0AGENT").id
    await client.views_open(trigger_id=trigger, view=modal(external_id="mine"))
    again = slack.state.issue_trigger("U0COLLEAGUE").id
    taken = client.views_open(trigger_id=again, view=modal(external_id="mine"))
    assert await read_refusal(taken) == "duplicate_external_id"
    assert (await client.views_update(external_id="mine", view=modal(section("new"))))["ok"]


async def test_three_modals_at_most(slack: Workspace, client: AsyncWebClient) -> None:
    def trigger() -> str:
        return slack.state.issue_trigger("U0AGENT").id

    await client.views_open(trigger_id=trigger(), view=modal())
    for _ in range(2):
        await client.views_push(trigger_id=trigger(), view=modal())
    assert await read_refusal(client.views_push(trigger_id=trigger(), view=modal())) == "push_limit_reached"
    stack = slack.open_views(slack.people.agent)
    assert [view.previous_id for view in stack] == [None, stack[0].id, stack[1].id]


async def test_a_home_tab_is_published_and_replaced(slack: Workspace, client: AsyncWebClient) -> None:
    first = await client.views_publish(user_id="U0AGENT", view={"type": "home", "blocks": [section("one")]})
    assert slack.home(slack.people.agent).blocks[0]["text"]["text"] == "one"  # type: ignore[union-attr]
    second = {"type": "home", "blocks": [section("two")]}
    await client.views_publish(user_id="U0AGENT", hash=first["view"]["hash"], view=second)
    stale = client.views_publish(user_id="U0AGENT", hash=first["view"]["hash"], view=second)
    assert await read_refusal(stale) == "hash_conflict"
    assert await read_refusal(client.views_publish(user_id="U1", view=second)) == "user_not_found"
    assert await read_refusal(client.views_publish(user_id="U0AGENT", view=modal())) == "invalid_arguments"


async def test_a_home_tab_that_the_manifest_does_not_have() -> None:
    async with Workspace.start(config=replace(AppConfig(), home_tab=False)) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        assert await read_refusal(client.views_publish(user_id="U0AGENT", view={})) == "not_enabled"


async def test_inputs_are_required_to_have_a_submit(slack: Workspace, client: AsyncWebClient) -> None:
    view = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": [text_input()]}
    trigger = slack.state.issue_trigger("U0AGENT").id
    assert await read_refusal(client.views_open(trigger_id=trigger, view=view)) == "invalid_arguments"


# --- people, channels, files -------------------------------------------------------------------


async def test_a_locale_is_told_on_request_only(client: AsyncWebClient) -> None:
    assert "locale" not in (await client.users_info(user="U0COLLEAGUE"))["user"]
    colleague = (await client.users_info(user="U0COLLEAGUE", include_locale=True))["user"]
    assert (colleague["locale"], colleague["tz"]) == ("de-DE", "Europe/Berlin")


@pytest.mark.parametrize(
    ("user", "flag"),
    [("U0ADMIN", "is_admin"), ("U0GUEST", "is_restricted"), ("U0SUGGEST", "is_bot")],
)
async def test_what_users_info_tells_of_people(client: AsyncWebClient, user: str, flag: str) -> None:
    assert (await client.users_info(user=user))["user"][flag] is True
    assert not (await client.users_info(user="U0AGENT"))["user"].get(flag)


async def test_strangers_are_told_apart_by_their_team(slack: Workspace, client: AsyncWebClient) -> None:
    """Slack's `is_stranger` is true only of people who share no channel with the app."""
    told = (await client.users_info(user="U0STRANGER"))["user"]
    assert (told["is_stranger"], told["team_id"]) == (False, "T0ELSEWHERE")
    slack.change_channel(slack.channels.support, members=slack.channels.support.members - {"U0STRANGER"})
    assert (await client.users_info(user="U0STRANGER"))["user"]["is_stranger"] is True


async def test_guests_and_deactivated_people(slack: Workspace, client: AsyncWebClient) -> None:
    slack.change_user(slack.people.guest, is_restricted=False, is_ultra_restricted=True)
    told = (await client.users_info(user="U0GUEST"))["user"]
    assert (told["is_restricted"], told["is_ultra_restricted"]) == (True, True)
    slack.change_user(slack.people.guest, deleted=True)
    told = (await client.users_info(user="U0GUEST"))["user"]
    assert told["deleted"] is True
    assert "is_restricted" not in told


async def test_who_is_unknown(client: AsyncWebClient) -> None:
    assert await read_refusal(client.users_info(user="U1")) == "user_not_found"
    assert await read_refusal(client.usergroups_users_list(usergroup="S1")) == "no_such_subteam"
    assert await read_refusal(client.conversations_open(users="U1")) == "user_not_found"


async def test_members_of_channels_and_groups(client: AsyncWebClient) -> None:
    assert "U0AGENT" in (await client.conversations_members(channel="C0SUPPORT"))["members"]
    assert (await client.usergroups_users_list(usergroup="S0LEADS"))["users"] == ["U0ADMIN", "U0COLLEAGUE"]


async def test_what_a_channel_is(client: AsyncWebClient) -> None:
    support = (await client.conversations_info(channel="C0SUPPORT"))["channel"]
    assert (support["is_member"], support["is_private"], support["is_ext_shared"]) == (True, False, True)
    assert (await client.conversations_info(channel="D0AGENT"))["channel"]["user"] == "U0AGENT"
    assert await read_refusal(client.conversations_info(channel="G0VAULT")) == "channel_not_found"
    assert await read_refusal(client.conversations_history(channel="C0LOBBY")) == "not_in_channel"


async def test_a_file_in_three_steps(slack: Workspace, client: AsyncWebClient) -> None:
    answer = await client.files_upload_v2(
        content="a,b", filename="log.csv", channel="D0AGENT", initial_comment="Here it is"
    )
    assert answer["file"]["title"] == "log.csv"
    shared = await slack.wait_for_message(slack.channels.dm)
    assert (shared.text, shared.files[0]["name"]) == ("Here it is", "log.csv")
    assert slack.state.uploads[shared.files[0]["id"]].content == b"a,b"


async def test_a_file_of_another_length_than_announced(slack: Workspace, client: AsyncWebClient) -> None:
    ticket = await client.files_getUploadURLExternal(filename="x", length=3)
    form = aiohttp.FormData()
    form.add_field("file", b"ab", filename="x")
    async with aiohttp.ClientSession() as session:
        async with session.post(ticket["upload_url"], data=b"four") as answer:
            assert answer.status == 400
        async with session.post(ticket["upload_url"], data=form) as answer:
            assert answer.status == 400
    assert [entry.error for entry in slack.journal.refusals()] == ["upload_failed", "upload_failed"]
    assert await read_refusal(client.files_completeUploadExternal(files=[])) == "invalid_arguments"
    assert await read_refusal(client.files_getUploadURLExternal(filename="x", length=0)) == "invalid_arguments"


async def test_a_file_that_never_came(client: AsyncWebClient) -> None:
    ticket = await client.files_getUploadURLExternal(filename="x", length=3)
    done = client.files_completeUploadExternal(files=[{"id": ticket["file_id"]}])
    assert await read_refusal(done) == "file_not_found"


# --- pings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"text": "<!channel> <@U0AGENT|ada> <!subteam^S0LEADS>"}, {"!channel", "@U0AGENT", "!subteam^S0LEADS"}),
        ({"text": "&lt;!channel&gt; @here"}, set()),
        ({"text": "x", "blocks": [section("<!here>")]}, {"!here"}),
        ({"text": "x", "blocks": [{"type": "markdown", "text": "<!everyone>"}]}, {"!everyone"}),
        ({"text": "x", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "<!here>"}}]}, set()),
        (
            {
                "text": "x",
                "blocks": [
                    {
                        "type": "rich_text",
                        "elements": [
                            {
                                "type": "rich_text_section",
                                "elements": [
                                    {"type": "broadcast", "range": "channel"},
                                    {"type": "user", "user_id": "U0AGENT"},
                                ],
                            }
                        ],
                    }
                ],
            },
            {"!channel", "@U0AGENT"},
        ),
    ],
)
async def test_whom_a_message_pings(
    slack: Workspace, client: AsyncWebClient, message: Json, expected: set[str]
) -> None:
    await client.chat_postMessage(channel="C0SUPPORT", **message)
    assert find_mentions(slack.messages(slack.channels.support)[0]) == expected


async def test_api_test_gives_back_what_it_got(client: AsyncWebClient) -> None:
    assert (await client.api_test(foo="bar"))["args"] == {"foo": "bar"}
    assert await read_refusal(client.api_test(error="my_error")) == "my_error"


# --- the agent view ----------------------------------------------------------------------------


async def test_a_thread_has_a_status_and_a_direct_message_has_prompts(slack: Workspace, client: AsyncWebClient) -> None:
    asked = slack.write(slack.people.agent, slack.channels.dm, "Hello")
    place = {"channel_id": slack.channels.dm.id}
    await client.agents_sessions_setStatus(**place, thread_ts=asked.ts, status="processing")
    assert slack.state.sessions == {(slack.channels.dm.id, asked.ts): "processing"}
    help_ = {"title": "Help", "message": "help"}
    await client.assistant_threads_setSuggestedPrompts(**place, prompts=[help_])
    await client.assistant_threads_setSuggestedPrompts(**place, prompts=[help_] * 2, thread_ts=asked.ts)
    assert slack.state.prompts == {slack.channels.dm.id: (help_,)}, "with a thread, Slack does nothing"
    refused = [
        client.agents_sessions_setStatus(**place, thread_ts=asked.ts, status="drafting"),
        client.agents_sessions_setStatus(**place, thread_ts="1.000001", status="active"),
        client.agents_sessions_setStatus(channel_id="C0NOWHERE", thread_ts=asked.ts, status="active"),
        client.assistant_threads_setSuggestedPrompts(**place, prompts=[help_] * 5),
        client.assistant_threads_setSuggestedPrompts(**place, prompts=[{"title": "Help"}]),
    ]
    expected = ["invalid_arguments", "invalid_thread_ts", "channel_not_found", "invalid_arguments", "invalid_arguments"]
    assert [await read_refusal(call) for call in refused] == expected


async def test_an_app_without_the_agent_view_has_neither() -> None:
    async with Workspace.start(config=replace(AppConfig(), is_agent=False)) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        place = {"channel_id": slack.channels.dm.id}
        status = client.agents_sessions_setStatus(**place, thread_ts="1.000001", status="active")
        prompts = client.assistant_threads_setSuggestedPrompts(**place, prompts=[{"title": "a", "message": "b"}])
        assert [await read_refusal(call) for call in (status, prompts)] == ["feature_disabled"] * 2


async def test_an_app_whose_histories_are_limited_gets_fifteen_messages(
    slack: Workspace, client: AsyncWebClient
) -> None:
    for number in range(20):
        slack.write(slack.people.agent, slack.channels.support, f"Message {number}")
    slack.state.config = replace(slack.config, limits_histories=True)
    answer = await client.conversations_history(channel=slack.channels.support.id, limit=1_000)
    assert (len(answer["messages"]), answer["has_more"]) == (15, True)
