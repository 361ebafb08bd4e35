"""What a command left in a database."""

import json
from typing import Any

from sqlalchemy import select

from bot.choice_log import to_json_line
from storage.engine.database import Database
from storage.queries.log_entries import ChoiceLog
from storage.records import Selection
from storage.tables import audit


async def log_of(file: str) -> list[dict[str, Any]]:
    """The whole choice log."""
    database = Database(f"sqlite:///{file}")
    try:
        entries = ChoiceLog(database).iter_entries(Selection(include_simulated=True))
        return [json.loads(to_json_line(entry)) async for entry in entries]
    finally:
        await database.aclose()


async def line_of(file: str) -> dict[str, Any]:
    """The only request."""
    (line,) = await log_of(file)
    return line


async def audited(file: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(actor, action, data) of the audit table, in order."""
    database = Database(f"sqlite:///{file}")
    try:
        async with database.read() as connection:
            rows = await connection.execute(select(audit.c.actor, audit.c.action, audit.c.data).order_by(audit.c.seq))
            return [tuple(row) for row in rows]
    finally:
        await database.aclose()
