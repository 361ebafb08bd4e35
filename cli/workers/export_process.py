"""Exports for Slack in processes of their own, which take neither CPU nor memory of the bot."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from bot.choice_log.formats.registry import FORMATS
from cli.commands.export import get_provenance_path
from cli.database_location import Location
from cli.workers.child import ChildFailed, run_in_child
from handlers.export_jobs import ExportFailed, ExportFile, ExportOrder
from storage.fields import to_iso

LIMIT_S: Final = 1800.0
"""A million requests take a few minutes."""

_PREFIX: Final = "suggest-export-"

_YOUNG_S: Final = 60.0
"""An empty folder of this age may be one that is about to be locked."""


class ProcessExporter:
    """Exports of one database."""

    def __init__(self, location: Location, key: SecretStr | None) -> None:
        self._location = location
        self._key = key

    @asynccontextmanager
    async def export(self, order: ExportOrder) -> AsyncIterator[ExportFile]:
        """Write the file, which only this user may read, and which is gone after the block. Raises ExportFailed."""
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder, _lock_folder(Path(folder)):
            path = Path(folder) / FORMATS[order.form].file_name
            written = await _run_job(self._build_job(order, path))
            provenance = get_provenance_path(path)
            yield ExportFile(
                path=path, requests=written["requests"], provenance=provenance if provenance.exists() else None
            )

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


@contextmanager
def _lock_folder(folder: Path) -> Iterator[bool]:
    """Lock a folder as long as this process lives; False where another process that lives holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def remove_abandoned_exports(now: float) -> None:
    """Remove what exports of killed processes left in the temporary folder."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or removed meanwhile
            if not any(folder.iterdir()) and now - folder.stat().st_mtime < _YOUNG_S:
                continue
            with _lock_folder(folder) as is_mine:
                if is_mine:
                    shutil.rmtree(folder)


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
