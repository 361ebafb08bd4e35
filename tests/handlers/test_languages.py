"""The interface in the agent's language: chosen by their Slack locale, whole, and within Slack's limits."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from bot.errors import StaleConversation
from bot.i18n.texts import DEFAULT_LOCALE, Texts, get_texts, load_languages, translate_label
from bot.playbook import PlaybookError, PlaybookKind, parse_playbook, read_built_in
from bot.privacy.service import MaskedRequest
from bot.suggesting.clicks import Click
from bot.suggesting.deliver import DeliveryOutcome
from bot.suggesting.translation import Translation, TranslationTask
from handlers.blocks.candidates import StyleLabels, build_candidates, build_failure
from handlers.blocks.confirmations import build_delivery, build_dismissal, build_reason_note, build_stale_warning
from handlers.blocks.messages import BlockMessage, build_notice
from handlers.blocks.modals import (
    build_copy_view,
    build_edit_view,
    build_language_view,
    build_notice_view,
    build_reason_view,
    build_stale_edit_view,
    build_translation_view,
    build_whole_view,
)
from playground.slack.validation.validators import find_block_errors, find_view_errors
from storage.records import Candidate, Choice, DraftError, LogEntry, Request, Task, Turn
from tests.conftest import Stage, StageMaker

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LABELS = StyleLabels(styles={"warm": "W" * 40})
CHINESE = r"[\u3400-\u9fff]"


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("zh-TW", "zh-TW"),
        ("zh-HK", "zh-TW"),
        ("zh-MO", "zh-TW"),
        ("zh-Hant", "zh-TW"),
        ("zh_Hant_HK", "zh-TW"),
        ("ZH-tw", "zh-TW"),
        ("zh-CN", DEFAULT_LOCALE),
        ("zh-SG", DEFAULT_LOCALE),
        ("zh-Hans", DEFAULT_LOCALE),
        ("zh-Hans-TW", DEFAULT_LOCALE),
        ("zh", DEFAULT_LOCALE),
        ("en-GB", DEFAULT_LOCALE),
        ("de-DE", DEFAULT_LOCALE),
        ("xx-YY", DEFAULT_LOCALE),
        ("", DEFAULT_LOCALE),
    ],
)
def test_the_language_is_chosen_by_the_locale(locale: str, language: str) -> None:
    """Traditional Chinese wherever that is written; a locale nobody translated is spoken to in English."""
    assert get_texts(locale).locale == language


def test_a_text_that_a_language_lacks_is_english() -> None:
    """One hole is one English sentence; a key that nobody has stays an error."""
    english = Texts("en-US", "a = one\nb = { $count } left\n")
    other = Texts("xx", "a = uno\n", fallback=english)
    assert (other("a"), other("b", count=2)) == ("uno", "2 left")
    with pytest.raises(KeyError):
        other("c")


def test_chinese_is_written_as_in_taiwan() -> None:
    """Words of Taiwan's products, full-width punctuation, a space between Chinese and Latin letters."""
    elsewhere = (
        "默認|信息|用戶|軟件|設置|網絡|服務器|數據庫|發送|鼠標|屏幕|菜單|文本|撤銷|加載|登錄|消息|質量|反饋|張貼|您"
    )
    source = _source("zh-TW")
    assert not re.search(elsewhere, source)
    told = re.sub(r"\{[^}]*\}", "0", "".join(line for line in source.splitlines(keepends=True) if line[0:1] != "#"))
    assert not re.search(rf"{CHINESE}[,;:!?(]|[,;:!?)]{CHINESE}", told)
    assert not re.search(rf"{CHINESE}[A-Za-z]|[A-Za-z]{CHINESE}", told)


@pytest.mark.parametrize("task", get_args(Task))
@pytest.mark.parametrize("locale", load_languages())
@pytest.mark.parametrize("text", ["Tomorrow.", "long " * 1_500])
def test_all_that_is_shown_keeps_slacks_limits(locale: str, text: str, task: Task) -> None:
    """Every message and view with its longest texts, as strictly as Slack looks at them."""
    for message in _messages(get_texts(locale, task), text):
        assert find_block_errors(list(message.blocks)) == []
    for view in _views(get_texts(locale, task), text):
        assert find_view_errors(view) == []


async def test_an_agent_is_spoken_to_in_their_language(stage_with: StageMaker) -> None:
    """From the acknowledgement to the undo in Chinese; the draft is in the customer's language."""
    async with stage_with() as stage:
        agent = stage.slack.change_user(stage.agent, locale="zh-TW")
        outcome = await stage.suggest("Where is my order?", user=agent)
        assert outcome.body == "正在草擬 3 則回覆，只有你看得到。"
        shown = await stage.candidates()
        assert "送出前請先看過" in str(shown.blocks)
        await stage.slack.click(agent, shown, "edit_candidate")
        view = await stage.slack.wait_for_view(agent)
        assert view.title == "編輯回覆"
        outcome = await stage.slack.submit(agent, view, {"reply": {"text": " "}})
        assert outcome.body["errors"] == {"reply": "請先寫下回覆：現在沒有內容可以送出。"}
        await stage.slack.click(agent, shown, "use_candidate")
        await stage.slack.click(agent, await stage.private("✓ 已送到"), "undo_choice")
        await stage.private("已復原")
        assert (await stage.log())[0]["request"]["locale"] == "zh-TW"


async def test_a_locale_nobody_translated(stage: Stage) -> None:
    """English, and the locale as it is in the log."""
    agent = stage.slack.change_user(stage.agent, locale="xx-YY")
    outcome = await stage.suggest("Where is my order?", user=agent)
    assert "on their way" in outcome.body
    await stage.candidates()
    assert (await stage.log())[0]["request"]["locale"] == "xx-YY"


async def test_the_model_is_asked_for_the_customers_language(stage: Stage) -> None:
    """Whatever the agent's own: the interface's language is none of the model's business."""
    agent = stage.slack.change_user(stage.agent, locale="zh-TW")
    await stage.suggest("Wo ist mein Paket?", user=agent)
    await stage.candidates()
    for call in stage.model.calls:
        assert (
            "In the language of the customer's last message, unless the hint or the change names another."
            in call.prompt
        )
        assert "zh-TW" not in call.prompt


def _source(locale: str) -> str:
    from importlib import resources

    return (resources.files("bot.i18n") / "locales" / f"{locale}.ftl").read_text(encoding="utf-8")


def _entry(text: str) -> LogEntry:
    request = Request(
        id="r" * 36, team_id="T1", channel_id="C1", agent_id="U1", surface="slash", locale="xx", created_at=NOW,
        k_requested=10, prompt_version="p", app_version="0", conversation=(Turn(role="customer", text="m" * 9_000),),
        hint="h" * 9_000, simulated=True,
    )  # fmt: skip
    shown = [
        Candidate(id=f"{'c' * 34}{n:02}", request_id=request.id, sample_index=n, position=n + 1, style="warm",
                  model="m", text=text)
        for n in range(10)
    ]  # fmt: skip
    failed = [
        Candidate(id=f"{'f' * 34}{n:02}", request_id=request.id, sample_index=n + 10, style="warm", model="m", error=e)
        for n, e in enumerate(get_args(DraftError))
    ]
    hidden = replace(shown[0], id="h", sample_index=99, position=None, dropped_reason="near_duplicate")
    return LogEntry(request=request, candidates=(*shown, *failed, hidden), choice=None)


def _messages(texts: Texts, text: str) -> Iterator[BlockMessage]:
    entry = _entry(text)
    choice = Choice(
        id="c1", request_id=entry.request.id, kind="used", candidate_id="c", final_text=text, agent_id="U1",
        chosen_at=NOW, decision_ms=1, visible_candidate_ids=(),
    )  # fmt: skip
    yield from build_candidates(entry, texts, LABELS, note=texts("undone-not-deleted"), base=text)
    yield build_failure(entry, texts)
    yield build_dismissal(entry.request, texts)
    yield build_reason_note(entry.request, texts)
    yield from build_stale_warning(StaleConversation(entry.request, entry.visible[0], newer=1_000), texts)
    for state in ("posted", "copy", "not_posted", "unknown"):
        yield from build_delivery(
            entry.request, choice, DeliveryOutcome(state=state, text=text), texts, note=texts("unchecked")
        )


def _views(texts: Texts, text: str) -> Sequence[dict[str, Any]]:
    candidate = replace(_entry(text).candidates[0], text=text)
    stale = StaleConversation(_entry(text).request, candidate, newer=1_000)
    click = Click(team_id="T1", agent_id="U1", idempotency_key="k")
    task = TranslationTask(click=click, request=stale.request, candidate=candidate, masked=MaskedRequest(), shown=text)
    return [
        *(build_edit_view(candidate, texts, asked="m" * 9_000, posts=posts) for posts in (True, False)),
        build_stale_edit_view(stale, text, texts),
        build_language_view(candidate.id, texts),
        build_reason_view("r", texts),
        build_whole_view(stale.request, candidate, texts),
        build_copy_view(candidate, texts),
        build_translation_view(task, texts("translating"), texts),
        build_translation_view(task, Translation(text=text, is_cut_off=True), texts),
        build_notice_view(build_notice(texts("unexpected", reference="r" * 8)), texts),
    ]


@pytest.mark.parametrize("kind", get_args(PlaybookKind))
def test_the_labels_of_shipped_styles_are_in_every_language(kind: PlaybookKind) -> None:
    labels = [style.label for style in parse_playbook(read_built_in(kind), source=kind).styles]
    assert [translate_label(label, "en-GB") for label in labels] == labels
    assert not set(labels) & {translate_label(label, "zh-TW") for label in labels}


@pytest.mark.parametrize(
    ("locale", "told"), [("en-US", "Short"), ("zh-HK", "簡短"), ("de-AT", "Kurz"), ("fr-FR", "Short")]
)
async def test_agents_read_a_label_in_their_language_and_the_log_has_the_name(
    stage_with: StageMaker, tmp_path: Path, locale: str, told: str
) -> None:
    """In candidates and settings; one who reads none of the languages, the plain one."""
    label = '{ en-US = "Short", zh-TW = "簡短", de = "Kurz" }'
    style = f'[[styles]]\nname = "s"\nlabel = {label}\ninstruction = "Be brief."\n'
    (tmp_path / "labels.toml").write_text(f'persona = "You help."\n{style}', encoding="utf-8")
    async with stage_with(suggest_playbook=tmp_path / "labels.toml", suggest_candidates=1) as stage:
        stage.slack.change_user(stage.agent, locale=locale)
        assert told in str((await stage.suggested()).blocks)
        await stage.slack.open_home(stage.agent)
        home = await stage.slack.wait_for_home(stage.agent, lambda home: "open_settings" in str(home.blocks))
        await stage.slack.click(stage.agent, home, "open_settings")
        view = await stage.slack.wait_for_view(stage.agent, lambda view: view.callback_id == "settings")
        assert told in str(view.blocks)
        assert [each["style"] for line in await stage.log() for each in line["candidates"]] == ["s"]


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ("{ }", "is an empty table"),
        ('{ "English!" = "Short" }', "is no language"),
        (f'{{ en-US = "{"x" * 41}" }}', "at most 40 characters"),
        ("7", "label"),
        ("{ en-US = 7 }", "label"),
    ],
)
def test_a_table_of_labels_that_cannot_be_used_is_told(label: str, told: str) -> None:
    style = f'[[styles]]\nname = "s"\nlabel = {label}\ninstruction = "Be brief."\n'
    with pytest.raises(PlaybookError, match=told):
        parse_playbook(f'persona = "You help."\n{style}', source="p.toml")


def test_two_labels_that_are_one_in_some_language_are_refused() -> None:
    styles = "".join(
        f'[[styles]]\nname = "s{n}"\nlabel = {{ en-US = "Short {n}", zh-TW = "簡短" }}\ninstruction = "Be brief."\n'
        for n in range(2)
    )
    with pytest.raises(PlaybookError, match='styles labelled "簡短"'):
        parse_playbook(f'persona = "You help."\n{styles}', source="p.toml")
