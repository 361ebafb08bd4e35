"""Writes until its files may grow no further; tells on stdout, a JSON line for each, what was recorded and refused."""

import asyncio
import json
import resource
import sys

from storage.engine.database import get_database_file
from storage.errors import DatabaseUnavailable
from tests.storage.stores import a_request, open_store


def print_fact(fact: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")


async def main(url: str) -> None:
    limit = get_database_file(url).stat().st_size + 200_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    async with open_store(url) as store:
        refused = 0
        for n in range(100):
            request = a_request(f"r{n}", hint="x" * 8_000)
            try:
                await store.requests.record(request, idempotency_key=f"command:{n}")
            except DatabaseUnavailable as error:
                refused += 1
                print_fact({"refused": type(error).__name__})
                if refused == 3:
                    return
            else:
                print_fact({"recorded": request.id})


asyncio.run(main(sys.argv[1]))
