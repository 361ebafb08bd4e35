"""`python -m playground [PORT]`: a workspace on 127.0.0.1 for an app of your own, until Ctrl-C."""

import asyncio
import sys

from playground.slack.workspace import Workspace


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


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
    except KeyboardInterrupt:
        sys.exit(0)
