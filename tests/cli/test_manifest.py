"""The manifest: within Slack's limits, true to the code, fit for either mode."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import cli.manifest as it
from handlers.app import Edge
from tests.cli.conftest import Suggest

HANDLERS = Path(__file__).parents[2] / "handlers"

SCOPES = {
    "apps_connections_open": set(),  # an app-level token's: connections:write
    "auth_test": set(),
    "chat_delete": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "chat_postMessage": {"chat:write", "chat:write.public"},  # also where the bot is no member
    "conversations_open": {"im:write"},
    "usergroups_users_list": {"usergroups:read"},
    "users_info": {"users:read"},
    "views_open": set(),
}
"""What each method that the handlers call needs of the bot token."""


class Registered:
    """Stands in for a Bolt app: notes what is registered."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def command(self, name: str) -> Any:
        self.commands.append(name)
        return lambda listener: listener

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: lambda listener: listener


def urls(manifest: dict[str, Any]) -> set[str]:
    return set(re.findall(r"https?://[^\s\"']+", json.dumps(manifest)))


def test_it_is_within_slacks_limits() -> None:
    manifest = it.load_manifest()
    shown = manifest["display_information"]
    assert 1 <= len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4000
    assert re.fullmatch(r"#[0-9a-f]{6}", shown["background_color"])
    assert len(manifest["features"]["bot_user"]["display_name"]) <= 80
    for command in manifest["features"]["slash_commands"]:
        assert re.fullmatch(r"/[a-z0-9_-]{1,31}", command["command"])
        assert 1 <= len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
        assert command["should_escape"] is False, "it would rewrite the customer's text"
    for shortcut in manifest["features"].get("shortcuts", []):
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
        assert len(shortcut["callback_id"]) <= 255


def test_its_commands_are_the_ones_that_are_handled() -> None:
    app = Registered()
    edge = object.__new__(Edge)
    for name in ("_gate", "_commands", "_clicks"):
        object.__setattr__(edge, name, _Anything())
    edge.register(app)  # type: ignore[arg-type]
    listed = it.load_manifest()["features"]["slash_commands"]
    assert app.commands == [command["command"] for command in listed]


class _Anything:
    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


def test_its_scopes_are_exactly_those_that_the_code_needs() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in HANDLERS.glob("*.py"))
    calls = set(
        re.findall(r"\.((?:apps|auth|chat|conversations|files|reactions|usergroups|users|views)_\w+)\(", source)
    )
    assert calls <= set(SCOPES), "a new method: which scope does it need?"
    assert it.bot_scopes(it.load_manifest()) == {"commands"}.union(*(SCOPES[call] for call in calls))


def test_each_scope_has_its_reason_in_the_docs() -> None:
    text = (HANDLERS.parent / "docs" / "slack.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `([a-z:._]+)` \| \S", text, re.MULTILINE))
    assert rows & set().union(*SCOPES.values(), {"commands"}) == it.bot_scopes(it.load_manifest())
    assert rows <= it.bot_scopes(it.load_manifest()) | {"connections:write"}


async def test_for_socket_mode_it_has_no_url(suggest: Suggest) -> None:
    result = await suggest("manifest", "--socket-mode")
    assert result.code == 0
    assert (await suggest("manifest")).out == result.out
    manifest = yaml.safe_load(result.out)
    assert urls(manifest) == set()
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["interactivity"] == {"is_enabled": True}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://bot.example.com", "https://bot.example.com/slack/events"),
        ("https://bot.example.com/", "https://bot.example.com/slack/events"),
        ("https://bot.example.com:8443/behind/a/proxy", "https://bot.example.com:8443/behind/a/proxy"),
    ],
)
async def test_for_http_it_has_the_url_everywhere(url: str, expected: str, suggest: Suggest) -> None:
    result = await suggest("manifest", "--http", url, "--json")
    manifest = json.loads(result.out)
    assert urls(manifest) == {expected}
    assert manifest["settings"]["socket_mode_enabled"] is False
    assert manifest["features"]["slash_commands"][0]["url"] == expected
    assert manifest["settings"]["interactivity"]["request_url"] == expected


def test_event_subscriptions_get_the_url_too() -> None:
    manifest = {"features": {}, "settings": {"event_subscriptions": {"bot_events": ["app_mention"]}}}
    made = it.for_http(manifest, "https://a.example")
    assert made["settings"]["event_subscriptions"]["request_url"] == "https://a.example/slack/events"
    made = it.for_socket_mode(made)
    assert "request_url" not in made["settings"]["event_subscriptions"]


@pytest.mark.parametrize(
    "url", ["http://a.example", "a.example", "https://", "https://a b", "https://a:x", "https://[a"]
)
async def test_what_slack_cannot_deliver_to_is_refused(url: str, suggest: Suggest) -> None:
    result = await suggest("manifest", "--http", url)
    assert result.code == 2
    assert "is no URL that Slack delivers to" in result.complaint


async def test_yaml_and_json_are_the_same(suggest: Suggest) -> None:
    assert yaml.safe_load((await suggest("manifest")).out) == json.loads((await suggest("manifest", "--json")).out)


def test_a_wheel_has_it_beside_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "manifest.yml").write_text("name: of the wheel\n", encoding="utf-8")
    monkeypatch.setattr(it, "_PLACES", (tmp_path / "manifest.yml", *it._PLACES))
    assert it.load_manifest() == {"name": "of the wheel"}
