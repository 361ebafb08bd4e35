"""TOML files that a team writes, checked by pydantic models.

    table = TomlFile("playbook.toml", text).read(PlaybookTable)     # TomlError: file, line, reason and fix, in one line

A validator raises ValueError with a sentence, in which {key}, {name}, {title} and {kind} stand for the key, the key or
the number in its list, the table, and what was written there.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from bot.errors import UsageError

Path = tuple[str | int, ...]

_Table = TypeVar("_Table", bound="TomlTable")

_AT_LINE: Final = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")
_SENTENCES: Final = {
    "missing": '{title} has no {key}: add {key} = "…"',
    "string_type": "{name} of {title} must be a text in quotes, not {kind}",
    "tuple_type": '{key} must be a list of texts: {key} = ["…", "…"]',
    "float_type": "the {key} of {title} must be a number, such as 0.7",
    "bool_type": "{name} of {title} must be true or false, not {kind}",
    "int_type": "the {key} of {title} must be a whole number",
    "dict_type": "{key} must be a table, not {kind}: begin it with a line [{key}]",
    "model_type": "{name} of {title} must be a table, not {kind}",
}


class TomlTable(BaseModel):
    """A table of a TOML file: no other keys, no conversions between types."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TomlError(UsageError):
    """A file that cannot be used. Its `str()` is one line: the file, the line if any, what is wrong, the fix."""

    def __init__(self, source: str, line: int | None, reason: str) -> None:
        self.source = source
        self.line = line
        self.reason = reason
        super().__init__(f"{source}:{line}: {reason}" if line else f"{source}: {reason}")


class TomlFile:
    """A parsed file, and the lines on which its parts stand; `title` names the file in sentences.

    Raises TomlError if it is not TOML.
    """

    def __init__(self, source: str, text: str, *, title: str) -> None:
        self._source, self._title = source, title
        self._lines = text.split("\n")
        try:
            self._data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise self._build_syntax_error(str(error)) from error

    def read(self, model: type[_Table]) -> _Table:
        """Check the file by a model. Raises TomlError for the first mistake; a misspelt key explains others."""
        try:
            return model.model_validate(self._data)
        except ValidationError as error:
            first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
            raise self.build_error(first["loc"], self._word(first, model)) from error

    def build_error(self, path: Path, reason: str) -> TomlError:
        """Build an error at the line of this path."""
        return TomlError(self._source, self._find_line(path), reason)

    def _word(self, error: ErrorDetails, model: type[TomlTable]) -> str:
        """Word an error of pydantic as a sentence."""
        path = error["loc"]
        table = next(
            path[:end] for end in range(len(path) - 1, -1, -1) if isinstance(_get(self._data, path[:end]), dict)
        )
        key = str(path[len(table)])
        name = f"number {path[-1] + 1} of {key}" if isinstance(path[-1], int) else key
        title = self._title_table(table)
        if error["type"] == "extra_forbidden":
            known = _list_keys(model, table)
            near = difflib.get_close_matches(key.lower(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            return f"{title} has an unknown key {key!r}: {hint}"
        stated = str(error["ctx"]["error"]) if error["type"] == "value_error" else _SENTENCES[error["type"]]
        kind = _name_type(error["input"])
        for sign, meant in {"{key}": key, "{name}": name, "{title}": title, "{kind}": kind}.items():
            stated = stated.replace(sign, meant)
        return stated

    def _title_table(self, path: Path) -> str:
        """Name a table: the file, or `style "warm"`, or `style number 2`."""
        if not path:
            return self._title
        if isinstance(path[-1], str):
            return f"[{'.'.join(map(str, path))}]"
        noun, name = str(path[-2]).removesuffix("s"), _get(self._data, (*path, "name"))
        return f'{noun} "{name}"' if name and isinstance(name, str) else f"{noun} number {path[-1] + 1}"

    def _find_line(self, path: Path) -> int | None:
        """Find the line on which `path` begins; for a missing key, the one on which its table begins."""
        while path:
            if _get(self._data, path) is not None and (line := self._find_first_line(path)):
                return line
            path = path[:-1]
        return None

    def _find_first_line(self, path: Path) -> int | None:
        """Find the first line of `path`, for which tomllib has no positions.

        Of the lines that look like the beginning of the last part of `path`, take the last one before which `path` is
        not there yet. A line like that inside a multi-line text is no beginning: what stands before it is invalid TOML.
        """
        found = None
        looks_right = _compile_header(path)
        for number, line in enumerate(self._lines):
            if looks_right.match(line):
                try:
                    before = tomllib.loads("\n".join(self._lines[:number]))
                except tomllib.TOMLDecodeError:
                    continue
                if _get(before, path) is None:
                    found = number + 1
        return found

    def _build_syntax_error(self, message: str) -> TomlError:
        place = _AT_LINE.search(message)
        line = int(place[1]) if place and place[1] else len("\n".join(self._lines).rstrip().split("\n"))
        reason = _AT_LINE.sub("", message)
        return TomlError(self._source, line, f"not valid TOML: {reason[:1].lower()}{reason[1:]}")


def _list_keys(model: type[BaseModel], path: Path) -> list[str]:
    """List the keys of the table at a path of a model."""
    for part in path:
        if isinstance(part, str):
            annotation: Any = model.model_fields[part].annotation
            model = annotation.__args__[0]
    return list(model.model_fields)


def _compile_header(path: Path) -> re.Pattern[str]:
    """Compile the pattern of lines that may begin the last part of the path."""
    last = path[-1]
    if isinstance(last, int):
        return re.compile(rf"\s*\[\[\s*[\"']?{re.escape(str(path[-2]))}[\"']?\s*\]\]")
    key = rf"[\"']?{re.escape(last)}[\"']?"
    return re.compile(rf"\s*(?:{key}\s*[.=]|\[\[?\s*(?:.*\.\s*)?{key}\s*[.\]])")


def _get(data: object, path: Path) -> object:
    """Return what is at the path, of keys and indices; None if there is nothing."""
    for part in path:
        if isinstance(part, int):
            data = data[part] if isinstance(data, list) and part < len(data) else None
        else:
            data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _name_type(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table", str: "a text"}
    return kinds.get(type(value), "a date")
