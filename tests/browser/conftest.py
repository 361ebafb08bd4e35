"""`suggest demo` in a real browser: each test has its own, with the demonstration model, and a person at the page."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from cli.commands.demo import Demo, fill_database, open_demo
from cli.database_location import Location, open_or_create
from cli.settings import Settings
from tests.browser.person import CHROMIUM_ARGS, Person

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("SLACK_", "OPENAI_", "SUGGEST_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium is installed here: apt-get install chromium")
    expect.set_options(timeout=120_000)
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield launched
        await launched.close()


@pytest.fixture(scope="session")
async def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration's database with all that is invented: filled once, and copied."""
    file = tmp_path_factory.mktemp("demonstration") / "demo.db"
    async with open_or_create(Location.of_file(file, origin="demonstration")) as records:
        await fill_database(Settings(_env_file=None), records)
    return file


@pytest.fixture
def location(filled: Path, tmp_path: Path) -> Location:
    shutil.copy(filled, tmp_path / "demo.db")
    return Location.of_file(tmp_path / "demo.db", origin="demonstration")


@pytest.fixture
def locale() -> str | None:
    """The agent's; a test parametrises it."""
    return None


@pytest.fixture
async def demo(browser: Browser, location: Location, locale: str | None) -> AsyncIterator[Demo]:
    async with open_demo(Settings(_env_file=None), location, locale=locale) as running:
        yield running


@pytest.fixture
async def person(browser: Browser, demo: Demo, location: Location) -> AsyncIterator[Person]:
    """At the end, the browser must have had nothing to complain of, and have asked no other host."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    there = Person(demo=demo, page=await context.new_page(), database_url=location.url)
    try:
        await there.arrive()
        yield there
        assert there.complaints == []
        assert there.other_hosts == []
    finally:
        await context.close()
