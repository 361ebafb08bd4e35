"""A minimal Bolt app, and the two ways in which it listens to a workspace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from playground import Workspace
from tests.playground.blocks import actions, button, modal, section, text_input


async def on_suggest(ack: Any, respond: Any) -> None:
    await ack("on their way")
    choices = actions(button(value="c1"), button("edit_candidate", value="c1"))
    await respond(text="2 replies", blocks=[section("Where is it?"), choices])


async def on_use(ack: Any, respond: Any, client: AsyncWebClient, body: dict[str, Any]) -> None:
    await ack()
    await client.chat_postMessage(channel=body["channel"]["id"], text="It is on its way.")
    await respond(text="Used", replace_original=True)


async def on_edit(ack: Any, client: AsyncWebClient, body: dict[str, Any]) -> None:
    await ack()
    view = modal(text_input(initial_value="It is on its way."), private_metadata=body["channel"]["id"])
    await client.views_open(trigger_id=body["trigger_id"], view=view)


async def on_edited(ack: Any, view: dict[str, Any], client: AsyncWebClient) -> None:
    text = view["state"]["values"]["reply"]["text"]["value"]
    if "!" in text:
        await ack(response_action="errors", errors={"reply": "Please calm down."})
        return
    await ack()
    await client.chat_postMessage(channel=view["private_metadata"], text=text)


async def on_mention(event: dict[str, Any], client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel=event["channel"], text="Yes?", thread_ts=event["ts"])


async def on_message() -> None:
    """Heard, and left alone."""


def build_bolt_app(slack: Workspace) -> AsyncApp:
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    app = AsyncApp(client=client, signing_secret=slack.signing_secret)
    app.command("/suggest")(on_suggest)
    app.action("use_candidate")(on_use)
    app.action("edit_candidate")(on_edit)
    app.view("edit_reply")(on_edited)
    app.event("app_mention")(on_mention)
    app.event("message")(on_message)
    return app


@asynccontextmanager
async def serve_over_http(slack: Workspace, app: AsyncApp) -> AsyncIterator[None]:
    async with serve_app(app.web_app("/slack/events")) as url:
        slack.request_url = f"{url}/slack/events"
        yield


@asynccontextmanager
async def connect_over_socket(slack: Workspace, app: AsyncApp) -> AsyncIterator[None]:
    handler = AsyncSocketModeHandler(app, slack.app_token)
    await handler.connect_async()
    await slack.wait_for_app()
    try:
        yield
    finally:
        await handler.close_async()


@asynccontextmanager
async def serve_app(app: web.Application) -> AsyncIterator[str]:
    """Any web application on a free port of 127.0.0.1; gives its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
