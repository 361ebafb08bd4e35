"""Composable checks on JSON, of which `block_kit` is made. Each reports errors in Slack's words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Check = Callable[["Findings", Any, str], None]


class Findings:
    """The errors of a payload, in the order found."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def add(self, problem: str, pointer: str) -> None:
        self.messages.append(f"[ERROR] {problem} [json-pointer:{pointer}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Checks a JSON object: all of `required`, any of `optional`, `type`, and nothing else."""

    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    at_least_one_of: tuple[str, ...] = ()
    exactly_one_of: tuple[str, ...] = ()
    extra_check: Check | None = None

    def __call__(self, found: Findings, value: Any, pointer: str) -> None:
        if not isinstance(value, dict):
            found.add("must provide an object", pointer)
            return
        known = len(found.messages)
        for name in self.required.keys() - value.keys():
            found.add(f"missing required field: {name}", pointer)
        for name, part in value.items():
            check = self.required.get(name) or self.optional.get(name)
            if check is not None:
                check(found, part, f"{pointer}/{name}")
            elif name != "type":
                found.add(f"invalid additional property: {name}", pointer)
        if self.at_least_one_of and not any(name in value for name in self.at_least_one_of):
            found.add(f"must define either `{'` or `'.join(self.at_least_one_of)}`", pointer)
        if self.exactly_one_of and sum(name in value for name in self.exactly_one_of) != 1:
            found.add(f"must define exactly one of `{'`, `'.join(self.exactly_one_of)}`", pointer)
        # What looks at several fields together may count on each being well-formed.
        if self.extra_check is not None and len(found.messages) == known:
            self.extra_check(found, value, pointer)


def string(most: int, *, least: int = 1) -> Check:
    def check(found: Findings, value: Any, pointer: str) -> None:
        if not isinstance(value, str):
            found.add("must provide a string", pointer)
        elif len(value) < least:
            found.add(f"must be more than {least - 1} characters", pointer)
        elif len(value) > most:
            found.add(f"must be less than {most + 1} characters", pointer)

    return check


def one_of(*values: str) -> Check:
    def check(found: Findings, value: Any, pointer: str) -> None:
        if value not in values:
            found.add(f"must be a valid enum value: {', '.join(values)}", pointer)

    return check


def boolean(found: Findings, value: Any, pointer: str) -> None:
    if not isinstance(value, bool):
        found.add("must be a valid boolean", pointer)


def integer(least: int, most: int) -> Check:
    def check(found: Findings, value: Any, pointer: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            found.add("must be a valid integer", pointer)
        elif not least <= value <= most:
            found.add(f"must be between {least} and {most}", pointer)

    return check


def array(of: Check, *, most: int, least: int = 1) -> Check:
    def check(found: Findings, value: Any, pointer: str) -> None:
        if not isinstance(value, list):
            found.add("must provide an array", pointer)
            return
        if len(value) < least:
            found.add(f"no fewer than {least} items allowed", pointer)
        if len(value) > most:
            found.add(f"no more than {most} items allowed", pointer)
        for index, item in enumerate(value):
            of(found, item, f"{pointer}/{index}")

    return check


def text(most: int, *, kinds: tuple[str, ...] = ("plain_text", "mrkdwn"), least: int = 1) -> Check:
    """Check a text object of one of `kinds`, `least` to `most` characters long."""
    shapes = {
        "plain_text": Shape(required={"text": string(most, least=least)}, optional={"emoji": boolean}),
        "mrkdwn": Shape(required={"text": string(most, least=least)}, optional={"verbatim": boolean}),
    }
    return tagged_union({kind: shapes[kind] for kind in kinds})


def plain_text(most: int, *, least: int = 1) -> Check:
    return text(most, kinds=("plain_text",), least=least)


def tagged_union(shapes: Mapping[str, Check]) -> Check:
    """Check an object by the shape that its `type` names."""

    def check(found: Findings, value: Any, pointer: str) -> None:
        if not isinstance(value, dict):
            found.add("must provide an object", pointer)
        elif "type" not in value:
            found.add("missing required field: type", pointer)
        elif not isinstance(value["type"], str) or value["type"] not in shapes:
            found.add(f"unsupported type: {value['type']}", f"{pointer}/type")
        else:
            shapes[value["type"]](found, value, pointer)

    return check
