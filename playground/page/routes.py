"""The page at `/`: this workspace in a browser, its files, and the JSON beside them.

How to serve it. `Workspace.start` takes its routes before there is a workspace, so the first argument is a function
that gives the workspace when a request comes; nothing asks for it before `start` has yielded:

    started: list[Workspace] = []
    routes = page_routes(lambda: started[0], extras=Extras(...))
    async with Workspace.start(config=config, port=port, routes=routes) as slack:
        started.append(slack)
        ...                                     # the bot; then open slack.url

What there is:
    GET  /                      the page             GET /page/<file>    its style, scripts, icon
    GET  /client/stream?as=U1   server-sent events: first all that this person sees, then what changes (`web_feed`)
    POST /client/<doing>        what the person does: JSON to JSON, with the header `X-Playground: 1` (`web_doings`)

Refused requests answer `{"error": "<words>"}`: 403 without the header, 400 what is malformed, 409 what Slack's own
client would not let a person do. A foreign Host or Origin gets 403 from every route of the workspace (`loopback`).
The page loads nothing from another host, and its Content-Security-Policy allows nothing else.
Seed people, channels and messages in `workspace.state` before or after: an open page follows. A person with
`is_stranger` or `is_restricted` is a customer to the page, as whom one may write.
"""

from collections.abc import Callable, Iterable
from importlib import resources
from importlib.resources.abc import Traversable

from aiohttp import web

from playground.loopback import MARK
from playground.page.browser_actions import BrowserActions
from playground.page.feed import Extras, Feed, lines_of
from playground.slack.workspace import Workspace

__all__ = ["Extras", "page_routes"]

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


def page_routes(workspace: Callable[[], Workspace], *, extras: Extras) -> Iterable[web.AbstractRouteDef]:
    """The page's routes, for `Workspace.start(routes=…)`."""
    page = Page(workspace, extras)
    return [
        web.get("/", page.index),
        web.get("/page/{name}", page.file),
        web.get("/client/stream", page.stream),
        web.post("/client/{doing}", page.do),
    ]


class Page:
    """Answers the browser. Holds nothing but the doings, which know what the next click meets."""

    def __init__(self, workspace: Callable[[], Workspace], extras: Extras) -> None:
        self._workspace = workspace
        self._extras = extras
        self._doings: BrowserActions | None = None

    async def index(self, _: web.Request) -> web.Response:
        return _served(_assets() / "index.html")

    async def file(self, request: web.Request) -> web.Response:
        found = [asset for asset in _assets().iterdir() if asset.name == request.match_info["name"]]
        if not found:
            raise web.HTTPNotFound
        return _served(found[0])

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Ends when the browser leaves or the workspace stops; a comment every 15 s finds out about the former."""
        workspace = self._workspace()
        user = workspace.state.users.get(request.query.get("as", AGENT))
        if user is None:
            return _refusal(400, "There is no such person.")
        kind = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers={**HEADERS, **kind})
        await response.prepare(request)
        async with Feed.following(workspace, user, self._extras) as feed:
            try:
                async for line in lines_of(feed):
                    await response.write(line)
            except ConnectionError:
                pass  # the browser left
        return response

    async def do(self, request: web.Request) -> web.Response:
        if MARK not in request.headers:
            return _refusal(403, f"Only the page itself may do that: the header {MARK} is missing.")
        status, answer = await self._ready().do(request.match_info["doing"], await request.text())
        return web.json_response(answer, status=status, headers=HEADERS)

    def _ready(self) -> BrowserActions:
        if self._doings is None:
            self._doings = BrowserActions(self._workspace(), model_faults=self._extras.model_faults)
        return self._doings


def _assets() -> Traversable:
    return resources.files("playground.page") / "static"


def _served(asset: Traversable) -> web.Response:
    kind = KINDS.get("." + asset.name.rpartition(".")[2])
    if kind is None:
        raise web.HTTPNotFound
    return web.Response(body=asset.read_bytes(), content_type=kind, charset="utf-8", headers=HEADERS)


def _refusal(status: int, words: str) -> web.Response:
    return web.json_response({"error": words}, status=status, headers=HEADERS)
