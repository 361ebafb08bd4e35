"""A double of an OpenAI-compatible model server, on loopback. Tests, benchmarks and the demo use it.

server  `ModelDouble`, its answers and its faults
"""

from playground.model_server.server import (
    Answer,
    Call,
    Drop,
    EndlessBody,
    TruncatedBody,
    Hang,
    InvalidJson,
    ModelDouble,
    RawBody,
    Redirect,
    ErrorStatus,
    Reply,
    bad_request,
    build_default_text,
    not_found,
    rate_limited,
    server_error,
    unauthorized,
    unavailable,
)

__all__ = [
    "Answer",
    "Call",
    "Drop",
    "Flood",
    "HalfSent",
    "Hang",
    "InvalidJson",
    "ModelDouble",
    "RawBody",
    "Redirect",
    "Refusal",
    "Reply",
    "bad_request",
    "default_text",
    "not_found",
    "rate_limited",
    "server_error",
    "unauthorized",
    "unavailable",
]
