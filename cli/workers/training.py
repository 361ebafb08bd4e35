"""A refit in a child process: `python -m cli.workers.training`, of the database that its job names."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from bot.ranking.refit import RefitResult, read_training_set, refit_ranker
from bot.ranking.training import RefitFailed
from cli.workers.child import ChildFailed, do_job, run_in_child
from storage.engine.database import Database
from storage.queries.log_entries import ChoiceLog
from storage.records import Selection


@dataclass(frozen=True, slots=True)
class ProcessRefitRunner:
    """A `RefitRunner` whose refits are processes that learn from this database."""

    database_url: str = field(repr=False)  # may hold a password

    async def train(self) -> RefitResult:
        """Refit in a child; cancelled, end it and wait for that. Raises RefitFailed."""
        try:
            result = await run_in_child("cli.workers.training", {"database_url": self.database_url})
        except ChildFailed as error:
            raise RefitFailed(str(error)) from error
        try:
            return RefitResult.from_dict(result)
        except (ValueError, TypeError, KeyError) as error:  # of another version, installed while the bot runs
            raise RefitFailed("its process wrote something else than a result") from error


def main() -> None:
    """Run the child process."""
    do_job(lambda job: asyncio.run(_refit(job["database_url"])))


async def _refit(url: str) -> dict[str, Any]:
    database = Database(url)
    try:
        found = await read_training_set(ChoiceLog(database), Selection())
    finally:
        await database.aclose()
    return refit_ranker(found).to_dict()


if __name__ == "__main__":
    main()
