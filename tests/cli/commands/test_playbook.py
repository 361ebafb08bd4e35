"""`suggest playbook`: a file to start from, never over another one; and what is wrong with one, with its line."""

import pytest

from bot.playbook import read_built_in
from tests.cli.conftest import Suggest
from tests.cli.files import listed, read, write


async def test_init_writes_the_annotated_one_that_check_takes(suggest: Suggest) -> None:
    result = await suggest("playbook", "init")
    assert result.code == 0
    assert result.out.startswith("Wrote playbook.toml. Change it, run `suggest playbook check playbook.toml`")
    assert read("playbook.toml") == read_built_in()
    checked = await suggest("playbook", "check", "playbook.toml")
    assert checked.code == 0
    assert checked.out.startswith("playbook.toml can be used: 5 styles, prompt_version ")
    assert "Step by step, temperature 0.4" in checked.out


async def test_init_does_not_overwrite_unless_told_to(suggest: Suggest) -> None:
    write("mine.toml", "mine")
    result = await suggest("playbook", "init", "mine.toml")
    assert result.code == 1
    assert result.complaint == "mine.toml exists already: --force replaces it"
    assert read("mine.toml") == "mine"
    assert (await suggest("playbook", "init", "mine.toml", "--force")).code == 0
    assert read("mine.toml") == read_built_in()
    assert listed() == ["mine.toml"]


@pytest.mark.parametrize("force", [(), ("--force",)])
async def test_a_playbook_that_cannot_be_written_is_one_line(force: tuple[str, ...], suggest: Suggest) -> None:
    result = await suggest("playbook", "init", "no/such/playbook.toml", *force)
    assert result.code == 1
    assert result.complaint == "no/such/playbook.toml cannot be written: No such file or directory"


async def test_check_names_file_line_and_reason(suggest: Suggest) -> None:
    write("broken.toml", 'persona = "We"\n\n[[styles]]\nname = "A b"\n')
    result = await suggest("playbook", "check", "broken.toml")
    assert result.code == 2
    assert result.complaint.startswith("broken.toml:4: ")


async def test_a_broken_playbook_is_refused_at_the_start(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    write("broken.toml", "persona =")
    monkeypatch.setenv("SUGGEST_PLAYBOOK", "broken.toml")
    result = await suggest("try", "Hello")
    assert result.code == 2
    assert result.complaint.startswith("broken.toml:1: not valid TOML")
    assert listed() == ["broken.toml"], "and no database is made"


async def test_check_without_a_path_checks_the_one_in_use(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    built_in = (await suggest("playbook", "check", "--json")).json
    assert built_in["playbook"] == "the built-in playbook"
    assert [style["name"] for style in built_in["styles"]] == ["direct", "warm", "steps", "clarify", "options"]
    write("mine.toml", 'persona = "We"\n[[styles]]\nname = "terse"\ninstruction = "Be terse."\nmodel = "other"\n')
    monkeypatch.setenv("SUGGEST_PLAYBOOK", "mine.toml")
    mine = (await suggest("playbook", "check", "--json")).json
    assert mine["playbook"] == "mine.toml"
    assert mine["prompt_version"] != built_in["prompt_version"]
    assert mine["styles"] == [{"name": "terse", "label": "Terse", "temperature": 0.7, "model": "other"}]
    assert "terse        Terse, temperature 0.7, model other" in (await suggest("playbook", "check")).out
