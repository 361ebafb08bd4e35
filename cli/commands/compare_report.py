"""`suggest compare report`: tells which side of each comparison is preferred, and how sure that is."""

from bot.comparing.report import read_report
from cli.database_location import use_database
from cli.options import DatabaseFile, Json
from cli.render.output import print_result
from cli.render.text import compare as text


def run(*, database: DatabaseFile = None, as_json: Json = False) -> None:
    """Tell which side of each comparison is preferred, how sure that is, and how far reviewers agree.

    It reads the choice log, what was imported too. "Not enough data" where that is the truth.

    Example: suggest compare report --json
    """
    report = use_database(database, lambda records: read_report(records.log))
    print_result(report, as_json=as_json, to_text=text.render_report)
