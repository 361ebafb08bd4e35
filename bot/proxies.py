"""The way out of this machine: proxy and certificates for one server, from the variables that other programs read too.

    async with Route.find("https://slack.com/api/").open_session() as session: ...

`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` with or without a scheme, also `socks5://`; `NO_PROXY` with names, `.suffix`,
`*.suffix`, addresses, networks such as 10.0.0.0/8, each with or without `:port`; `SSL_CERT_FILE`, `SSL_CERT_DIR`.
Nothing applies to servers on this machine, and `.netrc` to none.
"""

import ipaddress
import os
import re
import ssl
import urllib.request
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import SplitResult, urlsplit

import aiohttp
import httpx2

from bot.errors import UsageError

_SOCKS: Final = {"socks": "socks5", "socks4": "socks4", "socks4a": "socks4", "socks5": "socks5", "socks5h": "socks5"}
"""Schemes of SOCKS proxies, all of which look up names, and what aiohttp-socks calls them."""

_PORTS: Final = {"http": 80, "https": 443}

KEEP_ALIVE_S: Final = 30.0


class NetworkSettingsError(UsageError):
    """A variable for proxies or certificates cannot be used; the message names it, with what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy for one server. `url` has a scheme that aiohttp or aiohttp-socks takes, and may have a password."""

    url: str
    is_socks: bool

    @classmethod
    def parse(cls, text: str, *, variable: str) -> Self:
        """Parse a variable's value. Raises NetworkSettingsError, which does not quote it: it may have a password."""
        written = text.strip()
        parts = urlsplit(written if "://" in written else f"http://{written}")
        if not _has_address(parts) or parts.scheme not in {*_PORTS, *_SOCKS}:
            raise NetworkSettingsError(
                f"{variable} names no proxy that can be used: write it like http://proxy.example.com:3128 or "
                "socks5://proxy.example.com:1080, or unset it"
            )
        if parts.scheme not in _SOCKS:
            return cls(url=f"{parts.scheme}://{parts.netloc}", is_socks=False)
        if find_spec("aiohttp_socks") is None:
            raise NetworkSettingsError(
                f"{variable} names a SOCKS proxy, which needs a library: install suggest-replies[socks], or unset it"
            )
        port = "" if parts.port else ":1080"
        return cls(url=f"{_SOCKS[parts.scheme]}://{parts.netloc.rstrip(':')}{port}", is_socks=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way to one server: its proxy, None to reach it directly, and the context that verifies it, if it has TLS."""

    proxy: Proxy | None
    ssl: ssl.SSLContext | None

    @classmethod
    def find(cls, url: str) -> Self:
        """Find the way once, which takes some milliseconds. Raises NetworkSettingsError."""
        return cls(proxy=find_proxy(url), ssl=_make_ssl_context(url) if url.startswith("https") else None)

    def open_session(self, *, limit: int = 100, **options: Any) -> aiohttp.ClientSession:
        """Open a session of at most `limit` connections; `options` are those of aiohttp's session."""
        connection: dict[str, Any] = {"limit": limit, "keepalive_timeout": KEEP_ALIVE_S}
        if self.ssl is not None:
            connection["ssl"] = self.ssl
        if self.proxy is None or not self.proxy.is_socks:
            proxy = None if self.proxy is None else self.proxy.url
            return aiohttp.ClientSession(connector=aiohttp.TCPConnector(**connection), proxy=proxy, **options)
        from aiohttp_socks import ProxyConnector

        return aiohttp.ClientSession(
            connector=ProxyConnector.from_url(self.proxy.url, rdns=True, **connection), **options
        )


def find_proxy(url: str) -> Proxy | None:
    """Find the proxy for a server; None to reach it directly. Raises NetworkSettingsError."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    proxies = urllib.request.getproxies()
    if is_loopback(host) or _is_excepted(host, parts.port or _PORTS.get(parts.scheme), proxies.get("no", "")):
        return None
    for name in (parts.scheme, "all"):
        if text := proxies.get(name, "").strip():
            return Proxy.parse(text, variable=f"{name.upper()}_PROXY")
    return None


def is_loopback(host: str) -> bool:
    """Return True for names and addresses of this machine."""
    name = host.lower().rstrip(".")
    address = _parse_address(name)
    return name == "localhost" or name.endswith(".localhost") or (address is not None and address.is_loopback)


def _make_ssl_context(url: str) -> ssl.SSLContext:
    trust_env = not is_loopback(urlsplit(url).hostname or "")
    named = "" if os.environ.get("SSL_CERT_FILE") else os.environ.get("SSL_CERT_DIR", "")
    folders = [Path(name) for name in named.split(os.pathsep) if name]
    if trust_env and folders and not any(_holds_certificates(folder) for folder in folders):
        # OpenSSL itself says nothing, and then trusts nobody.
        raise NetworkSettingsError(
            f"SSL_CERT_DIR names no directory of certificates ({folders[0]}): name one that `openssl rehash` has "
            "prepared, or unset it"
        )
    try:
        return httpx2.create_ssl_context(trust_env=trust_env)
    except OSError as error:  # also of OpenSSL, for a file that holds no certificate
        reason = "no such file" if isinstance(error, FileNotFoundError) else "it holds none that can be read"
        raise NetworkSettingsError(
            f"SSL_CERT_FILE names no file of certificates ({reason}): name a PEM file, or unset it"
        ) from error


def _holds_certificates(folder: Path) -> bool:
    """Return True if there are files with names by which OpenSSL finds certificates, such as 9f3c2b1a.0."""
    return folder.is_dir() and any(re.fullmatch(r"[0-9a-f]{8}\.\d+", each.name) for each in folder.iterdir())


def _has_address(parts: SplitResult) -> bool:
    """Return True if there is a host, and the port is one, if there is any."""
    try:
        return bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", parts.netloc)
    except ValueError:
        return False


def _is_excepted(host: str, port: int | None, exceptions: str) -> bool:
    """Return True if NO_PROXY names a server."""
    return any(_matches(entry, host.lower(), port) for entry in re.split(r"[\s,;|]+", exceptions.lower()))


def _matches(entry: str, host: str, port: int | None) -> bool:
    """Match one entry of NO_PROXY. What cannot be read matches nothing."""
    name, wanted = _split_port(entry.rpartition("://")[2].rstrip("/"))
    if wanted is not None and wanted != str(port):
        return False
    if "*" in name and fnmatchcase(host, name):
        return True
    address = _parse_address(host)
    if address is not None:
        try:
            return address in ipaddress.ip_network(name, strict=False)
        except ValueError:
            return False
    suffix = name.removeprefix("*").strip(".")
    return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))


def _split_port(entry: str) -> tuple[str, str | None]:
    """Split `host:port`, `[::1]:port` and `[::1]`; an address of IPv6 without brackets has no port."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":") or None
    name, colon, port = entry.partition(":")
    return (name, port) if colon and ":" not in port else (entry, None)


def _parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
