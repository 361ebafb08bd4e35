"""Bodies of the double's API: requests checked, completions and their streams built."""

import hashlib
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from playground.model_server.answers import ErrorStatus, FinishReason, JsonObject, Reply, bad_request
from playground.model_server.calls import Call

_DEFAULT_TEXT = (
    "Hello {} {} {}, thank you for writing. We looked at {} {} {} {} today. Please send {} {} {} {} first. "
    "A new {} {} {} {} leaves tomorrow. It comes with {} {} {} {}. Regards from {} {} {}."
)


def build_default_text(texts: Sequence[str]) -> str:
    """Build a reply of six sentences: the same for the same texts, and far from that for any others.

    More than half of its words are made up, the second one too: no two replies are near-duplicates, or begin alike.
    """
    rng = random.Random("\0".join(texts))  # noqa: S311 - no secrets
    return _DEFAULT_TEXT.format(*(_make_up_word(rng) for _ in range(_DEFAULT_TEXT.count("{}"))))


def _make_up_word(rng: random.Random) -> str:
    return "".join(rng.choice(letters) for letters in ("bdfgklmnprstvz", "aeiou") * 3)


_TOKEN = re.compile(r"\s*\S{1,6}|\s+")


def build_completion(call: Call, reply: Reply) -> JsonObject:
    """Build the body of a completion."""
    choices = _build_choices(call, reply)
    return {
        **_build_envelope(call, "chat.completion"),
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": choice.content, "refusal": None, "annotations": []},
                "logprobs": choice.build_logprobs(call) if _has_logprobs(call, reply) else None,
                "finish_reason": choice.finish_reason,
                **reply.choice_changes,
            }
            for index, choice in enumerate(choices)
        ],
        "usage": _count_usage(call, choices),
        **reply.changes,
    }


def _has_logprobs(call: Call, reply: Reply) -> bool:
    return reply.has_logprobs and bool(call.body.get("logprobs"))


def build_chunks(call: Call, reply: Reply) -> list[JsonObject]:
    """Build the events of a streamed completion: role, tokens, finish, and the usage if it was asked for."""
    envelope = _build_envelope(call, "chat.completion.chunk")
    choices = _build_choices(call, reply)
    chunks = []
    for index, choice in enumerate(choices):
        deltas: list[JsonObject] = [{"role": "assistant", "content": "", "refusal": None}]
        deltas += [{"content": token} for token in choice.tokens]
        logprobs = choice.build_logprobs(call)["content"] if _has_logprobs(call, reply) else None
        for place, delta in enumerate(deltas):
            entry = {"content": [logprobs[place - 1]], "refusal": None} if logprobs and place else None
            chunks.append({"index": index, "delta": delta, "logprobs": entry, "finish_reason": None})
        end = {"index": index, "delta": {}, "logprobs": None, "finish_reason": choice.finish_reason}
        chunks.append({**end, **reply.choice_changes})
    events: list[JsonObject] = [{**envelope, "choices": [chunk]} for chunk in chunks]
    if (call.body.get("stream_options") or {}).get("include_usage"):
        events = [{**event, "usage": None} for event in events]
        events.append({**envelope, "choices": [], "usage": _count_usage(call, choices)})
    return [{**event, **reply.changes} for event in events]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    content: str | None
    tokens: list[str]
    finish_reason: FinishReason

    def build_logprobs(self, call: Call) -> JsonObject:
        width = int(call.body.get("top_logprobs") or 0)
        return {"content": [_build_logprob(token, width) for token in self.tokens], "refusal": None}


def _build_choices(call: Call, reply: Reply) -> list[_Choice]:
    """Build the choices of a completion: the reply, cut at the call's limit of tokens, `n` times."""
    if reply.text is None:
        choice = _Choice(content=None, tokens=[], finish_reason=reply.finish_reason)
    else:
        tokens = _TOKEN.findall(reply.text)
        limit = call.body.get("max_completion_tokens") or call.body.get("max_tokens") or len(tokens)
        cut = tokens[:limit] if reply.minds_max_tokens else tokens
        finish = reply.finish_reason if len(cut) == len(tokens) else "length"
        choice = _Choice(content="".join(cut), tokens=cut, finish_reason=finish)
    return [choice] * (call.body.get("n") or 1)


def _build_envelope(call: Call, kind: str) -> JsonObject:
    return {
        "id": f"chatcmpl-{call.index:06d}",
        "object": kind,
        "created": int(time.time()),
        "model": f"{call.model}-2026-01",
        "service_tier": "default",
        "system_fingerprint": "fp_playground",
    }


def _count_usage(call: Call, choices: Sequence[_Choice]) -> JsonObject:
    prompt = 3 + sum(4 + len(_TOKEN.findall(text)) for text in call.texts)
    completion = sum(len(choice.tokens) for choice in choices)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _build_logprob(token: str, width: int) -> JsonObject:
    """Build the log-probability of a token, in (-2.5, 0] and always the same; alternatives are less likely."""
    value = -2.5 * hashlib.sha256(token.encode()).digest()[0] / 256
    alternatives = [token, *(f" alternative{rank}" for rank in range(1, width))][:width]
    return {
        **_build_token_logprob(token, value),
        "top_logprobs": [_build_token_logprob(other, value - rank) for rank, other in enumerate(alternatives)],
    }


def _build_token_logprob(token: str, value: float) -> JsonObject:
    return {"token": token, "logprob": value, "bytes": list(token.encode())}


def build_model_card(name: str) -> JsonObject:
    """Build a model's entry in `GET /v1/models`."""
    return {"id": name, "object": "model", "created": 1_767_225_600, "owned_by": "playground"}


def find_body_error(body: JsonObject) -> ErrorStatus | None:
    """Find what makes a body no request for a completion; None if it is one."""
    messages = body.get("messages")
    if not isinstance(body.get("model"), str) or not body["model"]:
        return bad_request("you must provide a model parameter")
    if not isinstance(messages, list) or not messages or not all(_is_message(message) for message in messages):
        return bad_request("Invalid type for 'messages': expected a non-empty array of messages with a role.")
    for name, most in (("n", 128), ("max_tokens", 10**7), ("max_completion_tokens", 10**7), ("top_logprobs", 20)):
        value = body.get(name)
        if value is not None and not (isinstance(value, int) and int(name != "top_logprobs") <= value <= most):
            return bad_request(f"Invalid '{name}': expected an integer up to {most}.")
    return None


def _is_message(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") in {"system", "developer", "user", "assistant", "tool"}
