"""The demonstration model: rules and phrases instead of a model, for trying the product without a key.

It reads the prompt that every model gets. It has replies written by hand to the demo's invented customers, which rest
on the invented help centre. Of any other message it finds the language and the situation by their words, and puts
phrases together in the form of the style. The same brief always gives the same text. It understands nothing, so its
phrases state nothing and promise nothing: they ask, say what would be looked into, and quote the team's knowledge.
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

from bot.drafting.prompts import PromptParts, read_prompt_parts

NAME = "demonstration"


class DemonstrationModel(BaseChatModel):
    """A chat model that puts phrases together by rules.

    It waits `latency_s` before it answers, up to twice as long for some drafts of a request, so that they do not all
    end together; it streams a word each `word_s`. `sleep` does the waiting.
    """

    latency_s: float = 0.0
    word_s: float = 0.0
    has_separate_thoughts: bool = True
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
        text = _write_answer(messages)
        message = AIMessage(text, response_metadata=_build_metadata(), usage_metadata=_count_usage(messages, text))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **_: Any,
    ) -> ChatResult:
        await self._wait()
        return self._generate(messages, stop)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - as above
        **_: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        await self._wait()
        text = _write_answer(messages)
        for piece in _split_pieces(text):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if self.word_s:
                await self.sleep(self.word_s)
        end = AIMessageChunk(
            content="", response_metadata=_build_metadata(), usage_metadata=_count_usage(messages, text)
        )
        yield ChatGenerationChunk(message=end)

    async def _wait(self) -> None:
        if self.latency_s:
            await self.sleep(self.latency_s * (1 + _get_sample_index() * 3 % 5 / 4))


def _get_sample_index() -> int:
    """Return the draft's place in its request, from the run's metadata; 0 where it is not there."""
    index = ensure_config().get("metadata", {}).get("sample_index", 0)
    return index if isinstance(index, int) else 0


def _write_answer(messages: Sequence[BaseMessage]) -> str:
    return write_reply(read_prompt_parts(str(messages[-1].text)), sample_index=_get_sample_index())


def _build_metadata() -> dict[str, Any]:
    return {"model_name": NAME, "finish_reason": "stop", "temperature": None}


def _count_usage(messages: Sequence[BaseMessage], text: str) -> UsageMetadata:
    """Count words, and letters of scripts without spaces: about what a tokenizer would count."""
    given = sum(len(_split_pieces(str(message.text))) for message in messages)
    written = len(_split_pieces(text))
    return UsageMetadata(input_tokens=given, output_tokens=written, total_tokens=given + written)


_WIDE = "\u3040-\u30ff\u3400-\u9fff"
_PIECE = re.compile(rf"[{_WIDE}]{{1,2}}\s*|[^\s{_WIDE}]+\s*|\s+")


def _split_pieces(text: str) -> list[str]:
    return _PIECE.findall(text)


# --- writing ------------------------------------------------------------------------------------------


def write_reply(parts: PromptParts, *, sample_index: int) -> str:
    """Write the reply to a prompt.

    Another sample index words it otherwise, and texts that were shown already come last.
    """
    if parts.translation is not None:
        return str(_load_phrases()[_find_requested_language(parts.translation.casefold()) or "en"]["untranslated"])
    if parts.brief is not None:
        return _write_by_brief(parts, parts.brief, sample_index)
    message = _get_last_customer_text(parts)
    wish = _Wish.read(f"{parts.hint or ''} {parts.change or ''}".casefold())
    language = wish.language or _detect_language(message)
    phrases = _choose_phrases(language, message, parts.passages)
    form = _write_warm if wish.is_warmer else _choose_form(parts.style_name, parts.instruction)
    variants = [_compose(form, phrases, variant, wish) for variant in range(_VARIANTS)]
    wanted = [*variants[sample_index % _VARIANTS :], *variants[: sample_index % _VARIANTS]]
    # Every style is drafted once before one is drafted again.
    if sample_index < len(_FORMS) and (written := _find_written(parts, message, language)) is not None:
        wanted.insert(0, _adapt_written(written, parts, wish, phrases))
    return _choose_text(wanted, parts, wish)


def _choose_text(wanted: Sequence[str], parts: PromptParts, wish: "_Wish") -> str:
    """Choose the first text that was not shown and, if it is to be shorter than one that was, is shorter.

    Those shown already go last: after so many redrafts there may be no other left.
    """
    shown = [*parts.previous, parts.base]
    limit = len(parts.base) if wish.is_shorter and parts.base is not None else None

    def rank(text: str) -> tuple[bool, int]:
        plain = _CITATION.sub("", text)
        return limit is not None and len(plain) >= limit, shown.count(plain)

    chosen = min(wanted, key=rank)
    return chosen if limit is None or not rank(chosen)[0] else _cut_sentences(chosen, limit)


def _write_by_brief(parts: PromptParts, brief: str, sample_index: int) -> str:
    """Write no text, but say in which place one would stand: rules cannot follow a brief."""
    turn = f", number {sample_index + 1}" if parts.previous or not parts.style_name else ""
    return f"A sample made by rules{turn}. Style {parts.style_name}: {parts.instruction}\n\nBy the brief: {brief}"


def _get_last_customer_text(parts: PromptParts) -> str:
    texts = [turn.text for turn in parts.conversation if turn.role == "customer"]
    return (texts or [""])[-1].casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """The wishes of a hint or a change, as far as rules can heed them; `language` is a code of the phrases."""

    is_shorter: bool
    is_warmer: bool
    is_formal: bool
    language: str | None

    @classmethod
    def read(cls, hint: str) -> "_Wish":
        languages = _load_phrases().values()
        return cls(
            is_shorter=any(word in hint for language in languages for word in language["shorter"]),
            is_warmer="warmer" in hint,
            is_formal=any(_contains_any(hint, language["formal"]) for language in languages),
            language=_find_requested_language(hint),
        )


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a reply; those with `is_optional` go from a shorter one, the `is_frame` ones from a formal one."""

    text: str
    is_optional: bool = False
    is_frame: bool = False


@dataclass(frozen=True, slots=True)
class _Phrases:
    """The phrases of a language, and those of the situation in it; `is_urgent` if the customer presses.

    `quotes` are sentences of the passage that fits, each with its citation.
    """

    common: dict[str, Any]
    situation: dict[str, Any]
    is_urgent: bool
    quotes: tuple[str, ...] = ()

    def pick(self, key: str, variant: int) -> str:
        """Pick a wording of a common phrase."""
        choices: list[str] = self.common[key]
        return choices[variant % len(choices)]

    def quote(self, variant: int) -> list[_Line]:
        """Quote a sentence of the passage that fits, if there is one."""
        return [_Line(self.quotes[variant % len(self.quotes)])] if self.quotes else []

    def __getitem__(self, key: str) -> str:
        """Look a phrase of the situation up."""
        return str(self.situation[key])

    @property
    def urgency_note(self) -> str:
        """A sentence on the urgency, with a space before it; "" if nothing is urgent."""
        return f" {self.common['urgent']}" if self.is_urgent else ""


_Form = Callable[[_Phrases, int], list[_Line]]
_VARIANTS = 6
_CITATION = re.compile(r" ?\[\d+\]")


def _write_direct(p: _Phrases, variant: int) -> list[_Line]:
    middle = [p["q0"], p["step"], p["q1"]][variant % 3]
    if variant < 3:
        return [_Line(p["direct"] + p.urgency_note), *(p.quote(variant) or [_Line(middle)])]
    return [_Line(middle), *p.quote(variant), _Line(p.pick("steps_team", variant) + p.urgency_note, is_optional=True)]


def _write_warm(p: _Phrases, variant: int) -> list[_Line]:
    core = [p["direct"], p["step"], p["a"]][variant % 3]
    return [
        _Line(p.pick("greet", variant), is_frame=True),
        _Line(f"{p['feel']}{p.urgency_note}"),
        *p.quote(variant),
        _Line(f"{p.pick('care', variant // 3)} {core}", is_optional=variant % 3 == 2),
        _Line(p["q1"] if variant % 2 else p["q0"], is_optional=True),
        _Line(p.pick("close", variant), is_optional=True),
        _Line(p.common["sign"], is_frame=True),
    ]


def _write_steps(p: _Phrases, variant: int) -> list[_Line]:
    first = [p["step"], p["q0"], p["q1"]][variant % 3]
    steps = [first, p.pick("steps_send", variant), p.pick("steps_team", variant // 3)]
    if variant >= 3:
        steps.insert(1, p["q1"] if variant % 3 != 2 else p["q0"])
    return [
        *p.quote(variant),
        _Line(p.pick("steps_intro", variant), is_optional=True),
        *(_Line(f"{number}. {step}") for number, step in enumerate(steps, start=1)),
        _Line(p.pick("steps_close", variant) + p.urgency_note, is_optional=True),
    ]


def _write_clarify(p: _Phrases, variant: int) -> list[_Line]:
    questions = [[p["q0"], p["q1"]], [p["q1"], p.common["question"]], [p["q0"], p.common["question"]]][variant % 3]
    opening = p["echo"] if variant < 3 else p["feel"]
    return [
        _Line(opening + p.urgency_note),
        _Line(p.pick("clarify_intro", variant), is_optional=True),
        *(_Line(f"- {question}") for question in questions),
    ]


def _write_options(p: _Phrases, variant: int) -> list[_Line]:
    first, second = [(p["a"], p["b"]), (p["b"], p["direct"]), (p["direct"], p["a"])][variant % 3]
    return [
        *p.quote(variant),
        _Line(p.pick("options_intro", variant) + p.urgency_note, is_optional=True),
        _Line(f"A) {first}"),
        _Line(f"B) {second}"),
        _Line(p.pick("options_pick", variant // 3)),
    ]


_FORMS: dict[str, _Form] = {
    "direct": _write_direct,
    "warm": _write_warm,
    "steps": _write_steps,
    "clarify": _write_clarify,
    "options": _write_options,
}
_JOINTS: dict[_Form, str] = {
    _write_direct: " ",
    _write_warm: "\n\n",
    _write_steps: "\n",
    _write_clarify: "\n",
    _write_options: "\n\n",
}
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


def _choose_form(style: str, instruction: str) -> _Form:
    """Choose the form of a style by its name, or the nearest one by the words of its instruction."""
    if style in _FORMS:
        return _FORMS[style]
    described = f"{style} {instruction}".casefold()
    for name, words in _FORM_WORDS.items():
        if any(word in described for word in words):
            return _FORMS[name]
    # Another one for each name, and the same one each time.
    return list(_FORMS.values())[zlib.crc32(style.encode()) % len(_FORMS)]


def _compose(form: _Form, phrases: _Phrases, variant: int, wish: _Wish) -> str:
    """Put the lines of a form together, shorter or in a formal frame if that is wished."""
    lines = [line for line in form(phrases, variant) if not (wish.is_formal and line.is_frame)]
    kept = [line for line in lines if not line.is_optional] if wish.is_shorter else lines
    whole, text = (_SPACE_AFTER_WIDE.sub("", _JOINTS[form].join(line.text for line in each)) for each in (lines, kept))
    if wish.is_shorter and len(text) >= len(whole):
        text = _cut_sentences(text, len(text))
    return _frame_formally(text, phrases) if wish.is_formal else text


def _frame_formally(text: str, phrases: _Phrases) -> str:
    return "\n\n".join([phrases.common["formal_greet"], text, phrases.common["formal_sign"]])


def _cut_sentences(text: str, limit: int) -> str:
    """Keep the first sentences that are shorter than `limit` together; the first one in any case."""
    ends = [end.start() for end in _SENTENCE_END.finditer(text)] or [len(text)]
    return text[: max((end for end in ends if end < limit), default=ends[0])]


# --- replies written by hand --------------------------------------------------------------------------


@cache
def _load_written() -> dict[str, dict[str, Any]]:
    """Load the replies to the invented customers, by the letters of their messages."""
    text = resources.files(__package__).joinpath("demonstration_replies.toml").read_text(encoding="utf-8")
    return {_keep_letters(each["message"]): each for each in tomllib.loads(text)["replies"]}


def _keep_letters(message: str) -> str:
    """Return a message without what differs by the way it came: marks, spaces, emoji, capitals."""
    return "".join(letter for letter in _EMOJI_NAME.sub("", message.casefold()) if letter.isalnum())


_EMOJI_NAME = re.compile(r":[a-z0-9_+-]+:")
_CITED = "[page]"


def _find_written(parts: PromptParts, message: str, language: str) -> dict[str, Any] | None:
    """Find the replies to this message, in this language, for a built-in style, with their page's number as `n`."""
    found = _load_written().get(_keep_letters(message))
    if found is None or found["language"] != language or parts.style_name not in _FORMS:
        return None
    pages = [n for n, passage in enumerate(parts.passages, 1) if found["page"] in passage]
    return {**found, "n": pages[0] if pages else None} if pages or not found["page"] else None


def _adapt_written(written: dict[str, Any], parts: PromptParts, wish: _Wish, phrases: _Phrases) -> str:
    """Take the reply in the style, as it is wished, with the number of its page."""
    text: str = written["short" if wish.is_shorter else "full"][parts.style_name].strip()
    greeting, heard, *_, sign = str(written["full"]["warm"]).strip().split("\n\n")
    if parts.style_name == "warm" and wish.is_formal and not wish.is_shorter:
        text = text.removeprefix(greeting).removesuffix(sign).strip()
    elif parts.style_name != "warm" and wish.is_warmer:
        text = f"{greeting}\n\n{heard}\n\n{text}\n\n{sign}"
    space = "" if written["language"] in _ENCODINGS else " "
    text = text.replace(_CITED, f"{space}[{written['n']}]")
    return _frame_formally(text, phrases) if wish.is_formal else text


# --- understanding, as far as it goes -----------------------------------------------------------------


@cache
def _load_phrases() -> dict[str, dict[str, Any]]:
    """Load the phrases of all languages, by their codes."""
    text = resources.files(__package__).joinpath("demonstration.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _find_requested_language(hint: str) -> str | None:
    for code, language in _load_phrases().items():
        if any(name in hint for name in language["names"]):
            return code
    return None


_ENCODINGS = {"zh-Hant": "big5", "zh-Hans": "gb2312", "ja": "shift_jis"}
"""The languages without spaces, each with an encoding that has the characters it is written in, and few others."""


def _detect_language(message: str) -> str:
    """Detect the language of a message by its script, or by its frequent words. Else English."""
    if re.search("[\u3040-\u30ff]", message):
        return "ja"
    if letters := "".join(re.findall("[\u3400-\u9fff]", message)):
        return max(_ENCODINGS, key=lambda code: len(letters.encode(_ENCODINGS[code], "ignore")))
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", message)
    scores = {code: sum(word in language["words"] for word in words) for code, language in _load_phrases().items()}
    return max(scores, key=lambda code: scores[code])


def _choose_phrases(language: str, message: str, passages: Sequence[str]) -> _Phrases:
    """Choose the phrases of the situation that the message mentions first."""
    common = _load_phrases()[language]
    # The customer may write one language while the hint asks for another.
    spoken = _load_phrases()[_detect_language(message)]
    situations = [name for name, value in common.items() if isinstance(value, dict)]
    found = next((name for name in situations if _contains_any(message, spoken[name]["words"])), "other")
    is_urgent = _contains_any(message, spoken["urgent_words"])
    return _Phrases(common, common[found], is_urgent, _quote_passage(language, found, passages))


_QUOTED_SENTENCES = 3
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!^\d\.)\s+(?!\[)|(?<=\])\s+|(?<=[。！？])(?![」』\[])|\n+", re.MULTILINE)  # noqa: RUF001
"""Neither the number of a step ends a sentence, nor does it end before its citation."""
_WITHOUT_WORDS = frozenset({"angry", "other"})
"""Situations of which no page has the words: the passage found first is quoted."""


def _quote_passage(language: str, situation: str, passages: Sequence[str]) -> tuple[str, ...]:
    """Quote the first sentences of the best passage that is in the language and has a word of the situation."""
    phrases = _load_phrases()[language]
    for n, passage in enumerate(passages, 1):
        text = passage.casefold()
        is_on_it = situation in _WITHOUT_WORDS or _contains_any(text, phrases[situation]["words"])
        if is_on_it and _detect_language(text) == language and situation != "thanks":
            # Headings do not end as sentences do.
            sentences = [part for part in _SENTENCE_END.split(passage) if part.endswith(tuple(".!?。！？"))]  # noqa: RUF001
            return tuple(phrases["quote"].format(sentence=each, n=n) for each in sentences[:_QUOTED_SENTENCES])
    return ()


def _contains_any(message: str, words: Sequence[str]) -> bool:
    return any(_contains(word, message) for word in words)


def _contains(word: str, message: str) -> bool:
    # "late" is not in "later" or "plate"; scripts without spaces have no such bounds.
    bound = r"\b" if word[0].isascii() and word[0].isalpha() else ""
    return re.search(bound + re.escape(word), message) is not None
