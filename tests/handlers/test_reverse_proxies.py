"""The bot behind the reverse proxies that docs/operations.md sets up, with TLS."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import Stage
from tests.handlers.reverse_proxies import run_proxy


@pytest.fixture(params=["nginx", "Caddy"])
async def proxied(request: pytest.FixtureRequest, stage: Stage, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage to which Slack delivers through a proxy."""
    assert stage.port is not None
    folder = tmp_path / "proxy"
    folder.mkdir()
    with run_proxy(request.param, folder, bot=stage.port) as (address, tls):
        stage.slack.request_url = f"{address}/slack/events"
        stage.slack.dispatcher.tls = tls.trust
        yield stage


async def test_signatures_hold_and_a_reply_is_posted(proxied: Stage) -> None:
    shown = await proxied.suggested("Wo bleibt mein Päckchen? 100 % + & = 退款 \U0001f62d")
    await proxied.slack.click(proxied.agent, shown, "use_candidate")
    await proxied.private("Sent in")
    [line] = await proxied.log()
    assert proxied.replies() == [line["choice"]["final_text"]]


async def test_only_what_slack_sends_comes_through(proxied: Stage) -> None:
    assert proxied.slack.request_url is not None
    address = proxied.slack.request_url.removesuffix("/slack/events")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=proxied.slack.dispatcher.tls)) as client:
        for path in ("/", "/metrics", "/readyz", "/healthz", "/slack/events/more", "/slack"):
            async with client.get(address + path) as response:
                assert response.status == 404, path


async def test_a_wrong_signature_is_refused(proxied: Stage) -> None:
    form = "application/x-www-form-urlencoded"
    wrong = await proxied.slack.dispatcher.send_raw(b"command=/suggest", content_type=form, signature="wrong")
    assert wrong.status == 401
