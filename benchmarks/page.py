"""Measure how soon the demo's page shows candidates in a real browser, and take the documents' pictures of it.

python -m benchmarks.page [--runs 10] [--images docs/images]
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, chdir
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from benchmarks.synthetic_log import fill_database
from cli.commands.demo import open_demo
from cli.database_location import Location
from cli.main import run
from cli.settings import Settings

MESSAGE = "/suggest My parcel arrived broken and I need it by Friday"
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--images", type=Path, help="take pictures into this folder instead")
    options = parser.parse_args(arguments)
    if options.images is None:
        asyncio.run(measure(options.runs))
    else:
        options.images.mkdir(parents=True, exist_ok=True)
        asyncio.run(take_pictures(options.images.resolve()))


async def measure(runs: int) -> None:
    async with open_demo_page() as (page, opened_s):
        print(f"page opened and usable: {opened_s * 1000:.0f} ms")
        seconds = [await time_candidates(page) for _ in range(runs)]
    shown = [f"{each * 1000:.0f}" for each in (statistics.median(seconds), min(seconds), max(seconds))]
    print(f"Enter to candidates visible: median {shown[0]} ms of {runs} ({shown[1]} to {shown[2]})")


async def time_candidates(page: Page) -> float:
    """From Enter to the buttons of three more candidates, in seconds; then they are dismissed."""
    await page.keyboard.type(MESSAGE)
    start = time.perf_counter()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Use reply").nth(2).wait_for()
    taken = time.perf_counter() - start
    await page.get_by_role("button", name="None of these").last.click()
    await page.get_by_role("button", name="Use reply").first.wait_for(state="detached")
    await page.locator("#composer-text").focus()
    return taken


async def take_pictures(folder: Path) -> None:
    """candidates.png, modal.png, edit.png, inspector.png, and report.png of an invented log.

    The machine needs fonts for Chinese and emoji.
    """
    await take_report_picture(folder / "report.png")
    async with open_demo_page(locale="zh-TW") as (page, _):
        await page.locator("#inspector-toggle").click()
        await page.set_viewport_size({"width": 1000, "height": 1240})
        await page.locator("#first-steps .example").first.click()
        await page.locator("[data-action=use_candidate]").nth(2).wait_for()
        await page.screenshot(path=folder / "candidates-zh.png")
    async with open_demo_page() as (page, _):
        await page.get_by_role("button", name="Inspector").first.click()
        await page.set_viewport_size({"width": 1000, "height": 1240})
        await ask(page)
        await page.screenshot(path=folder / "candidates.png")
        await page.get_by_role("button", name="Edit reply 1").click()
        await page.get_by_role("dialog").wait_for()
        await page.screenshot(path=folder / "edit.png")
        await page.get_by_role("dialog").get_by_role("button", name="Send").click()
        await page.get_by_text("✓ Sent in").wait_for()
        await page.set_viewport_size({"width": 1280, "height": 860})
        await page.get_by_role("button", name="Inspector").first.click()
        await page.get_by_role("tab", name="Choice log").click()
        await page.get_by_text("shown · used").wait_for()
        await page.screenshot(path=folder / "inspector.png")
    async with open_demo_page() as (page, _):
        await page.get_by_role("button", name="Inspector").first.click()
        await page.set_viewport_size({"width": 1000, "height": 900})
        message = page.get_by_role("article").filter(has_text="My parcel arrived broken").first
        await message.hover()
        await message.get_by_role("button", name="More actions on").click()
        await page.get_by_role("menuitem", name="Suggest replies").click()
        await page.get_by_role("dialog").get_by_role("button", name="Use reply").nth(2).wait_for()
        await page.screenshot(path=folder / "modal.png")


async def take_report_picture(file: Path) -> None:
    """The first screen of the report on an invented log."""
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(fill_database, Path(folder) / "invented.db", 4_000)
        page_file = Path(folder) / "report.html"
        asked_for = ["report", "--database", f"{folder}/invented.db", "--include-simulated", "--html", str(page_file)]
        assert await asyncio.to_thread(run, asked_for) == 0
        async with launch_browser() as browser:
            page = await browser.new_page(viewport={"width": 1000, "height": 1200}, locale="en-GB")
            await page.goto(page_file.as_uri())
            await page.screenshot(path=file)


async def ask(page: Page) -> None:
    await page.locator("#composer-text").focus()
    await page.keyboard.type(MESSAGE)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Use reply").nth(2).wait_for()
    await page.get_by_role("button", name="None of these").hover()


@asynccontextmanager
async def open_demo_page(locale: str | None = None) -> AsyncIterator[tuple[Page, float]]:
    """The demo's page, with the cursor in the composer, and the seconds that took."""
    settings = Settings(_env_file=None, suggest_agent_per_minute=10_000)
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        location = Location.of_file(Path("suggest-demo.db"), origin="demonstration")
        async with open_demo(settings, location, locale=locale) as demo, launch_browser() as browser:
            page = await browser.new_page(viewport={"width": 1280, "height": 860}, locale="en-GB")
            start = time.perf_counter()
            await page.goto(f"{demo.slack.url}/")
            await page.wait_for_function("() => document.activeElement?.id === 'composer-text'")
            yield page, time.perf_counter() - start


@asynccontextmanager
async def launch_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        yield browser
        await browser.close()


if __name__ == "__main__":
    main()
