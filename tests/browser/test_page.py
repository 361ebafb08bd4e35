"""The whole product by its page: from `/suggest` to a recorded choice, in a real browser."""

import pytest
from playwright.async_api import expect

from tests.browser.person import MESSAGE, Person


async def test_a_reply_is_asked_for_seen_used_and_posted(person: Person) -> None:
    await person.composer.press_sequentially("/su")
    offered = person.page.get_by_role("option", name="/suggest")
    await expect(offered).to_be_visible()
    await person.composer.press("Tab")
    await expect(person.composer).to_have_value("/suggest ")
    await person.see("an optional hint")
    await person.composer.press_sequentially(MESSAGE)
    await person.composer.press("Enter")
    await expect(person.uses).to_have_count(3)
    await person.button("Use reply 2").click()
    await person.see("✓ Sent in")
    assert person.list_posted()
    [row] = await person.log()
    assert row["choice"]["kind"] == "used"
    assert row["choice"]["final_text"].split() == person.list_posted()[0].split()
    await person.expect_posted(row["choice"]["final_text"])


async def test_a_reply_is_edited_in_the_modal(person: Person) -> None:
    await person.suggest()
    await person.button("Edit reply 1").click()
    dialog = person.page.get_by_role("dialog", name="Edit reply")
    field = dialog.get_by_role("textbox", name="Reply")
    await expect(field).to_be_focused()
    await field.fill("We send you a new one, today.")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog).to_be_hidden()
    await person.see("✓ Sent with your edit")
    await person.expect_posted("We send you a new one, today.")
    assert (await person.last_choice())["kind"] == "edited"


async def test_an_edit_can_be_left_with_nothing_chosen(person: Person) -> None:
    await person.suggest()
    await person.button("Edit reply 1").click()
    dialog = person.page.get_by_role("dialog", name="Edit reply")
    await dialog.get_by_role("textbox", name="Reply").fill("")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog).to_be_visible()
    await person.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(person.uses).to_have_count(3)
    assert (await person.last_choice()) is None


async def test_all_are_dismissed_with_a_reason(person: Person) -> None:
    await person.suggest()
    await person.button("None of these").click()
    await person.button("Why not?").click()
    await person.page.get_by_role("option", name="Wrong tone").click()
    await person.see("Thank you. Your reason is noted.")
    choice = await person.last_choice()
    assert (choice["kind"], choice["reason"]) == ("dismissed", "wrong_tone")
    assert person.list_posted() == []


async def test_others_are_drafted(person: Person) -> None:
    await person.suggest()
    await person.button("More like these").click()
    await expect(person.uses).to_have_count(3)
    await person.see("3 private replies are on their way.")
    first, second = await person.log()
    assert second["request"]["parent_request_id"] == first["request"]["id"]
    texts = {each["text"] for each in first["candidates"]} & {each["text"] for each in second["candidates"]}
    assert not texts


async def test_others_are_made_of_one(person: Person) -> None:
    """By the menu beside it; another language is chosen in a modal of its own."""
    await person.suggest()
    await person.page.get_by_role("button", name="More", exact=True).first.click()
    await person.page.get_by_role("menuitem", name="In another language").click()
    dialog = person.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Language").click()
    await person.page.get_by_role("option", name="Deutsch").click()
    await dialog.get_by_role("button", name="Draft").click()
    await person.see("Made from one reply: Deutsch")
    await expect(person.uses.first).to_be_visible()
    first, second = await person.log()
    assert second["request"]["parent_candidate_id"] in {each["id"] for each in first["candidates"]}
    assert (second["request"]["steer"], second["request"]["steer_language"]) == ("other_language", "de")


async def test_a_choice_is_undone_and_another_made(person: Person) -> None:
    await person.suggest()
    await person.button("Use reply 1").click()
    await person.button("Undo").click()
    await person.see("Undone. Choose again:")
    assert person.list_posted() == []
    await person.button("Use reply 3").click()
    await person.see("✓ Sent in")
    assert len(person.list_posted()) == 1


async def test_private_messages_are_gone_after_a_reload_and_come_back_when_asked_for(person: Person) -> None:
    await person.suggest()
    before = [await button.get_attribute("aria-label") for button in await person.uses.all()]
    await person.page.reload()
    await expect(person.composer).to_be_focused()
    await person.see(MESSAGE)  # what a customer wrote is still there
    await expect(person.uses).to_have_count(0)
    await person.write("/suggest last")
    await expect(person.uses).to_have_count(3)
    assert [await button.get_attribute("aria-label") for button in await person.uses.all()] == before
    await person.button("Use reply 1").click()
    await person.see("✓ Sent in")


@pytest.mark.parametrize(("trouble", "told"), [("Broken", "server error"), ("Rate limited", "rate limited")])
async def test_a_model_that_fails_is_told_of_and_tried_again(person: Person, trouble: str, told: str) -> None:
    faults = await person.inspect("Faults")
    await faults.get_by_role("radio", name=trouble).check()
    await person.see("The model: ")
    await person.write(f"/suggest {MESSAGE}")
    await person.see(f"The AI model is not answering ({told}). Nothing was sent.")
    await faults.get_by_role("radio", name="Answers well").check()
    await person.see("The model: answers well.")
    await person.button("Try again").click()
    await expect(person.uses).to_have_count(3)


async def test_a_double_click_and_a_click_delivered_twice_post_once(person: Person) -> None:
    await person.suggest()
    await person.button("Use reply 1").dblclick()
    await person.see("✓ Sent in")
    faults = await person.inspect("Faults")
    await faults.get_by_role("button", name="The next click is delivered twice").click()
    await person.see("Planned: The next click is delivered twice.")
    await person.suggest("Where is my order?")
    await person.button("Use reply 1").click()
    await expect(person.button("Undo")).to_have_count(2)
    assert [row["choice"]["kind"] for row in await person.log()] == ["used", "used"]
    assert len(person.list_posted()) == 2


async def test_slack_that_is_busy_is_waited_for(person: Person) -> None:
    faults = await person.inspect("Faults")
    await faults.get_by_role("button", name="Slack answers 429").click()
    await person.see("Planned: Slack answers 429")
    await person.suggest()
    await person.button("Use reply 1").click()
    await person.see("✓ Sent in")
    assert len(person.list_posted()) == 1


async def test_a_cut_socket_is_connected_again(person: Person) -> None:
    faults = await person.inspect("Faults")
    await faults.get_by_role("button", name="Disconnect the socket").click()
    await person.see("the bot connects again by itself")
    await person.demo.slack.wait_until(
        lambda: len(person.demo.slack.journal.calls("hello")) > 1 and person.demo.slack.sockets.is_connected
    )
    await person.suggest()


async def test_the_keyboard_is_enough(person: Person) -> None:
    keys = person.page.keyboard
    await keys.type(f"/suggest {MESSAGE}")
    await keys.press("Enter")
    await expect(person.uses).to_have_count(3)
    await person.tab_to("Edit reply 2", "Shift+Tab")
    await keys.press("Enter")
    dialog = person.page.get_by_role("dialog", name="Edit reply")
    await expect(dialog.get_by_role("textbox", name="Reply")).to_be_focused()
    await keys.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(person.button("Edit reply 2")).to_be_focused()
    await person.tab_to("None of these")
    await keys.press("Enter")
    await expect(person.button("Why not?")).to_be_visible()
    await person.tab_to("Why not?", "Shift+Tab")
    await keys.press("Enter")
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await person.see("Thank you. Your reason is noted.")
    assert (await person.last_choice())["reason"] == "incorrect"


async def test_one_may_write_as_a_customer_and_answer_in_a_thread(person: Person) -> None:
    await person.page.get_by_label("Write as").first.select_option(label="Paula Imaginary (customer)")
    await person.write("Is anybody there?")
    written = person.page.get_by_role("article", name="Paula Imaginary").filter(has_text="Is anybody there?")
    await expect(written).to_be_visible()
    await written.hover()
    await person.button("Reply in thread to “Is anybody there?”").click()
    reply = person.page.get_by_label("Reply in thread", exact=True)
    await expect(reply).to_be_focused()
    await reply.fill("Yes, I am.")
    await reply.press("Enter")
    await expect(person.page.get_by_role("complementary", name="Thread").get_by_text("Yes, I am.")).to_be_visible()


async def test_the_inspector_shows_the_traffic_and_the_log(person: Person) -> None:
    await person.suggest()
    traffic = person.page.get_by_role("tabpanel", name="Traffic")
    await expect(traffic.get_by_text("/suggest", exact=True).first).to_be_visible()
    log = await person.inspect("Choice log")
    await expect(log.get_by_text(MESSAGE).first).to_be_visible()
    await person.button("Use reply 1").click()
    await expect(log.get_by_text("shown · used")).to_be_visible()


async def test_what_customers_write_is_text_and_never_markup(person: Person) -> None:
    nasty = "<img src=x onerror=alert(1)> <script>alert(2)</script> & <b>bold</b>"
    await person.page.get_by_label("Write as").first.select_option(label="Paula Imaginary (customer)")
    await person.write(nasty)
    await person.see(nasty)
    await person.page.get_by_label("Write as").first.select_option(label="Arthur Fictional (you)")
    await person.suggest(nasty)
    assert await person.page.locator("article img, article script, article b").count() == 0
