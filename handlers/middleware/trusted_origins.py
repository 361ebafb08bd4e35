"""Trusted addresses: a payload names its `response_url` itself, and only Slack's are used."""

import ipaddress
import logging
import re
import urllib.parse
from collections.abc import Awaitable, Callable
from typing import Any, Final

LONGEST: Final = 2_000

_SLACK: Final = ("slack.com", "slack-gov.com")

_ADDRESS: Final = re.compile(r"https?://[a-z0-9.:\[\]-]+(?:[/?][\x21-\x5b\x5d-\x7e]*)?", re.IGNORECASE | re.ASCII)
"""ASCII without spaces, backslashes or user information: what every reader of addresses takes for the same host."""

_PORTS: Final = {"http": 80, "https": 443}

_log = logging.getLogger(__name__)


class TrustedOrigins:
    """Slack's hosts over TLS, and the origin of the Web API's address.

    Where that address is on this machine, as a stand-in for Slack is, all of this machine is trusted.
    """

    def __init__(self, api_url: str) -> None:
        self._api = _parse_origin(api_url)
        self._is_local = self._api is not None and _is_loopback(self._api[1])

    def trusts(self, url: object) -> bool:
        """Tell whether the bot may post to this address."""
        if not isinstance(url, str) or len(url) > LONGEST or not _ADDRESS.fullmatch(url):
            return False
        origin = _parse_origin(url)
        if origin is None:
            return False
        scheme, host, port = origin
        if origin == self._api or (self._is_local and _is_loopback(host)):
            return True
        return (scheme, port) == ("https", 443) and any(host == of or host.endswith(f".{of}") for of in _SLACK)

    async def drop_untrusted(self, body: dict[str, Any], next_: Callable[[], Awaitable[None]]) -> None:
        """Take an untrusted `response_url` out of the payload before anybody reads it: Bolt's middleware."""
        if "response_url" in body and not self.trusts(body["response_url"]):
            del body["response_url"]
            _log.warning("a response_url that is not Slack's is left aside")
        await next_()


def _parse_origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what is no address of the web."""
    try:
        parts = urllib.parse.urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _PORTS or not host:
        return None
    return scheme, host, _PORTS[scheme] if port is None else port


def _is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
