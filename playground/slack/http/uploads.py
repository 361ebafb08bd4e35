"""File uploads: the middle step of Slack's external upload."""

from dataclasses import replace

from aiohttp import BodyPartReader, web

from playground.slack.journal import Journal
from playground.slack.state import State


class Uploads:
    """Handles POST /upload/<file id>: raw bytes or a multipart form, as long as was announced."""

    def __init__(self, *, state: State, journal: Journal) -> None:
        self._state = state
        self._journal = journal

    async def handle(self, request: web.Request) -> web.Response:
        upload = self._state.uploads.get(request.match_info["file_id"])
        content = await _read_content(request)
        entry = self._journal.record_request(to="slack", via="upload", name="upload", body={"length": len(content)})
        if upload is None or upload.content is not None or len(content) != upload.length:
            self._journal.record_answer(entry, status=400, body="", error="upload_failed")
            return web.Response(status=400, text="upload_failed")
        self._state.uploads[upload.id] = replace(upload, content=content)
        answer = f"OK - {len(content)}"
        self._journal.record_answer(entry, status=200, body=answer)
        return web.Response(text=answer)


async def _read_content(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    part = await (await request.multipart()).next()
    return bytes(await part.read()) if isinstance(part, BodyPartReader) else b""
