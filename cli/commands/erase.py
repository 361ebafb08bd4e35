"""`suggest erase`: deletes requests for good, with all that belongs to them."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer

from bot.operations.erasure import SHORTEST, ErasureMatches, ErasureQuery, ErasureReceipt
from cli import terminal, wiring
from cli.database_location import locate_database, open_existing, run_with
from cli.errors import SettingsError
from cli.options import ACTOR, DatabaseFile, Json
from cli.render.json import list_erasure
from cli.render.output import print_result
from cli.render.text import database as text
from cli.repositories import Records
from cli.settings import Settings, load_settings
from cli.stop_signals import explain_interrupt


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureResult:
    """The requests found, and the receipt for their erasure; without a receipt, nothing was erased.

    `is_shared`: the database is PostgreSQL, which keeps old row versions until it vacuums.
    """

    matches: ErasureMatches
    receipt: ErasureReceipt | None = None
    is_shared: bool = False


def run(
    *,
    agent: Annotated[str | None, typer.Option(metavar="USER_ID", help="All requests of this agent.")] = None,
    channel: Annotated[str | None, typer.Option(metavar="CHANNEL_ID", help="All requests in this channel.")] = None,
    thread: Annotated[str | None, typer.Option(metavar="TS", help="All requests in this thread.")] = None,
    request: Annotated[str | None, typer.Option(metavar="ID", help="This request.")] = None,
    containing: Annotated[
        str | None, typer.Option(metavar="TEXT", help="All requests with this text in them, whatever its case.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Delete requests for good.

    With all that belongs to them, and with their redrafts. It asks first, prints a receipt, and notes in the audit
    table that something was erased, not what.

    Example: suggest erase --containing "Jane Doe" --dry-run
    """
    query = build_query(agent=agent, channel=channel, thread=thread, request=request, containing=containing)
    settings, location = load_settings(), locate_database(database)
    if not yes and not dry_run and (as_json or not sys.stdin.isatty()):
        raise SettingsError("nobody is at a terminal to ask: --dry-run shows what would go, --yes erases it")
    is_confirmed = (lambda _: True) if yes else confirm
    with explain_interrupt(lambda: "what was erased is gone; the same command goes on with the rest"):
        result = run_with(
            open_existing(location),
            lambda records: erase(settings, records, query, is_confirmed=None if dry_run else is_confirmed),
        )
    if result is None:
        print("Nothing was erased.")
    else:
        print_result(result, as_json=as_json, to_text=text.render_erasure, to_fields=list_erasure)


def build_query(
    *, agent: str | None, channel: str | None, thread: str | None, request: str | None, containing: str | None
) -> ErasureQuery:
    """Build the query that these options ask for, of which exactly one is given. Raises SettingsError."""
    given = [each for each in (agent, channel, thread, request, containing) if each is not None]
    if len(given) != 1:
        raise SettingsError(
            "say what to erase with exactly one of --agent, --channel, --thread, --request, --containing"
        )
    if not given[0].strip():
        raise SettingsError("what to erase is empty: nothing was erased")
    if containing is not None and len(containing.strip()) < SHORTEST:
        raise SettingsError(f"--containing needs {SHORTEST} characters or more: fewer stand in nearly every request")
    return ErasureQuery(agent_id=agent, channel_id=channel, thread_ts=thread, request_id=request, containing=containing)


async def erase(
    settings: Settings,
    records: Records,
    query: ErasureQuery,
    *,
    is_confirmed: Callable[[ErasureMatches], bool] | None,
) -> ErasureResult | None:
    """Find, have it confirmed, and erase; return None if it was not confirmed. Without `is_confirmed`, only find."""
    eraser = wiring.make_eraser(settings, records)
    matches = await eraser.find(query)
    if is_confirmed is None:
        return ErasureResult(matches=matches)
    if not is_confirmed(matches):
        return None
    receipt = await eraser.erase(matches, actor=ACTOR)
    return ErasureResult(matches=matches, receipt=receipt, is_shared=records.database.is_shared)


def confirm(matches: ErasureMatches) -> bool:
    """Ask the person at the terminal; where there is nothing to erase, nothing is asked."""
    print(text.render_matches(matches))
    if not matches.request_ids:
        return True  # the receipt says that there is nothing
    return terminal.confirm("This cannot be undone. Type yes to erase: ")
