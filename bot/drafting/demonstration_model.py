"""A chat model without a model: rules and phrases, for trying the product without a key.

It reads the prompt that every model gets, finds the customer's language and the situation by their words, and puts
phrases together in the form of the style. The same brief always gives the same text. It understands nothing, so it
states nothing and promises nothing: its replies ask, and say what would be looked into.
"""

import asyncio
import re
import tomllib
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables.config import ensure_config
from pydantic import Field

from bot.drafting.prompts import Parts, read_parts

NAME = "demonstration"


class DemonstrationModel(BaseChatModel):
    """Waits `latency_s` before it answers, up to twice as long for some drafts of a request, so that they do not all
    end together; streams a word each `word_s`. `sleep` does the waiting.
    """

    latency_s: float = 0.0
    word_s: float = 0.0
    keeps_thoughts_apart: bool = True
    sleep: Callable[[float], Awaitable[None]] = Field(default=asyncio.sleep, exclude=True)

    @property
    def _llm_type(self) -> str:
        return NAME

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - as above
        **_: Any,
    ) -> ChatResult:
        text = _answer(messages)
        message = AIMessage(text, response_metadata=_told(), usage_metadata=_usage(messages, text))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **_: Any,
    ) -> ChatResult:
        await self._think()
        return self._generate(messages, stop)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - as above
        **_: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        await self._think()
        text = _answer(messages)
        for piece in _pieces(text):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if self.word_s:
                await self.sleep(self.word_s)
        end = AIMessageChunk(content="", response_metadata=_told(), usage_metadata=_usage(messages, text))
        yield ChatGenerationChunk(message=end)

    async def _think(self) -> None:
        if self.latency_s:
            await self.sleep(self.latency_s * (1 + _sample_index() * 3 % 5 / 4))


def _sample_index() -> int:
    """Which draft of its request this is: the drafter says so in the run's metadata. 0 where nobody did."""
    index = ensure_config().get("metadata", {}).get("sample_index", 0)
    return index if isinstance(index, int) else 0


def _answer(messages: Sequence[BaseMessage]) -> str:
    return write_reply(read_parts(str(messages[-1].text)), sample_index=_sample_index())


def _told() -> dict[str, Any]:
    return {"model_name": NAME, "finish_reason": "stop", "temperature": None}


def _usage(messages: Sequence[BaseMessage], text: str) -> UsageMetadata:
    """Words and letters of a script without spaces, which is about what a tokenizer would count."""
    given = sum(len(_pieces(str(message.text))) for message in messages)
    written = len(_pieces(text))
    return UsageMetadata(input_tokens=given, output_tokens=written, total_tokens=given + written)


_WIDE = "\u3040-\u30ff\u3400-\u9fff"
_PIECE = re.compile(rf"[{_WIDE}]{{1,2}}\s*|[^\s{_WIDE}]+\s*|\s+")


def _pieces(text: str) -> list[str]:
    return _PIECE.findall(text)


# --- writing ------------------------------------------------------------------------------------------


def write_reply(parts: Parts, *, sample_index: int) -> str:
    """The reply for a brief. Another sample index words it otherwise, and a text shown already is not given again."""
    message = _last_of_customer(parts)
    hint = f"{parts.hint or ''} {parts.change or ''}".casefold()
    language = _language_asked_for(hint) or _language_of(message)
    phrases = _phrases_for(language, message)
    form = _warm if "warmer" in hint else _form_of(parts.style_name, parts.instruction)
    variants = [_reply(form, phrases, variant, hint) for variant in range(_VARIANTS)]
    wanted = [*variants[sample_index % _VARIANTS :], *variants[: sample_index % _VARIANTS]]
    # Those shown already go last: after so many redrafts there may be no other left.
    return min(wanted, key=[*parts.previous, parts.base].count)


def _last_of_customer(parts: Parts) -> str:
    texts = [turn.text for turn in parts.conversation if turn.role == "customer"]
    return (texts or [""])[-1].casefold()


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a reply. `aside` ones go when the hint asks for a shorter one."""

    text: str
    aside: bool = False


@dataclass(frozen=True, slots=True)
class _Phrases:
    """The phrases of a language, and those of the situation in it."""

    common: dict[str, Any]
    situation: dict[str, Any]
    urgent: bool

    def pick(self, key: str, variant: int) -> str:
        choices: list[str] = self.common[key]
        return choices[variant % len(choices)]

    def __getitem__(self, key: str) -> str:
        return str(self.situation[key])

    def haste(self) -> str:
        return f" {self.common['urgent']}" if self.urgent else ""


_Form = Callable[[_Phrases, int], list[_Line]]
_VARIANTS = 6


def _direct(p: _Phrases, variant: int) -> list[_Line]:
    middle = [p["q0"], p["step"], p["q1"]][variant % 3]
    if variant < 3:
        return [_Line(p["direct"] + p.haste()), _Line(middle)]
    return [_Line(middle), _Line(p.pick("steps_team", variant) + p.haste(), aside=True)]


def _warm(p: _Phrases, variant: int) -> list[_Line]:
    core = [p["direct"], p["step"], p["a"]][variant % 3]
    return [
        _Line(p.pick("greet", variant)),
        _Line(f"{p['feel']}{p.haste()}"),
        _Line(f"{p.pick('care', variant // 3)} {core}", aside=variant % 3 == 2),
        _Line(p["q1"] if variant % 2 else p["q0"], aside=True),
        _Line(p.pick("close", variant), aside=True),
        _Line(p.common["sign"]),
    ]


def _steps(p: _Phrases, variant: int) -> list[_Line]:
    first = [p["step"], p["q0"], p["q1"]][variant % 3]
    steps = [first, p.pick("steps_send", variant), p.pick("steps_team", variant // 3)]
    if variant >= 3:
        steps.insert(1, p["q1"] if variant % 3 != 2 else p["q0"])
    return [
        _Line(p.pick("steps_intro", variant), aside=True),
        *(_Line(f"{number}. {step}") for number, step in enumerate(steps, start=1)),
        _Line(p.pick("steps_close", variant) + p.haste(), aside=True),
    ]


def _clarify(p: _Phrases, variant: int) -> list[_Line]:
    questions = [[p["q0"], p["q1"]], [p["q1"], p.common["question"]], [p["q0"], p.common["question"]]][variant % 3]
    opening = p["echo"] if variant < 3 else p["feel"]
    return [
        _Line(opening + p.haste()),
        _Line(p.pick("clarify_intro", variant), aside=True),
        *(_Line(f"- {question}") for question in questions),
    ]


def _options(p: _Phrases, variant: int) -> list[_Line]:
    first, second = [(p["a"], p["b"]), (p["b"], p["direct"]), (p["direct"], p["a"])][variant % 3]
    return [
        _Line(p.pick("options_intro", variant) + p.haste(), aside=True),
        _Line(f"A) {first}"),
        _Line(f"B) {second}"),
        _Line(p.pick("options_pick", variant // 3)),
    ]


_FORMS: dict[str, _Form] = {
    "direct": _direct,
    "warm": _warm,
    "steps": _steps,
    "clarify": _clarify,
    "options": _options,
}
_JOINTS: dict[_Form, str] = {_direct: " ", _warm: "\n\n", _steps: "\n", _clarify: "\n", _options: "\n\n"}
# Chinese and Japanese have no space between sentences.
_SPACE_AFTER_WIDE = re.compile("(?<=[\u3002\uff01\uff1f\uff1a]) +")

# How the other styles, those of a team's own playbook, tell which form is nearest.
_FORM_WORDS = {
    "steps": ("step", "number", "procedure", "instruction", "detail", "thorough"),
    "options": ("option", "choice", "alternative", "a)"),
    "clarify": ("ask", "question", "clarif"),
    "warm": ("warm", "greet", "friendly", "kind", "empath", "sympath", "personal"),
    "direct": ("short", "brief", "direct", "concise", "sentence"),
}


def _form_of(style: str, instruction: str) -> _Form:
    if style in _FORMS:
        return _FORMS[style]
    described = f"{style} {instruction}".casefold()
    for name, words in _FORM_WORDS.items():
        if any(word in described for word in words):
            return _FORMS[name]
    # Another one for each name, and the same one each time.
    return list(_FORMS.values())[zlib.crc32(style.encode()) % len(_FORMS)]


def _reply(form: _Form, phrases: _Phrases, variant: int, hint: str) -> str:
    lines = form(phrases, variant)
    if any(word in hint for language in _book().values() for word in language["shorter"]):
        lines = [line for line in lines if not line.aside]
    text = _JOINTS[form].join(line.text for line in lines)
    return _SPACE_AFTER_WIDE.sub("", text)


# --- understanding, as far as it goes -----------------------------------------------------------------


@cache
def _book() -> dict[str, dict[str, Any]]:
    text = resources.files(__package__).joinpath("demonstration.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _language_asked_for(hint: str) -> str | None:
    for code, language in _book().items():
        if any(name in hint for name in language["names"]):
            return code
    return None


def _language_of(message: str) -> str:
    """The language whose frequent words the message has most of; by its script where that tells. Else English."""
    if re.search("[\u3040-\u30ff]", message):
        return "ja"
    if re.search("[\u3400-\u9fff]", message):
        return "zh"
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", message)
    scores = {code: sum(word in language["words"] for word in words) for code, language in _book().items()}
    return max(scores, key=lambda code: scores[code])


def _phrases_for(language: str, message: str) -> _Phrases:
    common = _book()[language]
    # The customer may write one language while the hint asks for another.
    spoken = _book()[_language_of(message)]
    situations = [name for name, value in common.items() if isinstance(value, dict)]
    found = next((name for name in situations if _mentions(message, spoken[name]["words"])), "other")
    return _Phrases(common, common[found], urgent=_mentions(message, spoken["urgent_words"]))


def _mentions(message: str, words: Sequence[str]) -> bool:
    return any(_found(word, message) for word in words)


def _found(word: str, message: str) -> bool:
    # "late" is not in "later" or "plate"; scripts without spaces have no such bounds.
    bound = r"\b" if word[0].isascii() and word[0].isalpha() else ""
    return re.search(bound + re.escape(word), message) is not None
