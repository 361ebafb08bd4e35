"""`suggest experiment start`: draws live requests for arms with playbooks or models of their own, from now on."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.experiments.plan import ExperimentPlan, make_plan, parse_arm, parse_shares
from bot.experiments.start import check_models, make_experiment, start_experiment
from cli import clock, wiring
from cli.database_location import Location, open_or_create
from cli.options import ACTOR
from cli.render.output import print_result
from cli.render.text import experiments as text
from cli.settings import Settings, load_settings
from storage.records import Experiment


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
    arms = [parse_arm(each) for each in arm or ()]
    plan = make_plan(name, by=by, arms=arms, shares=None if shares is None else parse_shares(shares))
    print_result(asyncio.run(start(load_settings(), plan)), as_json=False, to_text=text.render_start)


async def start(settings: Settings, plan: ExperimentPlan) -> Experiment:
    """Start an experiment. Raises ExperimentError, PlaybookError, SettingsError, Failed."""

    async def find_obstacle(model: str) -> str | None:
        async with wiring.open_model_server(settings) as server:
            return await server.find_obstacle(model)

    model = settings.suggest_model
    experiment = make_experiment(
        plan, folder=Path(), default_model=model, actor=ACTOR, at=clock.now(), new_salt=clock.new_salt
    )
    await check_models(experiment, find_obstacle if settings.has_model else None)
    async with open_or_create(Location.of_settings(settings)) as records:
        await start_experiment(records.experiments, experiment)
    return experiment
