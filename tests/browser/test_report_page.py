"""The report's page in a real browser: nothing serious for axe, nothing sideways, nobody asked, on paper too."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page

from bot.ranking.contrasts import KINDS, EffectComparison, PairContrast, Standing
from bot.ranking.estimates import Effect
from bot.ranking.off_policy import PolicyValueRefusal
from bot.ranking.promotion import Verdict
from bot.ranking.rank_report import RankerStatus, RankReport
from bot.reporting import Price, Prices, Reporter, ReportQuery
from cli.render.html import rank_report
from cli.render.html.report import render_report
from storage.engine.database import Database
from storage.queries.log_entries import ChoiceLog
from storage.queries.reports import Reports
from storage.records import Selection
from storage.schema import migrate
from tests.browser.test_accessibility import AXE, RUN
from tests.reportlog import Asked, Drafted, dismissed, edited, failed, record, used

LONG = "a-style-whose-name-nobody-could-break-" * 3
OUT = """() => [...document.querySelectorAll("svg[role=img] text")].filter((text) => {
    const inner = text.getBoundingClientRect()
    const outer = text.closest("svg[role=img]").getBoundingClientRect()
    return inner.left < outer.left - 2 || inner.right > outer.right + 2
}).map((text) => text.textContent)"""
"""What runs out of its chart."""
STYLES = ("<script>document.title = 'broken'</script>", LONG, *(f"style {number}" for number in range(48)))


def log() -> list[Asked]:
    """Twelve agents, six weeks, fifty styles."""
    each = (used(), used(2), edited(0.7), dismissed("wrong_tone"), failed(), Asked(status="expired"), Asked())
    return [
        replace(
            asked,
            agent=f"U{number:02}",
            after=timedelta(days=7 * week, hours=number),
            drafts=tuple(
                Drafted(style=STYLES[(number * 7 + week * 3 + n) % 50], position=n, model=LONG if n == 2 else "small")
                for n in (1, 2, 3)
            )
            if asked.status != "failed"
            else asked.drafts,
        )
        for number in range(12)
        for week in range(6)
        for asked in each
    ]


def build_rank_page(folder: Path) -> Path:
    """As many names as one has, one of them long, with and without an effect."""
    effect = Effect(mean=0.3, lower=-0.1, upper=900.0)
    names = [
        Standing(kind=kind, name=name, shown=9, picked=3, effect=known, equal_length=known, best=0.4)
        for kind in KINDS
        for name, known in ((STYLES[0], effect), (LONG, effect), ("none", None))
    ]
    pair = PairContrast(
        kind="styles",
        one=STYLES[0],
        other=LONG,
        effect=effect,
        equal_length=None,
        found="better",
        needed=None,
        missing=None,
    )
    report = RankReport(
        since=None,
        until=None,
        left_out={},
        worth=PolicyValueRefusal(reason="few_agents", effective=0, displays=9, agents=2),
        standing=RankerStatus(change=None, newest=None),
        requests=9,
        verdict=Verdict(state="too_little", picks=9, agents=2),
        comparison=EffectComparison(displays=9, picks=9, agents=2, standings=tuple(names), pairs=(pair,)),
    )
    file = folder / "ranking.html"
    file.write_text(rank_report.render_report(report), encoding="utf-8")
    return file


async def build_report_page(folder: Path, asked: list[Asked], **question: Any) -> Path:
    database = Database(f"sqlite:///{folder / 'suggest.db'}")
    try:
        await migrate(database)
        await record(database, asked)
        prices = Prices(currency="EUR", models={"small": Price(prompt=0.15, completion=0.6)})
        reporter = Reporter(
            reports=Reports(database),
            log=ChoiceLog(database),
            prices=prices,
            now=lambda: datetime(2026, 1, 5, tzinfo=UTC),
            mask=list,
        )
        report = await reporter.report(ReportQuery(**{"selection": Selection(), **question}))
    finally:
        await database.aclose()
    file = folder / "report.html"
    file.write_text(render_report(report), encoding="utf-8")
    return file


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """At the end, the browser must have had nothing to complain of, and have asked for the file alone."""
    context = await browser.new_context()
    opened, complaints, asked = await context.new_page(), list[str](), list[str]()
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    try:
        yield opened
        assert complaints == []
        assert len(asked) == 1, asked
    finally:
        await context.close()


async def find_violations(page: Page) -> Any:
    """Axe's script comes past the page's own policy, as a test may."""
    session = await page.context.new_cdp_session(page)
    await session.send("Runtime.evaluate", {"expression": AXE})
    found = await session.send(
        "Runtime.evaluate", {"expression": f"({RUN})()", "awaitPromise": True, "returnByValue": True}
    )
    return found["result"]["value"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_axe_finds_nothing_serious_in_the_ranking_and_no_label_runs_out(
    page: Page, tmp_path: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 900})
    await page.emulate_media(color_scheme=scheme)
    await page.goto(build_rank_page(tmp_path).as_uri())
    assert await page.title() == "What agents choose"
    assert await find_violations(page) == []
    assert await page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert await page.evaluate(OUT) == []
    assert await page.get_by_role("img").count() == 3
    assert await page.get_by_role("rowheader", name=STYLES[0]).first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_window(
    page: Page, tmp_path: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    file = await build_report_page(tmp_path, log(), by=("style",))
    await page.set_viewport_size({"width": width, "height": 900})
    await page.emulate_media(color_scheme=scheme)
    await page.goto(file.as_uri())
    assert await page.title() == "Report: 3 Nov 2025 to 8 Dec 2025"
    assert await find_violations(page) == []
    assert await page.evaluate("() => document.documentElement.scrollWidth") <= width


async def test_charts_have_names_and_numbers_are_in_tables(page: Page, tmp_path: Path) -> None:
    await page.goto((await build_report_page(tmp_path, log(), by=("style",))).as_uri())
    reasons = await page.get_by_role("region", name="Reasons for each").count()
    assert await page.get_by_role("img").count() == await page.get_by_role("table").count() - reasons + 1
    for chart in await page.get_by_role("img").all():
        assert await chart.locator("> title").text_content()
    section = page.get_by_role("region", name="By style")
    assert await section.get_by_role("row").count() == 1 + 50 + 1, (
        "a head, the styles, and the one of drafts that failed"
    )
    assert await section.get_by_role("rowheader", name=STYLES[0]).is_visible()


async def test_no_label_runs_out_of_its_chart(page: Page, tmp_path: Path) -> None:
    file = await build_report_page(tmp_path, log(), by=("style",))
    for width in (320, 390, 1280):
        await page.set_viewport_size({"width": width, "height": 900})
        if page.url != file.as_uri():
            await page.goto(file.as_uri())
        assert await page.evaluate(OUT) == [], width


async def test_on_paper_all_rows_are_there_and_ink_is_dark(page: Page, tmp_path: Path) -> None:
    await page.goto((await build_report_page(tmp_path, log(), by=("style",))).as_uri())
    await page.emulate_media(media="print", color_scheme="dark")
    hidden = await page.evaluate(
        """() => [...document.querySelectorAll(".scroll")]
            .filter((box) => box.scrollHeight > box.clientHeight + 1).length"""
    )
    assert hidden == 0
    assert await page.evaluate("() => getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert await page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(await page.pdf(format="A4", print_background=True)) > 10_000


async def test_many_weeks_are_folded_and_are_there_on_paper(page: Page, tmp_path: Path) -> None:
    asked = [used(agent=f"U{week % 3}", after=timedelta(days=7 * week)) for week in range(20)]
    await page.goto((await build_report_page(tmp_path, asked)).as_uri())
    table = page.get_by_role("table").filter(has_text="week of")
    assert not await table.is_visible()
    await page.get_by_text("All 20 weeks").click()
    assert await table.get_by_role("row").count() == 1 + 20
    await page.get_by_text("All 20 weeks").click()
    await page.emulate_media(media="print")
    height = await page.evaluate("() => document.querySelector('details table').getBoundingClientRect().height")
    assert height > 20 * 10


async def test_on_a_phone_each_cell_has_its_heading(page: Page, tmp_path: Path) -> None:
    """Nothing is to be scrolled sideways for, and it is still a table to a screen reader."""
    await page.set_viewport_size({"width": 320, "height": 700})
    await page.goto((await build_report_page(tmp_path, log(), by=("style",))).as_uri())
    sideways = await page.evaluate(
        """() => [...document.querySelectorAll(".scroll")]
            .filter((box) => box.scrollWidth > box.clientWidth + 1).length"""
    )
    assert sideways == 0
    cell = page.get_by_role("region", name="What became of requests").get_by_role("cell").first
    assert "share" in await cell.evaluate("cell => getComputedStyle(cell, '::before').content")


@pytest.mark.parametrize("asked", [[], [used()], [failed()]], ids=["nothing", "one", "failed"])
async def test_a_page_of_little_is_usable(page: Page, tmp_path: Path, asked: list[Asked]) -> None:
    await page.goto((await build_report_page(tmp_path, asked)).as_uri())
    assert await find_violations(page) == []
    assert await page.get_by_text("not enough data").first.is_visible()
