"""`suggest experiment list`: lists the experiments with their arms."""

from functools import partial

from cli.database_location import use_database
from cli.options import DatabaseFile, Json
from cli.render.json import list_experiments
from cli.render.output import print_result
from cli.render.text import experiments as text
from cli.settings import load_settings


def run(*, database: DatabaseFile = None, as_json: Json = False) -> None:
    """List the experiments with their arms.

    Example: suggest experiment list --json
    """
    found = use_database(database, lambda records: records.experiments.list_all())
    model = load_settings().suggest_model
    to_text, to_fields = partial(text.render_list, default_model=model), partial(list_experiments, default_model=model)
    print_result(found, as_json=as_json, to_text=to_text, to_fields=to_fields)
