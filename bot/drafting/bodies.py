"""Bodies of a model server's responses, read within limits of memory and of time."""

import json
from typing import Any, Final

import aiohttp
import orjson

MAX_BODY: Final = 1_250_000
"""Bytes, unpacked. A draft of 900 tokens with their log-probabilities has about 150,000."""
_MAX_PARTS: Final = 50_000
"""Lists, objects and keys in a body: what parsing takes its time for, while the event loop waits."""


async def read_body(answer: aiohttp.ClientResponse) -> bytes:
    """Read the body; of one that has more than MAX_BODY bytes, only a little more than that."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            answer.close()
            break
    return bytes(body)


def parse_json(body: bytes) -> Any:
    """Parse a body. Raises ValueError, also for one that is too long, has too many parts or is nested too deep."""
    # A comma may stand before a number, or in a sentence.
    parts = body.count(b"[") + body.count(b"{") + body.count(b":") + body.count(b",") // 3
    if len(body) > MAX_BODY or parts > _MAX_PARTS:
        raise ValueError("too large")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:  # not finite, half an emoji: what it refuses, but Python reads
        pass
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
