"""Settings: read from the environment and .env, named with their fix when wrong, their secrets never shown."""

from pathlib import Path

import pytest

from cli.errors import SettingsError
from cli.settings import FIXES, Need, detect_locale, find_editor, load_settings

MALFORMED = {
    "SLACK_BOT_TOKEN": ("xoxp-1", "xapp-1", "xoxb-1 2", "xoxb-“quoted”", "   "),
    "SLACK_APP_TOKEN": ("xoxb-1", "nothing"),
    "SLACK_SIGNING_SECRET": ("two words", "line\nbreak"),
    "SLACK_CLIENT_SECRET": ("two words",),
    "SLACK_API_URL": ("slack.com/api", "ftp://slack.com/", "https://", "https://a b/"),
    "OPENAI_API_KEY": ("sk-1 2", "sk-…"),
    "OPENAI_BASE_URL": ("localhost:11434", "http:///v1"),
    "SUGGEST_MODEL": ("m" * 129,),
    "SUGGEST_CANDIDATES": ("0", "11", "three", "2.5"),
    "SUGGEST_DATABASE_URL": ("suggest.db", "sqlite:///", "mysql://root:pass@host/db", "sqlite:///:memory:"),
    "SUGGEST_ON_USE": ("send",),
    "SUGGEST_DEADLINE_S": ("0", "-1", "601", "nan", "soon"),
    "SUGGEST_MAX_CONCURRENCY": ("0", "many"),
    "SUGGEST_AGENT_PER_MINUTE": ("0", "-3"),
    "SUGGEST_TOKENS_PER_DAY": ("0", "1e6x"),
    "SUGGEST_ALLOWED_CHANNELS": ("general", "#C1", "U1"),
    "SUGGEST_ALLOWED_USERGROUPS": ("@leads", "C1", "S1;S2"),
    "SUGGEST_ADMINS": ("alice", "U1;U2", "U1,u2"),
    "SUGGEST_LOG_LEVEL": ("loud",),
    "SUGGEST_LOG_FORMAT": ("xml",),
    "SUGGEST_TRACE_TEXT": ("maybe", "true"),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in MALFORMED.items() for value in values])
def test_a_malformed_setting_is_named_with_its_fix_and_without_its_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    line = str(caught.value)
    assert line.startswith(f"{name} is wrong (")
    assert line.endswith(FIXES[name])
    assert "\n" not in line
    if len(value.strip()) > 3 and value not in FIXES[name]:
        assert value not in line.removesuffix(FIXES[name])


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_CANDIDATES", "0")
    monkeypatch.setenv("SUGGEST_ON_USE", "send")
    monkeypatch.setenv("SUGGEST_ADMIN", "U1")
    monkeypatch.setenv("SUGGEST_PRICES", "# none")
    with pytest.raises(SettingsError) as caught:
        load_settings(Need.of("SLACK_BOT_TOKEN"), Need.of("SUGGEST_CANDIDATES"), Need.of("SLACK_APP_TOKEN"))
    names = ["SUGGEST_CANDIDATES", "SUGGEST_ON_USE", "SUGGEST_ADMIN", "SUGGEST_PRICES", "SLACK_BOT_TOKEN"]
    assert [line.split()[0] for line in caught.value.lines] == names
    assert "SLACK_APP_TOKEN is missing" in caught.value.lines[-1]


def test_without_any_setting_the_defaults_of_the_contract_hold() -> None:
    settings = load_settings()
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.suggest_model == "gpt-4o-mini"
    assert settings.suggest_candidates == 3
    assert settings.suggest_database_url == "sqlite:///suggest.db"
    assert settings.suggest_playbook is None
    assert settings.suggest_on_use == "post"
    assert settings.suggest_deadline_s == 25
    assert settings.suggest_max_concurrency == 32
    assert settings.suggest_agent_per_minute == 20
    assert settings.suggest_tokens_per_day is None
    assert settings.suggest_admins == ()
    assert settings.suggest_log_level == "info"
    assert not settings.has_model


def test_env_files_of_any_editor_are_read_and_the_environment_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(
        "\ufeffSUGGEST_CANDIDATES=5\n# comment\nexport SUGGEST_MODEL='of .env'\nUNKNOWN=1\nSUGGEST_ADMINS=\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("SUGGEST_MODEL", "of the environment")
    settings = load_settings()
    assert settings.suggest_candidates == 5
    assert settings.suggest_model == "of the environment"
    assert settings.suggest_admins == ()


def test_an_env_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("SUGGEST_MODEL=größer".encode("utf-16"))
    with pytest.raises(SettingsError, match=r"\.env is not UTF-8"):
        load_settings()


@pytest.mark.parametrize("text", ["U1,U2", " U1 , U2 ", "U1 U2", "U1,U2,"])
def test_admins_are_separated_by_commas_or_spaces(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_ADMINS", text)
    assert load_settings().suggest_admins == ("U1", "U2")


def test_what_people_write_slightly_otherwise_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_LOG_LEVEL", "INFO")
    monkeypatch.setenv("OPENAI_API_KEY", " sk-abc\n")
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:1/api")
    monkeypatch.setenv("SUGGEST_PLAYBOOK", "~/playbook.toml")
    settings = load_settings()
    assert settings.suggest_log_level == "info"
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-abc"
    assert settings.slack_api_url == "http://127.0.0.1:1/api/"
    assert settings.suggest_playbook == Path.home() / "playbook.toml"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"LANG": "de_DE.UTF-8"}, "de-DE"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "pt_BR"}, "pt-BR"),
        ({"LANG": "de_DE", "LC_MESSAGES": "fr_FR@euro"}, "fr-FR"),
        ({"LANG": "eo"}, "eo"),
        ({"LANG": "C.UTF-8"}, "en-US"),
        ({"LANG": "POSIX"}, "en-US"),
        ({"LANG": ""}, "en-US"),
    ],
)
def test_the_locale_is_the_terminals_language(
    values: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert detect_locale() == expected


def test_the_editor_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_editor() is None
    monkeypatch.setenv("EDITOR", "ed")
    assert find_editor() == "ed"
    monkeypatch.setenv("VISUAL", "vi")
    assert find_editor() == "vi"


MISSPELT = {
    "SUGGEST_DATABSE_URL": "SUGGEST_DATABASE_URL",
    "SUGGEST_DATABASE": "SUGGEST_DATABASE_URL",
    "SUGGEST_CANDIDATE": "SUGGEST_CANDIDATES",
    "suggest_modle": "SUGGEST_MODEL",
    "SUGEST_MODEL": "SUGGEST_MODEL",
    "SUGGEST_LOGLEVEL": "SUGGEST_LOG_LEVEL",
    "SUGGEST_RETENTION_DAY": "SUGGEST_RETENTION_DAYS",
}


@pytest.mark.parametrize("place", ["environment", "file"])
@pytest.mark.parametrize(("given", "meant"), MISSPELT.items())
def test_a_misspelt_setting_is_refused_with_the_nearest_name(
    given: str, meant: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "environment":
        monkeypatch.setenv(given, "1")
    else:
        Path(".env").write_text(f"{given}=1\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.lines == (f"{given.upper()} is no setting: did you mean {meant}?",)


@pytest.mark.parametrize(
    "name",
    [
        "SUGGEST_PORT",
        "SUGGEST_PORT_9090_TCP",
        "SUGGEST_PORT_9090_TCP_PROTO",
        "SUGGEST_SERVICE_HOST",
        "SUGGEST_SERVICE_PORT_HEALTH",
        "SUGGEST_MODEL_SERVICE_HOST",
        "SUGGEST_MODEL_PORT_80_TCP_ADDR",
        "SUGGEST_IMAGE",
        "SUGGEST_VERSION",
        "SLACK_API_TOKEN",
        "MODEL",
    ],
)
def test_names_that_others_set_are_passed_over(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.7:9090")
    load_settings()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SUGGEST_DATABASE_URL", "sqlite:///x.db # here", "a comment"),
        ("SUGGEST_PRICES", "# none", "a comment"),
        ("SUGGEST_DATABASE_URL", '"sqlite:///x.db"', "quotes"),
        ("SUGGEST_MODEL", "'llama3.1' ", "quotes"),
        ("SUGGEST_MODEL", "llama3.1\r", "a carriage return"),
        ("SLACK_BOT_TOKEN", "xoxb-1\r", "a carriage return"),
        ("suggest_on_use", "copy # or post", "a comment"),
    ],
)
def test_what_docker_leaves_of_an_env_file_is_refused_with_the_reason(
    name: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    [line] = caught.value.lines
    assert line.startswith(f"{name.upper()} is wrong (it has {reason}")
    assert value not in line


@pytest.mark.parametrize("name", ["SUGGEST_DATABASE_URL", "SUGGEST_PLAYBOOK", "SUGGEST_MODEL", "SUGGEST_ON_USE"])
def test_white_space_around_a_value_is_none_of_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"SUGGEST_DATABASE_URL": "sqlite:///x.db", "SUGGEST_ON_USE": "copy"}.get(name, "x")
    monkeypatch.setenv(name, f" {value}\t \n")
    assert str(getattr(load_settings(), name.lower())) == value


@pytest.mark.parametrize("line", ["SUGGEST_MODEL 'llama", "SUGGEST_MODEL", "SUGGEST_MODEL: llama", "=llama"])
def test_a_broken_line_of_an_env_file_is_named(line: str) -> None:
    Path(".env").write_text(f"SUGGEST_CANDIDATES=4\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"^\.env, line 2, is not NAME=value: "):
        load_settings()
