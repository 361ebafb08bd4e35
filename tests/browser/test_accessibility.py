"""axe-core finds nothing serious, in light and dark, wide and narrow; and nothing has to be scrolled sideways."""

from importlib import resources
from typing import Any, Literal

import pytest
from playwright.async_api import expect

from tests.browser.person import Person

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
    .filter((found) => ["serious", "critical"].includes(found.impact))
    .map((found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`)"""


async def find_violations(person: Person) -> Any:
    await person.page.evaluate(AXE)
    return await person.page.evaluate(RUN)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_axe_finds_nothing_serious(person: Person, scheme: Literal["light", "dark"], width: int) -> None:
    await person.page.set_viewport_size({"width": width, "height": 900})
    await person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await person.composer.press_sequentially("/su")
    await expect(person.page.get_by_role("option", name="/suggest")).to_be_visible()
    assert await find_violations(person) == [], "while a command is offered"
    await person.suggest()
    assert await find_violations(person) == [], "with candidates"
    await person.button("Edit reply 1").click()
    await expect(person.page.get_by_role("dialog")).to_be_visible()
    assert await find_violations(person) == [], "in the editor"
    await person.page.keyboard.press("Escape")
    await expect(person.page.get_by_role("dialog")).to_be_hidden()
    if width < 1200:
        await person.page.get_by_label("Parts of the page").get_by_role("button", name="Inspector").click()
    for tab in ("Traffic", "Choice log", "Faults"):
        await person.inspect(tab)
        assert await find_violations(person) == [], tab


@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_is_wider_than_the_window(person: Person, width: int) -> None:
    await person.page.set_viewport_size({"width": width, "height": 900})
    await person.suggest()
    assert await person.page.evaluate("() => document.documentElement.scrollWidth") <= width
