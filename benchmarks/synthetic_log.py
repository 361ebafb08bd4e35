"""Make an invented choice log of any size, for measurements and for looking at a full report.

    python -m benchmarks.synthetic_log --requests 1000000 big.db

All of it is invented: a year of 50 agents, of which a few ask most; 5 candidates each, of 8 styles and 2 models, of
which some fail or repeat another; agents who take more or less, and who prefer the first place; redrafts and undos.
The same number makes the same log, but for the letters that texts are padded with.
"""

import argparse
import asyncio
import random
import sqlite3
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from storage.engine.database import Database
from storage.schema import migrate

K = 5
AGENTS = 50
START = 1763812800  # nobody's own time: the year before the benchmark's present
YEAR_S = 365 * 24 * 3600

STYLES = ("direct", "warm", "detailed", "steps", "apology", "question", "brief", "formal")
APPEAL = (1.3, 1.2, 1.0, 1.1, 0.6, 0.8, 1.0, 0.7)
PULL = (0.0, 1.9, 1.1, 0.9, 0.85, 0.8)  # of the places, from 1
CHANNELS = ("C0ORDERS", "C0RETURNS", "C0BILLING", "C0ACCOUNTS", "C0PRESS")
SURFACES = ("slash", "slash", "slash", "shortcut", "mention")
REASONS = ("irrelevant", "incorrect", "incorrect", "wrong_tone", "needs_action_first", None, None)
ERRORS = ("timed_out", "timed_out", "rate_limited", "server_error", "refused")

_DRAWN = """CREATE TEMP TABLE drawn (i INTEGER PRIMARY KEY, agent TEXT, channel TEXT, surface TEXT, seconds REAL,
    status TEXT, kind TEXT, reason TEXT, parent TEXT, styles TEXT, places TEXT, chosen INTEGER, similarity REAL,
    wait_ms INTEGER, decision_ms INTEGER, shown INTEGER, error TEXT, undone INTEGER)"""

_AT = "strftime('%Y-%m-%dT%H:%M:%fZ', seconds, 'unixepoch')"
_SHOWN_AT = (
    "CASE WHEN status <> 'failed' THEN strftime('%Y-%m-%dT%H:%M:%fZ', seconds + wait_ms / 1000.0, 'unixepoch') END"
)
_CHOSEN_AT = "strftime('%Y-%m-%dT%H:%M:%fZ', seconds + (wait_ms + decision_ms) / 1000.0, 'unixepoch')"
_TEXT = "'Reply ' || i || ' in a few sentences, as long as such replies are. ' || hex(randomblob(120))"
_FACTORIAL = "CASE shown WHEN 0 THEN NULL WHEN 1 THEN 1.0 WHEN 4 THEN 1.0 / 24 ELSE 1.0 / 120 END"
_STYLE = "CAST(substr(styles, s + 1, 1) AS INTEGER)"
_PLACE = "CAST(substr(places, s + 1, 1) AS INTEGER)"
_STYLES = ", ".join(f"({number}, '{name}')" for number, name in enumerate(STYLES))
_K = "(VALUES (0), (1), (2), (3), (4))"

_STATEMENTS = (
    f"""INSERT INTO requests (id, team_id, channel_id, agent_id, surface, locale, created_at, handed_at,
        shown_at, status, k_requested, prompt_version, policy, policy_params, order_propensity, parent_request_id,
        simulated, app_version, conversation, text_kept)
    SELECT printf('r%012d', i), 'T0BENCH', channel, agent, surface, 'en-US', {_AT}, {_SHOWN_AT}, {_SHOWN_AT}, status,
        {K}, CASE WHEN seconds < {START + YEAR_S // 2} THEN 'benchmark' ELSE 'benchmark2' END, 'uniform', '{{}}',
        {_FACTORIAL}, parent, 0, '0', '[{{"role":"customer","text":"Where is my order number ' || i || '?"}}]',
        'redacted'
    FROM drawn ORDER BY i""",
    f"""WITH k(s) AS {_K}, style(number, name) AS (VALUES {_STYLES})
    INSERT INTO candidates (id, request_id, sample_index, position, style, model, temperature, text, error,
        dropped_reason, duplicate_of, shown_at, latency_ms, attempts, finish_reason, prompt_tokens, completion_tokens,
        first_propensity, inclusion_propensity, sources)
    SELECT printf('c%012d-%d', i, s), printf('r%012d', i), s, nullif({_PLACE}, 0), style.name,
        CASE WHEN style.number % 4 = 2 THEN 'large' ELSE 'small' END, 0.7,
        CASE WHEN {_PLACE} > 0 OR error IS NULL THEN {_TEXT} END, CASE WHEN {_PLACE} = 0 THEN error END,
        CASE WHEN {_PLACE} = 0 AND error IS NULL THEN 'near_duplicate' END,
        CASE WHEN {_PLACE} = 0 AND error IS NULL THEN printf('c%012d-%d', i, (s + 1) % {K}) END,
        CASE WHEN {_PLACE} > 0 THEN {_SHOWN_AT} END, wait_ms * (60 + 8 * s) / 100, 1,
        CASE WHEN {_PLACE} > 0 OR error IS NULL THEN 'stop' END,
        CASE WHEN {_PLACE} > 0 OR error IS NULL THEN 380 + i % 240 END,
        CASE WHEN {_PLACE} > 0 OR error IS NULL THEN 40 + (i * 7 + s * 31) % 130 END,
        CASE WHEN {_PLACE} > 0 THEN 1.0 / shown END, {K}.0 / {len(STYLES)}, '[]'
    FROM drawn CROSS JOIN k JOIN style ON style.number = {_STYLE} ORDER BY i, s""",
    f"""INSERT INTO choices (id, request_id, kind, candidate_id, final_text, reason, edit_similarity, agent_id,
        chosen_at, decision_ms, visible_candidate_ids)
    SELECT printf('h%012d', i), printf('r%012d', i), kind, CASE WHEN kind <> 'dismissed' THEN
        printf('c%012d-%d', i, chosen) END, CASE WHEN kind <> 'dismissed' THEN {_TEXT} END, reason, similarity,
        agent, {_CHOSEN_AT}, decision_ms, '[]' FROM drawn WHERE kind IS NOT NULL ORDER BY i""",
    f"""INSERT INTO choices (id, request_id, kind, candidate_id, final_text, edit_similarity, agent_id, chosen_at,
        decision_ms, visible_candidate_ids, retracted_at)
    SELECT printf('g%012d', i), printf('r%012d', i), 'used', printf('c%012d-%d', i, chosen), {_TEXT}, 1.0, agent,
        {_CHOSEN_AT}, decision_ms, '[]', {_CHOSEN_AT} FROM drawn WHERE undone ORDER BY i""",
    f"""WITH t(type) AS (VALUES ('shown'), ('chosen'), ('sent')) INSERT INTO events (request_id, type, at, agent_id,
        candidate_id, data)
    SELECT printf('r%012d', i), CASE WHEN type = 'chosen' THEN coalesce(kind, status) ELSE type END,
        CASE WHEN type = 'shown' THEN {_SHOWN_AT} ELSE {_CHOSEN_AT} END, agent,
        CASE WHEN type <> 'shown' AND chosen IS NOT NULL THEN printf('c%012d-%d', i, chosen) END, '{{}}'
    FROM drawn CROSS JOIN t WHERE status <> 'failed' AND (type <> 'sent' OR kind IN ('used', 'edited'))
        AND (type <> 'chosen' OR kind IS NOT NULL OR status IN ('redrafted', 'expired')) ORDER BY i""",
    """INSERT INTO events (request_id, type, at, agent_id, data)
    SELECT request_id, 'undone', retracted_at, agent_id, json_object('choice', json_object('id', id))
    FROM choices WHERE retracted_at IS NOT NULL""",
    """INSERT INTO deliveries (id, choice_id, request_id, part, state, address, channel_id, message_ts, attempts)
    SELECT printf('d%012d', i), printf('h%012d', i), printf('r%012d', i), 0, 'done', 'channel', channel,
        printf('%d.000100', i), 1 FROM drawn WHERE kind IN ('used', 'edited') ORDER BY i""",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.synthetic_log", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    started = time.monotonic()
    fill_database(options.file, options.requests)
    size = options.file.stat().st_size / 2**20
    print(f"{options.requests} requests, {size:.0f} MB, {time.monotonic() - started:.0f} s")


def fill_database(path: Path, count: int) -> None:
    """Make a new database with `count` recorded requests."""
    asyncio.run(_migrate(path))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(_DRAWN)
        connection.executemany(f"INSERT INTO drawn VALUES ({', '.join('?' * 18)})", _draw(count))
        for statement in _STATEMENTS:
            connection.execute(statement)
        connection.execute("DROP TABLE drawn")
    connection.execute("ANALYZE")
    connection.close()


def _draw(count: int) -> Iterator[tuple[Any, ...]]:
    rng = random.Random(7)
    tempers = [rng.betavariate(9, 3) for _ in range(AGENTS)]  # how much of what they see each agent takes
    shares = list(accumulate(1 / (agent + 3) for agent in range(AGENTS)))
    parent = None
    for i in range(count):
        agent = rng.choices(range(AGENTS), cum_weights=shares)[0]
        row = _draw_request(rng, tempers[agent])
        seconds = START + round((i + rng.random()) * YEAR_S / count, 3)
        place = (f"U{agent:03}", CHANNELS[(agent + i % 2) % len(CHANNELS)], SURFACES[i % len(SURFACES)], seconds)
        yield (i, *place, *row[:3], parent, *row[3:])
        parent = f"r{i:012}" if row[0] == "redrafted" else None


def _draw_request(rng: random.Random, temper: float) -> tuple[Any, ...]:
    """Draw one request: status, kind of choice, reason, styles, places, chosen, and the rest of its row."""
    styles = rng.sample(range(len(STYLES)), K)
    missing = rng.random()
    shown = 0 if missing < 0.01 else K - 1 if missing < 0.09 else K
    error = rng.choice(ERRORS) if missing < 0.05 else None  # else what is missing repeats another
    places = rng.sample([*range(1, shown + 1), *[0] * (K - shown)], K)
    wait = min(24_000, int(rng.lognormvariate(7.0, 0.35)))
    decision = int(rng.lognormvariate(9.0, 0.9))
    status, kind = _draw_outcome(rng, temper) if shown else ("failed", None)
    reason = rng.choice(REASONS) if kind == "dismissed" else None
    chosen = similarity = None
    if kind in {"used", "edited"}:
        weights = [PULL[place] * APPEAL[style] for place, style in zip(places, styles, strict=True)]
        chosen = rng.choices(range(K), weights)[0]
        similarity = 1.0 if kind == "used" else round(rng.betavariate(6, 1.7), 4)
    drawn = ("".join(map(str, styles)), "".join(map(str, places)))
    undone = kind is not None and chosen is not None and rng.random() < 0.02
    return (status, kind, reason, *drawn, chosen, similarity, wait, decision, shown, error, int(undone))


def _draw_outcome(rng: random.Random, temper: float) -> tuple[str, str | None]:
    if rng.random() < temper:
        return "shown", "edited" if rng.random() < 0.3 else "used"
    other = rng.random()
    if other < 0.4:
        return "shown", "dismissed"
    return ("redrafted", None) if other < 0.65 else ("expired", None)


async def _migrate(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    await migrate(database)
    await database.aclose()


if __name__ == "__main__":
    main()
