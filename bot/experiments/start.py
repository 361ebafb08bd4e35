"""The start of an experiment: each arm's playbook is read, and its text kept with the experiment."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bot.experiments.plan import ExperimentError, ExperimentPlan
from bot.playbook import PlaybookError, load_playbook, parse_playbook
from storage.records import Arm, Experiment
from storage.repositories.experiments import ExperimentStore


def make_experiment(
    plan: ExperimentPlan, *, folder: Path, actor: str, at: datetime, new_salt: Callable[[], str]
) -> Experiment:
    """Make an experiment of a plan whose playbooks stand in this folder. Raises PlaybookError."""
    return Experiment(
        name=plan.name,
        by=plan.by,
        arms=tuple(_read_arm(arm, folder) for arm in plan.arms),
        started_at=at,
        started_by=actor,
        salt=new_salt(),
    )


async def start_experiment(store: ExperimentStore, experiment: Experiment) -> None:
    """Start an experiment. Raises ExperimentError if its name is taken, or another one runs."""
    if await store.start(experiment):
        return
    if await store.get(experiment.name) is not None:
        raise ExperimentError(
            f"there has been an experiment {experiment.name!r} already, and its requests keep that name: choose another"
        )
    running = await store.get_running()
    raise ExperimentError(f"the experiment {running!r} runs, and one runs at a time: suggest experiment stop {running}")


def find_changed(experiment: Experiment) -> tuple[str, ...]:
    """Find the arms whose playbook is not what it was at the start: changed, moved or gone."""
    return tuple(arm.name for arm in experiment.arms if _has_changed(arm))


def _has_changed(arm: Arm) -> bool:
    if arm.file is None:
        return False
    try:
        return load_playbook(Path(arm.file)).text != arm.text
    except PlaybookError:
        return True


def _read_arm(arm: Arm, folder: Path) -> Arm:
    if arm.playbook is None:
        return arm
    file = (folder / Path(arm.playbook).expanduser()).absolute()
    return replace(arm, file=str(file), text=load_playbook(file).text)


def list_models(arm: Arm) -> tuple[str, ...]:
    """List the models that an arm names, itself or in its styles."""
    if arm.text is None:
        return () if arm.model is None else (arm.model,)
    styles = parse_playbook(arm.text, source=str(arm.playbook)).styles
    return tuple(dict.fromkeys(style.model for style in styles if style.model))
