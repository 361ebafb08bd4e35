"""The workspace's HTTP side, on loopback only: Web API, response URLs, uploads, Socket Mode."""

from dataclasses import replace

from aiohttp import BodyPartReader, web

from playground.loopback import loopback_only
from playground.slack.dispatch.socket_mode import Sockets
from playground.slack.http.response_urls import ResponseUrls
from playground.slack.http.web_api import WebApi
from playground.slack.journal import Journal
from playground.slack.state import State

BODY_LIMIT = 64 * 1024 * 1024


class Uploads:
    """POST /upload/<file id>: raw bytes or a multipart form, as many as were announced."""

    def __init__(self, *, state: State, journal: Journal) -> None:
        self._state = state
        self._journal = journal

    async def handle(self, request: web.Request) -> web.Response:
        upload = self._state.uploads.get(request.match_info["file_id"])
        content = await _content(request)
        entry = self._journal.asked(to="slack", via="upload", name="upload", body={"length": len(content)})
        if upload is None or upload.content is not None or len(content) != upload.length:
            self._journal.answered(entry, status=400, body="", error="upload_failed")
            return web.Response(status=400, text="upload_failed")
        self._state.uploads[upload.id] = replace(upload, content=content)
        answer = f"OK - {len(content)}"
        self._journal.answered(entry, status=200, body=answer)
        return web.Response(text=answer)


async def _content(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    part = await (await request.multipart()).next()
    return bytes(await part.read()) if isinstance(part, BodyPartReader) else b""


def application(*, web_api: WebApi, response_urls: ResponseUrls, uploads: Uploads, sockets: Sockets) -> web.Application:
    """The routes that the app uses; who serves more of the workspace (a page) adds its own to it."""
    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[loopback_only])
    app.add_routes(
        [
            web.post("/api/{method}", web_api.handle),
            web.get("/api/{method}", web_api.handle),
            web.post("/actions/{key:.+}", response_urls.handle),
            web.post("/upload/{file_id}", uploads.handle),
            web.get("/link", sockets.handle),
        ]
    )
    return app
