"""Exports for Slack in processes of their own, which take neither CPU nor memory of the bot."""

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from cli.database_location import Location
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
            told = await _run_job(self._build_job(order, path))
            if "error" in told:
                raise ExportFailed(str(told["error"]))
            yield ExportFile(path=path, name=name, requests=int(told["requests"]))

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


async def _run_job(job: dict[str, Any]) -> dict[str, Any]:
    """Run `cli.workers.export`. The job goes by stdin, since other users can read command lines."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.workers.export", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            told, _ = await process.communicate(json.dumps(job).encode())
    except TimeoutError as error:
        raise ExportFailed(f"it took longer than {LIMIT_S:.0f} s") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    try:
        found: dict[str, Any] = json.loads(told)
    except ValueError as error:
        raise ExportFailed(f"its process ended with {process.returncode}") from error
    return found
