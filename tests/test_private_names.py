"""Private names of other people's libraries: they may change with any release, so each one used has its reason here."""

import ast
import threading
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import aiosqlite
import psycopg
import pytest

from tests.test_words import sources

USED: Final = {
    # One change of threads for a transaction: through its public methods a suggestion costs 7 ms more of CPU.
    ("storage/engine/sqlite.py", "_execute"),
    # Of these it has no public ones: a connection is stopped, and waited for, when its event loop has ended.
    ("storage/engine/sqlite.py", "_connection"),
    ("storage/engine/sqlite.py", "_thread"),
    # The documentation of `wait` names it as its error.
    ("storage/engine/postgresql.py", "_WaitTimeout"),
}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name != "_"


def name_stores(tree: ast.AST) -> Iterator[str]:
    """Name what a tree defines: functions, classes, variables, attributes, parameters."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name


class Definitions:
    """The names that the product defines, in all and by class."""

    def __init__(self) -> None:
        self.everywhere: set[str] = set()
        self.by_class: dict[str, set[str]] = defaultdict(set)
        bases: dict[str, set[str]] = defaultdict(set)
        for _, _, tree in sources():
            self.everywhere |= set(name_stores(tree))
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    self.by_class[node.name] |= set(name_stores(node))
                    bases[node.name] |= {ast.unparse(base).partition("[")[0].split(".")[-1] for base in node.bases}
        for _ in range(3):  # what a class has from its bases, and these from theirs
            for name, parents in bases.items():
                self.by_class[name] |= {known for parent in parents for known in self.by_class.get(parent, ())}


@cache
def read_definitions() -> Definitions:
    return Definitions()


def list_foreign(tree: ast.Module) -> Iterator[str]:
    """List the private names in a module that the product does not define where it uses them."""
    defined = read_definitions()
    owners = {inner: node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if node in owners:
                if is_private(name) and name not in defined.by_class[owners[node]]:
                    yield name
            case ast.Attribute(attr=name) if is_private(name) and name not in defined.everywhere:
                yield name
            case ast.ImportFrom(module=str(module), names=names):
                if module.split(".")[0] not in {"bot", "cli", "handlers", "storage", "playground", "benchmarks"}:
                    parts = [*module.split("."), *(each.name for each in names)]
                    yield from (part for part in parts if is_private(part))
            case ast.Import(names=names):
                yield from (part for each in names for part in each.name.split(".") if is_private(part))
            case ast.Call(func=ast.Name(id="getattr" | "setattr"), args=[_, ast.Constant(value=str(name)), *_]):
                if is_private(name) and name not in defined.everywhere:
                    yield name


def test_no_private_name_of_a_library_is_used_without_its_reason() -> None:
    found = {(file.as_posix(), name) for file, _, tree in sources() for name in list_foreign(tree)}
    assert found == USED


@pytest.mark.parametrize(
    "code",
    [
        "import aiohttp._http_parser",
        "from slack_bolt._impl import App",
        "from slack_bolt import _private",
        "client._session_of_theirs",
        "getattr(client, '_session_of_theirs')",
        "class Mine(Theirs):\n    def run(self) -> None:\n        self._session_of_theirs.close()",
    ],
)
def test_each_way_to_a_private_name_is_seen(code: str) -> None:
    assert list(list_foreign(ast.parse(code)))


def test_psycopg_still_has_the_error_that_its_documentation_names() -> None:
    assert issubclass(psycopg.errors._WaitTimeout, psycopg.Error)
    assert "_WaitTimeout" in (psycopg.AsyncConnection.wait.__doc__ or "")


async def test_aiosqlite_still_runs_what_it_is_given_in_its_thread() -> None:
    connection: Any = await aiosqlite.connect(":memory:")
    try:
        thread = await connection._execute(threading.current_thread)
        assert thread is connection._thread
        assert connection._connection is not None
    finally:
        await connection.close()
