"""`suggest experiment start`: draws live requests for arms with playbooks or models of their own, from now on."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.experiments.plan import ExperimentError, ExperimentPlan, make_plan, parse_arm, parse_shares
from bot.experiments.start import list_models, make_experiment, start_experiment
from bot.proxies import NetworkSettingsError
from cli import clock
from cli.database_location import Location, open_or_create
from cli.errors import SettingsError
from cli.model_server import ModelServer, NotUsable
from cli.render.output import print_result
from cli.render.text import experiments as text
from cli.settings import Settings, load_settings
from storage.records import Experiment

ACTOR = "cli"


def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What requests and reports call it.")],
    arm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=FILE.toml|MODEL]",
            help="An arm: its playbook, or its model; without =, what the settings say. Two or more.",
        ),
    ] = None,
    shares: Annotated[
        str | None, typer.Option(metavar="S,S", help="Each arm's share of requests, in their order. [default: equal]")
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="request|agent", help="Draw each request, or each agent once.")
    ] = "request",
) -> None:
    """Draw live requests for arms with playbooks or models of their own.

    Running bots follow within two seconds. One experiment runs at a time.

    Example: suggest experiment start tone --arm now --arm warm=warm.toml
    """
    try:
        plan = make_plan(
            name,
            by=by,
            arms=[parse_arm(each) for each in arm or ()],
            shares=None if shares is None else parse_shares(shares),
        )
        started = asyncio.run(start(load_settings(), plan))
    except ExperimentError as error:
        raise SettingsError(str(error)) from error
    print_result(started, as_json=False, to_text=text.render_start)


async def start(settings: Settings, plan: ExperimentPlan) -> Experiment:
    """Start an experiment. Raises ExperimentError, PlaybookError, SettingsError, Failed."""
    model = settings.suggest_model
    experiment = make_experiment(
        plan, folder=Path(), default_model=model, actor=ACTOR, at=clock.now(), new_salt=clock.new_salt
    )
    await check_models(settings, experiment)
    async with open_or_create(Location.of_settings(settings)) as records:
        await start_experiment(records.experiments, experiment)
    return experiment


async def check_models(settings: Settings, experiment: Experiment) -> None:
    """Check that the models which arms name are there. Raises ExperimentError."""
    for arm in experiment.arms:
        for model in list_models(arm):
            if not settings.has_model:
                raise ExperimentError(
                    f"arm {arm.name} asks for the model {model}, and no model is configured: set OPENAI_API_KEY, or "
                    "OPENAI_BASE_URL for any OpenAI-compatible server"
                )
            try:
                async with ModelServer.open(settings) as server:
                    reason = await server.find_obstacle(model)
            except (NotUsable, NetworkSettingsError) as error:
                raise ExperimentError(f"the model {model} of arm {arm.name} cannot be asked: {error}") from error
            if reason is not None:
                raise ExperimentError(f"arm {arm.name} has no working model: {reason}")
