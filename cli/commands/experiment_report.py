"""`suggest experiment report`: tells which arm is better, and how sure that is, at whatever look."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from bot.experiments.report import ExperimentDesign, ExperimentReport, build_report, find_design, replay
from cli.database_location import Location, locate_database, open_existing
from cli.errors import SettingsError
from cli.options import DatabaseFile, Json
from cli.render.json import list_experiment_look, list_experiment_report
from cli.render.output import print_result
from cli.render.text import experiments as text
from cli.settings import load_settings
from storage.queries.experiments import ArmOutcome, ExperimentQueries
from storage.repositories.experiments import ExperimentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentLook:
    """The report after so many requests."""

    at: int
    report: ExperimentReport


def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment, running or stopped.")],
    *,
    every: Annotated[
        int | None,
        typer.Option("--replay", metavar="N", min=1, help="A line for every N requests, as it was told then."),
    ] = None,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Tell which arm is better, and how sure that is, at whatever look.

    Look as often as you like: that is accounted for. It reads the choice log, what was imported too.

    Example: suggest experiment report tone --json
    """
    reading = read_experiment(locate_database(database), name, default_model=load_settings().suggest_model)
    design, outcomes = asyncio.run(reading)
    if every is None:
        print_result(
            build_report(design, outcomes),
            as_json=as_json,
            to_text=text.render_report,
            to_fields=list_experiment_report,
        )
    else:
        for at, report in replay(design, outcomes, every=every):
            look = ExperimentLook(at=at, report=report)
            print_result(look, as_json=as_json, to_text=text.render_look, to_fields=list_experiment_look)
    if design.changed:
        raise typer.Exit(1)


async def read_experiment(
    location: Location, name: str, *, default_model: str
) -> tuple[ExperimentDesign, Sequence[ArmOutcome]]:
    """Read an experiment and its requests. Raises SettingsError if there is none of that name, Failed."""
    async with open_existing(location) as database:
        store, queries = ExperimentStore(database), ExperimentQueries(database)
        outcomes = await queries.list_outcomes(name)
        design = find_design(name, await store.get(name), outcomes, default_model=default_model)
        if design is not None:
            return design, outcomes
        known = dict.fromkeys([*(each.name for each in await store.list_all()), *await queries.list_names()])
        there = f"known are {', '.join(known)}" if known else "`suggest experiment start` begins one"
        raise SettingsError(f"there is no experiment {name!r}: {there}")
