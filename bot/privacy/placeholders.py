"""Placeholders: put in the place of personal data, and filled with the originals again.

    (masked,), placeholders = mask_messages(["I am jane@example.com"], NO_PLACEHOLDERS, recogniser)
    masked                                                          # "I am [EMAIL_1]"
    fill("We write to [email 1].", placeholders, recogniser).text   # "We write to jane@example.com."

The same original has the same placeholder throughout a request. A customer's words that look like a placeholder get one
themselves, so that every placeholder in a masked text is ours. Secrets are the exception to both: their originals are
forgotten, so that the placeholder of one stands for nothing but itself, whoever writes it.

Models alter placeholders now and then: other case, spaces, lost brackets are understood where nothing else can be
meant. What cannot be understood is left as it stands, and told (`FilledText.unfilled`); nothing is ever guessed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import regex

from bot.privacy.detectors import UNRESTORABLE, Recogniser
from bot.privacy.folding import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholders:
    """The placeholders of a request, such as `[EMAIL_1]`, with their originals."""

    originals: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.originals)


NO_PLACEHOLDERS: Final = Placeholders()


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledText:
    """A text with the originals in.

    `unfilled` are the placeholders in it that stand for nothing known, as they are written.
    """

    text: str
    unfilled: tuple[str, ...] = ()


def mask_messages(
    texts: Sequence[str], known: Placeholders, recogniser: Recogniser
) -> tuple[tuple[str, ...], Placeholders]:
    """Mask the texts of a customer or an agent; `known` placeholders are used again.

    What looks like a placeholder in them is masked as TEXT.
    """
    registry = _PlaceholderRegistry(known)
    return _replace_personal_data(texts, registry, recogniser, registry.mask_lookalike)


def mask_replies(
    texts: Sequence[str], known: Placeholders, recogniser: Recogniser
) -> tuple[tuple[str, ...], Placeholders]:
    """Mask the texts of a model, or of an agent who has edited one, and normalise the placeholders in them.

    Placeholders that stand for nothing stay as they are, and their numbers are given to nothing else.
    """
    registry, pattern = _PlaceholderRegistry(known), _compile_placeholder(recogniser.kinds)
    for text in filter(_may_have_placeholder, texts):
        registry.reserve(_read_token(match) for match in pattern.finditer(text))
    return _replace_personal_data(texts, registry, recogniser, registry.normalise)


def fill(text: str, placeholders: Placeholders, recogniser: Recogniser, *, context: str = "") -> FilledText:
    """Put the originals in the place of their placeholders; secrets never come back.

    Words in brackets that stand in `context`, too, are no placeholders.
    """
    if not _may_have_placeholder(text):
        return FilledText(text=text)
    unfilled: list[str] = []

    def restore(match: regex.Match[str]) -> str:
        token = _read_token(match)
        known = placeholders.originals.get(token)
        if known is None or known == token:
            unfilled.append(match[0])
        return match[0] if known is None else known

    pattern = _compile_placeholder(recogniser.kinds)
    filled = pattern.sub(restore, text)
    invented = (match[0] for match in _INVENTED.finditer(pattern.sub("", text)))
    unfilled.extend(token for token in invented if token not in context)
    return FilledText(text=filled, unfilled=tuple(dict.fromkeys(unfilled)))


# In capitals, or with a number behind a line: what models write where they want something filled in.
_INVENTED: Final = regex.compile(r"\[(?:[A-Z][A-Z0-9 _'-]{1,38}|[^\W\d_][^\[\]\n]{0,38}_\d{1,4})\](?!\()")


@lru_cache(maxsize=8)
def _compile_placeholder(names: tuple[str, ...]) -> regex.Pattern[str]:
    """Compile the pattern of a placeholder, also an altered one.

    Without its brackets it must have the underscore: "card 2" is a customer's word.
    """
    kinds = "|".join(sorted(map(regex.escape, names), key=len, reverse=True))
    return regex.compile(
        rf"[\[\uff3b\u3010]\s?(?P<kind>{kinds})[\s_\\#:-]{{0,3}}(?P<number>\d{{1,4}})\s?[\]\uff3d\u3011]"
        rf"|(?:\{{{{1,2}}|[<\[])?(?<![A-Za-z0-9_])(?P<bare_kind>{kinds})\\?_(?P<bare_number>\d{{1,4}})(?![A-Za-z0-9_])"
        r"(?:\}{1,2}|[>\]])?",
        regex.IGNORECASE,
    )


def _may_have_placeholder(text: str) -> bool:
    return any(sign in text for sign in "[_\u3010\uff3b")


def _read_token(match: regex.Match[str]) -> str:
    kind, number = match["kind"] or match["bare_kind"], match["number"] or match["bare_number"]
    return f"[{kind.upper()}_{int(number)}]"


def is_secret(token: str) -> bool:
    """Tell whether a placeholder is that of a secret, which stands for itself."""
    return token.startswith(f"[{UNRESTORABLE}_")


class _PlaceholderRegistry:
    """The placeholders that are given out while texts are masked."""

    def __init__(self, known: Placeholders) -> None:
        self._originals = dict(known.originals)
        self._tokens = {original: token for token, original in self._originals.items()}
        self._reserved = set(self._originals)
        self._last_number: Counter[str] = Counter()
        self._known_by_length: dict[int, set[str]] = {}
        for token, original in self._originals.items():
            self._remember(original, token)

    def reserve(self, tokens: Iterable[str]) -> None:
        self._reserved.update(tokens)

    def normalise(self, match: regex.Match[str]) -> str:
        """Return a known placeholder in its normal form; any other as it stands."""
        token = _read_token(match)
        return token if token in self._originals else match[0]

    def mask_lookalike(self, match: regex.Match[str]) -> str:
        """Return a placeholder for words that look like one.

        That of a secret may stay: nothing is ever put there.
        """
        token = _read_token(match)
        if is_secret(token) and match[0] == token:
            self._originals[token] = token
            self._reserved.add(token)
            return token
        return self.get_token("TEXT", match[0])

    def get_token(self, kind: str, original: str) -> str:
        """Return the placeholder for an original: the known one, or a new one of this kind."""
        known = self._tokens.get(original)
        if known is not None:
            return known
        while True:
            self._last_number[kind] += 1
            token = f"[{kind}_{self._last_number[kind]}]"
            if token not in self._reserved:
                break
        self._reserved.add(token)
        self._originals[token] = token if is_secret(token) else original
        self._tokens[original] = token
        self._remember(original, token)
        return token

    def find_known(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Find known originals, the longest first, also where they would not be recognised."""
        lengths, end = sorted(self._known_by_length, reverse=True), 0
        for start in (match.start() for match in _WORD_START.finditer(text)) if lengths else ():
            for length in lengths if start >= end else ():
                original, behind = text[start : start + length], text[start + length : start + length + 1]
                if original in self._known_by_length[length] and not (behind.isascii() and behind.isalnum()):
                    end = start + length
                    yield start, end, self._tokens[original]
                    break

    def _remember(self, original: str, token: str) -> None:
        is_word = is_secret(token) and original.isalpha()  # a password that is a word of the language as well
        if original != token and not token.startswith("[TEXT_") and not is_word:
            self._known_by_length.setdefault(len(original), set()).add(original)

    def freeze(self) -> Placeholders:
        return Placeholders(originals=MappingProxyType(dict(self._originals)))


_WORD_START: Final = regex.compile(r"(?<![A-Za-z0-9])\S")


class _MaskingText:
    """A text that is being masked: the tokens to put in, with their spans, which never overlap."""

    def __init__(self, text: str, placeholders: Iterable[tuple[int, int, str]]) -> None:
        self.text = text
        self._tokens = list(placeholders)

    @property
    def masked_spans(self) -> list[Span]:
        return [(start, end) for start, end, _ in self._tokens]

    def add(self, tokens: Iterable[tuple[int, int, str]]) -> bool:
        """Add tokens with their spans, in any order; return True if there were any."""
        before = len(self._tokens)
        self._tokens = sorted([*self._tokens, *tokens])
        return len(self._tokens) > before

    def find_known(self, registry: _PlaceholderRegistry) -> Iterator[tuple[int, int, str]]:
        """Find known originals between the masked spans."""
        done = 0
        for start, end in [*self.masked_spans, (len(self.text), len(self.text))]:
            for first, last, token in registry.find_known(self.text[done:start]):
                yield done + first, done + last, token
            done = end

    def build(self) -> str:
        pieces, done = [], 0
        for start, end, token in self._tokens:
            pieces += [self.text[done:start], token]
            done = end
        return "".join([*pieces, self.text[done:]])


_MAX_ROUNDS: Final = 4


def _replace_personal_data(
    texts: Sequence[str],
    registry: _PlaceholderRegistry,
    recogniser: Recogniser,
    convert: Callable[[regex.Match[str]], str],
) -> tuple[tuple[str, ...], Placeholders]:
    """Replace what looks like a placeholder by what `convert` gives for it, and personal data by tokens.

    Known originals are replaced also where the recogniser does not find them.
    """
    pattern = _compile_placeholder(recogniser.kinds)
    targets = []
    for text in texts:
        matches = pattern.finditer(text) if _may_have_placeholder(text) else ()
        targets.append(_MaskingText(text, [(*match.span(), convert(match)) for match in matches]))
    changed = targets
    for _ in range(_MAX_ROUNDS):  # what is replaced may have stood in the way of something else
        for target in changed:
            found = recogniser(target.text, excluded=target.masked_spans)
            target.add(
                [
                    (each.start, each.end, registry.get_token(each.kind, target.text[each.start : each.end]))
                    for each in found
                ]
            )
        changed = [target for target in targets if target.add(list(target.find_known(registry)))]
        if not changed:
            break
    return tuple(target.build() for target in targets), registry.freeze()
