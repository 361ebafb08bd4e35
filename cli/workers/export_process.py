"""Exports for Slack in processes of their own, which take neither CPU nor memory of the bot."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from cli.database_location import Location
from cli.workers.child import ChildFailed, run_in_child
from handlers.export_jobs import ExportFailed, ExportFile, ExportOrder
from storage.tables import to_iso

LIMIT_S: Final = 1800.0
"""A million requests take a few minutes."""

_NAMES: Final = {"csv": "choices.csv", "jsonl": "choices.jsonl", "parquet": "choices.parquet", "vw": "choices.vw"}


class ProcessExporter:
    """Exports of one database."""

    def __init__(self, location: Location, key: SecretStr | None) -> None:
        self._location = location
        self._key = key

    @asynccontextmanager
    async def export(self, order: ExportOrder) -> AsyncIterator[ExportFile]:
        """Write the file, which only this user may read, and which is gone after the block. Raises ExportFailed."""
        name = _NAMES.get(order.form, f"{order.form}.jsonl")
        with tempfile.TemporaryDirectory(prefix="suggest-export-") as folder:
            path = Path(folder) / name
            written = await _run_job(self._build_job(order, path))
            yield ExportFile(path=path, name=name, requests=written["requests"])

    def _build_job(self, order: ExportOrder, path: Path) -> dict[str, Any]:
        return {
            "url": self._location.url,
            "origin": self._location.origin,
            "team_id": order.team_id,
            "actor": order.user_id,
            "form": order.form,
            "since": order.since and to_iso(order.since),
            "pseudonyms": order.pseudonyms,
            "key": self._key and self._key.get_secret_value(),
            "output": str(path),
        }


async def _run_job(job: dict[str, Any]) -> dict[str, int]:
    """Run `cli.workers.export`, for LIMIT_S at most. Raises ExportFailed."""
    try:
        async with asyncio.timeout(LIMIT_S):
            result: dict[str, int] = await run_in_child("cli.workers.export", job)
    except TimeoutError as error:
        raise ExportFailed(f"it took longer than {LIMIT_S:.0f} s") from error
    except ChildFailed as error:
        raise ExportFailed(str(error)) from error
    return result
