"""What one reads: answers come into sight by themselves, and a phone has room for a reply with its buttons."""

import pytest
from playwright.async_api import Locator, ViewportSize, expect

from tests.browser.person import Person

WIDE = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)
QUESTIONS = ("My parcel arrived broken and I need it by Friday", "Where is my order?", "Thank you so much!")


async def look_back(person: Person) -> Locator:
    """Scrolls to the first message of the channel."""
    await person.page.get_by_role("log", name="Messages in").hover()
    await person.page.mouse.wheel(0, -5000)
    first = person.page.get_by_role("article").first
    await expect(first).to_be_in_viewport()
    return first


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_each_answer_comes_into_sight(person: Person, size: ViewportSize) -> None:
    """From the second `/suggest` on, too, and after one has looked at what was said before."""
    await person.page.set_viewport_size(size)
    for count, question in enumerate(QUESTIONS, 1):
        await person.suggest(question, count=3 * count)
        answer = person.private.filter(has=person.page.get_by_role("button", name="Use reply 1")).last
        await expect(answer).to_contain_text(question)
        await expect(answer.get_by_text("Reply 1")).to_be_in_viewport()
        if count == 2:
            await look_back(person)


async def test_the_answer_to_a_click_comes_into_sight(person: Person) -> None:
    await person.suggest()
    await person.button("More like these").click()
    await expect(person.private.filter(has_text="on their way")).to_have_count(2)
    answer = person.private.filter(has=person.page.get_by_role("button", name="Use reply 1")).last
    await expect(answer.get_by_role("button", name="Use reply 1")).to_be_in_viewport(ratio=1)


async def test_who_reads_what_was_said_before_is_left_there(person: Person) -> None:
    await person.suggest()
    first = await look_back(person)
    slack = person.demo.slack
    slack.write(slack.people.stranger, slack.channels.support, "Is anybody there?")
    await expect(person.button("New messages ↓")).to_be_visible()
    await expect(first).to_be_in_viewport()
    await person.button("New messages ↓").click()
    await expect(person.page.get_by_text("Is anybody there?")).to_be_in_viewport()


HEIGHTS = """(answer) => {
    const room = answer.closest(".scroller").clientHeight;
    return [...answer.querySelectorAll("[data-action=use_candidate]")].map((button) => {
        let head = button.closest(".block");
        while (!/^Reply \\d/u.test(head.textContent)) head = head.previousElementSibling;
        return [button.getBoundingClientRect().bottom - head.getBoundingClientRect().top, room];
    });
}"""


async def test_a_phone_has_room_for_one_reply_and_its_buttons(person: Person) -> None:
    await person.page.set_viewport_size(PHONE)
    await person.suggest()
    answer = person.private.filter(has=person.page.get_by_role("button", name="Use reply 1"))
    heights = await answer.evaluate(HEIGHTS)
    assert len(heights) == 3
    assert all(height <= room for height, room in heights), heights
    await expect(answer.get_by_role("button", name="Use reply 1")).to_be_in_viewport(ratio=1)
