"""Only this machine's own programs and the workspace's own page come in: no web page elsewhere can drive it."""

from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

MARK = "X-Playground"
"""The header of every request of the page that changes something: no other site's page can send it unasked."""

NAMES = ("127.0.0.1", "localhost")


@web.middleware
async def loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """403 for a foreign Host (a name that was made to point here) or Origin (a page of another site)."""
    if not _is_ours(request):
        return web.Response(status=403, text="This workspace answers only under its own address.")
    return await handler(request)


def _is_ours(request: web.Request) -> bool:
    host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
    return host in _own_hosts(request) and origin in {None, f"http://{host}"}


def _own_hosts(request: web.Request) -> set[str]:
    address: Any = request.transport.get_extra_info("sockname") if request.transport is not None else None
    if address is None:
        return set()
    port = address[1]
    return {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
