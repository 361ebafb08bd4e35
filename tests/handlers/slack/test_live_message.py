"""Boards: how often they are painted, and what happens where somebody else was faster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.i18n.texts import Texts, get_texts
from bot.suggesting.deliver import DeliveryRefused
from handlers.blocks.candidates import build_candidates_view
from handlers.blocks.messages import build_notice
from handlers.slack.live_message import LiveMessages, Modal
from playground import SlowResponse, Workspace
from storage.records import Request, Turn
from tests.bot.desk import Clock
from tests.handlers.installed import install
from tests.storage.stores import AT

REQUEST = Request(
    id="r1",
    team_id="T1",
    channel_id="D0AGENT",
    agent_id="U0AGENT",
    surface="shortcut",
    locale="en-US",
    created_at=AT,
    k_requested=3,
    prompt_version="1",
    app_version="1",
    conversation=(Turn(role="customer", text="Where?"),),
)


@asynccontextmanager
async def live_messages() -> AsyncIterator[tuple[Workspace, LiveMessages, Clock]]:
    async with Workspace.start() as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])
        clock = Clock()
        yield slack, LiveMessages(installations=install(client), clock=clock.monotonic, sleep=clock.sleep), clock


async def open_modal(slack: Workspace, made: LiveMessages) -> Modal:
    trigger = slack.state.issue_trigger("U0AGENT")
    return await made.open(REQUEST, trigger.id, build_candidates_view(REQUEST, build_notice("0").blocks, _texts()))


def _texts() -> Texts:
    return get_texts("en-US")


async def test_a_modal_is_changed_every_300_ms_at_most_and_the_first_change_waits_for_nothing() -> None:
    async with live_messages() as (slack, made, clock):
        modal = await open_modal(slack, made)
        for number in range(3):
            await made.paint(modal, REQUEST, build_notice(str(number)))
        assert clock.slept == pytest.approx([0.3, 0.3])
        clock.tick(5)
        await made.replace(REQUEST, [build_notice("3")])
        assert clock.slept[2:] == [0.0]


async def test_a_change_that_had_to_wait_counts_from_its_end() -> None:
    """A client that waits as Slack tells makes its call late."""
    async with live_messages() as (slack, made, clock):
        modal = await open_modal(slack, made)
        slack.faults.plan("views.update", SlowResponse(seconds=0.2))
        waiting = asyncio.create_task(made.paint(modal, REQUEST, build_notice("1")))
        await slack.wait_until(lambda: bool(slack.journal.calls("views.update")))
        clock.tick(5)
        await waiting
        await made.paint(modal, REQUEST, build_notice("2"))
        assert clock.slept == pytest.approx([0.3])


async def test_a_direct_message_is_changed_every_second_at_most() -> None:
    async with live_messages() as (_, made, clock):
        board = await made.post(REQUEST, build_notice("0"))
        for number in range(3):
            await made.paint(board, REQUEST, build_notice(str(number)))
        assert clock.slept == pytest.approx([1.0, 1.0])


async def test_a_modal_that_somebody_changed_is_not_painted_over() -> None:
    async with live_messages() as (slack, made, _):
        modal = await open_modal(slack, made)
        other = Modal(view_id=modal.view_id)
        await made.paint(other, REQUEST, build_notice("another replica was here"))
        with pytest.raises(DeliveryRefused, match="hash_conflict"):
            await made.paint(modal, REQUEST, build_notice("too late"))
        modal.forget()
        await made.paint(modal, REQUEST, build_notice("looked at anew"))


async def test_what_a_click_brings_is_the_modal_of_a_process_that_did_not_open_it() -> None:
    async with live_messages() as (slack, made, clock):
        modal = await open_modal(slack, made)
        fresh = LiveMessages(installations=made._installations, clock=clock.monotonic, sleep=clock.sleep)
        assert not await fresh.replace(REQUEST, [build_notice("lost")])
        fresh.remember_modal(REQUEST.id, modal.view_id)
        assert await fresh.replace(REQUEST, [build_notice("Posted")])
        child = replace(REQUEST, id="r2", parent_request_id=REQUEST.id)
        assert fresh.find(child) is fresh.find(REQUEST)
        assert slack.open_views(slack.people.agent)[-1].private_metadata == REQUEST.id
