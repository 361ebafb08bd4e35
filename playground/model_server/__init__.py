"""A double of an OpenAI-compatible model server, on loopback. Tests, benchmarks and the demo use it.

server          `ModelDouble`: scripts, rules and a queue decide what each call is answered
answers         what a call can be answered with: completions, error statuses, faults
calls           the calls that came in, and their outcomes
completions     bodies of completions and of their streams, checks of requests
embeddings      vectors of texts, near each other where their words are alike
http_responses  how answers are sent: whole, streamed, cut off, without end

May be called by tests, benchmarks and `suggest demo`, through the names of this package.
"""

from playground.model_server.answers import (
    Answer,
    Drop,
    EndlessBody,
    ErrorStatus,
    Hang,
    InvalidJson,
    RawBody,
    Redirect,
    Reply,
    TruncatedBody,
    bad_request,
    not_found,
    rate_limited,
    server_error,
    unauthorized,
    unavailable,
)
from playground.model_server.calls import Call
from playground.model_server.completions import build_default_text
from playground.model_server.embeddings import RefusedText
from playground.model_server.server import ModelDouble

__all__ = [
    "Answer",
    "Call",
    "Drop",
    "EndlessBody",
    "ErrorStatus",
    "Hang",
    "InvalidJson",
    "ModelDouble",
    "RawBody",
    "Redirect",
    "RefusedText",
    "Reply",
    "TruncatedBody",
    "bad_request",
    "build_default_text",
    "not_found",
    "rate_limited",
    "server_error",
    "unauthorized",
    "unavailable",
]
