"""A migration in a child process, `python -m cli.workers.migration`: the libraries that it takes end with it."""

import asyncio

from cli.workers.child import do_job
from storage.schema import migrate_url


def main() -> None:
    """Run the child process."""
    do_job(lambda job: asyncio.run(migrate_url(job["database_url"])))


if __name__ == "__main__":
    main()
