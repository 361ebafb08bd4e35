"""The workspace's HTTP application: Web API, response URLs, uploads and Socket Mode, on loopback only."""

from aiohttp import web

from playground.loopback import loopback_only
from playground.slack.dispatch.socket_mode import SocketModeServer
from playground.slack.http.response_urls import ResponseUrls
from playground.slack.http.uploads import Uploads
from playground.slack.http.web_api import WebApi

BODY_LIMIT = 64 * 1024 * 1024


def build_application(
    *, web_api: WebApi, response_urls: ResponseUrls, uploads: Uploads, sockets: SocketModeServer
) -> web.Application:
    """Build the web application with the routes that a Slack app calls. The page adds its own."""
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
