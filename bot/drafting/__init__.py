"""Drafting: from a conversation to K candidate replies. The only home of LangChain.

drafter        `Drafter`, a Runnable: one `ainvoke` is one draft, with its deadline, retries and measurement
prompts        playbook and conversation to messages; what customers write stays data
models         any OpenAI-compatible server as a chat model of LangChain's, which fits itself to it
server         where that server is, and the HTTP under the drafts
demonstration  a chat model without a model: rules and phrases, for `try` and `demo` without a key
limiter        a process-wide limit on calls in flight, fair between agents
tracing        LangSmith without texts
faults         what went wrong, in the choice log's words, and when to try again
background     an event loop in a thread, for synchronous callers

May be called by the rest of `bot/` and by `cli/`. `bot.drafting.models` takes long to import (the openai client), so it
is loaded when one of its names is first used.
"""

from typing import TYPE_CHECKING, Any

from bot.drafting.demonstration import DemonstrationModel
from bot.drafting.drafter import (
    Brief,
    Draft,
    DraftChunk,
    Drafter,
    DraftFailed,
    ModelSource,
    OneModel,
    WrongLoopError,
)
from bot.drafting.limiter import FairLimiter
from bot.drafting.tracing import hide_texts

if TYPE_CHECKING:
    from bot.drafting.models import Models, openai_model

__all__ = [
    "Brief",
    "DemonstrationModel",
    "Draft",
    "DraftChunk",
    "DraftFailed",
    "Drafter",
    "FairLimiter",
    "ModelSource",
    "Models",
    "OneModel",
    "WrongLoopError",
    "hide_texts",
    "openai_model",
]


def __getattr__(name: str) -> Any:
    if name in {"Models", "openai_model"}:
        from bot.drafting import models

        return getattr(models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
