"""A choice log of any size, for measuring what its size costs.

    python -m benchmarks.fill --requests 1000000 big.db

All of it is invented by SQL, within the database: requests of 50 agents, 5 candidates each, a choice on nine of ten.
"""

import argparse
import asyncio
import sqlite3
import time
from pathlib import Path

from storage.database import Database
from storage.schema import migrate

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)"
# Nobody's own time: spread over the year before the benchmark's present.
_AT = "strftime('%Y-%m-%dT%H:%M:%S', 1763812800 + i * 30, 'unixepoch') || '.000Z'"
_TEXT = "'Reply ' || i || ' in a few sentences, as long as such replies are. ' || hex(randomblob(120))"

_STATEMENTS = (
    f"""{_NUMBERS} INSERT INTO requests (id, team_id, channel_id, agent_id, surface, locale, created_at, handed_at,
        shown_at, status, k_requested, prompt_version, policy, policy_params, order_propensity, simulated, app_version,
        conversation)
    SELECT printf('r%012d', i), 'T0BENCH', 'C0BENCH', printf('U%03d', i % 50), 'slash', 'en-US', {_AT}, {_AT}, {_AT},
        CASE WHEN i % 10 = 9 THEN 'expired' ELSE 'shown' END, 5, 'benchmark', 'uniform', '{{}}', 1.0 / 120, 0, '0',
        '[{{"role":"customer","text":"Where is my order number ' || i || '?"}}]' FROM n""",
    f"""{_NUMBERS}, k(s) AS (VALUES (0), (1), (2), (3), (4)) INSERT INTO candidates (id, request_id, sample_index,
        position, style, model, temperature, text, latency_ms, attempts, finish_reason, prompt_tokens,
        completion_tokens, first_propensity, inclusion_propensity, sources)
    SELECT printf('c%012d-%d', i, s), printf('r%012d', i), s, s + 1, 'style' || s, 'benchmark', 0.7, {_TEXT}, 700, 1,
        'stop', 400, 90, 0.2, 1.0, '[]' FROM n, k""",
    f"""{_NUMBERS} INSERT INTO choices (id, request_id, kind, candidate_id, final_text, edit_similarity, agent_id,
        chosen_at, decision_ms, visible_candidate_ids)
    SELECT printf('h%012d', i), printf('r%012d', i), 'used', printf('c%012d-%d', i, i % 5), {_TEXT}, 1.0,
        printf('U%03d', i % 50), {_AT}, 4000, '[]' FROM n WHERE i % 10 <> 9""",
    f"""{_NUMBERS}, t(type) AS (VALUES ('shown'), ('used'), ('sent')) INSERT INTO events (request_id, type, at,
        agent_id, data)
    SELECT printf('r%012d', i), type, {_AT}, printf('U%03d', i % 50), '{{}}' FROM n, t""",
    f"""{_NUMBERS} INSERT INTO deliveries (id, choice_id, request_id, part, state, address, channel_id, message_ts,
        attempts)
    SELECT printf('d%012d', i), printf('h%012d', i), printf('r%012d', i), 0, 'done', 'channel', 'C0BENCH',
        printf('%d.000100', i), 1 FROM n WHERE i % 10 <> 9""",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fill", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    started = time.monotonic()
    fill(options.file, options.requests)
    size = options.file.stat().st_size / 2**20
    print(f"{options.requests} requests, {size:.0f} MB, {time.monotonic() - started:.0f} s")


def fill(path: Path, count: int) -> None:
    """A new database with `count` recorded requests."""
    asyncio.run(_migrate(path))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for statement in _STATEMENTS:
            connection.execute(statement, {"count": count})
    connection.execute("ANALYZE")
    connection.close()


async def _migrate(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    await migrate(database)
    await database.aclose()


if __name__ == "__main__":
    main()
