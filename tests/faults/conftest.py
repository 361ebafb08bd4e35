"""Bots as processes, each between a workspace and a model's server of its own."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from playground import Timing, Workspace
from playground.model_server import ModelDouble
from tests.conftest import app_config
from tests.faults.bots import Scene
from tests.patience import PATIENT_SLACK


def some(cases: Iterable[Any], *short: Any) -> list[Any]:
    """The cases; all but the short ones are left to `make soak`."""
    return [case if case in short else pytest.param(case, marks=pytest.mark.soak) for case in cases]


SceneMaker = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def scenes(request: pytest.FixtureRequest, migrated_file: Path, tmp_path: Path) -> SceneMaker:
    """Makes scenes on either engine; their processes end with them."""
    numbers = count()

    @asynccontextmanager
    async def make(engine: str = "sqlite", *, timing: Timing = PATIENT_SLACK, **env: str) -> AsyncIterator[Scene]:
        folder = tmp_path / f"scene{next(numbers)}"
        folder.mkdir()
        if engine == "sqlite":
            shutil.copy(migrated_file, folder / "suggest.db")
            url = f"sqlite:///{folder}/suggest.db"
        else:
            url = request.getfixturevalue("postgresql").migrated()
        async with Workspace.start(config=app_config(), timing=timing) as slack, ModelDouble.start() as model:
            scene = Scene(slack=slack, model=model, folder=folder, database_url=url, env=env)
            try:
                yield scene
            finally:
                await scene.aclose()

    return make
