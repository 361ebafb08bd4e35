"""`suggest experiment report`: tells which arm is better, and how sure that is, at whatever look."""

from typing import Annotated

import typer

from bot.experiments.report import build_report, read_experiment, replay
from cli.database_location import use_database
from cli.options import DatabaseFile, Json
from cli.render.json import list_experiment_report
from cli.render.output import print_look, print_result
from cli.render.text import experiments as text
from cli.settings import load_settings


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
    model = load_settings().suggest_model
    design, outcomes = use_database(
        database,
        lambda records: read_experiment(records.experiments, records.experiment_queries, name, default_model=model),
    )
    if every is None:
        report = build_report(design, outcomes)
        print_result(report, as_json=as_json, to_text=text.render_report, to_fields=list_experiment_report)
    else:
        for at, report in replay(design, outcomes, every=every):
            to_text, to_fields = text.describe_report, list_experiment_report
            print_look(at, "requests", report, as_json=as_json, to_text=to_text, to_fields=to_fields)
    if design.changed:
        raise typer.Exit(1)
