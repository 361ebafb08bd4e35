"""`suggest demo`: the workspace, its page and the real bot, started and stopped."""

import asyncio
import json
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.knowledge.evaluation import parse_questions
from cli.commands import demo
from cli.commands.demo import open_demo
from cli.database_location import Location
from cli.errors import Failed
from cli.settings import Settings
from playground import ImpossibleAction
from playground.model_server import ModelDouble
from playground.slack.objects import Ephemeral
from playground.slack.people.customers import CUSTOMERS
from tests.cli.conftest import Suggest
from tests.cli.test_main import wait_until
from tests.nursery import started
from tests.ports import find_free_port

ROOT = Path(__file__).parents[3]


def settings(**more: Any) -> Settings:
    return Settings(_env_file=None, **more)


def location(tmp_path: Path) -> Location:
    return Location.of_file(tmp_path / "demo.db", origin="demonstration")


async def shown_to(demo: demo.Demo, needle: str = "use_candidate") -> Ephemeral:
    agent = demo.slack.people.agent
    return await demo.slack.wait_for_ephemeral(agent, lambda message: needle in json.dumps(message.blocks))


async def asked(demo: demo.Demo, text: str = "My parcel arrived broken") -> None:
    slack = demo.slack
    await slack.run_command(slack.people.agent, slack.channels.support, "/suggest", text)


async def test_check_starts_and_stops_and_names_the_file(suggest: Suggest) -> None:
    result = await suggest("demo", "--no-browser", "--check")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert re.fullmatch(r"Slack in your browser: http://127\.0\.0\.1:84\d\d/", lines[0])
    assert "samples made by rules" in lines[2]
    assert lines[3] == "Recorded in suggest-demo.db. To export it: suggest export --database suggest-demo.db"
    assert lines[4] == "The page answers, and the bot is connected."


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly(number: int) -> None:
    with started("demo", "--no-browser", "--port", str(find_free_port())) as running:
        assert running.stdout is not None
        told = await asyncio.to_thread(_until, running.stdout, "Ctrl-C ends it.")
        url = told[0].rpartition(" ")[2].strip()
        async with aiohttp.ClientSession() as browser, browser.get(url) as page:
            assert page.status == 200
        running.send_signal(number)
        out, err = await asyncio.to_thread(running.communicate)
    assert (running.returncode, err) == (0, ""), out


def _until(lines: Any, last: str) -> list[str]:
    told = []
    for line in lines:
        told.append(line)
        if last in line:
            break
    return told


async def test_a_port_in_use_is_refused_if_it_was_asked_for_and_else_passed_over(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "PORT", find_free_port())
    first = demo.find_free_port(None)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((demo.HOST, first))
        other.listen()
        result = await suggest("demo", "--no-browser", "--check", "--port", str(first))
        assert result.code == 2
        assert result.complaint.startswith(f"--port {first} cannot be used")
        assert demo.find_free_port(None) > first


def test_without_any_free_port_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_is_free", lambda port: False)
    with pytest.raises(Failed, match="name a free one with --port"):
        demo.find_free_port(None)


async def test_the_browser_is_opened_where_there_is_one_and_nobody_said_no(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    demo.open_browser("nowhere", wanted=True)
    monkeypatch.setenv("DISPLAY", ":0")
    demo.open_browser("unwanted", wanted=False)
    demo.open_browser("here", wanted=True)
    await wait_until(lambda: bool(opened))
    assert opened == ["here"]


async def test_customers_of_several_languages_have_written_already(tmp_path: Path) -> None:
    async with open_demo(settings(), location(tmp_path)) as demo:
        support = demo.slack.channels.support
        written = demo.slack.messages(support)
        assert {user.id for user in CUSTOMERS} <= {message.user_id for message in written}
        assert [message.ts for message in written if not message.thread_ts] == sorted(
            message.ts for message in written if not message.thread_ts
        )
        assert float(written[-1].ts) < time.time()
        assert {user.id for user in CUSTOMERS} <= demo.slack.state.channels[support.id].members
        assert not demo.slack.journal.refusals()


async def test_the_agent_may_have_another_language(tmp_path: Path) -> None:
    async with open_demo(settings(), location(tmp_path), locale="zh-TW") as demo:
        await asked(demo)
        shown = await shown_to(demo)
        assert "送出前請先看過" in json.dumps(shown.blocks, ensure_ascii=False)


async def test_what_is_chosen_is_exported_without_asking_for_samples(suggest: Suggest, tmp_path: Path) -> None:
    async with open_demo(settings(), location(tmp_path)) as demo:
        before = await count_accepted(suggest)
        await asked(demo)
        await demo.slack.click(demo.slack.people.agent, await shown_to(demo), "use_candidate")
        await shown_to(demo, "undo_choice")
        await demo.slack.wait_until_idle()
    exported = await suggest("export", "--database", "demo.db")
    [line] = exported.out.splitlines()
    row = json.loads(line)
    assert row["choice"]["kind"] == "used"
    assert row["request"]["simulated"]
    assert (row["request"]["experiment"], row["request"]["arm_propensity"]) == ("greeting", 0.5)
    assert await count_accepted(suggest) == before + 1


async def count_accepted(suggest: Suggest) -> int:
    report = (await suggest("experiment", "report", "greeting", "--database", "demo.db", "--json")).json
    assert report["state"] == "running"
    return sum(arm["accepted"] for arm in report["arms"])


async def list_pages(suggest: Suggest) -> list[dict[str, Any]]:
    listed = await suggest("knowledge", "list", "--database", "demo.db", "--json")
    pages: list[dict[str, Any]] = json.loads(listed.out)
    return pages


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("My parcel arrived broken and I need it by Friday", "en/damaged-goods.md"),
        ("我的訂單還沒到", "zh-TW/late-parcel.md"),
        ("Do you have a showroom I can visit?", None),
    ],
)
async def test_a_suggestion_cites_the_page_that_fits_or_none(
    suggest: Suggest, tmp_path: Path, text: str, page: str | None
) -> None:
    async with open_demo(settings(), location(tmp_path)) as demo:
        await asked(demo, text)
        await shown_to(demo)
        await demo.slack.wait_until_idle()
    row = json.loads((await suggest("export", "--database", "demo.db")).out)
    assert [found["id"] for found in row["request"]["retrieved"]][:1] == ([page] if page else [])
    cited = {one["id"] for candidate in row["candidates"] for one in candidate["sources"] if one["cited"]}
    assert cited == ({page} if page else set())
    assert not any("[1]" in candidate["text"] for candidate in row["candidates"])


async def test_the_help_center_is_whole_and_what_is_for_agents_is_marked(suggest: Suggest, tmp_path: Path) -> None:
    async with open_demo(settings(), location(tmp_path)):
        pass
    pages = await list_pages(suggest)
    folder = ROOT / "playground/help_center"
    files = {str(file.relative_to(folder)) for file in folder.rglob("*.md")} - {"README.md"}
    assert {page["id"] for page in pages} == files
    assert [page["id"] for page in pages if page["internal"]] == ["internal/goodwill.md"]
    for language in ("de", "es", "fr", "zh-CN", "zh-TW"):
        assert {file.name for file in (folder / language).iterdir()} < {file.name for file in (folder / "en").iterdir()}


def test_the_published_questions_are_about_pages_that_are_there() -> None:
    questions = parse_questions((ROOT / "benchmarks/knowledge.jsonl").read_text(encoding="utf-8"))
    assert len({one.question for one in questions}) == 200
    assert all((ROOT / "playground/help_center" / page).is_file() for one in questions for page in one.expected)


async def test_a_team_s_own_database_gets_no_invented_pages(suggest: Suggest, tmp_path: Path) -> None:
    assert (await suggest("migrate", "--database", "demo.db")).code == 0
    async with open_demo(settings(), location(tmp_path)):
        pass
    assert await list_pages(suggest) == []


async def test_pages_of_a_demonstration_are_not_read_again(suggest: Suggest, tmp_path: Path) -> None:
    async with open_demo(settings(), location(tmp_path)):
        pass
    assert (await suggest("knowledge", "remove", "en/returns.md", "--database", "demo.db")).code == 0
    async with open_demo(settings(), location(tmp_path)):
        pass
    assert "en/returns.md" not in {page["id"] for page in await list_pages(suggest)}


async def test_samples_in_a_database_of_real_replies_are_left_out_and_that_is_told(tmp_path: Path) -> None:
    there = location(tmp_path)
    async with ModelDouble.start() as model:
        async with open_demo(settings(openai_base_url=model.base_url), there) as demo:
            assert "The replies are written by gpt-4o-mini." in demo.announcement
            await asked(demo)
            await shown_to(demo)
        assert model.total == 3
    async with open_demo(settings(), there) as demo:
        assert demo.announcement[-1].endswith("--include-simulated")


async def test_the_fault_panel_makes_the_model_fail_and_well_again(tmp_path: Path) -> None:
    async with open_demo(settings(), location(tmp_path)) as demo:
        assert (await doing(demo, "fault", {"name": "model_rate_limited"}))[0] == 200
        await asked(demo)
        shown = await shown_to(demo, "Try again")
        assert "rate limited" in shown.text
        assert (await doing(demo, "fault", {"name": "model_none"}))[0] == 200
        await demo.slack.click(demo.slack.people.agent, shown, "redraft_request")
        await shown_to(demo)


async def test_a_real_model_is_left_as_it_is() -> None:
    with pytest.raises(ImpossibleAction, match="only the demonstration model"):
        demo._make_fault_switch(None)("slow")


async def doing(demo: demo.Demo, name: str, body: dict[str, Any]) -> tuple[int, Any]:
    """What the page does."""
    async with (
        aiohttp.ClientSession(headers={"X-Playground": "1"}) as page,
        page.post(f"{demo.slack.url}/client/{name}", json=body) as answer,
    ):
        return answer.status, await answer.json()


async def test_the_page_shows_the_choice_log_as_it_is_written(tmp_path: Path) -> None:
    async with open_demo(settings(), location(tmp_path)) as demo:
        await asked(demo)
        await shown_to(demo)
        async with aiohttp.ClientSession() as page, page.get(f"{demo.slack.url}/client/stream") as stream:
            async with asyncio.timeout(120):
                async for line in stream.content:
                    if b'"choice-log/1"' in line:
                        return
