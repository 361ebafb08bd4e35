"""The page at `/`: this workspace in a browser, its files, and the JSON beside them.

`Workspace.start` takes its routes before there is a workspace, so the first argument is a function
that gives the workspace when a request comes; nothing asks for it before `start` has yielded:

    started: list[Workspace] = []
    routes = build_page_routes(lambda: started[0], page_options=PageOptions(...))
    async with Workspace.start(config=config, port=port, routes=routes) as slack:
        started.append(slack)
        ...                                     # the bot; then open slack.url

Routes:
    GET  /                      the page
    GET  /page/<file>           its style, scripts, icon
    GET  /client/stream?as=U1   server-sent events: all that this person sees, then each change (`feed`)
    POST /client/<action>       an action, JSON to JSON, with the header `X-Playground: 1` (`browser_actions`)

Refused requests answer `{"error": "<words>"}`: 403 without the header, 400 what is malformed, 409 what Slack's own
client would not let a person do. A foreign Host or Origin gets 403 from every route of the workspace (`loopback`).
The page loads nothing from another host, and its Content-Security-Policy allows nothing else.
Seed people, channels and messages in `workspace.state` before or after: an open page follows. A person with
`is_stranger` or `is_restricted` is a customer to the page, as whom one may write.
"""

import html
from collections.abc import Callable, Iterable
from importlib import resources
from importlib.resources.abc import Traversable

from aiohttp import web

from playground.loopback import PAGE_HEADER
from playground.page.browser_actions import BrowserActions
from playground.page.feed import Feed, PageOptions, stream_lines
from playground.slack.workspace import Workspace

__all__ = ["PageOptions", "build_page_routes"]

AGENT = Workspace.people.agent.id

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def build_page_routes(
    workspace: Callable[[], Workspace], *, page_options: PageOptions
) -> Iterable[web.AbstractRouteDef]:
    """Build the page's routes, for `Workspace.start(routes=…)`."""
    page = Page(workspace, page_options)
    return [
        web.get("/", page.serve_index),
        web.get("/page/{name}", page.serve_file),
        web.get("/client/stream", page.stream_feed),
        web.post("/client/{action}", page.run),
    ]


class Page:
    """The page's HTTP handlers."""

    def __init__(self, workspace: Callable[[], Workspace], page_options: PageOptions) -> None:
        self._workspace = workspace
        self._options = page_options
        self._actions: BrowserActions | None = None

    async def serve_index(self, _: web.Request) -> web.Response:
        """Serve the page, with the agent's locale as its language."""
        text = (_find_assets() / "index.html").read_text(encoding="utf-8")
        locale = html.escape(self._workspace().state.users[AGENT].locale)
        return web.Response(
            text=text.replace('lang="en-GB"', f'lang="{locale}"', 1), content_type="text/html", headers=HEADERS
        )

    async def serve_file(self, request: web.Request) -> web.Response:
        found = [asset for asset in _find_assets().iterdir() if asset.name == request.match_info["name"]]
        if not found:
            raise web.HTTPNotFound
        return _serve_asset(found[0])

    async def stream_feed(self, request: web.Request) -> web.StreamResponse:
        """Stream the feed until the browser leaves, which a comment every 15 s finds out, or the workspace stops."""
        workspace = self._workspace()
        user = workspace.state.users.get(request.query.get("as", AGENT))
        if user is None:
            return _refuse(400, "There is no such person.")
        kind = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers={**HEADERS, **kind})
        await response.prepare(request)
        async with Feed.open(workspace, user, self._options) as feed:
            try:
                async for line in stream_lines(feed):
                    await response.write(line)
            except ConnectionError:
                pass  # the browser left
        return response

    async def run(self, request: web.Request) -> web.Response:
        if PAGE_HEADER not in request.headers:
            return _refuse(403, f"Only the page itself may do that: the header {PAGE_HEADER} is missing.")
        status, answer = await self._get_actions().run(request.match_info["action"], await request.text())
        return web.json_response(answer, status=status, headers=HEADERS)

    def _get_actions(self) -> BrowserActions:
        if self._actions is None:
            self._actions = BrowserActions(self._workspace(), model_faults=self._options.model_faults)
        return self._actions


def _find_assets() -> Traversable:
    return resources.files("playground.page") / "static"


def _serve_asset(asset: Traversable) -> web.Response:
    kind = KINDS.get("." + asset.name.rpartition(".")[2])
    if kind is None:
        raise web.HTTPNotFound
    return web.Response(body=asset.read_bytes(), content_type=kind, charset="utf-8", headers=HEADERS)


def _refuse(status: int, words: str) -> web.Response:
    return web.json_response({"error": words}, status=status, headers=HEADERS)
