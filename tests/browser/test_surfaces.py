"""Where support happens, by the page: a message's menu, a thread, a direct message, a pasted message."""

from playwright.async_api import Locator, expect

from tests.browser.person import MESSAGE, Person

CUSTOMER = "My parcel arrived broken"
THREAD = "ich kann mich seit gestern nicht mehr anmelden"


def dialog(person: Person) -> Locator:
    return person.page.get_by_role("dialog", name="Suggested replies")


async def choose_in_menu(person: Person, words: str, item: str) -> None:
    """The app's shortcut in the menu of a message."""
    message = person.page.get_by_role("article").filter(has_text=words).first
    await message.hover()
    await message.get_by_role("button", name="More actions on").click()
    await person.page.get_by_role("menuitem", name=item).click()


async def test_a_message_is_answered_from_its_menu(person: Person) -> None:
    await choose_in_menu(person, CUSTOMER, "Suggest replies")
    modal = dialog(person)
    await expect(modal).to_be_visible()
    await expect(modal.get_by_role("button", name="Use reply")).to_have_count(3)
    await modal.get_by_role("button", name="Use reply 2").click()
    await expect(modal.get_by_text("✓ Sent in")).to_be_visible()
    await expect(modal.get_by_role("button", name="Undo")).to_be_visible()
    await person.page.keyboard.press("Escape")
    await expect(modal).to_be_hidden()
    [row] = await person.log()
    assert (row["request"]["surface"], row["choice"]["kind"]) == ("shortcut", "used")
    posted = person.demo.slack.messages(person.demo.slack.channels.support)[-1]
    assert posted.thread_ts == row["request"]["thread_ts"]


async def test_a_reply_is_edited_over_the_modal(person: Person) -> None:
    await choose_in_menu(person, CUSTOMER, "Suggest replies")
    modal = dialog(person)
    await expect(modal.get_by_role("button", name="Use reply")).to_have_count(3)
    await modal.get_by_role("button", name="Edit reply 1").click()
    editor = person.page.get_by_role("dialog", name="Edit reply")
    await editor.get_by_role("textbox", name="Reply").fill("We send you a new one, today.")
    await editor.get_by_role("button", name="Send").click()
    await expect(modal.get_by_text("✓ Sent with your edit")).to_be_visible()
    assert (await person.last_choice())["final_text"] == "We send you a new one, today."


async def test_a_mention_in_a_thread_brings_private_replies_there(person: Person) -> None:
    message = person.page.get_by_role("article").filter(has_text=THREAD).first
    await message.hover()
    await message.get_by_role("button", name="Reply in thread").click()
    field = person.page.get_by_label("Reply in thread", exact=True)
    await field.fill("@suggest kurz, bitte")
    await field.press("Enter")
    await expect(person.uses).to_have_count(3)
    await person.button("Use reply 1").click()
    await person.see("✓ Sent in")
    [row] = await person.log()
    assert (row["request"]["surface"], row["request"]["hint"]) == ("mention", "kurz, bitte")
    assert [turn["role"] for turn in row["request"]["conversation"]] == ["customer", "agent", "customer"]


async def test_a_direct_message_is_answered_in_place(person: Person) -> None:
    await person.page.get_by_role("navigation").get_by_role("button", name="Suggest").click()
    field = person.page.get_by_label("Message Suggest", exact=True)
    await field.fill(MESSAGE)
    await field.press("Enter")
    await expect(person.uses).to_have_count(3)
    await person.button("Use reply 3").click()
    await person.see("Your reply, to copy:")
    [row] = await person.log()
    assert (row["request"]["surface"], row["choice"]["kind"]) == ("dm", "used")


async def test_a_pasted_message_is_answered_in_the_same_modal(person: Person) -> None:
    await person.button("Shortcuts").click()
    await person.page.get_by_role("menuitem", name="Suggest replies").click()
    modal = dialog(person)
    await modal.get_by_role("textbox", name="The customer's message").fill(MESSAGE)
    await modal.get_by_role("textbox", name="A hint for how to write").fill("be brief")
    await modal.get_by_role("button", name="Draft replies").click()
    await expect(modal.get_by_role("button", name="Use reply")).to_have_count(3)
    await modal.get_by_role("button", name="Use reply 1").focus()
    await person.page.keyboard.press("Enter")
    await expect(modal.get_by_text("Your reply, to copy:")).to_be_visible()
    [row] = await person.log()
    assert (row["request"]["surface"], row["request"]["hint"]) == ("global", "be brief")
