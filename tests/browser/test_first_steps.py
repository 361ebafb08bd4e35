"""A newcomer finds the ways in by the page alone, in their own language, and may be an admin too."""

import re

import pytest
from playwright.async_api import Locator, expect

from cli.database_location import Location
from tests.browser.person import MESSAGE, Person

ADMIN = "Ada Invented (admin)"


def find_card(person: Person) -> Locator:
    return person.page.get_by_role("region", name="First steps")


async def test_an_example_is_pressed_and_its_reply_posted(person: Person) -> None:
    await find_card(person).get_by_role("button", name=f"/suggest {MESSAGE}").click()
    await expect(person.uses).to_have_count(3)
    await expect(find_card(person)).to_be_hidden()
    await person.button("Use reply 1").click()
    await person.see("✓ Sent in")
    assert len(person.list_posted()) == 1


async def test_the_card_goes_and_comes_back(person: Person) -> None:
    await person.button("Hide the first steps").click()
    await person.page.reload()
    await expect(person.composer).to_be_focused()
    await expect(find_card(person)).to_be_hidden()
    await person.button("First steps").click()
    await expect(find_card(person)).to_be_visible()


async def test_the_card_leads_to_a_message_s_menu(person: Person) -> None:
    await person.write("/suggest help")
    await person.see("/suggest pause")
    await person.button("First steps").click()
    await find_card(person).get_by_role("button", name="⋮ on a message").click()
    await expect(person.page.get_by_role("menuitem", name="Suggest replies")).to_be_focused()
    await expect(person.page.get_by_role("article", name="Paula Imaginary")).to_be_in_viewport()
    await person.page.keyboard.press("Enter")
    await expect(person.page.get_by_role("dialog").get_by_role("button", name="Use reply")).to_have_count(3)


async def test_the_card_leads_to_a_mention_in_a_thread(person: Person) -> None:
    await find_card(person).get_by_role("button", name="@mention in a thread").click()
    field = person.page.get_by_label("Reply in thread", exact=True)
    await expect(field).to_be_focused()
    await expect(field).to_have_value("@suggest ")
    await field.press("Enter")
    await expect(person.uses).to_have_count(3)


async def test_the_card_leads_to_the_shortcut_for_a_pasted_message(person: Person) -> None:
    await find_card(person).get_by_role("button", name="⚡ paste a message").click()
    await person.page.get_by_role("menuitem", name="Suggest replies").click()
    await expect(
        person.page.get_by_role("dialog").get_by_role("textbox", name="The customer's message")
    ).to_be_visible()


async def test_the_card_leads_to_a_direct_message(person: Person) -> None:
    await find_card(person).get_by_role("button", name="Direct message").click()
    await expect(person.composer).to_have_value(MESSAGE)
    await person.composer.press("Enter")
    await expect(person.uses).to_have_count(3)


async def test_one_may_pause_and_export_as_an_admin_and_go_back(person: Person) -> None:
    await person.suggest()
    await person.page.get_by_label("Write as").first.select_option(label=ADMIN)
    await expect(person.page.get_by_role("navigation").get_by_text("Ada Invented")).to_be_visible()
    await expect(person.uses).to_have_count(0)
    await person.write("/suggest pause")
    await person.see("Drafting is paused everywhere.")
    await person.write("/suggest resume")
    await person.write("/suggest export")
    await person.page.get_by_role("dialog", name="Export the choice log").get_by_role("button", name="Export").click()
    await person.see("The export is done: one request.")
    await person.page.get_by_role("navigation").get_by_role("button", name="Suggest").click()
    await person.see("The choice log you asked for: one request.")
    await person.see("📎")
    await person.page.get_by_role("navigation").get_by_role("button", name="support-invented").click()
    await person.page.get_by_label("Write as").first.select_option(label="Arthur Fictional (you)")
    await expect(person.uses).to_have_count(3)


async def test_an_admin_sets_defaults_for_a_channel_in_home(person: Person) -> None:
    await person.page.get_by_label("Write as").first.select_option(label=ADMIN)
    await person.page.get_by_role("navigation").get_by_role("button", name="Suggest").click()
    await person.button("Home").click()
    await person.button("Set defaults for a channel").click()
    dialog = person.page.get_by_role("dialog", name="Defaults for a channel")
    await dialog.get_by_role("button", name="Channel").click()
    await person.page.get_by_role("option", name="#support-invented").click()
    await dialog.get_by_role("button", name="Replies per request").click()
    await person.page.get_by_role("option", name="2", exact=True).click()
    await dialog.get_by_role("button", name="Save").click()
    await person.see("Replies per request: 2")
    await person.button("Change").click()
    await expect(dialog.get_by_role("button", name="Channel")).to_contain_text("#support-invented")


async def test_the_card_leads_to_what_admins_may_do(person: Person) -> None:
    await find_card(person).get_by_role("button", name="As an admin").click()
    await expect(person.composer).to_have_value("/suggest export")
    await person.composer.press("Enter")
    await expect(person.page.get_by_role("dialog", name="Export the choice log")).to_be_visible()


async def test_the_card_names_the_reports_on_an_invented_team(person: Person, location: Location) -> None:
    await find_card(person).get_by_text("For team leads").click()
    for command in ("experiment report greeting", "compare report", "report --team invented"):
        await expect(find_card(person)).to_contain_text(f"suggest {command} --database {location}")


async def test_help_names_every_door_and_what_admins_may_do(person: Person) -> None:
    await person.write("/suggest help")
    for words in ("/suggest last", "⋮", "mention me", "direct message", "⚡", "/suggest pause", "/suggest export"):
        await expect(person.private).to_contain_text(words)


async def test_what_a_reload_takes_away_is_told_of_with_the_way_back(person: Person) -> None:
    await person.suggest()
    notice = person.page.get_by_role("status").filter(has_text="Private messages are gone after a reload")
    await expect(notice).to_have_count(0)
    await person.page.reload()
    await expect(notice).to_contain_text("/suggest last")
    await person.page.reload()
    await expect(person.composer).to_be_focused()
    await expect(notice).to_have_count(0)


WORDS = """() => {
    const names = ["aria-label", "placeholder", "title"];
    const isShown = (node) => node.checkVisibility() && !node.closest("pre, code, .json, .name, .state, time, em");
    const parts = [...document.querySelectorAll("body *")].filter(isShown).flatMap((node) => [
        ...[...node.childNodes].filter(({ data }) => data && !node.closest(".text")).map(({ data }) => data),
        ...names.map((name) => node.getAttribute(name) ?? ""),
    ]);
    return [...parts, document.title];
}"""
"""All words of the page that are no message, nor JSON."""
NAMES = re.compile(
    r"Playground|Suggest replies|Suggest|suggest|[a-z]+-invented|Slack|Socket Mode|socket|Web API|JSON"
    r"|Arthur Fictional|Ada Invented|Paula Imaginary|Emil Ausgedacht|Camille Fictive|Inés Inventada|Sol Elsewhere|HTTP"
    r"|(?<=[「（]).*(?=[」）])|demo\.db|AI|[A-Z]{2}\b"
)


async def list_english(person: Person) -> list[str]:
    """Words in Latin letters that are no names."""
    shown = await person.page.evaluate(WORDS)
    return sorted({words for words in shown if re.search(r"[A-Za-z]{3}", NAMES.sub("", words))})


@pytest.mark.parametrize("locale", ["zh-TW"])
async def test_the_page_is_wholly_in_the_agents_language(person: Person) -> None:
    assert await person.page.evaluate("() => document.documentElement.lang") == "zh-TW"
    assert await list_english(person) == [], "at the beginning"
    await person.write("/suggest 我的包裹到的時候壞了，週五前需要用到")
    await expect(person.page.get_by_role("button", name="使用回覆")).to_have_count(3)
    assert await list_english(person) == [], "with candidates"
    await person.button("編輯回覆 1").click()
    await expect(person.page.get_by_role("dialog")).to_be_visible()
    assert await list_english(person) == [], "in the editor"
    await person.page.keyboard.press("Escape")
    await expect(person.page.get_by_role("dialog")).to_be_hidden()
    for tab in ("選擇紀錄", "故障模擬", "往來紀錄"):
        await person.inspect(tab)
        assert await list_english(person) == [], tab


@pytest.mark.parametrize("locale", ["zh-TW"])
async def test_home_and_its_settings_are_in_the_agents_language(person: Person) -> None:
    await person.page.get_by_role("navigation").get_by_role("button", name="Suggest").click()
    await person.button("首頁").click()
    await person.button("變更設定").click()
    await person.page.get_by_role("dialog").get_by_role("checkbox", name="先問清楚").uncheck()
    assert await list_english(person) == [], "in the settings"
    await person.button("儲存").click()
    await person.see("已關閉：先問清楚")
    assert await list_english(person) == [], "at home"
