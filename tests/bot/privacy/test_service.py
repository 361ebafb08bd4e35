"""What a model sees, what is recorded, what an agent sees; and what is left when a request is closed."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.operations.recovery import RecoveredWork
from bot.privacy.detectors import Detection, Recogniser
from bot.privacy.encryption import TextCipher
from bot.privacy.service import MaskedRequest, PrivacyService, StoreText
from storage.records import Choice, LogEntry, Turn
from storage.repositories.vault import Vault
from tests.bot.desk import Desk

MESSAGE = "I am jane@example.com, call +44 20 7946 0958. Not [EMAIL_2]!"
MASKED = "I am [EMAIL_1], call [PHONE_1]. Not [TEXT_1]!"
WROTE = ("We write to [EMAIL_1].", "We ring [phone 1].", "Ask [EMAIL_9] or bob@example.com.")
SHOWN = ("We write to jane@example.com.", "We ring +44 20 7946 0958.", "Ask [EMAIL_9] or bob@example.com.")
MODES: tuple[StoreText, ...] = ("redacted", "full", "off")


def list_texts(entry: LogEntry) -> tuple[str | None, ...]:
    return tuple(candidate.text for candidate in entry.candidates)


async def find_open(desk: Desk) -> LogEntry:
    found = await desk.make_suggester().find_last_open(team_id="T1", agent_id="U1")
    assert found is not None
    return found


async def read_choice(desk: Desk) -> Choice:
    """The choice of the only request, as it is recorded."""
    [recorded] = await desk.store.entries()
    assert recorded.choice is not None
    return recorded.choice


async def dump_tables(desk: Desk) -> str:
    """Dump every value of every row, but for the vault's."""
    tables = ("requests", "candidates", "choices", "events", "deliveries", "seen_deliveries", "audit")
    return str([await desk.store.rows(f"SELECT * FROM {table}") for table in tables])


async def draft_shown(desk: Desk, *, store_text: StoreText = "redacted", **ask: object) -> LogEntry:
    desk.store_text = store_text
    return await desk.show(*WROTE, text=MESSAGE, **ask)


@pytest.mark.parametrize("store_text", MODES)
async def test_the_model_sees_placeholders_and_the_agent_the_originals(desk: Desk, store_text: StoreText) -> None:
    entry = await draft_shown(desk, store_text=store_text, hint="offer jane@example.com a refund")
    for brief in desk.drafter.briefs:
        assert brief.conversation[0].text == MASKED
        assert brief.hint == "offer [EMAIL_1] a refund"
    assert list_texts(entry) == SHOWN
    assert entry.request.conversation[0].text == MESSAGE
    assert entry.unfilled == {entry.candidates[2].id: ("[EMAIL_9]",)}
    again = await find_open(desk)
    assert (list_texts(again), again.unfilled) == (SHOWN, entry.unfilled)
    assert (again.request.conversation, again.request.hint) == (entry.request.conversation, entry.request.hint)


async def test_redacted_what_is_recorded_is_what_the_model_saw(desk: Desk) -> None:
    await draft_shown(desk)
    [recorded] = await desk.store.entries()
    assert recorded.request.conversation[0].text == MASKED
    assert recorded.request.text_kept == "redacted"
    assert list_texts(recorded) == ("We write to [EMAIL_1].", "We ring [PHONE_1].", "Ask [EMAIL_9] or [EMAIL_2].")
    assert "example.com" not in await dump_tables(desk)


async def test_off_only_numbers_are_recorded(desk: Desk) -> None:
    entry = await draft_shown(desk, store_text="off", hint="be brief")
    [recorded] = await desk.store.entries()
    assert recorded.request.conversation == (Turn(role="customer", text=""),)
    assert (recorded.request.hint, recorded.request.text_kept) == (None, "none")
    assert list_texts(recorded) == (None, None, None)
    chosen = await desk.make_chooser().edit(
        desk.make_click(), entry.candidates[0].id, "We write to jane@example.com today."
    )
    assert chosen.choice.final_text == "We write to jane@example.com today."
    recorded_choice = await read_choice(desk)
    assert (recorded_choice.final_text, recorded_choice.kind) == (None, "edited")
    assert recorded_choice.edit_similarity == chosen.choice.edit_similarity


async def test_full_everything_is_recorded_as_it_was(desk: Desk) -> None:
    entry = await draft_shown(desk, store_text="full")
    [recorded] = await desk.store.entries()
    assert recorded.request.conversation[0].text == MESSAGE
    assert list_texts(recorded) == SHOWN
    await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    assert await desk.store.count("vault") == 0


@pytest.mark.parametrize("store_text", MODES)
async def test_a_secret_is_kept_nowhere_and_no_reply_has_it(desk: Desk, store_text: StoreText) -> None:
    """Not even where everything else is kept, nor where the model writes its placeholder."""
    desk.store_text = store_text
    said = "My password is hunter2! My mail is jane@example.com."
    entry = await desk.show("Try [SECRET_1] again, [EMAIL_1].", "b", text=said, hint="PIN 4821")
    assert desk.drafter.briefs[0].conversation[0].text == "My password is [SECRET_1] My mail is [EMAIL_1]."
    assert desk.drafter.briefs[0].hint == "PIN [SECRET_2]"
    again = await find_open(desk)
    for shown in (entry, again):
        assert list_texts(shown)[0] == "Try [SECRET_1] again, jane@example.com."
        assert shown.unfilled == {shown.candidates[0].id: ("[SECRET_1]",)}
        assert shown.request.conversation[0].text == "My password is [SECRET_1] My mail is jane@example.com."
        assert shown.request.hint == "PIN [SECRET_2]"
    chosen = await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    await desk.make_deliverer().deliver(chosen)
    assert desk.courier.taken == ["Try [SECRET_1] again, jane@example.com."]
    undone = await desk.make_chooser().undo(desk.make_click(), entry.request.id, key=chosen.undo_key)
    assert list_texts(undone.entry)[0] == "Try [SECRET_1] again, jane@example.com."
    kept = await dump_tables(desk) + str(await desk.store.rows("SELECT * FROM vault"))
    assert "hunter2" not in kept
    assert "4821" not in kept


@pytest.mark.parametrize("store_text", MODES)
async def test_a_secret_in_a_thread_that_is_read_later_is_kept_nowhere(desk: Desk, store_text: StoreText) -> None:
    desk.store_text = store_text
    request = await desk.make_suggester().accept(desk.make_ask("password: hunter2"))
    turns = (
        Turn(role="customer", text="password: hunter2"),
        Turn(role="agent", text="My own is Tulip-44, tom@example.com"),
    )
    request = await desk.make_suggester().record_conversation(request, turns)
    entry = await desk.make_suggester().draft(request)
    assert "hunter2" not in str(desk.drafter.briefs)
    assert "[SECRET_" in entry.request.conversation[0].text
    kept = await dump_tables(desk) + str(await desk.store.rows("SELECT * FROM vault"))
    assert "hunter2" not in kept


class BlockingRecogniser(Recogniser):
    """Finds nothing before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self.asked, self.let_go = asyncio.Event(), threading.Event()

    def __call__(self, text: str, *, excluded: Sequence[tuple[int, int]] = ()) -> tuple[Detection, ...]:
        self._loop.call_soon_threadsafe(self.asked.set)
        assert self.let_go.wait(30), "nobody else could do anything meanwhile"
        return super().__call__(text, excluded=excluded)


async def test_nobody_waits_while_a_long_text_is_searched(desk: Desk) -> None:
    """Neither a long message nor a long answer of a model holds up what runs beside it."""
    recogniser = BlockingRecogniser()
    privacy = PrivacyService(vault=Vault(desk.store.database), recogniser=recogniser)
    long = " ".join(f"a{number}@b.example" for number in range(1_000))

    async def release() -> None:
        await recogniser.asked.wait()
        recogniser.let_go.set()

    request = await desk.make_suggester().accept(desk.make_ask("?"))
    asked = replace(request, conversation=(Turn(role="customer", text=long),))
    (recorded, _), _ = await asyncio.gather(privacy.mask_request(asked), release())
    assert "@" not in recorded.conversation[0].text
    recogniser.asked.clear()
    recogniser.let_go.clear()
    candidate = (await desk.make_suggester().draft(request)).candidates[0]
    (masked, masked_candidates), _ = await asyncio.gather(
        privacy.mask_candidates(MaskedRequest(), [replace(candidate, text=long)]), release()
    )
    assert "@" not in (masked_candidates[0].text or "")
    assert len(masked.placeholders.originals) == 1_000


@pytest.mark.parametrize("store_text", ["redacted", "off"])
async def test_a_message_without_personal_data_costs_no_vault(desk: Desk, store_text: StoreText) -> None:
    desk.store_text = store_text
    await desk.show("one", text="Where is my parcel?")
    assert await desk.store.count("vault") == (0 if store_text == "redacted" else 1)


async def test_what_is_sent_is_as_typed_and_what_is_recorded_is_masked(desk: Desk) -> None:
    """An agent may type new personal data into the editor."""
    entry = await draft_shown(desk)
    typed = "Dear tom@example.com, we write to jane@example.com."
    chosen = await desk.make_chooser().edit(desk.make_click(), entry.candidates[0].id, typed)
    await desk.make_deliverer().deliver(chosen)
    assert desk.courier.taken == [typed]
    recorded = await read_choice(desk)
    assert recorded.final_text == "Dear [EMAIL_3], we write to [EMAIL_1]."
    assert recorded.edit_similarity == chosen.choice.edit_similarity
    assert 0 < (chosen.choice.edit_similarity or 0) < 1
    assert "example.com" not in await dump_tables(desk)


@pytest.mark.parametrize("store_text", MODES)
async def test_used_as_it_is_is_used(desk: Desk, store_text: StoreText) -> None:
    entry = await draft_shown(desk, store_text=store_text)
    chosen = await desk.make_chooser().edit(desk.make_click(), entry.candidates[1].id, SHOWN[1])
    assert (chosen.choice.kind, chosen.choice.edit_similarity) == ("used", 1.0)
    [recorded] = await desk.store.entries()
    assert recorded.choice is not None
    assert recorded.choice.final_text == recorded.candidates[1].text


@pytest.mark.parametrize("store_text", ["redacted", "off"])
async def test_a_choice_leaves_nothing_readable_and_undo_brings_it_back(desk: Desk, store_text: StoreText) -> None:
    entry = await draft_shown(desk, store_text=store_text)
    chosen = await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    assert chosen.undo_key is not None
    assert chosen.undo_key not in repr(chosen)
    [row] = await desk.store.rows("SELECT sealed FROM vault")
    assert row["sealed"].startswith("once:")
    assert chosen.undo_key not in await dump_tables(desk)
    undone = await desk.make_chooser().undo(desk.make_click(), entry.request.id, key=chosen.undo_key)
    assert list_texts(undone.entry) == SHOWN
    again = await find_open(desk)
    assert list_texts(again) == SHOWN
    twice = await desk.make_chooser().use(desk.make_click(), entry.candidates[1].id)
    assert twice.choice.final_text == SHOWN[1]
    assert twice.undo_key not in {None, chosen.undo_key}


@pytest.mark.parametrize("key", [None, "lost", "x" * 44])
async def test_undo_without_its_key_shows_placeholders_and_says_so(desk: Desk, key: str | None) -> None:
    entry = await draft_shown(desk)
    await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    undone = await desk.make_chooser().undo(desk.make_click(), entry.request.id, key=key)
    assert list_texts(undone.entry)[0] == "We write to [EMAIL_1]."
    assert undone.entry.unfilled[entry.candidates[0].id] == ("[EMAIL_1]",)
    assert await desk.store.entries()


async def test_off_undo_without_its_key_has_no_texts(desk: Desk) -> None:
    entry = await draft_shown(desk, store_text="off")
    await desk.make_chooser().dismiss(desk.make_click(), entry.request.id)
    undone = await desk.make_chooser().undo(desk.make_click(), entry.request.id)
    assert list_texts(undone.entry) == (None, None, None)


@pytest.mark.parametrize("store_text", MODES)
async def test_a_redraft_goes_on_with_the_same_originals(desk: Desk, store_text: StoreText) -> None:
    """It is told what was shown, masked; and the parent's row in the vault is gone."""
    entry = await draft_shown(desk, store_text=store_text)
    child = await desk.make_suggester().redraft(desk.make_click(), entry.request.id)
    desk.drafter.results = ("To [EMAIL_1] and [EMAIL_2].", "b", "c")
    drafted = await desk.make_suggester().draft(child)
    assert drafted.candidates[0].text == "To jane@example.com and bob@example.com."
    assert sorted(desk.drafter.briefs[0].previous) == sorted(
        ("We write to [EMAIL_1].", "We ring [PHONE_1].", "Ask [EMAIL_9] or [EMAIL_2].")
        if store_text != "full"
        else ("We write to [EMAIL_1].", "We ring [PHONE_1].", "Ask [TEXT_2] or [EMAIL_2].")
    )
    rows = await desk.store.rows("SELECT request_id FROM vault")
    assert [row["request_id"] for row in rows] == ([] if store_text == "full" else [child.id])


@pytest.mark.parametrize("store_text", MODES)
@pytest.mark.parametrize("drafted", [False, True])
async def test_after_a_crash_the_originals_are_there(desk: Desk, store_text: StoreText, drafted: bool) -> None:  # noqa: FBT001
    desk.store_text = store_text
    desk.drafter.results = WROTE
    request = await desk.make_suggester().accept(desk.make_ask(MESSAGE))
    if drafted:
        await desk.make_suggester().draft(request)
    left: RecoveredWork = await desk.restart()
    entry = left.to_show[0] if drafted else await desk.make_suggester().draft(left.to_draft[0])
    assert list_texts(entry) == SHOWN
    assert entry.request.conversation[0].text == MESSAGE


async def test_a_reply_on_its_way_is_sealed_and_is_posted_after_a_crash(desk: Desk) -> None:
    desk.cipher = TextCipher(("k" * 32,))
    entry = await draft_shown(desk)
    await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    assert "example.com" not in await dump_tables(desk)
    assert "example.com" not in str(await desk.store.rows("SELECT * FROM vault"))
    await desk.recover()
    assert desk.courier.taken == [SHOWN[0]]


async def test_with_another_key_nothing_breaks(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Placeholders instead of originals, and the log says which setting."""
    desk.cipher = TextCipher(("k" * 32,))
    entry = await draft_shown(desk)
    other = await desk.show("We write to [EMAIL_1].", text="jane@example.com")
    await desk.make_chooser().use(desk.make_click(), other.candidates[0].id)
    desk.cipher = TextCipher(("x" * 32,))
    [(_, outcome)] = await desk.recover()
    assert (outcome.state, outcome.text) == ("not_posted", "We write to [EMAIL_1].")
    again = await find_open(desk)
    assert list_texts(again)[0] == "We write to [EMAIL_1]."
    assert again.unfilled[entry.candidates[0].id] == ("[EMAIL_1]",)
    assert "SUGGEST_SECRET_KEY" in caplog.text
    assert "example.com" not in caplog.text


async def test_the_key_may_be_replaced_while_requests_are_open(desk: Desk) -> None:
    desk.cipher = TextCipher(("k" * 32,))
    await draft_shown(desk)
    desk.cipher = TextCipher(("n" * 32, "k" * 32))
    again = await find_open(desk)
    assert list_texts(again) == SHOWN


async def test_a_changed_mode_holds_for_new_requests(desk: Desk) -> None:
    entry = await draft_shown(desk)
    desk.store_text = "full"
    await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    assert (await read_choice(desk)).final_text == "We write to [EMAIL_1]."


async def test_undone_choices_are_kept_masked(desk: Desk) -> None:
    entry = await draft_shown(desk)
    chosen = await desk.make_chooser().edit(desk.make_click(), entry.candidates[0].id, "tom@example.com")
    await desk.make_chooser().undo(desk.make_click(), entry.request.id, key=chosen.undo_key)
    [recorded] = await desk.store.entries()
    undone = next(event for event in recorded.events if event.type == "undone")
    assert undone.data["choice"]["final_text"] == "[EMAIL_3]"


async def test_what_expires_is_gone(desk: Desk) -> None:
    entry = await draft_shown(desk)
    desk.clock.tick(timedelta(hours=24, minutes=1).total_seconds())
    await desk.make_housekeeper().sweep()
    assert await desk.store.count("vault") == 0
    closed = await desk.privacy.unmask_recorded_entry(await desk.store.entry(entry.request.id))
    assert list_texts(closed)[0] == "We write to [EMAIL_1]."


async def test_after_a_day_undo_has_no_originals(desk: Desk) -> None:
    entry = await draft_shown(desk)
    chosen = await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    await desk.make_deliverer().deliver(chosen)
    desk.clock.tick(timedelta(hours=26).total_seconds())
    await desk.make_housekeeper().sweep()
    undone = await desk.make_chooser().undo(desk.make_click(), entry.request.id, key=chosen.undo_key)
    assert list_texts(undone.entry)[0] == "We write to [EMAIL_1]."


async def test_a_reply_to_copy_is_forgotten_after_a_day(desk: Desk) -> None:
    entry = await draft_shown(desk)
    chosen = await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    part = replace(chosen.parts[0], state="done", address="copy")
    await desk.store.deliveries.mark_done(part, sent=None)
    await desk.make_housekeeper().sweep()
    assert (await desk.load_parts(chosen))[0].text == SHOWN[0]
    desk.clock.tick(timedelta(hours=25).total_seconds())
    await desk.make_housekeeper().sweep()
    assert (await desk.load_parts(chosen))[0].text is None


@pytest.mark.parametrize("store_text", MODES)
async def test_drafted_in_places_the_same_holds(desk: Desk, store_text: StoreText) -> None:
    """Each is shown as soon as it is done, with the originals in; after a crash, what was done is there."""
    desk.store_text = store_text
    desk.drafter.results = WROTE
    request = await desk.make_suggester().accept(desk.make_ask(MESSAGE))
    seen = []
    async for entry in desk.make_suggester().draft_progressively(request):
        seen.append(entry)
        if len(entry.visible) == 2:
            break
    assert {candidate.text for candidate in seen[-1].visible} == set(SHOWN[:2])
    left = await desk.restart()
    desk.drafter.results = WROTE[2:]
    entries = [entry async for entry in desk.make_suggester().draft_progressively(left.to_draft[0])]
    assert list_texts(entries[-1]) == SHOWN
    assert entries[-1].request.conversation[0].text == MESSAGE
    assert entries[-1].unfilled == {entries[-1].candidates[2].id: ("[EMAIL_9]",)}
    again = await find_open(desk)
    assert list_texts(again) == SHOWN
    if store_text != "full":
        assert "example.com" not in await dump_tables(desk)


@pytest.mark.parametrize("store_text", MODES)
async def test_a_conversation_that_is_read_later_is_masked_too(desk: Desk, store_text: StoreText) -> None:
    desk.store_text = store_text
    request = await desk.make_suggester().accept(desk.make_ask(MESSAGE, hint="tell jane@example.com"))
    turns = (Turn(role="customer", text="bob@example.com?"), Turn(role="agent", text="No, jane@example.com."))
    request = await desk.make_suggester().record_conversation(request, turns)
    entry = await desk.make_suggester().draft(request)
    brief = desk.drafter.briefs[0]
    placeholders = {turn.text for turn in brief.conversation}
    assert (
        placeholders == {"[EMAIL_2]?", "No, [EMAIL_1]."} if store_text != "full" else {"[EMAIL_1]?", "No, [EMAIL_2]."}
    )
    assert entry.request.conversation == turns
    if store_text != "full":
        assert "example.com" not in await dump_tables(desk)


async def test_a_choice_while_others_are_drafted_closes_the_vault_for_good(desk: Desk) -> None:
    """What is drafted later must not put back what the choice has sealed away."""
    desk.cipher = TextCipher(("k" * 32,))
    desk.drafter.results = WROTE
    request = await desk.make_suggester().accept(desk.make_ask(MESSAGE))
    async for entry in desk.make_suggester().draft_progressively(request):
        if len(entry.candidates) == 1 and entry.choice is None:
            await desk.make_suggester().record_visible(entry, at=desk.clock.now())
            await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    [row] = await desk.store.rows("SELECT sealed FROM vault")
    assert row["sealed"].startswith("once:")
    assert "example.com" not in await dump_tables(desk) + str(row)


# --- sealed texts in another's place --------------------------------------------------------------------


@pytest.mark.parametrize(
    "swap",
    [
        "UPDATE deliveries SET text = (SELECT sealed FROM vault WHERE vault.request_id = deliveries.request_id)",
        "UPDATE deliveries SET text = (SELECT sealed FROM vault WHERE vault.request_id <> deliveries.request_id)",
        "UPDATE deliveries SET text = (SELECT text FROM deliveries AS other WHERE other.id <> deliveries.id)",
        "UPDATE deliveries SET text = 'plain:' || 'We give you a refund of 9,999 euros.'",
    ],
)
async def test_nothing_is_posted_that_was_not_sealed_for_this_reply(desk: Desk, swap: str) -> None:
    """By somebody who can write to the database: the agent copies the recorded reply instead."""
    desk.cipher = TextCipher(("k" * 40,))
    chosen, vaults = [], []
    for number in range(2):
        entry = await draft_shown(desk, idempotency_key=f"ask:{number}")
        vaults += [row for row in await desk.store.rows("SELECT * FROM vault") if row["request_id"] == entry.request.id]
        chosen.append(await desk.make_chooser().use(desk.make_click(), entry.candidates[number].id))
    for row in vaults:  # as it was while the request was open
        await desk.store.change(f"UPDATE vault SET sealed = '{row['sealed']}' WHERE request_id = '{row['request_id']}'")
    await desk.store.change(swap)
    deliverer = desk.make_deliverer()
    [part] = (await deliverer.load(chosen[0].choice.id)).parts
    assert (part.address, part.text) == ("copy", WROTE[0])


@pytest.mark.parametrize("whose", ["=", "<>"])
async def test_no_reply_on_its_way_is_taken_for_originals(desk: Desk, whose: str) -> None:
    desk.cipher = TextCipher(("k" * 40,))
    for number in range(2):
        entry = await draft_shown(desk, idempotency_key=f"ask:{number}")
        await desk.make_chooser().use(desk.make_click(), entry.candidates[number].id)
    of_whom = f"SELECT text FROM deliveries WHERE deliveries.request_id {whose} vault.request_id"
    await desk.store.change(f"UPDATE vault SET sealed = ({of_whom})")
    for entry in await desk.store.entries():
        assert list_texts(await desk.privacy.unmask_recorded_entry(entry))[0] == WROTE[0]
