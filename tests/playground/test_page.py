"""The page behind `/`: what it serves, whom it refuses, what it does and what it is told."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from playground import LostResponse, RateLimited, Workspace
from playground.page.browser_actions import PROBLEMS, escape_typed_text
from playground.page.feed import read_newest_rows
from playground.page.routes import PageOptions, build_page_routes
from playground.slack.objects import Ephemeral, Message
from playground.slack.people.directory import Channels
from playground.slack.view_stack import close_view, open_view
from tests.playground.apps import serve_app
from tests.playground.blocks import Json, actions, button, modal, select, text_input

ASSETS = sorted(asset.name for asset in (resources.files("playground") / "page" / "static").iterdir())
MARK = {"X-Playground": "1"}
ACTIONS = ["reload", "write", "command", "click", "select", "submit", "close", "shortcut", "home", "fault"]
AGENT, SUPPORT = "U0AGENT", "C0SUPPORT"
ROW = {"request": {"id": "r1", "created_at": "2026-11-22T10:00:00.000Z"}}


class Model:
    """What the page's faults do to the model, and the choice log that it is shown."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.rows: list[Json] = []

    async def log_rows(self) -> list[Json]:
        return list(self.rows)


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
async def slack(model: Model) -> AsyncIterator[Workspace]:
    """A workspace with its page, and an app that acknowledges everything and does nothing."""
    started: list[Workspace] = []
    page_options = PageOptions(
        model_name="demonstration",
        is_demonstration=True,
        log_rows=model.log_rows,
        model_faults=model.faults.append,
        database="demo.db",
    )
    acknowledging = web.Application()
    acknowledging.router.add_post("/", _acknowledge)
    async with Workspace.start(routes=build_page_routes(lambda: started[0], page_options=page_options)) as workspace:
        started.append(workspace)
        async with serve_app(acknowledging) as url:
            workspace.request_url = f"{url}/"
            yield workspace


async def _acknowledge(_: web.Request) -> web.Response:
    return web.Response()


@pytest.fixture
async def browser(slack: Workspace) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(slack.url) as session:
        yield session


Do = Callable[..., Awaitable[tuple[int, Json]]]


@pytest.fixture
def do(browser: aiohttp.ClientSession) -> Do:
    async def post_action(action: str, **body: Any) -> tuple[int, Json]:
        async with browser.post(f"/client/{action}", json={"as": AGENT, **body}, headers=MARK) as response:
            return response.status, await response.json()

    return post_action


@asynccontextmanager
async def stream(browser: aiohttp.ClientSession, user: str = AGENT) -> AsyncIterator[AsyncIterator[Json]]:
    async with browser.get("/client/stream", params={"as": user}) as response:
        assert response.content_type == "text/event-stream"
        yield _news(response)


async def _news(response: aiohttp.ClientResponse) -> AsyncIterator[Json]:
    async for line in response.content:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


async def wait_for_news(news: AsyncIterator[Json], holds: Callable[[Json], bool]) -> Json:
    async for one in news:
        if holds(one):
            return one
    raise AssertionError("the stream ended")


def private(slack: Workspace, *blocks: Json) -> Ephemeral:
    named = tuple({"block_id": f"b{index}", **block} for index, block in enumerate(blocks))
    return slack.state.put_ephemeral(
        Ephemeral(ts=slack.clock.ts(), channel_id=SUPPORT, user_id=AGENT, text="x", blocks=named)
    )


# --- what is served, and to whom ---------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", *(f"/page/{name}" for name in ASSETS)])
async def test_every_file_comes_with_the_security_headers(browser: aiohttp.ClientSession, path: str) -> None:
    async with browser.get(path) as response:
        assert response.status == 200
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fweb_page.py", "__init__.py"])
async def test_nothing_else_is_served(browser: aiohttp.ClientSession, name: str) -> None:
    async with browser.get(f"/page/{name}") as response:
        assert response.status == 404


@pytest.mark.parametrize("name", ASSETS)
def test_no_file_names_another_host_or_builds_html_from_text(name: str) -> None:
    text = (resources.files("playground") / "page" / "static" / name).read_text(encoding="utf-8")
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)[\w.]+", text) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|@import|url\(", text) == []


def test_every_sentence_of_the_page_is_there_in_chinese() -> None:
    folder = resources.files("playground") / "page" / "static"
    known = re.findall(r'^  (?:"(.+?)"|(\w+)):', (folder / "texts.js").read_text(encoding="utf-8"), re.MULTILINE)
    scripts = "\n".join((folder / name).read_text(encoding="utf-8") for name in ASSETS if name.endswith(".js"))
    html = (folder / "index.html").read_text(encoding="utf-8")
    asked = [
        text for call in re.findall(r'\bt\((?:[^()"]|"[^"]*")*', scripts) for text in re.findall(r'"([^"]+)"', call)
    ]
    asked += re.findall(r'data-words aria-label="([^"]+)"', html) + re.findall(r"data-words[^>]*>(\w[^<]+)<", html)
    asked += [*PROBLEMS.values(), *(channel.topic for channel in Channels.list_all() if channel.topic)]
    assert len(asked) > 100
    assert set(asked) - {one or other for one, other in known} == set()


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    text = (resources.files("playground") / "page" / "static" / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)", text) == []


ROUTES = [
    ("GET", "/"),
    ("GET", "/page/main.js"),
    ("GET", "/client/stream"),
    *(("POST", f"/client/{action}") for action in ACTIONS),
    ("POST", "/api/auth.test"),
    ("POST", "/actions/1/2"),
    ("POST", "/upload/F1"),
    ("GET", "/link"),
    ("GET", "/nothing"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "foreign",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
    ],
)
async def test_a_foreign_host_or_origin_gets_403_everywhere(
    browser: aiohttp.ClientSession, method: str, path: str, foreign: dict[str, str]
) -> None:
    async with browser.request(method, path, headers={**MARK, **foreign}, json={}) as response:
        assert response.status == 403


async def test_the_pages_own_origin_is_welcome(slack: Workspace, browser: aiohttp.ClientSession) -> None:
    headers = {**MARK, "Origin": slack.url}
    async with browser.post("/client/reload", json={"as": AGENT}, headers=headers) as response:
        assert response.status == 200


@pytest.mark.parametrize("action", ACTIONS)
async def test_nothing_is_done_without_the_header(browser: aiohttp.ClientSession, action: str) -> None:
    async with browser.post(f"/client/{action}", json={"as": AGENT}) as response:
        assert response.status == 403
        assert "X-Playground" in (await response.json())["error"]


# --- what the person does ----------------------------------------------------------------------


async def test_one_writes_as_oneself_and_as_a_customer(slack: Workspace, do: Do) -> None:
    await do("write", channel=SUPPORT, text="Hello <b> @suggest, @sol.elsewhere & @here @nobody")
    status, written = await do("write", **{"as": "U0STRANGER"}, channel=SUPPORT, text="Where is it?")
    assert status == 200
    first, second = slack.messages(slack.channels.support)
    assert first.text == "Hello &lt;b&gt; <@U0SUGGEST>, <@U0STRANGER> &amp; <!here> @nobody"
    assert (second.user_id, second.ts) == ("U0STRANGER", written["ts"])
    await do("write", channel=SUPPORT, text="In the thread", thread_ts=second.ts)
    assert slack.messages(slack.channels.support)[-1].thread_ts == second.ts


def test_addresses_are_no_mentions(slack: Workspace) -> None:
    assert escape_typed_text(slack.state, "write to me@suggest.example") == "write to me@suggest.example"


async def test_a_command_reaches_the_app_as_typed(slack: Workspace, do: Do) -> None:
    status, told = await do("command", channel=SUPPORT, command="/suggest", text="a & b")
    assert (status, told["acknowledged"], told["problem"]) == (200, True, None)
    assert slack.journal.calls("/suggest")[0]["text"] == "a & b"


async def test_clicks_and_choices_reach_the_app(slack: Workspace, do: Do) -> None:
    shown = private(slack, actions(button(), select()))
    surface = {"ephemeral": f"{SUPPORT}/{shown.ts}"}
    assert (await do("click", surface=surface, block_id="b0", action_id="use_candidate"))[0] == 200
    assert (await do("select", surface=surface, block_id="b0", action_id="pick", chosen="v1"))[0] == 200
    assert slack.journal.calls("block_actions:pick")[0]["actions"][0]["selected_option"]["value"] == "v1"


async def test_a_message_has_the_apps_shortcut(slack: Workspace, do: Do) -> None:
    message = slack.write(slack.people.stranger, slack.channels.support, "Where is it?")
    status, _ = await do("shortcut", callback_id="suggest_replies", message=f"{SUPPORT}/{message.ts}")
    assert status == 200
    assert slack.journal.calls("message_action:suggest_replies")
    assert (await do("shortcut", callback_id="suggest_anywhere"))[0] == 200
    assert (await do("home"))[0] == 200


async def test_a_modal_is_submitted_and_closed(slack: Workspace, do: Do) -> None:
    view = open_view(slack.state, AGENT, modal(text_input()))
    assert (await do("submit", view=view.id, values={"reply": {"text": "It is on its way."}}))[0] == 200
    assert slack.open_views(slack.people.agent) == []
    view = open_view(slack.state, AGENT, modal(text_input()))
    assert (await do("close", view=view.id))[0] == 200
    assert slack.open_views(slack.people.agent) == []


async def test_private_messages_vanish_on_reload(slack: Workspace, do: Do) -> None:
    private(slack, actions(button()))
    assert await do("reload") == (200, {"vanished": 1})
    assert slack.ephemerals(slack.people.agent) == []


async def test_an_app_that_is_away_is_told_in_words(slack: Workspace, do: Do) -> None:
    slack.request_url = None
    _, told = await do("command", channel=SUPPORT, command="/suggest", text="x")
    assert told["problem"] == "The bot is not connected."


@pytest.mark.parametrize(
    ("action", "body", "status", "words"),
    [
        ("nothing", {}, 404, "unknown"),
        ("command", {"channel": SUPPORT, "command": "/other", "text": ""}, 409, "is not a command here"),
        ("command", {"channel": "C9", "command": "/suggest", "text": ""}, 400, "no such channel"),
        ("write", {"channel": "C0ATTIC", "text": "x"}, 409, "archived"),
        ("write", {"channel": SUPPORT, "text": 1}, 400, "must be a text"),
        ("write", {"channel": SUPPORT, "text": "x", "thread_ts": "1.2"}, 409, "thread_not_found"),
        ("click", {"surface": {}, "block_id": "b", "action_id": "a"}, 400, "must name"),
        ("click", {"surface": {"message": f"{SUPPORT}/1"}, "block_id": "b", "action_id": "a"}, 400, "no such message"),
        ("submit", {"view": "V1", "values": {}}, 400, "no such view"),
        ("reload", {"as": "U9"}, 400, "no such person"),
        ("fault", {"name": "earthquake"}, 400, "no such fault"),
    ],
)
async def test_what_cannot_be_done_is_refused_in_words(
    do: Do, action: str, body: Json, status: int, words: str
) -> None:
    answer = await do(action, **body)
    assert answer[0] == status
    assert words in answer[1]["error"]


@pytest.mark.parametrize("raw", ["", "[]", "{"])
async def test_what_is_no_object_is_refused(browser: aiohttp.ClientSession, raw: str) -> None:
    async with browser.post("/client/reload", data=raw, headers=MARK) as response:
        assert response.status == 400


# --- faults ------------------------------------------------------------------------------------


async def test_the_models_faults_are_passed_on(model: Model, do: Do) -> None:
    for name in ("slow", "rate_limited", "broken", "none"):
        await do("fault", name=f"model_{name}")
    assert model.faults == ["slow", "rate_limited", "broken", "none"]


async def test_slacks_faults_meet_the_next_post(slack: Workspace, do: Do) -> None:
    await do("fault", name="post_rate_limited")
    await do("fault", name="post_answer_lost")
    assert slack.faults.take("chat.postMessage") == RateLimited(retry_after=2)
    assert slack.faults.take("chat.postMessage") == LostResponse()


async def test_the_next_click_comes_twice_and_the_one_after_once(slack: Workspace, do: Do) -> None:
    shown = private(slack, actions(button()))
    click = {"surface": {"ephemeral": f"{SUPPORT}/{shown.ts}"}, "block_id": "b0", "action_id": "use_candidate"}
    await do("fault", name="click_twice")
    await do("click", **click)
    assert len(slack.journal.calls("block_actions:use_candidate")) == 2
    await do("click", **click)
    assert len(slack.journal.calls("block_actions:use_candidate")) == 3


async def test_the_socket_is_cut(slack: Workspace, browser: aiohttp.ClientSession, do: Do) -> None:
    address = slack.state.issue_socket_url()
    async with browser.ws_connect(address) as socket:
        await slack.wait_for_app()
        await do("fault", name="socket_cut")
        await slack.wait_until(lambda: not slack.sockets.is_connected)
        assert not socket.closed


# --- the stream --------------------------------------------------------------------------------


async def test_the_stream_begins_with_all_there_is(slack: Workspace, browser: aiohttp.ClientSession) -> None:
    message = slack.write(slack.people.stranger, slack.channels.support, "Where is it?")
    shown = private(slack, actions(button()))
    await slack.wait_until_idle()
    async with stream(browser) as news:
        first = await anext(news)
    assert first["reset"]
    assert first["put"]["workspace"]["is_demonstration"]
    assert first["put"]["workspace"]["commands"][0]["command"] == "/suggest"
    assert first["put"][f"message:{SUPPORT}/{message.ts}"]["text"] == "Where is it?"
    assert first["put"][f"ephemeral:{SUPPORT}/{shown.ts}"]["type"] == "ephemeral"
    assert [entry["name"] for entry in first["entries"]][:1] == ["event:message"]


async def test_the_stream_tells_what_changes_and_what_goes(slack: Workspace, browser: aiohttp.ClientSession) -> None:
    async with stream(browser) as news:
        await anext(news)
        shown = private(slack, actions(button()))
        key = f"ephemeral:{SUPPORT}/{shown.ts}"
        assert (await wait_for_news(news, lambda one: key in one.get("put", {})))["put"][key]["blocks"]
        slack.state.delete_ephemeral(shown)
        await wait_for_news(news, lambda one: key in one.get("gone", []))
        view = open_view(slack.state, AGENT, modal(text_input()))
        await wait_for_news(news, lambda one: f"view:{view.id}" in one.get("put", {}))
        close_view(slack.state, view)
        await wait_for_news(news, lambda one: f"view:{view.id}" in one.get("gone", []))


async def test_the_stream_tells_the_traffic(slack: Workspace, browser: aiohttp.ClientSession, do: Do) -> None:
    async with stream(browser) as news:
        await anext(news)
        await do("command", channel=SUPPORT, command="/suggest", text="x")
        told = await wait_for_news(news, lambda one: any(entry["kind"] == "answer" for entry in one.get("entries", [])))
    assert {entry["name"] for entry in told["entries"]} == {"/suggest"}


async def test_the_stream_tells_the_choice_log(slack: Workspace, browser: aiohttp.ClientSession, model: Model) -> None:
    newer = {"request": {"id": "r2", "created_at": "2026-11-22T11:00:00.000Z"}}
    async with stream(browser) as news:
        await anext(news)
        model.rows = [ROW, newer]
        slack.write(slack.people.agent, slack.channels.support, "x")
        told = await wait_for_news(news, lambda one: len(one.get("log") or []) == 2)
    assert told["log"] == [newer, ROW]


async def test_the_rows_may_come_one_by_one() -> None:
    async def rows() -> AsyncIterator[Json]:
        yield ROW

    page_options = PageOptions(
        model_name="m", is_demonstration=False, log_rows=rows, model_faults=lambda _: None, database="demo.db"
    )
    assert await read_newest_rows(page_options) == [ROW]


async def test_each_sees_what_is_theirs(slack: Workspace, browser: aiohttp.ClientSession) -> None:
    private(slack, actions(button()))
    hidden = slack.state.put_message(Message(ts="1.2", channel_id="G0VAULT", user_id="U0ADMIN", text="secret"))
    async with stream(browser, "U0GUEST") as news:
        first = await anext(news)
    assert f"message:G0VAULT/{hidden.ts}" not in first["put"]
    assert [key for key in first["put"] if key.startswith("ephemeral:")] == []


async def test_a_stream_for_nobody_is_refused(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/client/stream", params={"as": "U9"}) as response:
        assert response.status == 400
