"""The words of the code: functions are verbs, docstrings say what a thing does, nothing is too long to read at once."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("bot", "handlers", "storage", "cli", "playground", "benchmarks")

LONGEST = 40
"""Lines of a function. A longer one gives its reason in a comment `# long: …` in its first lines."""

SHARE = 0.03
"""Of functions that may be named by a participle or a preposition: some are the field's words."""

RIDDLES = re.compile(r"(What|Whether|Who|Whom|Whose|Where|How)\b")

IRREGULAR = frozenset(
    [
        "begun",
        "built",
        "chosen",
        "done",
        "drawn",
        "found",
        "given",
        "held",
        "kept",
        "known",
        "left",
        "lost",
        "made",
        "put",
        "said",
        "seen",
        "sent",
        "shown",
        "taken",
        "told",
        "written",
    ]
)
NO_PARTICIPLES = frozenset(["embed", "exceed", "feed", "need", "proceed", "seed"])
PREPOSITIONS = frozenset(
    [
        "about",
        "after",
        "around",
        "at",
        "before",
        "beside",
        "between",
        "by",
        "for",
        "from",
        "in",
        "into",
        "of",
        "on",
        "onto",
        "over",
        "since",
        "through",
        "to",
        "towards",
        "under",
        "until",
        "with",
        "within",
        "without",
    ]
)
CONVERTERS = re.compile(r"(from|to)_\w+|on_\w+")
"""`to_json`, `from_row`, and handlers of events, `on_message`, are the field's own."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> Iterator[tuple[Path, str, ast.Module]]:
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            if "migrations" not in file.parts:
                text = file.read_text(encoding="utf-8")
                yield file.relative_to(ROOT), text, ast.parse(text)


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def is_attribute(function: Function) -> bool:
    """Properties are nouns, and may be participles."""
    return any("property" in ast.unparse(each) for each in function.decorator_list)


def names_no_action(function: Function) -> bool:
    """Named by a participle or a preposition."""
    name = function.name.strip("_")
    first = name.split("_")[0]
    if is_attribute(function) or CONVERTERS.fullmatch(name):
        return False
    is_regular = len(first) > 4 and first.endswith("ed") and first not in NO_PARTICIPLES
    return is_regular or first in IRREGULAR or first in PREPOSITIONS


def test_functions_are_named_by_verbs() -> None:
    """All but a few: see SHARE."""
    every = [(file, function) for file, _, tree in sources() for function in functions(tree)]
    others = [f"{file}:{function.lineno} {function.name}" for file, function in every if names_no_action(function)]
    assert len(others) <= SHARE * len(every), others


def test_docstrings_say_what_a_thing_does() -> None:
    """None opens with a question word, which makes a riddle of it."""
    riddles = [
        f"{file}:{getattr(node, 'lineno', 1)}"
        for file, _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, Function | ast.ClassDef | ast.Module) and RIDDLES.match(ast.get_docstring(node) or "")
    ]
    assert not riddles


def test_a_long_function_gives_its_reason() -> None:
    """In a comment `# long: …` where it begins."""
    long = []
    for file, text, tree in sources():
        lines = text.splitlines()
        for function in functions(tree):
            head = lines[function.lineno - 1 : function.body[0].lineno]
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length > LONGEST and not any("# long: " in line for line in head):
                long.append(f"{file}:{function.lineno} {function.name}: {length} lines")
    assert not long


def test_no_two_classes_of_the_product_have_one_name() -> None:
    """One name, one thing. Private classes are their module's own."""
    homes: dict[str, list[str]] = {}
    for file, _, tree in sources():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and file.parts[0] != "benchmarks":
                homes.setdefault(node.name, []).append(str(file))
    assert not {name: files for name, files in homes.items() if len(files) > 1}
