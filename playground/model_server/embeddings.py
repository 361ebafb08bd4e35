"""Vectors that the double gives: of words and their beginnings, so that texts with like words are near each other."""

import base64
import hashlib
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from playground.model_server.answers import JsonObject

DIMENSIONS: Final = 64

Embedding = Callable[[str], Sequence[float]]


class RefusedText(Exception):  # noqa: N818 - named for what happened
    """A text is refused, as one that is too long for a model: raised by what makes vectors."""


def embed_words(text: str) -> Sequence[float]:
    """Make the vector of a text: each word adds to the dimension of its hash, and of its first four letters'."""
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.casefold()):
        for part in (word, word[:4]):
            vector[hashlib.sha256(part.encode()).digest()[0] % DIMENSIONS] += 1.0
    return vector if any(vector) else [1.0, *vector[1:]]


def build_embeddings(body: JsonObject, embed: Embedding) -> JsonObject:
    """Build the answer to a request for the vectors of one text or several, as numbers or packed in base64."""
    wanted = body.get("input", [])
    texts = [wanted] if isinstance(wanted, str) else list(wanted)
    is_packed = body.get("encoding_format") == "base64"
    vectors = [embed(str(text)) for text in texts]
    data = [
        {"object": "embedding", "index": index, "embedding": _pack(vector) if is_packed else list(vector)}
        for index, vector in enumerate(vectors)
    ]
    tokens = sum(len(str(text)) for text in texts) // 4
    usage: dict[str, Any] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body.get("model"), "usage": usage}


def _pack(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
