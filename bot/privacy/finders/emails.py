"""E-mail addresses: of any script, with an encoded @, and spelled out where nothing else can be meant."""

import re
from collections.abc import Iterator
from typing import Final

from bot.privacy.finders import SPACELESS
from bot.privacy.folding import Span

_WORD: Final = rf"[^\W{SPACELESS}]"
_SIGN: Final = r"[.%+'&#=~-]"

_AT: Final = re.compile("@")
_LOCAL: Final = re.compile(rf"{_WORD}(?:{_WORD}|{_SIGN}){{0,63}}\Z")
_LOCAL_SPACELESS: Final = re.compile(rf"\w(?:\w|{_SIGN}){{0,63}}\Z")
_LOCAL_QUOTED: Final = re.compile(r'"[^"\n\0]{1,64}"\Z')
_TOP_LEVEL: Final = rf"(?:xn--[A-Za-z0-9-]{{1,59}}|[^\W\d_{SPACELESS}]{{2,63}})(?!{_WORD})"
_POINT: Final = r"(?:\.|\[\.\]|\(\.\)|\[dot\]|\(dot\))"
_DOMAIN: Final = re.compile(
    rf"(?:[^\W_{SPACELESS}](?:{_WORD}|-){{0,62}}{_POINT}){{1,8}}{_TOP_LEVEL}"
    rf"|(?:\w[\w-]{{0,62}}{_POINT}){{1,8}}(?:{_TOP_LEVEL}|[{SPACELESS}]{{2,24}})"
    rf"|(?:[^\W_](?:{_WORD}|-){{0,62}}(?:{_POINT}|\u3002)){{1,8}}{_TOP_LEVEL}"
    r"|\[[A-Za-z0-9:.]{3,50}\]"
)
_NO_DOMAIN: Final = re.compile(
    r"[1-9]x\.|(?:[\w-]{1,63}\.){1,8}(?:png|jpe?g|gif|svg|webp|css|jsx?|tsx?|py|html?|pdf|txt|docx?|xlsx?|mp[34]|log)\Z"
)
"""Names of files: icon@2x.png."""

# How people say "at" and "dot". The first could be a word of a sentence, the others hardly.
_SPOKEN_AT: Final = (
    "arroba|arobase|chiocciola|klammeraffe|ät|małpa|malpa|zavinac|kukac|snabel-?a|apenstaartje|собака|собачка|παπακι"
)
_SPOKEN_DOT: Final = "dot|punkt|punto|point|ponto|punt|kropka|tecka|pont|τελεια|точка|крапка|nokta|piste"
_SPELLED_AT: Final = re.compile(
    rf"(?P<bracketed>[\[({{<]\s?(?:at|@|{_SPOKEN_AT})\s?[\])}}>])\s{{0,3}}"
    rf"|\s(?P<word>{_SPOKEN_AT})\s{{1,3}}|\s?(?P<spaced>@)\s{{1,3}}|\sat\s{{1,3}}|\s@(?=\w)|(?P<joined>[_-])at(?P=joined)",
    re.IGNORECASE,
)
_DOT: Final = (
    rf"(?:\s{{1,3}}(?:{_SPOKEN_DOT})\s{{1,3}}|[_-]dot[_-]"
    rf"|\s{{0,3}}[\[({{<]\s?(?:\.|{_SPOKEN_DOT})\s?[\])}}>]\s{{0,3}}|\.)"
)
_INNER_POINT: Final = re.compile(r"\.(?=[^\W_])")
_SPELLED_DOTS: Final = (*"[({<", *_SPOKEN_DOT.split("|"))
_SPELLED_LOCAL: Final = re.compile(
    rf"(?<![\w.+-])(?:[\w+-]{{1,32}}{_DOT}){{0,3}}[\w+-]{{1,64}}(?=\s{{0,3}}\Z)", re.IGNORECASE
)
_SPELLED_DOMAIN: Final = re.compile(
    rf"[^\W_](?:\w|-){{0,62}}(?:{_DOT}[^\W_](?:\w|-){{0,62}}){{0,5}}{_DOT}[^\W\d_]{{2,24}}(?!\w)", re.IGNORECASE
)
_SPOKEN: Final = re.compile(rf"(?<!\w)(?:{_SPOKEN_DOT})(?!\w)|[\[({{<]", re.IGNORECASE)
_MAIL_WORD: Final = re.compile(
    r"mail|correo|courriel|posta|poczt|epost|почт|пошт|bericht|indirizzo|adress?|write|reach|邮|郵|メール",
    re.IGNORECASE,
)
_INTRODUCED: Final = re.compile(r"(?:\A|[:;,(\n\"'-]|(?<!\w)(?:is|to|me|ist|est|es|e|on))\s{0,3}\Z", re.IGNORECASE)
_NOT_A_NAME: Final = re.compile(
    r"(?:look|see|find|shop|order|arrive|stay|wait|meet|work)(?:ed|ing|ping|s|d)?|saw|seen|found|bought|is|was|are|am|be"
    r"|it|me|us|them|him|her|here|there|available|sold|at",
    re.IGNORECASE,
)


def find_emails(text: str) -> Iterator[Span]:
    """Yield the addresses: those written with a sign, then those spelled out."""
    end = 0
    for at in _AT.finditer(text):
        local = _find_local(text, end, at.start())
        domain = local and _DOMAIN.match(text, at.end())
        if local and domain and not _is_of_a_machine(text, local, domain):
            end = domain.end()
            yield local.start(), end
    if _INNER_POINT.search(text) or any(dot in text.casefold() for dot in _SPELLED_DOTS):
        yield from _find_spelled(text)


def _is_of_a_machine(text: str, local: re.Match[str], domain: re.Match[str]) -> bool:
    """Tell whether it is the name of a file, or where a repository is."""
    return bool(_NO_DOMAIN.match(domain[0])) or (
        local[0] == "git" and text[domain.end() : domain.end() + 1] in {":", "/"}
    )


def _find_local(text: str, since: int, at: int) -> re.Match[str] | None:
    since = max(since, at - 66)
    if text[since:at].endswith('"'):
        return _LOCAL_QUOTED.search(text, since, at)
    return _LOCAL.search(text, since, at) or _LOCAL_SPACELESS.search(text, since, at)


def _find_spelled(text: str) -> Iterator[Span]:
    end = 0
    for at in _SPELLED_AT.finditer(text):
        domain = _SPELLED_DOMAIN.match(text, at.end())
        local = domain and _SPELLED_LOCAL.search(text, max(end, at.start() - 160), at.start())
        if domain and local and _is_spelled_address(text, local, at, domain):
            end = domain.end()
            yield local.start(), end


def _is_spelled_address(text: str, local: re.Match[str], at: re.Match[str], domain: re.Match[str]) -> bool:
    """Tell whether it is an address, and not a sentence with "at" in it."""
    if at["bracketed"] or at["word"]:
        return True
    if at["joined"]:
        return "dot" in domain[0].lower()
    if _NOT_A_NAME.fullmatch(local[0]):
        return False
    if at["spaced"] and not re.search(r"\s|\d\Z", f"{local[0]}{domain[0]}"):  # joe @ mail.example
        return True
    before = text[max(0, local.start() - 40) : local.start()]
    if _MAIL_WORD.search(before) or _MAIL_WORD.search(text[domain.end() : domain.end() + 20]):
        return True
    return bool(_SPOKEN.search(domain[0]) and (re.search(r"[\d._]|\s", local[0]) or _INTRODUCED.search(before)))
