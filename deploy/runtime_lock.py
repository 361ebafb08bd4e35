"""The part of requirements.lock that a wheel needs to run, with PostgreSQL: `runtime_lock.py LOCK WHEEL > RUNTIME`.

The lock is of everything, tests and tools too. What a package needs is read from what is installed beside this Python.
"""

import re
import sys
import zipfile
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("postgresql",)


def needed(requirements: list[str], extras: tuple[str, ...], found: set[tuple[str, str]]) -> None:
    """Add (name, extra) of all that these ask for, and of all that those do."""
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        name = canonicalize_name(requirement.name)
        wanted = {(name, extra) for extra in ("", *requirement.extras)}
        if wanted - found:
            found |= wanted
            needed(distribution(name).requires or [], tuple(requirement.extras), found)


def main(lock: str, wheel: str) -> None:
    with zipfile.ZipFile(wheel) as file:
        metadata = next(name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(file.read(metadata).decode())
    found: set[tuple[str, str]] = set()
    needed(told.get_all("Requires-Dist") or [], EXTRAS, found)
    names = {name for name, _ in found}
    for block in re.split(r"^(?=[A-Za-z0-9])", Path(lock).read_text(encoding="utf-8"), flags=re.MULTILINE):
        if canonicalize_name(re.split(r"[\[=]", block)[0].strip()) in names:
            sys.stdout.write(block)


main(*sys.argv[1:])
