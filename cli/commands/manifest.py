"""`suggest manifest`: the manifest that the Slack app is made from."""

import sys
from typing import Annotated, Final, Literal

import typer

from cli import slack_manifest
from cli.errors import SettingsError
from cli.options import Json

COST: Final = (
    "note: agent_view shows direct messages as threads, beside any conversation, on paid plans. Slack cannot take it "
    "back from an app, and does not show it to guests; `suggest manifest --without agent-view` leaves it out"
)


def run(
    *,
    as_json: Json = False,
    socket_mode: Annotated[bool, typer.Option("--socket-mode", help="For Socket Mode. [default]")] = False,
    http: Annotated[
        str | None, typer.Option(metavar="URL", help="For HTTP: where Slack reaches the bot, such as https://host.")
    ] = None,
    without: Annotated[
        Literal["agent-view"] | None, typer.Option(help="Leave out the agent view, which no app can give back.")
    ] = None,
) -> None:
    """Print the manifest that the Slack app is made from.

    Paste it at https://api.slack.com/apps > Create New App > From a manifest.

    Example: suggest manifest --http https://bot.example.com
    """
    if socket_mode and http is not None:
        raise SettingsError("--socket-mode and --http exclude each other: give one of them")
    found = slack_manifest.load_manifest()
    if without is not None:
        found = slack_manifest.remove_agent_view(found)
    manifest = slack_manifest.adapt_to_socket_mode(found) if http is None else slack_manifest.adapt_to_http(found, http)
    print((slack_manifest.to_json if as_json else slack_manifest.to_yaml)(manifest))
    if without is None:
        print(COST, file=sys.stderr)
