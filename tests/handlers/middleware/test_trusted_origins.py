"""A payload may name any address to answer at: only Slack's are used, and answers find another way."""

from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.suggesting.deliver import DeliveryRefused
from handlers.http import listen
from handlers.middleware.trusted_origins import TrustedOrigins
from handlers.slack.response_urls import post_to_response_url
from tests.conftest import Stage
from tests.handlers.test_main_path import list_button_values

SLACK = "https://slack.com/api/"
ON_LOOPBACK = "http://127.0.0.1:4711/api/"


@pytest.mark.parametrize(
    ("api_url", "url"),
    [
        (SLACK, "https://hooks.slack.com/commands/T1/2/x"),
        (SLACK, "https://slack.com/x?y=1"),
        (SLACK, "HTTPS://Hooks.Slack.COM/actions/x"),
        (SLACK, "https://hooks.slack.com:443/actions/x"),
        (SLACK, "https://hooks.slack-gov.com/actions/x"),
        ("https://slack-gov.com/api/", "https://hooks.slack-gov.com/actions/x"),
        ("https://proxy.example:8443/api/", "https://proxy.example:8443/actions/x"),
        ("https://proxy.example/api/", "https://proxy.example:443/actions/x"),
        (ON_LOOPBACK, "http://127.0.0.1:4711/actions/x"),
        (ON_LOOPBACK, "http://127.0.0.1:9/actions/x"),
        (ON_LOOPBACK, "http://localhost:9/actions/x"),
        (ON_LOOPBACK, "http://[::1]:9/actions/x"),
        (ON_LOOPBACK, "https://hooks.slack.com/actions/x"),
    ],
)
def test_slacks_addresses_and_those_of_a_stand_in_are_used(api_url: str, url: str) -> None:
    assert TrustedOrigins(api_url).trusts(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x",
        "http://hooks.slack.com/x",
        "https://hooks.slack.com@evil.example/x",
        "https://hooks.slack.com:x@evil.example/x",
        "https://evil.example\\@hooks.slack.com/x",
        "https://evil.example/\\@hooks.slack.com/x",
        "https://evil.example#@hooks.slack.com/x",
        "https://evil.example?@hooks.slack.com/x",
        "https://hooks.slack.com.evil.example/x",
        "https://evilslack.com/x",
        "https://evil.example%2f.slack.com/x",
        "https://hooks.slack.com:8443/x",
        "https://hooks.slack.com:0/x",
        "https://hooks.slack.com:99999/x",
        "https://hooks.slack.com:x/x",
        "https://hooks.slack.com./x",
        "https://hooks.sl\u0430ck.com/x",
        "https://hooks.slac\u212a.com/x",
        "https://hooks.\u017flack.com/x",
        "https://evil.example\uff0f.slack.com/x",
        "https://hooks\u3002slack\u3002com/x",
        "https://evil.example\t.slack.com/x",
        "https://evil.example\n.slack.com/x",
        " https://hooks.slack.com/x",
        "//hooks.slack.com/x",
        "https:hooks.slack.com/x",
        "https:///hooks.slack.com/x",
        "https://[hooks.slack.com/x",
        "ftp://hooks.slack.com/x",
        "javascript:https://hooks.slack.com/x",
        "http://127.0.0.1:4711/x",
        "http://localhost/x",
        "https://proxy.example/x",
        "https://slack.com/" + "x" * 3_000,
        "",
        5,
        None,
        ["https://hooks.slack.com/x"],
    ],
)
def test_other_addresses_are_not_used(url: object) -> None:
    assert not TrustedOrigins(SLACK).trusts(url)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1.evil.example/x", "http://localhost.evil.example/x", "http://10.0.0.1:4711/x", "http://127.0.0.1@evil.example/x"],
)  # fmt: skip
def test_a_stand_in_on_this_machine_opens_no_other(url: str) -> None:
    assert not TrustedOrigins(ON_LOOPBACK).trusts(url)


@pytest.mark.parametrize("foreign", ["https://evil.example/x", "https://hooks.slack.com@evil.example/x", "ftp://x", 5])
async def test_a_command_that_names_a_foreign_address_is_answered_another_way(stage: Stage, foreign: Any) -> None:
    """Also its clicks, up to the posted reply; nothing of the address is kept."""
    slack = stage.slack
    command = slack.prepare_command(stage.agent, slack.channels.support, "/suggest", "Where is my order?")
    outcome = await slack.dispatch(replace(command, payload={**command.payload, "response_url": foreign}))
    assert outcome.acknowledged
    shown = await stage.candidates()
    click = slack.prepare_click(stage.agent, shown, "use_candidate", value=get_first_candidate(shown.blocks))
    await slack.dispatch(replace(click, payload={**click.payload, "response_url": foreign}))
    await stage.private("Sent in")
    assert len(stage.replies()) == 1
    assert "evil" not in str(await stage.log())


async def test_a_click_that_is_refused_is_told_without_its_address(stage: Stage) -> None:
    slack = stage.slack
    shown = replace(await stage.suggested(), user_id=slack.people.colleague.id)
    click = slack.prepare_click(slack.people.colleague, shown, "use_candidate", value=get_first_candidate(shown.blocks))
    await slack.dispatch(replace(click, payload={**click.payload, "response_url": "https://evil.example/x"}))
    await stage.private("Only the person who asked", user=slack.people.colleague)


async def test_a_foreign_host_hears_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is barred is told in a window, and the export's admin by a direct message."""
    slack = stage.slack
    asked: list[str] = []
    real = aiohttp.ClientSession._request

    async def watched(self: aiohttp.ClientSession, method: str, url: Any, **rest: Any) -> Any:
        asked.append(str(url))
        return await real(self, method, url, **rest)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", watched)
    foreign = {"response_url": "https://evil.example/x"}
    for user, text in ((stage.agent, "last"), (stage.agent, "Where?"), (slack.people.admin, "export")):
        command = slack.prepare_command(user, slack.channels.support, "/suggest", text)
        await slack.dispatch(replace(command, payload={**command.payload, **foreign}))
    await stage.candidates()
    await slack.wait_for_view(slack.people.admin)
    await slack.wait_until_idle()
    assert not [url for url in asked if "evil" in url]


def get_first_candidate(blocks: Any) -> str:
    return list_button_values(blocks, "use_candidate")[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_a_trusted_address_is_not_followed(status: int) -> None:
    """The address was checked, and where it points was not."""
    reached: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{name}", redirect)
    runner, port = await listen(app, host="127.0.0.1", port=0)
    try:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(DeliveryRefused, match=f"response_url_{status}"):
                await post_to_response_url(session, f"http://127.0.0.1:{port}/actions", {"text": "private"})
    finally:
        await runner.cleanup()
    assert reached == ["/actions"]
