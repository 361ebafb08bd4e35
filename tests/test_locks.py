"""The locks are whole: what they name needs nothing that they do not name, so they install with `--no-deps`."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
LOCKS = {
    "requirements.lock": (["parquet", "postgresql"], ["build"]),
    "requirements-dev.lock": (["parquet", "postgresql", "socks"], ["build", "bench", "dev"]),
}
"""Each lock with the extras and the dependency groups that it holds beside the product."""

PLATFORMS = [
    {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": system.lower(),
        "platform_system": system,
        "platform_machine": machine,
    }
    for python, (system, machine) in product(
        ("3.11", "3.12", "3.13"), (("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "x86_64"), ("Darwin", "arm64"))
    )
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    version: Version
    extras: frozenset[str]
    hashes: int


def read_pins(name: str) -> dict[str, Pin]:
    """What a lock names, by canonical name."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    pins = {}
    for block in blocks:
        requirement = Requirement(block.split(" \\")[0])
        [specifier] = requirement.specifier
        assert specifier.operator == "==", block
        pins[canonicalize_name(requirement.name)] = Pin(
            version=Version(specifier.version),
            extras=frozenset(map(canonicalize_name, requirement.extras)),
            hashes=block.count("--hash=sha256:"),
        )
    return pins


def unmet(requirements: list[str], extras: frozenset[str], pins: dict[str, Pin]) -> Iterator[str]:
    """The requirements that apply somewhere, under one of these extras, and that no pin meets."""
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker and not any(
            requirement.marker.evaluate({**platform, "extra": extra})
            for platform, extra in product(PLATFORMS, ("", *extras))
        ):
            continue
        pin = pins.get(canonicalize_name(requirement.name))
        if (
            pin is None
            or not requirement.specifier.contains(pin.version, prereleases=True)
            or not pin.extras >= set(map(canonicalize_name, requirement.extras))
        ):
            yield text


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_all_that_it_needs(name: str) -> None:
    """By the installed packages' own metadata, for each Python and platform that is supported."""
    pins = read_pins(name)
    for package, pin in pins.items():
        installed = distribution(package)
        assert Version(installed.version) == pin.version, f"{package}: run make again"
        assert pin.hashes, package
        assert not list(unmet(installed.requires or [], pin.extras, pins)), f"{package} in {name}: make lock"


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_in_step_with_the_project(name: str) -> None:
    """It names each dependency of pyproject.toml, its extras too, at a version that is allowed there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras, groups = LOCKS[name]
    wanted = [
        *project["project"]["dependencies"],
        *(text for extra in extras for text in project["project"]["optional-dependencies"][extra]),
        *(text for group in groups for text in project["dependency-groups"][group]),
    ]
    assert not list(unmet(wanted, frozenset(), read_pins(name))), "make lock"


def test_what_runs_is_pinned_alike_in_both() -> None:
    """`make test` runs on what `make demo` and the README's installation run on."""
    runtime, everything = map(read_pins, LOCKS)
    assert runtime.items() <= {name: everything.get(name) for name in runtime}.items()


def test_running_takes_at_most_half_of_everything() -> None:
    """The first minute of a newcomer does not wait for the tools of those who develop."""
    runtime, everything = map(read_pins, LOCKS)
    assert len(runtime) <= len(everything) / 2


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address(name: str) -> None:
    """Whoever installs chooses the package index."""
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")
