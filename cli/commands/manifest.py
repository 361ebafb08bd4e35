"""`suggest manifest`: the manifest that the Slack app is made from."""

from typing import Annotated

import typer

from cli import slack_manifest
from cli.errors import SettingsError
from cli.options import Json


def run(
    *,
    as_json: Json = False,
    socket_mode: Annotated[bool, typer.Option("--socket-mode", help="For Socket Mode. [default]")] = False,
    http: Annotated[
        str | None, typer.Option(metavar="URL", help="For HTTP: where Slack reaches the bot, such as https://host.")
    ] = None,
) -> None:
    """Print the manifest that the Slack app is made from.

    Paste it at https://api.slack.com/apps > Create New App > From a manifest.

    Example: suggest manifest --http https://bot.example.com
    """
    if socket_mode and http is not None:
        raise SettingsError("--socket-mode and --http exclude each other: give one of them")
    found = slack_manifest.load_manifest()
    manifest = slack_manifest.adapt_to_socket_mode(found) if http is None else slack_manifest.adapt_to_http(found, http)
    print((slack_manifest.to_json if as_json else slack_manifest.to_yaml)(manifest))
