"""`python -m playground [PORT]`: a workspace on 127.0.0.1 for an app of your own, until Ctrl-C."""

import argparse
import asyncio
import sys

from playground.slack.workspace import Workspace


def parse_port(arguments: list[str] | None = None) -> int:
    """Read the port from the command line; 0 for any free one."""
    parser = argparse.ArgumentParser(
        prog="python -m playground",
        description="Run a Slack workspace on 127.0.0.1, without its page, for an app of your own, until Ctrl-C. "
        "It prints the tokens and the address that the app needs, and the people and channels that are there.",
        epilog="The bot in it, with the page in a browser: suggest demo",
    )
    parser.add_argument("port", metavar="PORT", nargs="?", type=int, default=0, help="listen here [default: any free]")
    port: int = parser.parse_args(arguments).port
    if not 0 <= port <= 65535:
        parser.error(f"there is no port {port}: name one from 1 to 65535")
    return port


async def serve(port: int) -> None:
    async with Workspace.start(port=port) as slack:
        lines = [
            f"SLACK_API_URL={slack.api_url}",
            f"SLACK_BOT_TOKEN={slack.bot_token}",
            f"SLACK_APP_TOKEN={slack.app_token}",
            f"SLACK_SIGNING_SECRET={slack.signing_secret}",
            *(f"# {user.id}  {user.real_name}" for user in slack.people.list_all()),
            *(f"# {channel.id}  {channel.name}: {channel.topic}" for channel in slack.channels.list_all()),
        ]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    port = parse_port()
    try:
        asyncio.run(serve(port))
    except KeyboardInterrupt:
        sys.exit(0)
    except OSError as error:
        sys.exit(f"port {port} cannot be used ({error.strerror or error}): name another, or none")


if __name__ == "__main__":
    main()
