"""A client of the model's server for requests that spend no token: its models, and if it has the API at all."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit, urlunsplit

import aiohttp
from pydantic import SecretStr

from bot.drafting.bodies import parse_json, read_body
from bot.errors import NotUsable
from bot.proxies import Route

TIMEOUT_S: Final = 5.0
OPENAI_URL: Final = "https://api.openai.com/v1"
NAMES_SHOWN: Final = 5
TEXT_LOOKED_AT: Final = 10_000
_ABSENT: Final = {404, 405, 410, 501}
USUAL_PATHS: Final = ("/v1", "/api/v1", "/openai/v1", "/v1beta/openai", "/api", "")
"""Where servers have the API: most of them; OpenRouter and Open WebUI; Groq; Gemini."""


class NoApiThere(NotUsable):
    """There is a server, but no API of the kind at this address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    """The status of a response, its start as text, and as JSON; None for what is none."""

    status: int
    text: str
    body: Any


class ModelServer:
    """A client of the model's server, for requests that cost nothing. `fixes` says what to do about settings."""

    def __init__(
        self, address: str, *, key: SecretStr | None, fixes: Mapping[str, str], session: aiohttp.ClientSession
    ) -> None:
        self.address = address
        self._key = key
        self._fixes = fixes
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, address: str | None, *, key: SecretStr | None, fixes: Mapping[str, str]) -> AsyncIterator[Self]:
        """Open the server at an address, OpenAI's by default. Raises NetworkSettingsError."""
        address = (address or OPENAI_URL).rstrip("/")
        async with Route.find(address).open_session() as session:
            yield cls(address, key=key, fixes=fixes, session=session)

    async def list_models(self) -> frozenset[str] | None:
        """List the server's models; None if it drafts, but does not list any. Raises NotUsable, NoApiThere."""
        answer = await self._send("GET", "/models")
        self._refuse_unusable(answer)
        if answer.status == 200 and (models := _parse_models(answer.body)) is not None:
            return models
        if answer.status != 429 and not await self._takes_drafts():
            raise NoApiThere(f"no chat completions API is there (HTTP {answer.status})")
        return None

    async def is_lacking(self, name: str, listed: Iterable[str]) -> bool:
        """Return True if a model is neither in the server's list, nor answers under its own name."""
        return name not in listed and (await self._send("GET", f"/models/{quote(name)}")).status != 200

    async def find_obstacle(self, name: str) -> str | None:
        """Find why a model cannot draft; None if it can. One that the server does not list is asked for a word.

        Raises NotUsable.
        """
        listed = await self.list_models()
        if listed is not None and not await self.is_lacking(name, listed):
            return None
        question = [{"role": "user", "content": "Say OK."}]
        answer = await self._send("POST", "/chat/completions", {"model": name, "messages": question})
        if answer.status == 200 and isinstance(answer.body, dict) and answer.body.get("choices"):
            return None
        has = "" if listed is None else f"; the server has {', '.join(sorted(listed)[:NAMES_SHOWN])}"
        return f"{name} does not answer at {self.address} (HTTP {answer.status}){has}"

    async def find_address(self) -> str | None:
        """Find where on the same server the API is; None if it is at no usual place."""
        for address in _list_usual_addresses(self.address):
            try:
                await type(self)(address, key=self._key, fixes=self._fixes, session=self._session).list_models()
            except NotUsable:
                continue
            return address
        return None

    async def _takes_drafts(self) -> bool:
        """Return True if the server has /chat/completions: it finds fault with a request without model and messages.

        A server that finds the same fault with any path has none. Raises NotUsable.
        """
        answer = await self._send("POST", "/chat/completions", {})
        if answer.status == 403:
            raise NotUsable(f"the key may not draft (HTTP 403): {self._fixes['OPENAI_API_KEY']}")
        self._refuse_unusable(answer)
        if answer.status == 429:
            return True
        if not isinstance(answer.body, dict) or (answer.status in _ABSENT and "model" not in answer.text):
            return False
        if "messages" in answer.text or "choices" in answer.body:
            return True
        elsewhere = await self._send("POST", "/no-such-path", {})
        return (answer.status, "model" in answer.text) != (elsewhere.status, "model" in elsewhere.text)

    def _refuse_unusable(self, answer: _Response) -> None:
        if answer.status == 401:
            raise NotUsable(f"the key is refused (HTTP 401): {self._fixes['OPENAI_API_KEY']}")
        if 300 <= answer.status < 400:
            raise NotUsable(
                f"its server sends elsewhere (HTTP {answer.status}), where no prompt and no key may go: "
                f"{self._fixes['OPENAI_BASE_URL']}"
            )
        if answer.status >= 500 and answer.status != 501 and "messages" not in answer.text:
            raise NotUsable(f"its server answers HTTP {answer.status}: look at that server")

    async def _send(self, method: str, path: str, payload: dict[str, Any] | None = None) -> _Response:
        headers = {} if self._key is None else {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with self._session.request(
                method, self.address + path, json=payload, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                text = await read_body(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotUsable(
                f"its server cannot be reached ({type(error).__name__}). Is it running? `curl {self.address}/models` "
                f"asks it; {self._fixes['OPENAI_BASE_URL']}"
            ) from error
        return _Response(status=answer.status, text=text[:TEXT_LOOKED_AT].decode(errors="replace"), body=_parse(text))


def _list_usual_addresses(address: str) -> Iterator[str]:
    """List where the API may be, if it is not at `address`: nearest first."""
    parts = urlsplit(address)
    trimmed = re.sub(r"/(chat/completions|completions|chat|models|responses|embeddings)$", "", parts.path)
    paths = dict.fromkeys([trimmed, f"{trimmed}/v1", re.sub(r"(/v\d+)+$", r"\1", trimmed), *USUAL_PATHS])
    for path in paths:
        if path != parts.path:
            yield urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _parse(text: bytes) -> Any:
    """Parse a body; None for one that is no JSON."""
    try:
        return parse_json(text)
    except ValueError:
        return None


def _parse_models(body: Any) -> frozenset[str] | None:
    models = body.get("data") if isinstance(body, dict) else None
    if not isinstance(models, list):
        return None
    return frozenset(str(model["id"]) for model in models if isinstance(model, dict) and "id" in model) or None
