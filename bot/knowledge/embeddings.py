"""Embeddings of any OpenAI-compatible server, through LangChain: what has the same meaning in other words is near.

    embedder = ServedEmbedder("bge-m3", server=server, clock=time.monotonic)
    vectors = await embedder.embed_passages(["Returns", "Shipping"])    # shape (2, dimensions), of length 1
    vector = await embedder.embed_question("Can I send it back?")       # None if the server takes too long, or fails

The server is one as drafts have; whoever made it closes it. The openai client takes long to import: this module is
imported where there is an embedding model.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import openai

from bot.drafting.errors import MalformedCompletionError
from bot.drafting.http import Server
from bot.knowledge.vectors import AT_ONCE, EmbeddingFailed, EmbeddingRefused, Vectors

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

QUESTION_LIMIT_S: Final = 0.5
"""How long an agent's request waits for the vector of its question; who has time gives more."""

PASSAGES_LIMIT_S: Final = 60.0

FAILURES: Final = 3
"""Failures in a row after which questions are not sent for PAUSE_S."""

PAUSE_S: Final = 30.0

_FAILURES: Final = (
    openai.OpenAIError,
    MalformedCompletionError,
    TimeoutError,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    RecursionError,
)
"""What the client raises, and reading a body of another shape."""

_REFUSALS: Final = frozenset({400, 413, 422})

_log = logging.getLogger(__name__)


class ServedEmbedder:
    """An `Embedder` by one model of a server."""

    def __init__(
        self, model: str, *, server: Server, clock: Callable[[], float], limit_s: float = QUESTION_LIMIT_S
    ) -> None:
        self.model = model
        self._server = server
        self._limit_s = limit_s
        self._clock = clock
        self._failures = 0
        self._paused_until = 0.0

    async def embed_question(self, question: str) -> Vectors | None:
        """Return the vector of a question, shape (dimensions,); None, and a note in the log, where there is none."""
        if not question.strip() or self._clock() < self._paused_until:
            return None
        client = await self._load_client()
        try:
            async with asyncio.timeout(self._limit_s):
                vectors = _read_vectors([await client.aembed_query(question)], count=1)
        except _FAILURES as error:
            self._failures += 1
            if self._failures >= FAILURES:
                self._failures, self._paused_until = 0, self._clock() + PAUSE_S
            _log.warning("searched by words alone: no vector of the question (%s)", _name_failure(error))
            return None
        self._failures = 0
        return np.asarray(vectors[0], dtype=np.float32)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of at most AT_ONCE texts, shape (texts, dimensions). Raises EmbeddingFailed."""
        client = await self._load_client()
        try:
            async with asyncio.timeout(PASSAGES_LIMIT_S):
                return _read_vectors(await client.aembed_documents(list(texts)), count=len(texts))
        except _FAILURES as error:
            is_refusal = isinstance(error, openai.APIStatusError) and error.status_code in _REFUSALS
            raise (EmbeddingRefused if is_refusal else EmbeddingFailed)(_name_failure(error)) from error

    async def _load_client(self) -> "Embeddings":
        return await asyncio.to_thread(lambda: self._client)  # its import takes a second

    @cached_property
    def _client(self) -> "Embeddings":
        from langchain_openai import OpenAIEmbeddings

        async def give_key() -> str:
            return self._server.api_key

        return OpenAIEmbeddings(
            model=self.model,
            base_url=self._server.base_url,
            # A coroutine function, so that LangChain makes no synchronous client, which would have settings of its own.
            api_key=give_key,
            http_async_client=self._server.http,
            openai_proxy=None,
            max_retries=0,
            timeout=None,
            chunk_size=AT_ONCE,
            check_embedding_ctx_length=False,  # or it would send OpenAI's tokens, which other servers do not know
        )


def _read_vectors(values: Any, *, count: int) -> Vectors:
    """Read vectors, and bring them to length 1. Raises ValueError unless there are `count` of finite, nonzero ones."""
    vectors = np.array(values, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[0] != count or vectors.shape[1] == 0:
        raise ValueError("odd vectors")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        raise ValueError("odd vectors")
    return np.asarray(vectors / lengths, dtype=np.float32)


def _name_failure(error: Exception) -> str:
    """Name what went wrong, without the server's own words."""
    if isinstance(error, openai.APIStatusError):
        return f"the server answered HTTP {error.status_code}"
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return "the server took too long"
    if isinstance(error, openai.APIConnectionError):
        return "the server cannot be reached"
    return "the server's answer has no usable vectors"
