"""The playbook: who the team is, what it may say, and the styles it writes in. Read from one TOML file.

    playbook = load_playbook(None)                      # the built-in one
    playbook = load_playbook(Path("playbook.toml"))     # PlaybookError: file, line and reason, in one sentence

Knows no model and no prompt; `bot/drafting/prompts.py` turns a playbook into messages.
"""

import difflib
import hashlib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from bot.privacy.detectors import KINDS, REGIONS, RedactionRule
from bot.privacy.user_patterns import PatternError, compile_pattern

PROMPT_SCAFFOLD_VERSION = 3
"""The version of the fixed words in `bot/drafting/prompts.py`. A test asks for a new one when those words change."""

MAX_BYTES = 64 * 1024
MAX_NAME = 40
MAX_LABEL = 40
MAX_REDACT = 20
DEFAULT_TEMPERATURE = 0.7

_BUILT_IN = "playbook.toml"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_REDACT_NAME = re.compile(r"[a-z]{2,20}")
_AT_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")
_TOP_KEYS = ("persona", "facts", "rules", "styles", "redact", "phone_regions")
_REDACT_KEYS = ("name", "pattern")
_STYLE_KEYS = ("name", "label", "instruction", "temperature", "model")
# Invisible characters that could hide words from the person who reads the file, or break a button's label.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A named way of writing. `temperature` is 0 to 2; `model` None means the default model."""

    name: str
    label: str
    instruction: str
    temperature: float = DEFAULT_TEMPERATURE
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """The instructions that every draft of a team shares.

    `text` is the file as it was read; `prompt_version` is a hash of it and of the version of the prompt's fixed words.
    `redact` is what no model sees besides the usual personal data, `phone_regions` the countries whose national phone
    numbers are recognised.
    """

    persona: str
    facts: tuple[str, ...]
    rules: tuple[str, ...]
    styles: tuple[Style, ...]
    text: str
    prompt_version: str
    redact: tuple[RedactionRule, ...] = ()
    phone_regions: tuple[str, ...] = REGIONS

    def get_style(self, name: str) -> Style:
        """Return the style of that name. Raises KeyError if there is none."""
        for style in self.styles:
            if style.name == name:
                return style
        raise KeyError(name)


class PlaybookError(Exception):
    """A playbook that cannot be used. Its `str()` is one line: the file, the line if any, what is wrong, the fix."""

    def __init__(self, source: str, line: int | None, reason: str) -> None:
        self.source = source
        self.line = line
        self.reason = reason
        super().__init__(f"{source}:{line}: {reason}" if line else f"{source}: {reason}")


def load_playbook(path: Path | None = None) -> Playbook:
    """Read the playbook at `path`, or the built-in one. Raises PlaybookError, also when there is no such file."""
    if path is None:
        return parse_playbook(read_built_in(), source=_BUILT_IN)
    return parse_playbook(_read_file(path), source=str(path))


def read_built_in() -> str:
    """Return the text of the built-in playbook, with its remarks, as `suggest playbook init` writes it."""
    return resources.files(__package__).joinpath(_BUILT_IN).read_text(encoding="utf-8")


def parse_playbook(text: str, *, source: str) -> Playbook:
    """Return the playbook that `text` describes. `source` names it in errors. Raises PlaybookError."""
    document = _Document(source, text)
    top = _Table(document, document.data, (), "the playbook")
    top.refuse_unknown(_TOP_KEYS)
    return Playbook(
        persona=top.get_text("persona"),
        facts=top.get_texts("facts"),
        rules=top.get_texts("rules"),
        styles=_parse_styles(document, top),
        text=text,
        prompt_version=_hash_version(text),
        redact=_parse_redact(document, top),
        phone_regions=_parse_phone_regions(top),
    )


def _hash_version(text: str) -> str:
    return hashlib.sha256(f"{PROMPT_SCAFFOLD_VERSION}\n{text}".encode()).hexdigest()[:16]


def _read_file(path: Path) -> str:
    source = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise PlaybookError(source, None, "no such file: `suggest playbook init` writes one to start from") from error
    except OSError as error:
        raise PlaybookError(source, None, f"cannot be read: {error.strerror or type(error).__name__}") from error
    if len(raw) > MAX_BYTES:
        raise PlaybookError(source, None, f"larger than {MAX_BYTES // 1024} KiB: all of it goes into every prompt")
    try:
        # Some editors on Windows put a byte order mark first, which TOML does not know.
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PlaybookError(source, line, "not UTF-8 text: save the file with the encoding UTF-8") from error


# --- validation ---------------------------------------------------------------------------------------


def _parse_styles(document: "_Document", top: "_Table") -> tuple[Style, ...]:
    tables = top.data.get("styles")
    if tables is None or tables == []:
        raise document.build_error(("styles",), "there is no style: add a [[styles]] table")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise document.build_error(("styles",), "styles must be tables: begin each one with a line [[styles]]")
    styles = tuple(_parse_style(document, index, table) for index, table in enumerate(tables))
    _refuse_duplicates(document, styles)
    return styles


def _parse_style(document: "_Document", index: int, data: dict[str, Any]) -> Style:
    name = data.get("name")
    title = f'style "{name}"' if isinstance(name, str) and name else f"style number {index + 1}"
    table = _Table(document, data, ("styles", index), title)
    table.refuse_unknown(_STYLE_KEYS)
    name = _parse_name(table)
    return Style(
        name=name,
        label=_parse_label(table, name),
        instruction=table.get_text("instruction"),
        temperature=_parse_temperature(table),
        model=table.get_text("model") if "model" in data else None,
    )


def _parse_name(table: "_Table") -> str:
    name = table.get_text("name")
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        reason = f"is no usable name: a small letter, then small letters, digits, - or _, at most {MAX_NAME} in all"
        raise table.build_error("name", f'"{name}" {reason}')
    return name


def _parse_label(table: "_Table", name: str) -> str:
    if "label" not in table.data:
        return name.replace("_", " ").replace("-", " ").capitalize()
    label = table.get_text("label")
    if len(label) > MAX_LABEL or "\n" in label:
        raise table.build_error(
            "label", f"the label of {table.title} must be one line of at most {MAX_LABEL} characters"
        )
    return label


def _parse_temperature(table: "_Table") -> float:
    value = table.data.get("temperature", DEFAULT_TEMPERATURE)
    # In Python, though not in TOML, `true` is a number.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise table.build_error("temperature", f"the temperature of {table.title} must be a number, such as 0.7")
    if math.isnan(value) or not 0 <= value <= 2:
        raise table.build_error("temperature", f"the temperature of {table.title} must be between 0 and 2")
    return float(value)


def _refuse_duplicates(document: "_Document", styles: Iterable[Style]) -> None:
    """Raises PlaybookError if two styles have one name or one label."""
    names: set[str] = set()
    labels: set[str] = set()
    for index, style in enumerate(styles):
        if style.name in names:
            reason = f'there are two styles named "{style.name}": rename one'
            raise document.build_error(("styles", index, "name"), reason)
        if style.label.casefold() in labels:
            # Agents know a style by its label.
            reason = f'there are two styles labelled "{style.label}": rename one'
            raise document.build_error(("styles", index, "label"), reason)
        names.add(style.name)
        labels.add(style.label.casefold())


def _parse_redact(document: "_Document", top: "_Table") -> tuple[RedactionRule, ...]:
    tables = top.data.get("redact", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise document.build_error(("redact",), "redact must be tables: begin each one with a line [[redact]]")
    if len(tables) > MAX_REDACT:
        raise document.build_error(("redact",), f"there are {len(tables)} [[redact]] tables: have at most {MAX_REDACT}")
    rules: list[RedactionRule] = []
    for index, data in enumerate(tables):
        table = _Table(document, data, ("redact", index), f"[[redact]] number {index + 1}")
        table.refuse_unknown(_REDACT_KEYS)
        rules.append(_parse_rule(table, names={rule.name for rule in rules}))
    return tuple(rules)


def _parse_rule(table: "_Table", *, names: set[str]) -> RedactionRule:
    """Return the rule of a [[redact]] table; `names` are those of the rules before it."""
    name = table.get_text("name")
    if not _REDACT_NAME.fullmatch(name):
        raise table.build_error("name", f'"{name}" is no usable name: 2 to 20 small letters, such as order')
    if name.upper() in KINDS:
        raise table.build_error("name", f'"{name}" is a name of our own: choose another')
    if name in names:
        raise table.build_error(
            "name", f'there are two [[redact]] tables named "{name}": rename one, or use | in one pattern'
        )
    try:
        return RedactionRule(name=name, pattern=compile_pattern(table.get_text("pattern")))
    except PatternError as error:
        raise table.build_error("pattern", f'the pattern of "{name}" {error}') from error


def _parse_phone_regions(top: "_Table") -> tuple[str, ...]:
    if "phone_regions" not in top.data:
        return REGIONS
    from phonenumbers import SUPPORTED_REGIONS

    regions = top.get_texts("phone_regions")
    for region in regions:
        if region not in SUPPORTED_REGIONS:
            raise top.build_error(
                "phone_regions", f'"{region}" is no country of phone_regions: use codes such as DE or US'
            )
    return regions


_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of the document. `title` names it in errors."""

    document: "_Document"
    data: Mapping[str, Any]
    path: _Path
    title: str

    def build_error(self, key: str, reason: str) -> PlaybookError:
        """Return an error at the line of this key."""
        return self.document.build_error((*self.path, key), reason)

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        """Raises PlaybookError for the first key that is not known, with the nearest one that is."""
        for key in self.data:
            if key not in known:
                near = difflib.get_close_matches(key.lower(), known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                raise self.build_error(key, f"{self.title} has an unknown key {key!r}: {hint}")

    def get_text(self, key: str) -> str:
        """Return a required text, without the white space around it."""
        if key not in self.data:
            raise self.build_error(key, f'{self.title} has no {key}: add {key} = "…"')
        return self._check_text(key, self.data[key], key)

    def get_texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, which may be missing or empty."""
        values = self.data.get(key, [])
        if not isinstance(values, list):
            raise self.build_error(key, f'{key} must be a list of texts: {key} = ["…", "…"]')
        return tuple(self._check_text(key, value, f"number {n} of {key}") for n, value in enumerate(values, start=1))

    def _check_text(self, key: str, value: object, name: str) -> str:
        if not isinstance(value, str):
            raise self.build_error(key, f"{name} of {self.title} must be a text in quotes, not {_name_type(value)}")
        if not value.strip():
            raise self.build_error(key, f"{name} of {self.title} is empty")
        if _CONTROL.search(value):
            raise self.build_error(key, f"{name} of {self.title} holds an invisible control character: remove it")
        return value.strip()


def _name_type(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date")


# --- lines --------------------------------------------------------------------------------------------


class _Document:
    """The parsed file, and the lines on which its parts stand. Raises PlaybookError if it is not TOML."""

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.lines = text.split("\n")
        try:
            self.data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise self._build_syntax_error(str(error)) from error

    def build_error(self, path: _Path, reason: str) -> PlaybookError:
        """Return an error at the line of this path."""
        return PlaybookError(self.source, self._find_line(path), reason)

    def _find_line(self, path: _Path) -> int | None:
        """Return the line on which `path` begins; for a missing key, the one on which its table begins."""
        while path:
            if _contains(self.data, path) and (line := self._find_first_line(path)):
                return line
            path = path[:-1]
        return None

    def _find_first_line(self, path: _Path) -> int | None:
        """Return the first line of `path`, for which tomllib has no positions.

        Of the lines that look like the beginning of the last part of `path`, take the last one before which `path` is
        not there yet. A line like that inside a multi-line text is no beginning: what stands before it is invalid TOML.
        """
        found = None
        looks_right = _compile_header(path)
        for number, line in enumerate(self.lines):
            if looks_right.match(line):
                before = _try_parse("\n".join(self.lines[:number]))
                if before is not None and not _contains(before, path):
                    found = number + 1
        return found

    def _build_syntax_error(self, message: str) -> PlaybookError:
        place = _AT_LINE.search(message)
        line = int(place[1]) if place and place[1] else len("\n".join(self.lines).rstrip().split("\n"))
        reason = _AT_LINE.sub("", message)
        return PlaybookError(self.source, line, f"not valid TOML: {reason[:1].lower()}{reason[1:]}")


def _compile_header(path: _Path) -> re.Pattern[str]:
    """Return the pattern of lines that may begin the last part of the path."""
    last = path[-1]
    if isinstance(last, int):
        return re.compile(rf"\s*\[\[\s*[\"']?{re.escape(str(path[-2]))}[\"']?\s*\]\]")
    key = rf"[\"']?{re.escape(last)}[\"']?"
    return re.compile(rf"\s*(?:{key}\s*[.=]|\[\[?\s*{key}\s*[.\]])")


def _contains(data: object, path: _Path) -> bool:
    """Return True if there is something at the path, of keys and indices."""
    for part in path:
        if isinstance(part, int):
            if not isinstance(data, list) or part >= len(data):
                return False
            data = data[part]
        else:
            if not isinstance(data, dict) or part not in data:
                return False
            data = data[part]
    return True


def _try_parse(text: str) -> dict[str, Any] | None:
    """Parse TOML; return None if it is not valid."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
