"""The installed app's configuration: scopes, commands, shortcuts and events, as its manifest declares them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

GENEROUS_SCOPES = frozenset({
    "app_mentions:read", "assistant:write", "channels:history", "channels:read", "chat:write", "chat:write.customize",
    "chat:write.public", "commands", "files:write", "groups:history", "groups:read", "im:history", "im:read",
    "im:write", "usergroups:read", "users:read",
})  # fmt: skip
GENEROUS_EVENTS = frozenset({"app_home_opened", "app_mention", "message.channels", "message.groups", "message.im"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SlashCommand:
    command: str
    description: str = ""
    usage_hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    callback_id: str
    name: str
    type: Literal["message", "global"] = "message"
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppConfig:
    """The app's configuration. The defaults are generous; `from_manifest` grants what a manifest does, and no more.

    `limits_histories`: the app gets 15 messages at a time, as those sold outside of the Marketplace.
    """

    name: str = "Suggest (playground)"
    bot_scopes: frozenset[str] = GENEROUS_SCOPES
    commands: tuple[SlashCommand, ...] = (SlashCommand(command="/suggest"),)
    shortcuts: tuple[Shortcut, ...] = (
        Shortcut(callback_id="suggest_replies", name="Suggest replies"),
        Shortcut(callback_id="suggest_anywhere", name="Suggest anywhere", type="global"),
    )
    bot_events: frozenset[str] = GENEROUS_EVENTS
    interactivity: bool = True
    home_tab: bool = True
    messages_tab: bool = True
    takes_messages: bool = True
    is_agent: bool = True
    limits_histories: bool = False

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> "AppConfig":
        """Read a parsed app manifest. Raises KeyError if a name that every manifest has is missing."""
        features = manifest.get("features", {})
        settings = manifest.get("settings", {})
        home = features.get("app_home", {})
        return cls(
            name=manifest["display_information"]["name"],
            bot_scopes=frozenset(manifest.get("oauth_config", {}).get("scopes", {}).get("bot", ())),
            commands=tuple(
                SlashCommand(
                    command=command["command"],
                    description=command.get("description", ""),
                    usage_hint=command.get("usage_hint", ""),
                )
                for command in features.get("slash_commands", ())
            ),
            shortcuts=tuple(
                Shortcut(
                    callback_id=shortcut["callback_id"],
                    name=shortcut["name"],
                    type=shortcut["type"],
                    description=shortcut.get("description", ""),
                )
                for shortcut in features.get("shortcuts", ())
            ),
            bot_events=frozenset(settings.get("event_subscriptions", {}).get("bot_events", ())),
            interactivity=settings.get("interactivity", {}).get("is_enabled", False),
            home_tab=home.get("home_tab_enabled", False),
            messages_tab=home.get("messages_tab_enabled", False),
            takes_messages=not home.get("messages_tab_read_only_enabled", False),
            is_agent="agent_view" in features,
        )
