"""docs/library.md: each block is a whole program that runs, and between them they call the whole Runnable surface."""

import ast
import asyncio
import inspect
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from playground.model_server import ModelDouble

TEXT = (Path(__file__).parent.parent / "docs" / "library.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
METHODS = ("invoke", "batch", "batch_as_completed", "stream")


async def run(source: str) -> str:
    """What a program prints, with await at its top level."""
    code = compile(source, "library.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    printed = StringIO()
    with redirect_stdout(printed):
        result = eval(code, {"__name__": "__main__"})
        if inspect.iscoroutine(result):
            await result
    return printed.getvalue()


@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_each_program_runs(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the two variables alone. Synchronous ones in a thread, so that the double can answer."""
    async with ModelDouble.start() as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-invented")
        source = BLOCKS[number]
        has_await = re.search(r"^(async with|.*\bawait )", source, re.MULTILINE) is not None
        printed = await run(source) if has_await else await asyncio.to_thread(asyncio.run, run(source))
        assert printed.strip()
        assert model.total > 0 or "with_retry" in source


def test_the_programs_call_all_eight_methods() -> None:
    called = {node.attr for block in BLOCKS for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Attribute)}
    assert {*METHODS, *(f"a{name}" for name in METHODS)} <= called


async def test_the_usual_recipe_gives_what_is_told() -> None:
    (recipe,) = (block for block in BLOCKS if "with_retry" in block)
    told = re.search(r"It prints `(.*?)`", TEXT)
    assert told is not None
    assert (await run(recipe)).strip() == told[1]
