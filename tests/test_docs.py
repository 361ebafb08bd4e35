"""Documents can't lie: what they say of settings, scopes, the log, commands and files is held against the code.

And the texts that agents read: the same in each language, all used, none too long for its place.
"""

import ast
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer.main
import yaml
from fluent.syntax import FluentParser
from fluent.syntax import ast as fluent

from bot import choice_log, errors
from bot.drafting.chat_model import MAX_TOKENS
from bot.i18n.texts import DEFAULT_LOCALE
from bot.operations.retention import UNDECIDED_FOR
from bot.suggesting.admission import MESSAGE_LIMIT
from bot.suggesting.placement import MODEL_LIMITS
from cli import main
from cli.lazy_command import NESTED
from cli.settings import FIXES, Settings
from docs import generate
from handlers import error_messages, payloads
from handlers.blocks import action_ids
from handlers.blocks.limits import EDIT_LIMIT
from handlers.events import home_opened
from handlers.slack import threads
from playground.model_server import Reply, bad_request
from storage import records
from storage.fields import list_logged
from storage.tables import metadata
from tests.conftest import Stage

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
READMES = ("README.md", "README.zh-TW.md")
LOCALES = sorted(ROOT.glob("bot/i18n/locales/*.ftl"))

Row = tuple[str, ...]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def names(paths: Iterable[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def rows(text: str) -> list[Row]:
    """The cells of all tables' rows, without their heads."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = block.strip().split("\n")[2:]
        found += [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in lines]
    return found


def section(document: str, heading: str) -> str:
    """The text under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}$\n(.*?)(?=^#|\Z)", read(document), re.MULTILINE | re.DOTALL)
    assert found, f"{document} has no heading {heading!r}"
    return found[1]


def code(text: str) -> list[str]:
    """What stands in back-ticks, outside of blocks of code."""
    return [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", prose(text))]


def prose(text: str) -> str:
    """Without blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def fenced(text: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def vocabulary(literal: Any) -> list[str]:
    return list(get_args(literal))


# --- settings ----------------------------------------------------------------------------------------

SETTINGS = {name.upper(): field for name, field in Settings.model_fields.items()}


def as_written(value: object) -> str | None:
    """A default as it would stand in .env; None for one that stands for nothing."""
    if value is None or value == ():
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("name", generate.DOCUMENTS)
def test_documents_that_follow_from_the_code_do(name: str) -> None:
    """`make docs` writes them."""
    assert generate.DOCUMENTS[name](read(name)) == read(name)


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    """docs/settings.md has a heading for each, README a row, .env.example a line; every one has a fix."""
    assert re.findall(r"^### `(\w+)`$", read("docs/settings.md"), re.MULTILINE) == list(SETTINGS)
    for name in READMES:
        assert [code(row[0])[0] for row in rows(section(name, "Settings" if name == "README.md" else "設定"))] == list(
            SETTINGS
        )
    assert re.findall(r"^#?([A-Z_]+)=", read(".env.example"), re.MULTILINE) == list(SETTINGS)
    assert list(FIXES) == list(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_default_of_a_setting_is_the_one_documented(name: str) -> None:
    default = as_written(SETTINGS[name].default)
    told = section("docs/settings.md", f"`{name}`")
    in_table = next(row[2] for row in rows(section("README.md", "Settings")) if code(row[0]) == [name])
    in_file = re.search(rf"^#{name}=(.*)$", read(".env.example"), re.MULTILINE)
    assert in_file, f".env.example sets {name}"
    assert re.search(r"^- Default: .", told, re.MULTILINE)
    assert re.search(r"^- Example: .", told, re.MULTILINE)
    if default is not None:
        assert in_file[1] == default
        assert f"- Default: `{default}`" in told
        assert code(in_table) == [default]


def test_the_example_file_holds_no_secret_and_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every line that has a value taken in, it is a file of settings."""
    for name in os.environ:
        if name.upper() in SETTINGS:
            monkeypatch.delenv(name)
    lines = [line.removeprefix("#") for line in read(".env.example").splitlines() if re.match(r"#[A-Z_]+=", line)]
    env = tmp_path / ".env"
    env.write_text("\n".join(line for line in lines if not line.endswith("...")), encoding="utf-8")
    assert Settings(_env_file=env) == Settings(_env_file=None)


# --- languages of the README ---------------------------------------------------------------------------


def commands_shown(text: str) -> list[str]:
    """The lines of the blocks of code, without what is only said about them."""
    lines = [line for block in fenced(text, "sh") for line in block.splitlines()]
    return [line.partition(" #")[0].strip() for line in lines]


def test_both_readmes_have_the_same_sections() -> None:
    """As many headings of each level, in the same order."""
    levels = [re.findall(r"^(#+) ", prose(read(name)), re.MULTILINE) for name in READMES]
    assert levels[0] == levels[1]


def test_both_readmes_name_the_same_things() -> None:
    """Commands, settings with their defaults, whatever stands as code, and where the links lead."""
    english, chinese = (read(name) for name in READMES)
    assert commands_shown(chinese) == commands_shown(english)
    assert set(code(chinese)) == set(code(english))
    targets = [set(re.findall(r"\]\(([^)\s]+)\)", text)) - set(READMES) for text in (english, chinese)]
    assert targets[0] == targets[1]
    tables = [[tuple(code(cell) for cell in row) for row in rows(text)] for text in (english, chinese)]
    assert tables[0] == tables[1]


def test_each_readme_links_to_the_other() -> None:
    for name, other in zip(READMES, READMES[::-1], strict=True):
        assert f"]({other})" in read(name).partition("\n## ")[0]


# --- Slack -------------------------------------------------------------------------------------------


def manifest() -> Any:
    return yaml.safe_load(read("manifest.yml"))


def test_the_documented_scopes_are_those_of_the_manifest() -> None:
    scopes = manifest()["oauth_config"]["scopes"]
    assert list(scopes) == ["bot", "bot_optional"]
    assert [code(row[0])[0] for row in rows(section("docs/slack.md", "Scopes"))] == sorted(scopes["bot"])
    told = section("README.md", "Install it in your workspace")
    assert set(scopes["bot"]) <= set(code(told))


def test_the_action_ids_are_documented() -> None:
    known = {name for row in rows(section("docs/architecture.md", "Action ids")) for name in code(row[0])}
    inputs = {action_ids.MESSAGE_BLOCK, action_ids.HINT_BLOCK}
    assert known | inputs == {action.id for action in action_ids.ACTIONS} | inputs


def test_every_column_is_documented() -> None:
    """Those of the log with their fields; the others in the section on the tables, each under its table."""
    told: dict[str, set[str]] = {}
    table = ""
    for row in rows(section("docs/choice-log.md", "Tables")):
        table = (code(row[0]) or [table])[0]
        told.setdefault(table, set()).update(code(row[1]))
    told["requests"] |= set(choice_log.REQUEST_FIELDS)
    told["candidates"] = {*choice_log.CANDIDATE_FIELDS, "request_id"}
    told["choices"] = {*choice_log.CHOICE_FIELDS, "request_id"}
    told["events"] = {*choice_log.EVENT_FIELDS, "request_id", "seq"}
    assert told == {table.name: {column.name for column in table.columns} for table in metadata.sorted_tables}


def test_the_limits_are_those_of_the_code() -> None:
    told = read("docs/slack.md")
    for limit in (MESSAGE_LIMIT, EDIT_LIMIT):
        assert f"{limit:,}" in told
    assert f"at most {MAX_TOKENS} tokens" in read("docs/settings.md")
    assert f"{UNDECIDED_FOR.total_seconds() / 3600:g} hours" in section("docs/choice-log.md", "status")


# --- the choice log ----------------------------------------------------------------------------------

PARTS = {
    "request": (choice_log.REQUEST_FIELDS, records.Request),
    "candidates": (choice_log.CANDIDATE_FIELDS, records.Candidate),
    "choice": (choice_log.CHOICE_FIELDS, records.Choice),
    "events": (choice_log.EVENT_FIELDS, records.Event),
}
TYPES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "time",
    dict: "object",
    tuple: "list",
    Literal: "text",
}


NEW_FIELDS = {
    field.name for _, record in PARTS.values() for field in list_logged(record) if field.logged and field.logged.is_new
}


def field_rows(part: str) -> list[Row]:
    return [row for row in rows(section("docs/choice-log.md", part)) if len(row) == 4]


@pytest.mark.parametrize("part", PARTS)
def test_the_fields_of_the_log_are_those_that_are_written_in_that_order(part: str) -> None:
    assert tuple(code(row[0])[0] for row in field_rows(part)) == PARTS[part][0]


@pytest.mark.parametrize("part", PARTS)
def test_the_types_of_the_fields_and_whether_they_can_be_null(part: str) -> None:
    hints = get_type_hints(PARTS[part][1])
    for name, type_, null, _ in field_rows(part):
        hint = hints[code(name)[0]]
        sorts = set(get_args(hint)) if isinstance(hint, UnionType) or NoneType in get_args(hint) else {hint}
        assert (null == "never") == (NoneType not in sorts), f"{name}: null {null}"
        [sort] = sorts - {NoneType}
        assert type_ == TYPES[get_origin(sort) or sort], name


def test_the_vocabularies_are_those_of_the_records() -> None:
    told = {code(row[0])[0]: code(row[1]) for row in rows(section("docs/choice-log.md", "Vocabularies"))}
    assert told == {
        "surface": vocabulary(records.Surface),
        "status": vocabulary(records.Status),
        "steer": vocabulary(records.Steer),
        "policy": vocabulary(records.Policy),
        "role": vocabulary(records.Role),
        "task": vocabulary(records.Task),
        "side": vocabulary(records.Side),
        "error": vocabulary(records.DraftError),
        "dropped_reason": vocabulary(records.DroppedReason),
        "kind": vocabulary(records.ChoiceKind),
        "reason": vocabulary(records.DismissReason),
    }


def event_rows() -> dict[str, list[str]]:
    """The keys of `data` by type of event."""
    told = {}
    for row in rows(section("docs/choice-log.md", "events")):
        if len(row) == 3:
            told[code(row[0])[0]] = code(re.sub(r"\([^)]*\)", "", row[2].partition(":")[0]))
    return told


def test_the_events_are_those_of_the_records() -> None:
    assert list(event_rows()) == vocabulary(records.EventType)


def test_the_example_line_has_every_field() -> None:
    [example] = fenced(read("docs/choice-log.md"), "json")
    line = json.loads(example)
    assert list(line) == ["schema", *PARTS]
    assert line["schema"] == choice_log.SCHEMA
    for part, (fields, _) in PARTS.items():
        for record in line[part] if isinstance(line[part], list) else [line[part]]:
            assert tuple(record) == tuple(name for name in fields if name not in NEW_FIELDS)
    by_position = sorted(line["candidates"], key=lambda candidate: candidate["position"])
    assert line["choice"]["visible_candidate_ids"] == [candidate["id"] for candidate in by_position]


def steer_value(shown: Any, steer: str) -> str:
    """The value of this wish for the first candidate."""
    menus = [each for block in shown.blocks for each in block.get("elements", ()) if each.get("type") == "overflow"]
    return next(option["value"] for option in menus[0]["options"] if option["value"].startswith(steer))


async def test_events_hold_what_is_documented(stage: Stage) -> None:
    """A day in the life of some requests: each event's data has the documented keys, or some of them."""
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "dismiss_request")
    asked = await stage.private("dismiss_reason")
    await stage.slack.select(stage.agent, asked, "dismiss_reason", "incorrect")
    await stage.slack.click(stage.agent, await stage.private("Your reason is noted"), "undo_choice")
    await stage.slack.click(stage.agent, await stage.private("Undone"), "edit_candidate")
    view = await stage.slack.wait_for_view(stage.agent)
    await stage.slack.submit(stage.agent, view, {"reply": {"text": "Tomorrow."}})
    await stage.slack.click(stage.agent, await stage.private("with your edit"), "undo_choice")
    await stage.slack.click(stage.agent, await stage.private("Undone"), "use_candidate")
    await stage.private("Sent in")
    await stage.slack.click(stage.agent, await stage.private("undo_choice"), "undo_choice")
    again = await stage.private("Undone")
    await stage.slack.select(stage.agent, again, "steer_candidate", steer_value(again, "warmer"))
    await stage.private("Made from one reply")
    customer, support = stage.slack.people.stranger, stage.slack.channels.support
    first = stage.slack.write(customer, support, "Well?")
    stage.slack.write(stage.agent, support, f"<@{stage.slack.bot_user_id}>", thread_ts=first.ts)
    in_thread = await stage.private("For: Well?")
    stage.slack.write(customer, support, "Hello?", thread_ts=first.ts)
    await stage.slack.click(stage.agent, in_thread, "use_candidate")
    await stage.private("There is one new message in this thread")
    stage.model.enqueue(Reply(text="word " * 1_000, minds_max_tokens=False))
    await stage.suggest("Tell me more")
    await stage.slack.click(stage.agent, await stage.private("show_candidate"), "show_candidate")
    await stage.slack.click(stage.agent, await stage.private("show_candidate"), "copy_candidate")
    stage.model.enqueue("Ihr Paket ist unterwegs.")
    await stage.suggest("Und jetzt?")
    await stage.slack.click(stage.agent, await stage.private("translate_candidate"), "translate_candidate")
    await stage.slack.wait_for_view(stage.agent, lambda view: "never sent" in str(view.blocks))
    stage.model.script(lambda _: bad_request())
    await stage.suggest("Where is it now?")
    await stage.slack.click(stage.agent, await stage.private("Try again"), "redraft_request")
    await stage.slack.wait_until_idle()
    told = event_rows()
    seen = set()
    for line in await stage.log():
        for event in line["events"]:
            seen.add(event["type"])
            assert set(event["data"]) <= set(told[event["type"]]), event["type"]
            assert event["data"] or event["type"] in {"shown", "edit_opened", "expanded", "copied"}, event["type"]
    assert set(told) - seen == {"expired", "tied", "skipped"}


async def test_the_reading_example_runs(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("Sent in")
    lines = [json.dumps(line) for line in await stage.log()]
    (tmp_path / "choices.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    [example] = fenced(read("docs/choice-log.md"), "python")
    exec(compile(example, "docs/choice-log.md", "exec"), {})
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 3
    assert sum(": chosen 1 of 1" in line for line in told) == 1


async def test_the_testing_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    [example] = fenced(read("docs/testing.md"), "python")
    names_: dict[str, Any] = {}
    exec(compile(example, "docs/testing.md", "exec"), names_)
    replies = await names_["main"](tmp_path)
    assert f"`{json.dumps(replies)}`" in read("docs/testing.md")


# --- files, links, commands --------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", names(DOCUMENTS))
def test_every_relative_link_leads_somewhere(document: str) -> None:
    here = ROOT / document
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", read(document)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (here.parent / path).resolve() if path else here
        assert there.exists(), f"{document} links to {target}"
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), f"{document} links to {target}"


PATH = re.compile(
    r"(?<![\w./])(?:\.ci|benchmarks|bot|cli|deploy|docs|handlers|playground|storage|tests)/(?:[\w-]+/)*(?:[\w-]+(?:\.\w+)+)?"
)
MADE_BY_RUNS = {"benchmarks/results/"}


@pytest.mark.parametrize("document", names(DOCUMENTS))
def test_every_file_named_exists(document: str) -> None:
    named = set(PATH.findall(read(document))) - MADE_BY_RUNS
    assert not [path for path in named if not (ROOT / path).exists()]


def command_lines() -> Iterator[tuple[str, str]]:
    """Every `suggest …` in a document: (document, line)."""
    for document in names(DOCUMENTS):
        text = read(document)
        for block in fenced(text, "(?:sh|console)"):
            for line in block.splitlines():
                for part in re.split(r"&&|\|", line.partition(" #")[0]):
                    if found := re.match(r"\s*(?:\$ )?(?:\S*bin/)?(suggest(?: .*?)?)\s*$", part):
                        yield document, found[1]
        for quoted in code(text):
            if re.match(r"suggest [a-z-]", quoted):
                yield document, quoted


def parse(line: str) -> None:
    """Raises, or fails, where the command line has no such command, option or number of arguments."""
    alternatives = re.search(r"\w+(?:\|\w+)+", line)  # such as init|check
    for choice in alternatives[0].split("|") if alternatives else [""]:
        given = shlex.split(line.replace(alternatives[0], choice) if alternatives else line)[1:]
        command: Any = typer.main.get_command(main.app)
        context = command.make_context("suggest", [], resilient_parsing=True)
        while hasattr(command, "commands") and given and not given[0].startswith("-"):
            name = given.pop(0)
            assert name in command.commands, f"there is no command {name!r} in {line!r}"
            command = command.commands[name]
            nested = [given.pop(0)] if given[:1] and given[0] in NESTED.get(name, {}) else []
            context = command.make_context(name, nested, parent=context, resilient_parsing=True)
            command = context.command  # its module is imported now
        context.resilient_parsing = False  # made without arguments; what is given now must be right
        _, left, _ = context.command.make_parser(context).parse_args(args=given)
        assert not left, f"{line!r} has {left} too many"


@pytest.mark.parametrize(("document", "line"), sorted(set(command_lines())))
def test_every_command_line_shown_can_be_typed(document: str, line: str) -> None:
    assert document
    parse(line)


def test_command_lines_that_cannot_be_typed_are_found() -> None:
    for line in ("suggest nothing", "suggest export --nothing", "suggest migrate file", "suggest playbook nothing"):
        with pytest.raises((AssertionError, typer.TyperException)):
            parse(line)


def all_commands(command: Any = None, path: str = "suggest") -> Iterator[str]:
    command = command or typer.main.get_command(main.app)
    if not hasattr(command, "commands"):
        yield path
        return
    for name, child in command.commands.items():
        yield from all_commands(child, f"{path} {name}")


def test_every_command_is_in_the_readme_and_nothing_else_is() -> None:
    told = section("README.md", "Commands")
    assert [code(row[0])[0] for row in rows(told)] == sorted(
        all_commands(), key=[code(row[0])[0] for row in rows(told)].index
    )
    assert "`--help`" in told


def test_the_make_targets_shown_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    shown = {name for document in names(DOCUMENTS) for name in re.findall(r"\bmake ([a-z]+)\b[^.\n]*#", read(document))}
    shown |= {name for document in names(DOCUMENTS) for name in re.findall(r"`make ([a-z]+)[^`]*`", read(document))}
    assert shown
    assert shown <= targets


def test_the_small_playbook_can_be_used() -> None:
    from bot.playbook import parse_playbook

    [example] = fenced(read("docs/playbook.md"), "toml")
    playbook = parse_playbook(example, source="docs/playbook.md")
    assert [style.name for style in playbook.styles] == ["direct", "warm"]


def test_what_a_change_touches_exists_and_is_no_more_than_is_told() -> None:
    walks = rows(section("CONTRIBUTING.md", "What a change touches"))
    assert walks
    for change, touched, most in walks:
        files, _, words = touched.partition("; words in")
        assert [path for path in code(touched) if not (ROOT / path).exists()] == [], change
        assert len(code(files)) <= int(most.split()[0]), change
        assert bool(words) == most.endswith(" and words"), change


# --- texts -------------------------------------------------------------------------------------------

FAMILIES = {
    "error-": [*vocabulary(records.DraftError), *MODEL_LIMITS.values()],
    "steer-": vocabulary(records.Steer),
    "button-": [action.label for action in action_ids.ACTIONS if action.place],
    "label-": [action.label for action in action_ids.ACTIONS if action.place not in {None, "request"}],
    "reason-": vocabulary(records.DismissReason),
    "barred-": vocabulary(errors.AccessDeniedReason),
    "thread-": vocabulary(threads.Problem),
    "unread-": vocabulary(threads.Problem),
    "paste-": [action_ids.MESSAGE_BLOCK, action_ids.HINT_BLOCK],
    "export-form-": payloads.EXPORT_FORMS,
    "export-range-": payloads.EXPORT_RANGES,
    "export-names-": ["ids", "pseudonyms"],
    "prompt-": home_opened.PROMPTS,
    "prompt-message-": home_opened.PROMPTS,
    "on-use-": vocabulary(records.OnUse),
    "settings-": ["candidates", "language", "on_use", "hint", "styles"],
    "limit-": ["agent_per_minute", "tokens_per_day", "queue"],
}
LENGTHS = (
    (r"button-.*|label-.*|steer-.*|language-customers", 75),
    (r"reason-placeholder", 150),
    (r"reason-noted", 3_000),
    (r"reason-.*", 75),
    (r"barred-title|language-(title|submit)|export-(title|submit)", 24),
    (r"export-(form|range|names)-.*", 75),
    (r"settings-(title|submit)", 24),
    (r"settings-(as-in-slack|default)|on-use-.*|language-name", 40),
    (r"home-(open|used|figures|settings|team)", 150),
    (r"modal-replies-title|paste-submit", 24),
    (r"modal-(title|submit|close|copy-title|submit-copy|submit-anyway|copy-close)", 24),
    (r"modal-.*", 2_000),
    (r".*", 3_000),
)


def messages(locale: Path) -> dict[str, fluent.Message]:
    resource = FluentParser().parse(locale.read_text(encoding="utf-8"))
    assert not [entry for entry in resource.body if isinstance(entry, fluent.Junk)], f"{locale.name} is broken"
    return {entry.id.name: entry for entry in resource.body if isinstance(entry, fluent.Message)}


def variables(node: Any) -> set[str]:
    if isinstance(node, fluent.VariableReference):
        return {node.id.name}
    parts = vars(node).values() if isinstance(node, fluent.BaseNode) else node if isinstance(node, list) else ()
    return set().union(*(variables(part) for part in parts))


def longest(pattern: Any) -> int:
    """Characters of the longest variant, with a number for each variable."""
    if isinstance(pattern, fluent.TextElement):
        return len(pattern.value)
    if isinstance(pattern, fluent.Pattern):
        return sum(longest(element) for element in pattern.elements)
    if isinstance(pattern, fluent.Placeable):
        return longest(pattern.expression)
    if isinstance(pattern, fluent.SelectExpression):
        return max(longest(variant.value) for variant in pattern.variants)
    return len("1,234")


def test_all_languages_have_the_same_texts() -> None:
    english = messages(next(locale for locale in LOCALES if locale.stem == DEFAULT_LOCALE))
    for locale in LOCALES:
        others = messages(locale)
        assert sorted(others) == sorted(english), locale.name
        for key, message in others.items():
            assert variables(message) == variables(english[key]), f"{key} in {locale.name}"


@pytest.mark.parametrize("locale", LOCALES, ids=lambda path: path.stem)
def test_no_text_is_too_long_for_its_place(locale: Path) -> None:
    for key, message in messages(locale).items():
        most = next(limit for pattern, limit in LENGTHS if re.fullmatch(pattern, key))
        assert 0 < longest(message.value) <= most, f"{key} in {locale.name}"


def is_texts(node: ast.expr) -> bool:
    """Whether what is called gives texts by key: `texts(…)`, `self._texts(…)`, `get_texts(…)(…)`."""
    if isinstance(node, ast.Name):
        return node.id == "texts"
    if isinstance(node, ast.Attribute):
        return node.attr in {"texts", "_texts"}
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_texts"


def keys_of(node: ast.expr, key_tables: dict[str, list[str]]) -> Iterator[str]:
    """The keys that an expression can come to: a text, one of two, one of a table, or one of a family."""
    match node:
        case ast.Constant(value=str(key)):
            yield key
        case ast.IfExp(body=body, orelse=orelse):
            yield from keys_of(body, key_tables)
            yield from keys_of(orelse, key_tables)
        case ast.JoinedStr(
            values=[
                ast.FormattedValue(value=ast.Name(id=name)),
                ast.Constant(value=str(middle)),
                ast.FormattedValue(value=ending),
            ]
        ):
            ends = list(keys_of(ending, key_tables))
            yield from (f"{start}{middle}{end}" for start in key_tables[name] for end in ends)
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), _]):
            yield from (f"{start}{word}" for word in FAMILIES[start])
        case ast.Subscript(value=ast.Dict(values=values)):
            for value in values:
                yield from keys_of(value, key_tables)
        case ast.Subscript(value=ast.Name(id=name)) | ast.Name(id=name):
            yield from key_tables[name]
        case _:
            pytest.fail(f"line {node.lineno}: which text this is cannot be told: {ast.unparse(node)}")


def keys_used() -> set[str]:
    used: set[str] = set()
    for file in [*ROOT.glob("handlers/**/*.py"), *ROOT.glob("cli/**/*.py"), *ROOT.glob("bot/[ik]*/*.py")]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        tables = {"_KEYS": list(error_messages._KEYS.values()), "word": ["pause", "resume"]}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.IfExp):
                [target] = node.targets
                is_table = isinstance(node.value, ast.IfExp) or isinstance(node.value.value, ast.Dict)
                if isinstance(target, ast.Name) and target.id == "key" and is_table:
                    tables["key"] = list(keys_of(node.value, tables))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and is_texts(node.func):
                used.update(keys_of(node.args[0], tables))
    return used


def test_every_text_used_exists_and_every_text_is_used() -> None:
    assert keys_used() == set(messages(next(locale for locale in LOCALES if locale.stem == DEFAULT_LOCALE)))


# --- deployment --------------------------------------------------------------------------------------


def test_the_image_holds_no_secret_and_runs_without_rights() -> None:
    """What goes to the Docker engine is listed by name; the last stage has another user, a check, and no compiler."""
    ignored = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert ignored[0] == "*"
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", read("Dockerfile"), re.MULTILINE)
    assert {f"!{path}" for line in copied for path in line.split()} == {line for line in ignored if line[0] == "!"}
    last = read("Dockerfile").rpartition("\nFROM ")[2]
    assert re.search(r"^USER suggest$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "/healthz" in last
    assert not re.search(r"\b(apt-get|pip|gcc)\b", last)
    installs = re.findall(r"pip install [^&\n]*", read("Dockerfile"))
    assert [each for each in installs if "--no-deps --require-hashes -r requirements.lock" in each]
    assert all("--require-hashes" in each or "--no-index" in each for each in installs)


def test_the_compose_file_starts_replicas_on_postgresql() -> None:
    services = yaml.safe_load(read("compose.yaml"))["services"]
    environment = services["suggest"]["environment"]
    assert set(environment) <= set(SETTINGS)
    assert environment["SUGGEST_DATABASE_URL"].startswith("postgresql://")
    assert services["suggest"]["deploy"]["replicas"] == 2
    assert "$" in services["database"]["environment"]["POSTGRES_PASSWORD"], "no password stands in the file"


def test_the_commands_that_start_the_bot_elsewhere_can_be_typed() -> None:
    [unit] = re.findall(r"^ExecStart=\S*/(suggest .*)$", read("deploy/suggest.service"), re.MULTILINE)
    [image] = re.findall(r"^CMD (\[.*\])$", read("Dockerfile"), re.MULTILINE)
    for line in (unit, shlex.join(["suggest", *json.loads(image)])):
        parse(line)


# --- maps ---------------------------------------------------------------------------------------------


PACKAGES = sorted(
    str(file.parent.relative_to(ROOT))
    for room in ("bot", "handlers", "storage", "cli", "playground")
    for file in (ROOT / room).rglob("__init__.py")
)


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_has_a_map_of_all_that_lives_in_it(package: str) -> None:
    """The first lines of its `__init__.py` name every module, or a table there does."""
    folder = ROOT / package
    tree = ast.parse(read(f"{package}/__init__.py"))
    tables = [each.value for each in tree.body if isinstance(each, ast.AnnAssign) and isinstance(each.value, ast.Dict)]
    told = set(re.findall(r"\w+", ast.get_docstring(tree) or ""))
    told |= {key.value for table in tables for key in table.keys if isinstance(key, ast.Constant)}
    living = {file.stem for file in folder.iterdir() if file.suffix == ".py" or (file / "__init__.py").exists()}
    living -= {file.stem for file in folder.glob("*.py") if "\nFORMAT: Final" in file.read_text(encoding="utf-8")}
    assert not {name for name in living if not name.startswith("__")} - told
