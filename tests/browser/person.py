"""The support agent at the page: finds everything by its role and its name, as a screen reader does."""

import json
import re
from typing import Any

from playwright.async_api import ConsoleMessage, Locator, Page, Request, expect

from cli.commands.demo import Demo
from cli.database_location import INVENTED
from tests.conftest import read_log

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MESSAGE = "My parcel arrived broken and I need it by Friday"


class Person:
    """One page; what the browser complained of, and whom else it asked."""

    def __init__(self, *, demo: Demo, page: Page, database_url: str) -> None:
        self.demo = demo
        self.page = page
        self.complaints: list[str] = []
        self.other_hosts: list[str] = []
        self._database_url = database_url
        page.set_default_timeout(120_000)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._on_request)

    @property
    def url(self) -> str:
        return f"{self.demo.slack.url}/"

    @property
    def composer(self) -> Locator:
        return self.page.locator("#composer-text")

    @property
    def uses(self) -> Locator:
        """The Use buttons of all candidates that are there."""
        return self.page.get_by_role("button", name="Use reply")

    @property
    def private(self) -> Locator:
        """What this person alone sees."""
        return self.page.get_by_role("article").filter(has_text="Only visible to you")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def arrive(self) -> None:
        await self.page.goto(self.url)
        await expect(self.composer).to_be_focused()

    async def write(self, text: str) -> None:
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def suggest(self, message: str = MESSAGE, *, count: int = 3) -> None:
        """Asks, and has the candidates before them."""
        await self.write(f"/suggest {message}")
        await expect(self.uses).to_have_count(count)

    async def inspect(self, tab: str) -> Locator:
        """Opens one of the inspector's tabs."""
        await self.page.get_by_role("tab", name=tab).click()
        return self.page.get_by_role("tabpanel", name=tab)

    async def see(self, text: str) -> None:
        await expect(self.page.get_by_text(text).locator("visible=true").last).to_be_visible()

    def list_posted(self) -> list[str]:
        """What the bot has posted for everybody to see."""
        slack = self.demo.slack
        return [each.text for each in slack.messages(slack.channels.support) if each.user_id == slack.bot_user_id]

    async def expect_posted(self, text: str) -> None:
        """The reply stands in the channel, as everybody sees it, as the app's; lists without their marks."""
        public = self.page.get_by_role("article", name="Suggest").filter(has_not_text="Only visible to you")
        for line in re.sub(r"(?m)^ *(?:[-*•]|\d+[.)]) ", "", text).splitlines():
            await expect(public.last).to_contain_text(" ".join(line.split()))

    async def log(self) -> list[dict[str, Any]]:
        """What people did here, in the choice log, once the bot has nothing more to do."""
        await self.demo.slack.wait_until_idle()
        rows = await read_log(self._database_url, include_simulated=True)
        return [row for row in rows if row["request"]["team_id"] != INVENTED]

    async def last_choice(self) -> dict[str, Any]:
        choice: dict[str, Any] = (await self.log())[-1]["choice"]
        return choice

    async def read_focused_name(self) -> str:
        """The name of what has the focus."""
        name = await self.page.evaluate(
            "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
        )
        return str(name).strip()

    async def tab_to(self, name: str, key: str = "Tab") -> None:
        """Presses the key until the focus is there; fails where it never comes."""
        for _ in range(80):
            if await self.read_focused_name() == name:
                return
            await self.page.keyboard.press(key)
        raise AssertionError(f"{key} never comes to {name!r}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.other_hosts.append(json.dumps(request.url))
