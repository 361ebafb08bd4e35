"""HTTP to one OpenAI-compatible server: its address, its connections, and a lean POST.

The openai client and the HTTP client below it take half of a draft's CPU, for what one POST of JSON does not need. So
drafts go over aiohttp, whose parser is compiled; streams, which are for a terminal, over the openai client.

Whatever a server answers, no more than a limit of it is taken, also of what it unpacks to. Redirects are refused, not
followed: the prompt and the key go to the server that was named, and nowhere else.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import aiohttp
import httpx2
import openai
import orjson

from bot.drafting.bodies import parse_json, read_body
from bot.drafting.errors import MalformedCompletionError
from bot.proxies import Route, is_loopback

OPENAI_URL: Final = "https://api.openai.com/v1"

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 60.0
"""Without a byte. The deadline of a draft is usually sooner; this is for scripts, which may have none."""

MAX_STREAM: Final = 2_000_000
"""Bytes. Each token is an event of some 300."""
_MAX_ERROR_BODY: Final = 50_000

_STATUS_ERRORS: Final[dict[int, type[openai.APIStatusError]]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}

_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S)


class Server:
    """An OpenAI-compatible server, over connections that are kept and that `aclose` closes; for one event loop.

    `base_url` None means OpenAI's own; `api_key` None is for servers that want none. `max_in_flight` must be at least
    the limit on calls in flight, or they would queue for connections as well. Raises NetworkSettingsError.
    """

    def __init__(self, *, base_url: str | None, api_key: str | None, max_in_flight: int = 100) -> None:
        self.base_url = (base_url or OPENAI_URL).rstrip("/")
        self.api_key = api_key or "none"
        self.host = httpx2.URL(self.base_url).host
        self._route = Route.find(self.base_url)
        self.proxy = self._route.proxy.url if self._route.proxy else None
        self.http = httpx2.AsyncClient(
            transport=_SessionTransport(self),
            trust_env=not is_loopback(self.host),
            headers={"Accept-Encoding": "identity"},
            follow_redirects=False,
        )
        self._max_in_flight = max_in_flight
        self._http_session: aiohttp.ClientSession | None = None

    async def post(self, path: str, payload: dict[str, Any]) -> bytes:
        """Send a POST of JSON and return the body of a successful answer, or the start of one without end.

        Raises what the openai client would: APIStatusError with the server's answer, also for a redirect;
        APITimeoutError; APIConnectionError.
        """
        url = f"{self.base_url}{path}"
        try:
            async with self.session.post(url, data=_encode_json(payload), allow_redirects=False) as answer:
                body = await read_body(answer)
        except aiohttp.ConnectionTimeoutError as error:
            raise openai.APIConnectionError(request=_build_request(url)) from error
        except TimeoutError as error:
            raise openai.APITimeoutError(request=_build_request(url)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise openai.APIConnectionError(request=_build_request(url)) from error
        if answer.status >= 300:
            response = httpx2.Response(answer.status, headers=answer.headers, request=_build_request(url))
            raise _build_status_error(response, body[:_MAX_ERROR_BODY])
        return body

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http_session is not None:
            await self._http_session.close()
            self._http_session = None
            await asyncio.sleep(0)  # connections close in the loop's next turn
        await self.http.aclose()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, made with the first call: aiohttp wants a running loop."""
        if self._http_session is None:
            self._http_session = self._route.open_session(
                limit=self._max_in_flight,
                headers={"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"},
                timeout=_TIMEOUT,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._http_session


class _SessionTransport(httpx2.AsyncBaseTransport):
    """Sends what the openai client asks for over the server's own session, so that both take the same way."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with _translate_errors():
            answer = await self._server.session.request(
                request.method,
                str(request.url),
                headers=request.headers.multi_items(),
                data=await request.aread(),
                allow_redirects=False,
            )
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            answer.close()
            raise MalformedCompletionError("a stream that is packed")  # which nobody asked for
        return httpx2.Response(answer.status, headers=list(answer.headers.items()), stream=_ResponseStream(answer))


class _ResponseStream(httpx2.AsyncByteStream):
    """The body of a response, which ends with an error at its limit."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        with _translate_errors():
            async for chunk in self._answer.content.iter_any():
                received += len(chunk)
                if received > MAX_STREAM:
                    raise MalformedCompletionError(f"a stream of more than {MAX_STREAM} bytes")
                yield chunk

    async def aclose(self) -> None:
        self._answer.close()


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn aiohttp's errors into those that the openai client knows."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx2.ConnectTimeout(str(error)) from error
    except TimeoutError as error:
        raise httpx2.ReadTimeout(str(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx2.ReadError(str(error)) from error


def _encode_json(payload: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(payload)
    except TypeError:  # half an emoji, which UTF-8 cannot carry, but an escape can
        return json.dumps(payload).encode()


def _build_request(url: str) -> httpx2.Request:
    return httpx2.Request("POST", url)


def _build_status_error(response: httpx2.Response, body: bytes) -> openai.APIStatusError:
    """Build the openai client's error for a response.

    The server's own words are its `body` and, through it, its `code` and `param`; they are never shown.
    """
    try:
        content = parse_json(body)
    except ValueError:
        content = body.decode("utf-8", errors="replace")
    inner = content.get("error", content) if isinstance(content, dict) else content
    kind = openai.InternalServerError if response.status_code >= 500 else _STATUS_ERRORS.get(response.status_code)
    return (kind or openai.APIStatusError)(f"Error code: {response.status_code}", response=response, body=inner)
