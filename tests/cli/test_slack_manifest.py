"""The manifest: within Slack's limits, true to the code, fit for either mode."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import cli.slack_manifest as it
from handlers.app import SlackHandlers
from tests.cli.conftest import Suggest

HANDLERS = Path(__file__).parents[2] / "handlers"

SCOPES = {
    "agents_sessions_setStatus": {"chat:write"},
    "apps_connections_open": set(),  # an app-level token's: connections:write
    "assistant_threads_setSuggestedPrompts": {"assistant:write"},
    "auth_test": set(),
    "chat_delete": {"chat:write"},
    "chat_getPermalink": set(),
    "chat_postEphemeral": {"chat:write"},
    "chat_postMessage": {"chat:write", "chat:write.public"},  # also where the bot is no member
    "chat_update": {"chat:write"},
    "conversations_history": {"im:history"},  # of direct messages only
    "conversations_open": {"im:write"},
    "conversations_replies": {"channels:history", "groups:history"},
    "files_completeUploadExternal": {"files:write"},
    "files_getUploadURLExternal": {"files:write"},
    "usergroups_users_list": {"usergroups:read"},
    "users_info": {"users:read"},
    "views_open": set(),
    "views_publish": set(),
    "views_push": set(),
    "views_update": set(),
}
"""What each method that the handlers call needs of the bot token."""

EVENTS: dict[str, set[str]] = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "message.im": {"im:history"},
}
"""What each event that is listened to needs."""


class Registered:
    """Stands in for a Bolt app: notes what is registered."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}

    def __getattr__(self, kind: str) -> Any:
        def register(name: Any, *_: Any, **__: Any) -> Any:
            self.names.setdefault(kind, []).append(name)
            return lambda listener: listener

        return register


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
    assert len(manifest["features"]["shortcuts"]) <= 10
    assert 1 <= len(manifest["features"]["agent_view"]["agent_description"]) <= 300
    assert len(manifest["features"]["agent_view"].get("suggested_prompts", [])) <= 4
    home = manifest["features"]["app_home"]
    assert home["messages_tab_enabled"], "or nobody can write to the bot, nor the bot to an agent"
    assert not home["messages_tab_read_only_enabled"]


def test_it_lists_what_is_handled() -> None:
    """Commands, shortcuts and events: no more and no fewer."""
    app = Registered()
    edge = object.__new__(SlackHandlers)
    for name in ("_origins", "_access", "_services"):
        object.__setattr__(edge, name, _Anything())
    edge.register(app)  # type: ignore[arg-type]
    manifest = it.load_manifest()
    listed = manifest["features"]
    assert app.names["command"] == [command["command"] for command in listed["slash_commands"]]
    for kind in ("message", "global"):
        named = [shortcut["callback_id"] for shortcut in listed["shortcuts"] if shortcut["type"] == kind]
        assert app.names[f"{kind}_shortcut"] == named
    subscribed = manifest["settings"]["event_subscriptions"]["bot_events"]
    assert {event.partition(".")[0] for event in subscribed} == set(app.names["event"])
    assert set(subscribed) == set(EVENTS)


class _Anything:
    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


def test_its_scopes_are_exactly_those_that_the_code_needs() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in HANDLERS.rglob("*.py"))
    calls = set(
        re.findall(
            r"\.((?:agents|apps|assistant|auth|chat|conversations|files|reactions|usergroups|users|views)_\w+)\(",
            source,
        )
    )
    assert calls <= set(SCOPES), "a new method: which scope does it need?"
    needed = {"commands"}.union(*(SCOPES[call] for call in calls), *EVENTS.values())
    assert it.list_bot_scopes(it.load_manifest()) == needed


def test_each_scope_has_its_reason_in_the_docs() -> None:
    text = (HANDLERS.parent / "docs" / "slack.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `([a-z:._]+)` \| \S", text, re.MULTILINE))
    known = set().union(*SCOPES.values(), *EVENTS.values(), {"commands"})
    assert rows & known == it.list_bot_scopes(it.load_manifest())
    assert rows <= it.list_bot_scopes(it.load_manifest()) | {"connections:write"}


def test_what_may_be_declined_is_asked_for_and_told() -> None:
    scopes = it.load_manifest()["oauth_config"]["scopes"]
    assert {*scopes["bot_optional"], it.AGENT_VIEW_SCOPE} == it.OFF_WITHOUT.keys()
    assert it.OFF_WITHOUT.keys() <= set(scopes["bot"])


async def test_what_the_agent_view_costs_is_told_and_it_can_be_left_out(suggest: Suggest) -> None:
    told = await suggest("manifest")
    assert "does not show it to guests" in told.err
    whole, result = yaml.safe_load(told.out), await suggest("manifest", "--without", "agent-view")
    assert result.err == ""
    left = yaml.safe_load(result.out)
    assert whole["features"].pop("agent_view")
    whole["oauth_config"]["scopes"]["bot"].remove("assistant:write")
    assert left == whole
    assert (await suggest("manifest", "--without", "shortcuts")).code == 2


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
    made = it.adapt_to_http(manifest, "https://a.example")
    assert made["settings"]["event_subscriptions"]["request_url"] == "https://a.example/slack/events"
    made = it.adapt_to_socket_mode(made)
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
    monkeypatch.setattr(it, "_PATHS", (tmp_path / "manifest.yml", *it._PATHS))
    assert it.load_manifest() == {"name": "of the wheel"}
