"""Reading the playbook: the built-in one, every way in which one can be wrong, and the line where it is."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from bot.playbook import MAX_BYTES, PlaybookError, PlaybookKind, Style, load_playbook, parse_playbook, read_built_in

GOOD = '''persona = """
You are the team of a bakery.
name = "no key, but text"
[[styles]]"""
facts = ["We open at six."]
rules = []

[[styles]]
name = "direct"
instruction = "Two sentences."

[[styles]]
name = "very_warm"
label = "Warm"
instruction = "Greet first."
temperature = 1
model = "llama3"
'''


def find_problem(text: str) -> PlaybookError:
    with pytest.raises(PlaybookError) as raised:
        parse_playbook(text, source="playbook.toml")
    assert "\n" not in str(raised.value)
    return raised.value


# --- good ones ----------------------------------------------------------------------------------------


def test_a_style_may_have_a_budget_and_an_effort() -> None:
    added = 'temperature = 1\nmax_tokens = 0\nreasoning_effort = "low"'
    style = parse_playbook(GOOD.replace("temperature = 1", added), source="p.toml").styles[1]
    assert (style.max_tokens, style.reasoning_effort) == (0, "low")


def test_a_playbook_is_read_with_its_defaults() -> None:
    playbook = parse_playbook(GOOD, source="playbook.toml")
    assert playbook.persona.startswith("You are the team")
    assert (playbook.facts, playbook.rules) == (("We open at six.",), ())
    assert playbook.styles == (
        Style(name="direct", label="Direct", instruction="Two sentences.", temperature=0.7, model=None),
        Style(name="very_warm", label="Warm", instruction="Greet first.", temperature=1.0, model="llama3"),
    )
    assert playbook.text == GOOD
    assert playbook.get_style("direct") is playbook.styles[0]
    with pytest.raises(KeyError):
        playbook.get_style("cold")


def test_the_built_in_playbook_has_five_styles_and_invents_no_facts() -> None:
    playbook = load_playbook(None)
    assert [style.name for style in playbook.styles] == ["direct", "warm", "steps", "clarify", "options"]
    assert playbook.facts == ()
    assert playbook.rules
    assert playbook.text == read_built_in()
    assert all(style.model is None for style in playbook.styles)


def test_what_init_writes_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "playbook.toml"
    path.write_text(read_built_in(), encoding="utf-8")
    assert load_playbook(path) == load_playbook(None)


def test_the_version_follows_the_text_and_the_fixed_words(monkeypatch: pytest.MonkeyPatch) -> None:
    first = parse_playbook(GOOD, source="a.toml").prompt_version
    assert parse_playbook(GOOD, source="b.toml").prompt_version == first
    assert parse_playbook(GOOD + "\n# a remark", source="a.toml").prompt_version != first
    monkeypatch.setattr("bot.playbook.PROMPT_SCAFFOLD_VERSION", 999)
    assert parse_playbook(GOOD, source="a.toml").prompt_version != first
    assert len(first) == 16


def test_windows_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "playbook.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert [style.name for style in load_playbook(path).styles] == ["direct", "very_warm"]


def test_reading_a_playbook_loads_no_langchain() -> None:
    """`suggest --help` and `suggest playbook check` stay fast."""
    code = "import sys, bot.playbook; sys.exit(any(name.startswith('langchain') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- files --------------------------------------------------------------------------------------------


def find_file_problem(path: Path) -> str:
    with pytest.raises(PlaybookError) as raised:
        load_playbook(path)
    assert str(raised.value).startswith(str(path))
    return raised.value.reason


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "no such file" in find_file_problem(tmp_path / "nowhere.toml")
    assert "cannot be read" in find_file_problem(tmp_path)
    (tmp_path / "large.toml").write_text("#" * (MAX_BYTES + 1))
    assert "larger than 64 KiB" in find_file_problem(tmp_path / "large.toml")


def test_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "playbook.toml"
    path.write_bytes(b'persona = "A"\nfacts = ["' + "Öffnungszeiten".encode("latin-1") + b'"]\n')
    with pytest.raises(PlaybookError, match="not UTF-8") as raised:
        load_playbook(path)
    assert raised.value.line == 2


# --- TOML ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('persona = "A"\nfacts = [\n"one"\n"two"]\n', 4),
        ('persona = "A"\npersona = "B"\n', 2),
        ('persona = """A\n\n', 1),
        ("persona\n", 1),
    ],
)
def test_what_is_no_toml_has_its_line(text: str, line: int) -> None:
    found = find_problem(text)
    assert found.line == line
    assert found.reason.startswith("not valid TOML: ")


# --- content ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('persona = """', 'rules2 = """', 1, "the playbook has an unknown key 'rules2': did you mean rules?"),
        ("rules = []", "rules = []\nzebra = 1", 7, "'zebra': known are persona, facts, rules, styles"),
        ('facts = ["We open at six."]', 'facts = "We open at six."', 5, "facts must be a list of texts"),
        ('facts = ["We open at six."]', 'facts = ["Six.", " "]', 5, "number 2 of facts of the playbook is empty"),
        ("rules = []", "rules = [7]", 6, "number 1 of rules of the playbook must be a text in quotes, not a number"),
        ("rules = []", "rules = [[]]", 6, "not a list"),
        ("rules = []", "rules = [2026-01-01]", 6, "not a date"),
        ("rules = []", "rules = [true]", 6, "not true or false"),
        ("rules = []", "rules = [{ a = 1 }]", 6, "not a table"),
        ('name = "direct"', 'nmae = "direct"', 9, "style number 1 has an unknown key 'nmae': did you mean name?"),
        ('name = "direct"\n', "", 8, 'style number 1 has no name: add name = "…"'),
        ('name = "direct"', 'name = ""', 9, "name of style number 1 is empty"),
        ('name = "direct"', "name = 7", 9, "name of style number 1 must be a text in quotes, not a number"),
        ('name = "direct"', 'name = "Direct!"', 9, '"Direct!" is no usable name'),
        ('name = "direct"', f'name = "{"d" * 41}"', 9, "at most 40 in all"),
        ('name = "very_warm"', 'name = "direct"', 13, 'there are two styles named "direct"'),
        ('label = "Warm"', 'label = "dIRECT"', 14, 'there are two styles labelled "dIRECT"'),
        ('label = "Warm"', f'label = "{"x" * 41}"', 14, "must be one line of at most 40 characters"),
        ('label = "Warm"', 'label = "a\\u0000b"', 14, "invisible control character"),
        ('label = "Warm"', "label = ['Warm']", 14, "not a list"),
        ('instruction = "Greet first."\n', "", 12, 'style "very_warm" has no instruction: add instruction = "…"'),
        ("temperature = 1", 'temperature = "hot"', 16, 'the temperature of style "very_warm" must be a number'),
        ("temperature = 1", "temperature = true", 16, "must be a number"),
        ("temperature = 1", "temperature = 2.1", 16, "must be between 0 and 2"),
        ("temperature = 1", "temperature = nan", 16, "must be between 0 and 2"),
        ("temperature = 1", "max_tokens = -1", 16, "must be a whole number from 1 to 1000000, or 0 to send none"),
        ("temperature = 1", "max_tokens = true", 16, "must be a whole number"),
        ("temperature = 1", "max_tokens = 900.5", 16, "must be a whole number"),
        ("temperature = 1", 'reasoning_effort = "very low"', 16, "must be one word that the server knows"),
        ("temperature = 1", "reasoning_effort = 1", 16, "must be a text in quotes"),
        ("temperature = 1", "temprature = 1", 16, "did you mean temperature?"),
        ('model = "llama3"', 'model = ""', 17, 'model of style "very_warm" is empty'),
        ('model = "llama3"', 'model.name = "llama3"', 17, "not a table"),
    ],
)
def test_each_mistake_has_its_line_and_reason(old: str, new: str, line: int, reason: str) -> None:
    assert GOOD.count(old) == 1
    found = find_problem(GOOD.replace(old, new))
    assert reason in str(found)
    assert str(found).startswith(f"playbook.toml:{line}: ")


def test_the_sentence_of_an_error() -> None:
    text = GOOD.replace('instruction = "Greet first."\n', "")
    expected = 'playbook.toml:12: style "very_warm" has no instruction: add instruction = "…"'
    assert str(find_problem(text)) == expected


def test_a_playbook_needs_a_persona_and_a_style() -> None:
    assert "the playbook has no persona" in str(find_problem('[[styles]]\nname = "a"\ninstruction = "b"'))
    assert str(find_problem('persona = "A"')) == "playbook.toml: there is no style: add a [[styles]] table"
    assert "there is no style" in str(find_problem('persona = "A"\nstyles = []'))


def test_styles_of_another_shape() -> None:
    found = find_problem('persona = "A"\n\n[styles]\nname = "direct"\n')
    assert (found.line, found.reason) == (3, "styles must be tables: begin each one with a line [[styles]]")
    assert find_problem('persona = "A"\nstyles = "direct"').line == 2


def test_inline_styles_are_located_as_well_as_can_be() -> None:
    """There is one line for all of them, and it is named."""
    assert find_problem('persona = "A"\nstyles = [{ name = "a" }]').line == 2


def test_a_multi_line_value_is_located_where_it_begins() -> None:
    found = find_problem('persona = "A"\nfacts = [\n  "one",\n  2,\n]\n[[styles]]\nname = "a"\ninstruction = "b"\n')
    assert found.line == 2


# --- what no model sees -------------------------------------------------------------------------------

REDACT = GOOD + "\n[[redact]]\nname = {name}\npattern = {pattern}\n"


def test_rules_for_what_no_model_sees_are_read() -> None:
    playbook = parse_playbook(REDACT.format(name='"order"', pattern=r"'NW-\d{6}'"), source="playbook.toml")
    [rule] = playbook.redact
    assert (rule.name, rule.kind, rule.pattern.pattern) == ("order", "ORDER", r"NW-\d{6}")


def test_countries_of_phone_numbers_are_read() -> None:
    assert parse_playbook(f'phone_regions = ["GB", "IE"]\n{GOOD}', source="p").phone_regions == ("GB", "IE")
    assert parse_playbook(f"phone_regions = []\n{GOOD}", source="p").phone_regions == ()
    refused = find_problem(f'phone_regions = ["GB", "UK"]\n{GOOD}')
    assert (refused.line, '"UK" is no country' in refused.reason) == (1, True)


@pytest.mark.parametrize(
    ("name", "pattern", "line", "reason"),
    [
        ('"Order"', "'abc'", 20, "no usable name"),
        ('"email"', "'abc'", 20, "a name of our own"),
        ('"order"', "'a('", 21, "no regular expression"),
        ('"order"', r"'\d+'", 21, 'the pattern of redact "order" matches texts of 1 characters'),
        ('"order"', r"'\d{0,5}'", 21, "matches the empty text"),
        ('"order"', "3", 21, "must be a text in quotes"),
        ('"order"', "'abc'\nflags = 1", 22, "unknown key 'flags'"),
        ('"order"', "'abc'\n[[redact]]\nname = \"order\"\npattern = 'xyz'", 23, "two [[redact]] tables named"),
    ],
)
def test_a_rule_that_cannot_be_used_is_told_with_its_line(name: str, pattern: str, line: int, reason: str) -> None:
    refused = find_problem(REDACT.format(name=name, pattern=pattern))
    assert reason in refused.reason
    assert refused.line == line


def test_redact_must_be_tables_and_not_too_many() -> None:
    assert "begin each one with a line [[redact]]" in find_problem(f'redact = ["x"]\n{GOOD}').reason
    many = "".join(f"\n[[redact]]\nname = \"{'a' * count}\"\npattern = 'abc'\n" for count in range(2, 24))
    assert "at most 20" in find_problem(GOOD + many).reason


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('task = "chat"', 'task must be "reply"'),
        ("task = 1", 'task must be "reply"'),
        ('markdown = "yes"', "markdown of the playbook must be true or false"),
        ('message = "About {{product"', "message has {{ or }} alone"),
        ('message = "About {{}}"', "message has {{}} without a key"),
        ("message = 1", "message of the playbook must be a text"),
    ],
)
def test_keys_for_texts_by_a_brief_are_checked(line: str, told: str) -> None:
    with pytest.raises(PlaybookError, match=re.escape(told)):
        parse_playbook(f"{line}\n{GOOD}", source="a.toml")


@pytest.mark.parametrize("kind", get_args(PlaybookKind))
def test_each_playbook_that_comes_along_can_be_used(kind: PlaybookKind) -> None:
    playbook = parse_playbook(read_built_in(kind), source=kind)
    assert (playbook.task, playbook.message is None) == (("reply", True) if kind == "support" else ("write", False))
