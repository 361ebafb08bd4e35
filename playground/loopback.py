"""A middleware that lets in only programs of this machine and the workspace's own page."""

from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

PAGE_HEADER = "X-Playground"
"""The header of every request of the page that changes something: no other site's page can send it unasked."""

LOOPBACK_NAMES = ("127.0.0.1", "localhost")


@web.middleware
async def loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 403 to a foreign Host (DNS rebinding) or Origin (a page of another site)."""
    if not _is_allowed(request):
        return web.Response(status=403, text="This workspace answers only under its own address.")
    return await handler(request)


def _is_allowed(request: web.Request) -> bool:
    host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
    return host in _list_own_hosts(request) and origin in {None, f"http://{host}"}


def _list_own_hosts(request: web.Request) -> set[str]:
    address: Any = request.transport.get_extra_info("sockname") if request.transport is not None else None
    if address is None:
        return set()
    port = address[1]
    return {f"{name}:{port}" for name in LOOPBACK_NAMES} | (set(LOOPBACK_NAMES) if port == 80 else set())
