"""Keys, tokens and passwords told by their form, or by that of what they stand in: headers, links, commands."""

import re
from collections.abc import Iterator
from typing import Final

from bot.privacy.folding import Span

_TOKEN: Final = re.compile(  # each line with some of those who give out such keys
    r"(?<![A-Za-z0-9])sk-(?=[A-Za-z_-]{0,200}\d)[\w-]{20,}"  # OpenAI, Anthropic and their likes
    r"|(?:sk|rk)_(?:live|test)_\w{10,}|whsec_[\w+/=]{16,}"  # Stripe
    r"|xox[a-z](?:\.xox[a-z])?-[\w-]{10,}|xapp-[\w-]{10,}"  # Slack
    r"|gh[opsur]_\w{20,}|github_pat_\w{20,}|gl[a-z]{2,5}-[\w-]{20,}"  # GitHub, GitLab
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16,}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"  # AWS, Google
    r"|(?<![A-Za-z0-9])(?:hf|npm|gsk|r8|shp(?:at|ca|pa|ss)|dop_v1|lin_api|ntn|figd|dckr_pat|gl(?:sa|c)|sntrys|rpa|tvly|sbp|nfp"
    r"|pscale_tkn|secret)_[\w-]{20,}"
    r"|(?<![A-Za-z0-9])(?:pypi|xai|nvapi|pplx|tskey|PMAK|NRAK|HRKU|sq0csp|sq0atp|hvs|dp\.pt)[-.](?=[\w.-]{0,200}\d)[\w.-]{20,}"
    r"|(?<![A-Za-z0-9])(?:dapi|key-|SK|AC)[0-9a-f]{32}(?![A-Za-z0-9])|[0-9a-f]{32}-us\d{1,2}(?!\w)"
    r"|(?<![A-Za-z0-9])SG\.[\w-]{16,}\.[\w-]{16,}|(?<!\d)\d{8,10}:[\w-]{35}(?![\w-])"  # SendGrid, Telegram
    r"|(?<![\w-])[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}|AGE-SECRET-KEY-1[A-Z0-9]{20,}|1//0[\w-]{20,}"
    r"|(?<![\w-])eyJ[\w-]{6,}(?:\.[\w-]+){1,4}"  # JWT, JWE
    r"|(?<=hooks\.slack\.com/services/)[\w/]{10,}|(?<=hooks\.slack\.com/workflows/)[\w/]{10,}"
    r"|(?<=/api/webhooks/)\d{5,20}/[\w-]{20,}|(?<=hooks\.zapier\.com/hooks/catch/)[\w/]{10,}"
    r"|(?<=webhook\.office\.com/webhookb2/)[\w/@-]{20,}|(?<=/with/key/)[\w-]{16,}",
    re.ASCII,
)
_PARAMETER: Final = r"(?<=[?&;#])"
_VALUE: Final = r"[^&\s#\"'`<>;\0]"


def _build_form(needed: str, pattern: str) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """Build a form from the texts of which one must be there, parted by bars and small, and its pattern."""
    return tuple(needed.split("|")), re.compile(pattern, re.IGNORECASE | re.ASCII)


_FORMS: Final = (
    _build_form("://", r"://[^\s/:@\0]{0,64}:(?P<secret>[^\s/@\0]{1,128})@"),
    _build_form("/bot", r"/bot(?P<secret>\d{8,10}:[\w-]{30,})"),
    _build_form("wifi:", r"WIFI:(?:[^\n\0]{0,80};)?P:(?P<secret>[^;\n\0]{3,64})"),
    _build_form(
        "cookie",
        r"cookie[\"']?\s{0,3}:\s{0,3}[\"']?"
        r"(?P<secret>[^\s=;\0]{1,64}=[^\s;\0\"']{4,4096}(?:;\s?[^\s=;\0]{1,64}=[^\s;\0\"']{1,4096}){0,50})",
    ),
    _build_form(
        "-u",
        r"(?<![\w-])-(?:u|-user|-proxy-user)[ =]{1,3}[\"']?[^\s:\"'\0]{1,64}:"
        r"(?!\d{1,6}(?!\S))(?P<secret>[^\s\"'\0]{2,128})",
    ),
    _build_form(
        "sshpass|unzip|7z",
        r"(?:sshpass|unzip|7z\w?)\s[^\n|;\0]{0,80}?-p\s?[\"']?(?P<secret>[^\s\"'\0-][^\s\"'\0]{2,127})",
    ),
    _build_form(
        "login",
        r"(?:docker|podman|helm|az)\s[^\n|;\0]{0,20}login\s[^\n|;\0]{0,80}?-p\s?[\"']?(?P<secret>[^\s\"'\0-][^\s\"'\0]{2,127})",
    ),
    _build_form(
        "mysql|maria|mongo", r"(?:mysql|maria|mongo)\w{0,8}\s[^\n|;\0]{0,80}?\s-p[\"']?(?P<secret>[^\s\"'\0]{3,128})"
    ),
    _build_form(
        "machine",
        r"machine\s{1,3}\S{1,100}\s{1,3}login\s{1,3}\S{1,100}\s{1,3}password\s{1,3}(?P<secret>[^\s\0]{1,128})",
    ),
    _build_form(
        "value=",
        r"(?:key|name|type|id)=[\"'][^\"'\n\0<>]{0,40}(?:pass|pwd|secret|token)[^\"'\n\0<>]{0,20}[\"'][^<>\n\0]{0,60}?\s"
        r"value=[\"'](?P<secret>[^\"'\n\0]{3,200})[\"']",
    ),
    _build_form(
        "=",
        _PARAMETER + r"(?:[\w.-]{0,30}(?:token|secret|passw(?:or)?d|pwd|signature|api_?key|auth|credential|jwt|otp"
        rf"|sess(?:ion)?_?id)|sig|sas|sid|pass|pin)=(?P<secret>{_VALUE}{{6,}})",
    ),
    _build_form("=", _PARAMETER + rf"(?:key|code|hash|hmac|ticket|state)=(?P<doubtful>{_VALUE}{{10,}})"),
    _build_form(
        "=", r"(?<![A-Za-z])(?:\w{0,12}sess(?:ion)?_?id|csrf\w{0,8}|xsrf[\w-]{0,8})=(?P<doubtful>[\w.~+/%-]{12,})"
    ),
    _build_form(
        "_key|_token|_secret|_pass|_pwd|_credential",
        r"(?<![A-Za-z])[A-Z][A-Z0-9_]{2,40}_(?:KEY|TOKEN|SECRET|PASS|PWD|CREDENTIALS?)[\"']?\s?[:=]\s?[\"']?"
        rf"(?P<doubtful>{_VALUE}{{6,}})",
    ),
    _build_form(
        "login|user",
        r"(?:login|user|username)\s[^\s\0]{1,64}[\s,;/|]{1,4}(?:pass|password|pwd|pw)\s(?P<doubtful>[^\s\0]{4,128})",
    ),
    _build_form("ssid", r"ssid\b[^\0]{0,60}?\b(?:key|pass|pw|psk)[\s:=]{1,3}(?P<doubtful>[^\s\0]{8,63})"),
    _build_form(
        "authori|x-",
        r"(?<![A-Za-z])(?:(?:proxy-)?authori[sz]ation|x-[\w-]{0,30}(?:key|token|auth|secret|signature))[\"']?\s{0,3}"
        r"[:=]\s{0,3}[\"']?(?:(?:bearer|basic|token|digest|apikey|key)\s{1,3})?(?P<doubtful>[\w.~+/=-]{8,})",
    ),
    _build_form("authori", r"authori[sz]ation[\"']?\s{0,3}[:=]\s{0,3}[\"']?bearer\s{1,3}(?P<secret>[\w.~+/=-]{6,})"),
    _build_form("bearer", r"(?<![A-Za-z])bearer\s{1,3}(?P<secret>[\w.~+/=-]{18,})"),
    _build_form(
        "bearer|basic|token|apikey",
        r"(?<![A-Za-z])(?:bearer|basic|token|apikey)\s{1,3}(?P<doubtful>[\w.~+/=-]{16,})",
    ),
)
"""What is secret is in a group, which is `doubtful` where it may be a word as well."""
_NEEDED: Final = {each for needed, _ in _FORMS for each in needed}

_LONG: Final = re.compile(r"[\w./+=-]{16}", re.ASCII)
_RANDOM: Final = re.compile(r"\d|[a-z][A-Z]|=\Z|[A-Za-z]{20}")
_MAX_KEY_CHARACTERS: Final = 20_000
_KEY_BLOCK: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END: Final = re.compile(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINES: Final = re.compile(r"(?:(?:\s|\\[nr])*[A-Za-z0-9+/=:,-]{8,}(?=\s|\\|$))*")


def find_keys(text: str) -> Iterator[Span]:
    """Yield the keys and tokens, in no order; they may overlap."""
    if "PRIVATE KEY" in text:
        yield from _find_key_blocks(text)
    if _LONG.search(text):
        yield from (match.span() for match in _TOKEN.finditer(text))
    small = text.lower()
    there = {each for each in _NEEDED if each in small}
    for needed, form in _FORMS if there else ():
        if not there.isdisjoint(needed):
            for match in form.finditer(text):
                group = match.lastgroup or 0
                if group == "secret" or _RANDOM.search(match[group]):
                    yield match.span(group)


def _find_key_blocks(text: str) -> Iterator[Span]:
    """Yield the blocks of private keys; of one that was cut off, which has no end, the lines tell."""
    end = 0
    for begin in _KEY_BLOCK.finditer(text):
        if begin.start() >= end:
            closed = _KEY_END.search(text, begin.end(), begin.end() + _MAX_KEY_CHARACTERS)
            lines = _KEY_LINES.match(text, begin.end())
            end = closed.end() if closed else lines.end() if lines else begin.end()
            yield begin.start(), end
