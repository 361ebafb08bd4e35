"""Calls to the double, and what became of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from playground.model_server.answers import Answer, JsonObject

CallOutcome = Literal["in_flight", "answered", "refused", "broken", "cancelled", "stopped"]


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One request for a completion, with its outcome.

    `arrived_at` and `ended_at` are seconds on the clock of `time.monotonic`; `latency_s` is what was drawn for it.
    `outcome`: `answered` with a completion; `refused` with an error status; `broken` by a scripted fault of the
    connection or the body; `cancelled` because the client left first; `stopped` because the double did.
    """

    index: int
    body: JsonObject
    authorization: str
    arrived_at: float
    latency_s: float
    ended_at: float | None = None
    outcome: CallOutcome = "in_flight"

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def messages(self) -> list[JsonObject]:
        messages: list[JsonObject] = self.body["messages"]
        return messages

    @property
    def texts(self) -> list[str]:
        """The text of each message, in order."""
        return [read_text(message.get("content")) for message in self.messages]

    @property
    def prompt(self) -> str:
        """The texts of all messages, for scripts and predicates that look for a word."""
        return "\n".join(self.texts)


def read_text(content: object) -> str:
    """Read the text of a message's content, which is a text, null, or a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


ScriptResult = Answer | str | None
Script = Callable[[Call], ScriptResult | Awaitable[ScriptResult]]
Predicate = Callable[[Call], bool]
