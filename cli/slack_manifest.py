"""The Slack app's manifest, from `manifest.yml`, made fit for Socket Mode or for HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import yaml

from cli.errors import SettingsError

EVENTS_PATH: Final = "/slack/events"

AGENT_VIEW_SCOPE: Final = "assistant:write"

OFF_WITHOUT: Final = {
    AGENT_VIEW_SCOPE: "no prompts are suggested where a direct message begins",
    "channels:history": "threads in public channels are not read: Suggest replies reads its one message, mentions none",
    "files:write": "`/suggest export` sends no file",
    "groups:history": "threads in private channels are not read: Suggest replies reads its one message, mentions none",
    "usergroups:read": "SUGGEST_ALLOWED_USERGROUPS lets nobody in but admins",
}
"""What is off without each scope that the app can do without."""

Manifest = dict[str, Any]

# In a wheel it lies beside this file, in a checkout at the top.
_PATHS: Final = (Path(__file__).parent / "manifest.yml", Path(__file__).parent.parent / "manifest.yml")


def load_manifest() -> Manifest:
    """Load the manifest as it is in the repository."""
    file = next(place for place in _PATHS if place.is_file())
    manifest: Manifest = yaml.safe_load(file.read_text(encoding="utf-8"))
    return manifest


def list_bot_scopes(manifest: Manifest) -> frozenset[str]:
    """List the scopes that the app asks for; it can do without those of OFF_WITHOUT."""
    return frozenset(manifest["oauth_config"]["scopes"]["bot"])


def remove_agent_view(manifest: Manifest) -> Manifest:
    """Remove the agent view and its scope; changes the manifest itself."""
    del manifest["features"]["agent_view"]
    manifest["oauth_config"]["scopes"]["bot"].remove(AGENT_VIEW_SCOPE)
    return manifest


def adapt_to_socket_mode(manifest: Manifest) -> Manifest:
    """Remove the URLs, which Socket Mode does not use; changes the manifest itself."""
    for holder, key in _find_urls(manifest):
        holder.pop(key, None)
    manifest["settings"]["socket_mode_enabled"] = True
    return manifest


def adapt_to_http(manifest: Manifest, url: str) -> Manifest:
    """Set the URLs of Slack's deliveries; changes the manifest itself. Raises SettingsError."""
    address = build_request_url(url)
    for holder, key in _find_urls(manifest):
        holder[key] = address
    manifest["settings"]["socket_mode_enabled"] = False
    return manifest


def build_request_url(url: str) -> str:
    """Build the URL for Slack's deliveries; one without a path gets the bot's. Raises SettingsError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and parts.hostname and parts.port != 0 and not any(map(str.isspace, url))
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"--http {url!r} is no URL that Slack delivers to: write it like https://bot.example.com")
    return urlunsplit(parts if parts.path.strip("/") else parts._replace(path=EVENTS_PATH))


def to_yaml(manifest: Manifest) -> str:
    """Write it as Slack's editor shows it."""
    return str(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=110)).rstrip("\n")


def to_json(manifest: Manifest) -> str:
    """Write it for Slack's API."""
    return json.dumps(manifest, ensure_ascii=False, indent=2)


def _find_urls(manifest: Manifest) -> Iterator[tuple[Manifest, str]]:
    """Find each place of a URL in the manifest: the object, and its key."""
    for command in manifest["features"].get("slash_commands", []):
        yield command, "url"
    for part in ("interactivity", "event_subscriptions"):
        if part in manifest["settings"]:
            yield manifest["settings"][part], "request_url"
