"""A playbook that writes by a brief: nothing that is shown speaks of customers or replies, in any language."""

import json
import re
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from fluent.runtime import FluentResource
from fluent.syntax import FluentSerializer
from fluent.syntax.ast import Message

from bot.i18n.texts import get_texts, load_languages, load_writing_words
from bot.playbook import read_built_in
from tests.conftest import Stage, StageMaker
from tests.handlers.test_main_path import list_button_values
from tests.handlers.test_surfaces import open_modal, wait_for_full_modal

FOREIGN = {"en-US": r"customer|\brepl(?:y|ies|ied)\b", "zh-TW": "客戶|客服|回覆|答覆"}
"""The words of a playbook that replies."""


@pytest.mark.parametrize("locale", load_languages())
def test_no_text_speaks_of_customers_or_replies(locale: str) -> None:
    """Where a new one does, `bot/i18n/writing.toml` needs its words."""
    other = load_writing_words()[locale]
    resource = FluentResource((resources.files("bot.i18n") / "locales" / f"{locale}.ftl").read_text(encoding="utf-8"))
    other.apply(resource)
    whole = index_texts(FluentResource(other.texts))
    texts = index_texts(resource) | whole
    written = {name: FluentSerializer().serialize_entry(entry).partition("=")[2] for name, entry in texts.items()}
    assert {name for name, text in written.items() if re.search(FOREIGN[locale], text, re.IGNORECASE)} == set()
    assert set(whole) <= set(texts)
    assert get_texts(locale, "write")("reply-label", position=1, style="s") != get_texts(locale)(
        "reply-label", position=1, style="s"
    )


def index_texts(resource: Any) -> dict[str, Message]:
    return {entry.id.name: entry for entry in resource.body if isinstance(entry, Message)}


@pytest.mark.parametrize("locale", load_languages())
async def test_an_agent_reads_of_briefs_and_texts_only(stage_with: StageMaker, tmp_path: Path, locale: str) -> None:
    """From the help to a posted text, on every surface; what the model is told, too."""
    (tmp_path / "posts.toml").write_text(read_built_in("posts"), encoding="utf-8")
    async with stage_with(suggest_playbook=tmp_path / "posts.toml") as stage:
        agent = stage.slack.change_user(stage.agent, locale=locale)
        words = get_texts(locale, "write")
        await stage.suggest("help")
        await stage.suggest("last")
        await stage.suggest("A post about our new lamp // short")
        shown = await stage.candidates()
        await stage.slack.click(agent, shown, "edit_candidate")
        view = await stage.slack.wait_for_view(agent)
        await stage.slack.submit(agent, view, {"reply": {"text": " "}})
        await stage.slack.click(agent, shown, "use_candidate")
        await stage.slack.click(agent, await stage.private("undo_choice"), "undo_choice")
        again = await stage.private(words("undone"))
        await stage.slack.click(agent, again, "dismiss_request")
        await stage.private(words("reason-placeholder"))
        await stage.slack.open_home(agent)
        await stage.slack.wait_for_home(
            agent, lambda home: words("home-none-used") in json.dumps(home.blocks, ensure_ascii=False)
        )
        assert_spoken_to_in_own_words(stage, locale)


@pytest.mark.parametrize("locale", load_languages())
async def test_an_agent_reads_of_them_in_modals_threads_and_direct_messages(
    stage_with: StageMaker, tmp_path: Path, locale: str
) -> None:
    (tmp_path / "posts.toml").write_text(read_built_in("posts"), encoding="utf-8")
    async with stage_with(suggest_playbook=tmp_path / "posts.toml") as stage:
        agent, slack = stage.slack.change_user(stage.agent, locale=locale), stage.slack
        brief = slack.write(slack.people.stranger, slack.channels.support, "We need a post about our new lamp.")
        view = await open_modal(stage, brief)
        await slack.click(agent, view, "edit_candidate")
        await slack.wait_for_view(agent, lambda each: each.callback_id == "edit_reply")
        await slack.run_global_shortcut(agent, "suggest_anywhere")
        form = await slack.wait_for_view(agent, lambda each: each.callback_id == "paste_message")
        await slack.submit(agent, form, {"message": {"text": " "}, "hint": {"text": None}})
        await slack.submit(agent, form, {"message": {"text": "A post about lamps"}, "hint": {"text": "short"}})
        await wait_for_full_modal(stage)
        for words, thread_ts in (("outside", None), ("short", brief.ts)):
            slack.write(agent, slack.channels.support, f"<@{slack.bot_user_id}> {words}", thread_ts=thread_ts)
        await stage.candidates()
        slack.write(agent, slack.channels.dm, "A post about chairs")
        await slack.wait_for_message(
            slack.channels.dm, lambda message: len(list_button_values(message.blocks, "use_candidate")) == 3
        )
        assert_spoken_to_in_own_words(stage, locale)


def assert_spoken_to_in_own_words(stage: Stage, locale: str) -> None:
    """Of briefs and texts, in all that the bot sent, and in what the model was told."""
    told = " ".join(list_told(stage))
    assert get_texts(locale, "write")("place", position=1) in told
    assert re.findall(f".{{0,60}}(?:{FOREIGN[locale]}).{{0,60}}", told, re.IGNORECASE) == []
    assert {word for call in stage.model.calls for word in re.findall(FOREIGN["en-US"], call.prompt.lower())} == set()


def list_told(stage: Stage) -> list[str]:
    """All texts that the bot sent, in whatever place."""
    entries = [
        each
        for each in stage.slack.journal.entries
        if (each.to, each.kind) in {("slack", "request"), ("bot", "answer")}
    ]
    return [text for each in entries for text in find_texts(each.body)]


def find_texts(body: Any) -> Iterator[str]:
    if isinstance(body, str):
        if body[:1] in {"{", "["}:
            yield from find_texts(json.loads(body))
    elif isinstance(body, dict | list):
        for name, value in body.items() if isinstance(body, dict) else enumerate(body):
            if isinstance(value, str) and name in {"text", "errors", "reply"}:
                yield value
            yield from find_texts(value)


MARKDOWN = "# Lamp 7\n\n**Bright** and _light_: [our page](https://shop.example/7), <!channel>\n\n- one\n- `two`"


@pytest.mark.parametrize("is_markdown", [True, False])
async def test_markdown_is_shown_and_posted_formatted_and_kept_as_it_was_written(
    stage_with: StageMaker, tmp_path: Path, *, is_markdown: bool
) -> None:
    """Only where the playbook has texts written in it; the editor, Copy and the log have the source."""
    style = '[[styles]]\nname = "s"\nlabel = "S"\ninstruction = "Be brief."\n'
    text = f'persona = "You write."\ntask = "write"\nmarkdown = {str(is_markdown).lower()}\n{style}'
    (tmp_path / "posts.toml").write_text(text, encoding="utf-8")
    async with stage_with(suggest_playbook=tmp_path / "posts.toml", suggest_candidates=1) as stage:
        stage.model.enqueue(MARKDOWN)
        shown = await stage.suggested("A post about lamp 7")
        drafted = find_draft(shown.blocks)
        link = {"type": "link", "url": "https://shop.example/7", "text": "our page"}
        bold = {"type": "text", "text": "Bright", "style": {"bold": True}}
        assert [str(each) in str(drafted) for each in (link, bold)] == [is_markdown, is_markdown]
        await stage.slack.click(stage.agent, shown, "copy_candidate")
        view = await stage.slack.wait_for_view(stage.agent, lambda view: view.callback_id == "copy_reply")
        assert view.blocks[0]["element"]["initial_value"] == MARKDOWN
        await stage.slack.click(stage.agent, shown, "edit_candidate")
        view = await stage.slack.wait_for_view(stage.agent, lambda view: view.callback_id == "edit_reply")
        assert view.blocks[-1]["element"]["initial_value"] == MARKDOWN
        await stage.slack.click(stage.agent, shown, "use_candidate")
        confirmation = await stage.private("Sent in")
        assert find_draft(stage.slack.messages(stage.slack.channels.support)[-1].blocks) == drafted
        await stage.slack.click(stage.agent, confirmation, "undo_choice")
        assert find_draft((await stage.private("Undone")).blocks) == drafted
        line = await stage.logged("shown", "copied", "edit_opened", "used", "sent", "undone", "shown")
        assert [each["text"] for each in line["candidates"]] == [MARKDOWN]
        assert not stage.slack.journal.refusals()


def find_draft(blocks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts of the text that was drafted."""
    [draft] = [block["elements"] for block in blocks if block["type"] == "rich_text" and "Lamp 7" in str(block)]
    found: list[dict[str, Any]] = draft
    return found
