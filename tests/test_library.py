"""docs/library.md: each block is a whole program that runs, and between them they call the whole Runnable surface.

And the notebooks beside it: they run from top to bottom.
"""

import ast
import asyncio
import inspect
import json
import re
from collections.abc import AsyncIterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from playground.model_server import ModelDouble

DOCS = Path(__file__).parent.parent / "docs"
TEXT = (DOCS / "library.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
NOTEBOOKS = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.ipynb"))}
METHODS = ("invoke", "batch", "batch_as_completed", "stream")


async def run(*cells: str) -> str:
    """What a program prints, with await at its top level; or the cells of one, one after the other."""
    printed, names = StringIO(), {"__name__": "__main__"}
    with redirect_stdout(printed):
        for cell in cells:
            result = eval(compile(cell, "library", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
            if inspect.iscoroutine(result):
                await result
    return printed.getvalue()


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelDouble]:
    async with ModelDouble.start() as double:
        monkeypatch.setenv("OPENAI_BASE_URL", double.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-invented")
        yield double


@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_each_program_runs(number: int, model: ModelDouble) -> None:
    """With the two variables alone. Synchronous ones in a thread, so that the double can answer."""
    source = BLOCKS[number]
    has_await = re.search(r"^(async with|.*\bawait )", source, re.MULTILINE) is not None
    printed = await run(source) if has_await else await asyncio.to_thread(asyncio.run, run(source))
    assert printed.strip()
    assert model.total > 0 or "with_retry" in source


@pytest.mark.parametrize("name", NOTEBOOKS)
async def test_each_notebook_runs_from_top_to_bottom(name: str, model: ModelDouble) -> None:
    """With the two variables alone; it is of nbformat 4, and has no outputs of anybody's machine."""
    content = json.loads(NOTEBOOKS[name])
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert set(content) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    assert {cell["cell_type"] for cell in content["cells"]} == {"markdown", "code"}
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    printed = await run(*("".join(cell["source"]) for cell in code))
    assert "8 of 8 are good" in printed
    assert model.total > len(code)


def test_the_programs_call_all_eight_methods() -> None:
    called = {node.attr for block in BLOCKS for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Attribute)}
    assert {*METHODS, *(f"a{name}" for name in METHODS)} <= called


async def test_the_usual_recipe_gives_what_is_told() -> None:
    (recipe,) = (block for block in BLOCKS if "with_retry" in block)
    told = re.search(r"It prints `(.*?)`", TEXT)
    assert told is not None
    assert (await run(recipe)).strip() == told[1]
