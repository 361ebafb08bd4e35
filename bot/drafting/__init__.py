"""Drafting: from a conversation to K candidate replies. LangChain is imported here.

draft                 the values: a brief goes in, a draft comes out, at once or in chunks
drafter               `Drafter`, a Runnable: one `ainvoke` is one draft, and whoever starts drafts ends them
draft_run             one draft: its attempts within the deadline, its budget of tokens, its measurement
model_source          where chat models come from
prompts               messages from playbook and conversation; what customers write stays data
chat_model            any OpenAI-compatible server as a chat model of LangChain's, which fits itself to it
http                  the server's address and connections, and the HTTP under the drafts
model_server          its models, and if it has the API at all, without spending a token
bodies                the server's responses, read within limits of memory and time
metadata              finish reason, model and usage in the types that are recorded
cleaning              the reply in what a model wrote, without its thoughts
invisible             characters that cannot be seen, stripped
errors                what drafting raises, and failed calls in the choice log's words
retry                 how often to call again, how long to wait, Retry-After
limiter               a process-wide limit on calls in flight, fair between agents
streaming_drafter     a batch of drafts that can be watched as it is written
background_loop       an event loop in a thread, for synchronous callers
tracing               LangSmith without texts
demonstration_model   a chat model without a model: rules and phrases, for `try` and `demo` without a key
demonstration_faults  failures of that model on demand

May be called by the rest of `bot/` and by `cli/`. `bot.drafting.chat_model` takes long to import (the openai client),
so it is loaded when one of its names is first used.
"""

from typing import TYPE_CHECKING, Any

from bot.drafting.demonstration_model import DemonstrationModel
from bot.drafting.draft import Brief, Draft, DraftChunk, RequestedChange, TextToTranslate
from bot.drafting.drafter import Drafter
from bot.drafting.errors import TOO_LONG, DraftFailed, WrongLoopError
from bot.drafting.limiter import FairLimiter
from bot.drafting.metadata import CUT_OFF
from bot.drafting.model_source import ModelSource, SingleModelSource
from bot.drafting.tracing import hide_texts

if TYPE_CHECKING:
    from bot.drafting.chat_model import Models, build_openai_model

__all__ = [
    "CUT_OFF",
    "TOO_LONG",
    "Brief",
    "DemonstrationModel",
    "Draft",
    "DraftChunk",
    "DraftFailed",
    "Drafter",
    "FairLimiter",
    "ModelSource",
    "Models",
    "RequestedChange",
    "SingleModelSource",
    "TextToTranslate",
    "WrongLoopError",
    "build_openai_model",
    "hide_texts",
]


def __getattr__(name: str) -> Any:
    if name in {"Models", "build_openai_model"}:
        from bot.drafting import chat_model

        return getattr(chat_model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
