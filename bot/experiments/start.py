"""The start of an experiment: each arm's playbook is read, and its text kept with the experiment."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from bot.errors import NotUsable, UsageError
from bot.experiments.plan import ExperimentError, ExperimentPlan
from bot.playbook import PlaybookError, load_playbook, parse_playbook
from storage.records import Arm, Experiment
from storage.repositories.experiments import ExperimentStore

ExperimentState = Literal["running", "stopped", "changed"]

ModelCheck = Callable[[str], Awaitable[str | None]]
"""Finds why a model cannot draft; None if it can."""


def make_experiment(
    plan: ExperimentPlan, *, folder: Path, default_model: str, actor: str, at: datetime, new_salt: Callable[[], str]
) -> Experiment:
    """Make an experiment of a plan whose playbooks stand in this folder, beside the settings' model.

    Raises PlaybookError.
    """
    return Experiment(
        name=plan.name,
        by=plan.by,
        arms=tuple(_read_arm(arm, folder, default_model) for arm in plan.arms),
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


async def stop_experiment(store: ExperimentStore, name: str, *, actor: str, at: datetime) -> None:
    """Stop an experiment. Raises ExperimentError if it does not run."""
    if await store.stop(name, by="admin", actor=actor, at=at):
        return
    if await store.get(name) is not None:
        raise ExperimentError(f"the experiment {name!r} has been stopped already")
    running = await store.get_running()
    runs = "none runs" if running is None else f"{running!r} runs"
    raise ExperimentError(f"there is no experiment {name!r}: {runs}")


def find_changed(experiment: Experiment, *, default_model: str | None) -> dict[str, str]:
    """Find the arms that would draft with something else than at the start; the values say what has changed.

    `default_model` is the settings' model now.
    """
    found = {arm.name: _find_change(arm, default_model) for arm in experiment.arms}
    return {name: change for name, change in found.items() if change is not None}


def find_state(experiment: Experiment, changed: Mapping[str, str]) -> ExperimentState:
    """Find the state of an experiment with these changed arms."""
    return "changed" if changed else "running" if experiment.is_running else "stopped"


def _find_change(arm: Arm, default_model: str | None) -> str | None:
    try:
        if arm.file is not None and load_playbook(Path(arm.file)).text != arm.text:
            return f"{arm.playbook} is not what it was"
    except PlaybookError:
        return f"{arm.playbook} is gone, or can be read no more"
    if arm.default_model is not None and default_model is not None and arm.default_model != default_model:
        return f"SUGGEST_MODEL was {arm.default_model} and is {default_model}"
    return None


def _read_arm(arm: Arm, folder: Path, default_model: str) -> Arm:
    if arm.playbook is None:
        return arm if arm.model else replace(arm, default_model=default_model)
    file = (folder / Path(arm.playbook).expanduser()).absolute()
    playbook = load_playbook(file)
    needs_default = any(style.model is None for style in playbook.styles)
    return replace(arm, file=str(file), text=playbook.text, default_model=default_model if needs_default else None)


async def check_models(experiment: Experiment, find_obstacle: ModelCheck | None) -> None:
    """Check that the models which arms name are there; without a check, none is. Raises ExperimentError."""
    for arm, model in [(each, model) for each in experiment.arms for model in list_models(each)]:
        if find_obstacle is None:
            raise ExperimentError(
                f"arm {arm.name} asks for the model {model}, and no model is configured: set OPENAI_API_KEY, or "
                "OPENAI_BASE_URL for any OpenAI-compatible server"
            )
        try:
            reason = await find_obstacle(model)
        except (NotUsable, UsageError) as error:
            raise ExperimentError(f"the model {model} of arm {arm.name} cannot be asked: {error}") from error
        if reason is not None:
            raise ExperimentError(f"arm {arm.name} has no working model: {reason}")


def list_models(arm: Arm) -> tuple[str, ...]:
    """List the models that an arm names, itself or in its styles."""
    if arm.text is None:
        return () if arm.model is None else (arm.model,)
    styles = parse_playbook(arm.text, source=str(arm.playbook)).styles
    return tuple(dict.fromkeys(style.model for style in styles if style.model))
