"""Files sent as direct messages."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.slack.client import Installations
from handlers.slack.errors import translate_errors

_TIMEOUT: Final = aiohttp.ClientTimeout(total=600)

Obstacle = Literal["direct_message", "upload", "scope"]


class FileNotSent(Exception):  # noqa: N818 - it is told, as an outcome
    """A file did not reach the direct message: it is closed to the bot, the upload failed, or a scope is missing."""

    def __init__(self, obstacle: Obstacle, reason: str) -> None:
        super().__init__(reason)
        self.obstacle = obstacle


class FileUploads:
    """Uploads files to Slack, straight from the disk."""

    def __init__(self, *, installations: Installations, session: aiohttp.ClientSession) -> None:
        self._installations = installations
        self._session = session

    async def send(self, user_id: str, paths: Sequence[Path], *, team_id: str, comment: str) -> None:
        """Send files, none of them empty, as one direct message to this user. Raises FileNotSent."""
        client = self._installations.find(team_id).patient_client
        async with _name_obstacle("direct_message"):
            direct = await client.conversations_open(users=user_id)
        ids = [await self._upload(client, path) for path in paths]
        async with _name_obstacle("direct_message"):
            await client.files_completeUploadExternal(
                files=[{"id": file_id, "title": path.name} for file_id, path in zip(ids, paths, strict=True)],
                channel_id=str(direct["channel"]["id"]),
                initial_comment=comment,
            )

    async def _upload(self, client: AsyncWebClient, path: Path) -> str:
        """Upload a file, and return its id. Raises FileNotSent."""
        size = await asyncio.to_thread(os.path.getsize, path)
        async with _name_obstacle("upload"):
            place = await client.files_getUploadURLExternal(filename=path.name, length=size)
            status = await self._put(str(place["upload_url"]), path, size)
        if status != 200:
            raise FileNotSent("upload", f"the upload was answered with {status}")
        return str(place["file_id"])

    async def _put(self, url: str, path: Path, size: int) -> int:
        with path.open("rb") as file:
            answer = await self._session.post(
                url,
                data=file,
                headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)},
                timeout=_TIMEOUT,
            )
            answer.release()
        return answer.status


@asynccontextmanager
async def _name_obstacle(obstacle: Obstacle) -> AsyncIterator[None]:
    """Turn a failure of this step into FileNotSent; a refusal for want of a scope is named as such."""
    try:
        async with translate_errors():
            yield
    except DeliveryRefused as error:
        raise FileNotSent("scope" if str(error) == "missing_scope" else obstacle, str(error)) from error
    except (DeliveryUncertain, DeliveryThrottled) as error:
        raise FileNotSent("upload", str(error)) from error
