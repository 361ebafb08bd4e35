"""A migration in a child process, `python -m cli.workers.migration`: the libraries that it takes end with it."""

import asyncio
from typing import Any

from cli.workers.child import do_job
from storage.engine.database import Database
from storage.schema import migrate


def main() -> None:
    """Run the child process."""
    do_job(lambda job: asyncio.run(_migrate(job["database_url"])))


async def _migrate(url: str) -> Any:
    database = Database(url)
    try:
        return await migrate(database)
    finally:
        await database.aclose()


if __name__ == "__main__":
    main()
