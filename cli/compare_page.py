"""The page of `suggest compare`, on loopback: one row at a time, for one reviewer.

It works without script, by a form; the script is for the keys. Nothing in it tells the versions apart before the end.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from bot.comparing.review import ANSWERS, AnsweredElsewhere, Display, Review
from bot.text_limits import clean
from cli.errors import Failed
from cli.render.html.pages import render_page
from cli.render.text.compare import render_end

HOST: Final = "127.0.0.1"

LEFT: Final = ("You have left", "You may close this page. The same command goes on where you are.")

_LONGEST_FORM: Final = 64 * 1024


class ComparePage:
    """Serves a review at `url`. `left` is set when the reviewer leaves."""

    def __init__(self, review: Review) -> None:
        self.left = asyncio.Event()
        self.url = ""
        self._review = review
        self._display: Display | None = None
        self._shows_differences = False
        self._note = ""
        self._turn = asyncio.Lock()
        self._hosts: frozenset[str] = frozenset()

    async def start(self, port: int) -> web.AppRunner:
        """Listen on loopback, on a free port if it is 0. Raises Failed."""
        self._display = await self._review.show_next()  # before anybody can ask for the page
        app = web.Application(middlewares=[self._refuse_foreign], client_max_size=_LONGEST_FORM)
        app.add_routes([web.get("/", self._show), web.post("/", self._take)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as error:
            await runner.cleanup()
            raise Failed(f"port {port} cannot be used ({error.strerror}): give another by --port") from error
        port = runner.addresses[0][1]
        self.url = f"http://{HOST}:{port}/"
        self._hosts = frozenset([f"{HOST}:{port}", f"localhost:{port}"])
        return runner

    @web.middleware
    async def _refuse_foreign(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse what another site's name, or another site's page, sends here."""
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        if host not in self._hosts or (origin is not None and origin.removeprefix("http://") not in self._hosts):
            raise web.HTTPForbidden(text=f"This page is at {self.url} only.\n")
        return await handler(request)

    async def _show(self, _: web.Request) -> web.Response:
        if self._display is None:
            return self._respond(end=render_end(self._review.comparison.names, self._review.outcomes).splitlines())
        differences = self._display.differences if self._shows_differences else None
        return self._respond(display=self._display, differences=differences, note=self._note)

    def _respond(self, **shown: Any) -> web.Response:
        """Make the page of a row, or of the lines of an `end`, the first of which is its heading."""
        nonce = secrets.token_urlsafe(16)
        nothing = {"display": None, "differences": None, "note": "", "end": None, "has_left": False}
        page = render_page("compare.html", nonce=nonce, **{**nothing, **shown})
        policy = (
            f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        headers = {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin", "Cache-Control": "no-store"}
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def _take(self, request: web.Request) -> web.Response:
        """Take an answer to the row on show; one to another row, as a second click sends, changes nothing."""
        form = await request.post()
        key, shown, note = (str(form.get(name, "")) for name in ("answer", "display", "note"))
        async with self._turn:
            if key == "q":
                self.left.set()
                return self._respond(end=LEFT, has_left=True)
            if self._display is not None and self._display.entry.request.id == shown:
                await self._carry_out(self._display, key, clean(note).strip())
        raise web.HTTPSeeOther("/")

    async def _carry_out(self, display: Display, key: str, note: str) -> None:
        if key == "d":
            self._shows_differences, self._note = not self._shows_differences, note
            return
        try:
            if answer := ANSWERS.get(key):
                await self._review.answer(display, answer, note=note or None)
            elif key != "u" or not await self._review.undo():
                return
        except AnsweredElsewhere:
            pass  # by another process under this name: that answer stands, and the next row is shown
        self._display = await self._review.show_next()
        self._shows_differences, self._note = False, ""
