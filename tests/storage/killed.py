"""Forks writers and kills each with -9 while it writes; tells on stdout, a JSON line for each, what it acknowledged."""

import asyncio
import json
import os
import random
import signal
import sys

from tests.storage.stores import Store, a_choice, make_draft_outcome, open_store, record_choice, record_request


async def write(url: str, name: str, acknowledge: int) -> None:
    def tell(fact: str) -> None:
        os.write(acknowledge, f"{fact}\n".encode())

    async def suggest(store: Store, request_id: str) -> None:
        await record_request(store, request_id)
        tell(f"asked {request_id}")
        await store.requests.record_drafts(make_draft_outcome(request_id))
        tell(f"drafted {request_id}")
        await record_choice(store, a_choice(request_id, id=f"choice of {request_id}"), parts=2)
        tell(f"chosen {request_id}")

    async with open_store(url) as store:
        for n in range(1000):
            await suggest(store, f"{name}-{n}")


def live_and_die(url: str, name: str, facts: int) -> list[str]:
    """What the writer acknowledged before it was killed, which is about `facts` facts later."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        asyncio.run(write(url, name, writing))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        acknowledged = [told.readline().strip() for _ in range(facts)]
        os.kill(pid, signal.SIGKILL)
        acknowledged += [line.strip() for line in told]
    os.waitpid(pid, 0)
    return acknowledged


chance = random.Random()
for life in range(int(sys.argv[2])):
    told = live_and_die(sys.argv[1], f"life{life}", chance.randrange(1, 12))
    sys.stdout.write(json.dumps(told) + "\n")
