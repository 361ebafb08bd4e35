"""The values of drafting: a brief goes in, a draft comes out, at once or in chunks."""

from dataclasses import dataclass, field
from typing import Protocol

from bot.knowledge.passages import SourcePassage
from bot.playbook import Playbook, Style
from storage.records import Steer, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedChange:
    """A change as prompts need it: the text to begin with, the kind of change, and the language's English name.

    Without a `base`, the change was asked of an earlier candidate, and holds for the redrafts that follow.
    """

    base: str | None
    steer: Steer
    language: str | None = None


class CallBudget(Protocol):
    """The tokens that the calls of a request may take."""

    async def reserve(self, tokens: int) -> int | None:
        """Reserve tokens for a call, and return how many; None if there are none left."""
        ...

    def settle(self, reserved: int, used: int) -> None:
        """Replace what was reserved for a call by what it took."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TextToTranslate:
    """A text, and the English name of the language that it is wanted in."""

    text: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """The input of one draft.

    `deadline` is a time on the drafter's monotonic clock, queueing included; None for no limit. `agent_id` is whose
    turn it is in the queue. `previous` are texts already shown, from which the draft is to differ; `change` is what to
    make of one that was shown. `passages` are what the team's knowledge has to say, None where none was searched.
    `budget` is asked before each call, also for another try; None for no limit. With `to_translate`, the draft is its
    translation, and nothing else counts.
    """

    playbook: Playbook
    style: Style
    model: str
    conversation: tuple[Turn, ...]
    hint: str | None = None
    previous: tuple[str, ...] = ()
    change: RequestedChange | None = None
    passages: tuple[SourcePassage, ...] | None = None
    to_translate: TextToTranslate | None = None
    request_id: str = ""
    agent_id: str = ""
    sample_index: int = 0
    deadline: float | None = None
    budget: CallBudget | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A drafted reply.

    `latency_ms` counts from the call to the text, queueing and back-off included; `attempts` the requests made to the
    model; `queue_ms` the waiting for slots of the process-wide limit. The tokens are those of all attempts, as far as
    the server told. `finish_reason` "length" means cut off. `temperature` is the one that was sent, None if the model
    takes none; `mean_logprob` is None unless the server gave log-probabilities.
    """

    text: str
    model_returned: str | None
    latency_ms: int
    attempts: int
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    mean_logprob: float | None
    temperature: float | None
    queue_ms: int = 0


@dataclass(frozen=True, slots=True)
class DraftChunk:
    """A piece of a streamed draft. The last one has no text, but the whole `draft`; `str()` is the text."""

    text: str
    draft: Draft | None = None

    def __str__(self) -> str:
        return self.text

    def __add__(self, other: "DraftChunk") -> "DraftChunk":
        """Join two chunks, as LangChain does for tracers and for the next step of a chain."""
        return DraftChunk(self.text + other.text, other.draft or self.draft)
