"""Personal data out, placeholders in, and the other way round.

    (masked,), placeholders = mask(["I am jane@example.com"], NONE, recogniser)     # "I am [EMAIL_1]"
    fill("We write to [email 1].", placeholders).text                               # "We write to jane@example.com."

The same original has the same placeholder throughout a request. A customer's words that look like a placeholder get one
themselves, so that every placeholder in a masked text is ours. Secrets are the exception to both: their originals are
forgotten, so that the placeholder of one stands for nothing but itself, whoever writes it.

Models alter placeholders now and then: other case,
spaces, lost brackets are understood where nothing else can be meant. What cannot be understood is left as it stands,
and told (`Filled.unfilled`); nothing is ever guessed.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from bot.privacy.detectors import UNRESTORABLE, Recogniser
from bot.privacy.folding import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholders:
    """The originals by placeholder, such as `[EMAIL_1]`."""

    originals: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.originals)


NONE: Final = Placeholders()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A text with the originals in; `unfilled` are the placeholders that stand for nothing known, as they stand."""

    text: str
    unfilled: tuple[str, ...] = ()


def mask(texts: Sequence[str], known: Placeholders, recogniser: Recogniser) -> tuple[tuple[str, ...], Placeholders]:
    """Put placeholders into the texts of a customer or an agent; `known` ones are used again. What looks like a
    placeholder is masked as TEXT.
    """
    book = _Book(known)
    return _replace(texts, book, recogniser, book.take_words)


def settle(texts: Sequence[str], known: Placeholders, recogniser: Recogniser) -> tuple[tuple[str, ...], Placeholders]:
    """Write placeholders as they should be in the texts of a model, or of an agent who has edited one, and replace
    personal data. Placeholders that stand for nothing stay as they are, and their numbers are given to nothing else.
    """
    book, pattern = _Book(known), _placeholder(recogniser.kinds)
    for text in texts:
        book.reserve(_token(match) for match in pattern.finditer(text))
    return _replace(texts, book, recogniser, book.canonical)


def fill(text: str, placeholders: Placeholders, recogniser: Recogniser, *, said: str = "") -> Filled:
    """Put the originals in. Words in brackets that were `said` before are no placeholders; secrets never come back."""
    if not _may_hold_one(text):
        return Filled(text=text)
    unfilled: list[str] = []

    def original(match: re.Match[str]) -> str:
        token = _token(match)
        known = placeholders.originals.get(token)
        if known is None or known == token:
            unfilled.append(match[0])
        return match[0] if known is None else known

    pattern = _placeholder(recogniser.kinds)
    filled = pattern.sub(original, text)
    invented = (match[0] for match in _INVENTED.finditer(pattern.sub("", text)))
    unfilled.extend(token for token in invented if token not in said)
    return Filled(text=filled, unfilled=tuple(dict.fromkeys(unfilled)))


# In capitals, or with a number behind a line: what models write where they want something filled in.
_INVENTED: Final = re.compile(r"\[(?:[A-Z][A-Z0-9 _'-]{1,38}|[^\W\d_][^\[\]\n]{0,38}_\d{1,4})\](?!\()")


@lru_cache(maxsize=8)
def _placeholder(names: tuple[str, ...]) -> re.Pattern[str]:
    """A placeholder, also an altered one. Without its brackets it must have the line: "card 2" is a customer's word."""
    kinds = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    return re.compile(
        rf"[\[\uff3b\u3010]\s?(?P<kind>{kinds})[\s_\\#:-]{{0,3}}(?P<number>\d{{1,4}})\s?[\]\uff3d\u3011]"
        rf"|(?:\{{{{1,2}}|[<\[])?(?<![A-Za-z0-9_])(?P<bare_kind>{kinds})\\?_(?P<bare_number>\d{{1,4}})(?![A-Za-z0-9_])"
        r"(?:\}{1,2}|[>\]])?",
        re.IGNORECASE,
    )


def _may_hold_one(text: str) -> bool:
    return any(sign in text for sign in "[_\u3010\uff3b")


def _token(match: re.Match[str]) -> str:
    kind, number = match["kind"] or match["bare_kind"], match["number"] or match["bare_number"]
    return f"[{kind.upper()}_{int(number)}]"


def is_secret(token: str) -> bool:
    """Tell the placeholder of a secret: it stands for itself."""
    return token.startswith(f"[{UNRESTORABLE}_")


class _Book:
    """Placeholders as they are given out."""

    def __init__(self, known: Placeholders) -> None:
        self._originals = dict(known.originals)
        self._tokens = {original: token for token, original in self._originals.items()}
        self._reserved = set(self._originals)
        self._last: Counter[str] = Counter()
        self._again: dict[int, set[str]] = {}
        for token, original in self._originals.items():
            self._look_again_for(original, token)

    def reserve(self, tokens: Iterable[str]) -> None:
        self._reserved.update(tokens)

    def canonical(self, match: re.Match[str]) -> str:
        """Return a known placeholder as it should be written; any other as it stands."""
        token = _token(match)
        return token if token in self._originals else match[0]

    def take_words(self, match: re.Match[str]) -> str:
        """Return a placeholder for words that look like one. That of a secret may stay: nothing is ever put there."""
        token = _token(match)
        if is_secret(token) and match[0] == token:
            self._originals[token] = token
            self._reserved.add(token)
            return token
        return self.token("TEXT", match[0])

    def token(self, kind: str, original: str) -> str:
        known = self._tokens.get(original)
        if known is not None:
            return known
        while True:
            self._last[kind] += 1
            token = f"[{kind}_{self._last[kind]}]"
            if token not in self._reserved:
                break
        self._reserved.add(token)
        self._originals[token] = token if is_secret(token) else original
        self._tokens[original] = token
        self._look_again_for(original, token)
        return token

    def find_again(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Find the originals that are known, the longest first, also where they would not be recognised."""
        lengths, end = sorted(self._again, reverse=True), 0
        for start in (match.start() for match in _WORD_START.finditer(text)) if lengths else ():
            for length in lengths if start >= end else ():
                original = text[start : start + length]
                if original in self._again[length] and not _is_word(text[start + length : start + length + 1]):
                    end = start + length
                    yield start, end, self._tokens[original]
                    break

    def _look_again_for(self, original: str, token: str) -> None:
        if original == token or token.startswith("[TEXT_"):
            return
        if is_secret(token) and original.isalpha():  # a password that is a word of the language as well
            return
        self._again.setdefault(len(original), set()).add(original)

    def close(self) -> Placeholders:
        return Placeholders(originals=MappingProxyType(dict(self._originals)))


_WORD_START: Final = re.compile(r"(?<![A-Za-z0-9])\S")


def _is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


class _Draft:
    """A text, and what is to stand in it instead: tokens by their spans, which never overlap."""

    def __init__(self, text: str, placeholders: Iterable[tuple[int, int, str]]) -> None:
        self.text = text
        self._tokens = list(placeholders)

    @property
    def taken(self) -> list[Span]:
        return [(start, end) for start, end, _ in self._tokens]

    def put(self, tokens: Iterable[tuple[int, int, str]]) -> bool:
        """Put tokens in, in any order; return True if there were any."""
        before = len(self._tokens)
        self._tokens = sorted([*self._tokens, *tokens])
        return len(self._tokens) > before

    def find_again(self, book: _Book) -> Iterator[tuple[int, int, str]]:
        """Find known originals between what is taken."""
        done = 0
        for start, end in [*self.taken, (len(self.text), len(self.text))]:
            for first, last, token in book.find_again(self.text[done:start]):
                yield done + first, done + last, token
            done = end

    def write(self) -> str:
        pieces, done = [], 0
        for start, end, token in self._tokens:
            pieces += [self.text[done:start], token]
            done = end
        return "".join([*pieces, self.text[done:]])


_MOST_ROUNDS: Final = 4


def _replace(
    texts: Sequence[str], book: _Book, recogniser: Recogniser, read: Callable[[re.Match[str]], str]
) -> tuple[tuple[str, ...], Placeholders]:
    """Replace what looks like a placeholder, as `read` tells, and personal data, also where it is not recognised."""
    pattern = _placeholder(recogniser.kinds)
    drafts = []
    for text in texts:
        matches = pattern.finditer(text) if _may_hold_one(text) else ()
        drafts.append(_Draft(text, [(*match.span(), read(match)) for match in matches]))
    changed = drafts
    for _ in range(_MOST_ROUNDS):  # what is replaced may have stood in the way of something else
        for draft in changed:
            found = recogniser(draft.text, taken=draft.taken)
            draft.put(
                [(each.start, each.end, book.token(each.kind, draft.text[each.start : each.end])) for each in found]
            )
        changed = [draft for draft in drafts if draft.put(list(draft.find_again(book)))]
        if not changed:
            break
    return tuple(draft.write() for draft in drafts), book.close()
