"""Choice logs for the ranking's tests: entries by hand, and agents who pick by utilities that are known."""

import gzip
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import exp
from pathlib import Path

import zstandard

from bot.choice_log import to_json_line
from bot.ranking.choice_sets import ChoiceSet, collect_training_set
from storage.records import Candidate, Choice, ChoiceKind, LogEntry, Request, Status, Turn

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
_SENTENCE = "your order was sent today and it will arrive on friday with the next truck from our store"
WORDS = _SENTENCE.split()


def make_entry(
    *texts: str,
    picked: int | None = None,
    kind: ChoiceKind = "used",
    agent: str = "U1",
    number: int = 0,
    status: Status = "shown",
) -> LogEntry:
    """Texts in the order shown; `picked` is an index into them. Without it, nobody decided, unless it is dismissed."""
    request = Request(
        id=f"r{number}",
        team_id="T1",
        channel_id="C1",
        agent_id=agent,
        surface="slash",
        locale="en-US",
        created_at=AT + timedelta(minutes=number),
        status=status,
        k_requested=len(texts),
        prompt_version="p1",
        app_version="0.1.0",
        conversation=(Turn(role="customer", text="Where is my order?"),),
    )
    candidates = tuple(
        Candidate(
            id=f"r{number}c{index}",
            request_id=request.id,
            sample_index=index,
            position=index + 1,
            style=("direct", "warm", "detailed")[index % 3],
            model="m1",
            text=text,
        )
        for index, text in enumerate(texts)
    )
    return LogEntry(request=request, candidates=candidates, choice=_choice(request, candidates, picked, kind))


def _choice(request: Request, candidates: tuple[Candidate, ...], picked: int | None, kind: ChoiceKind) -> Choice | None:
    if picked is None and kind != "dismissed":
        return None
    return Choice(
        id=f"{request.id}choice",
        request_id=request.id,
        kind=kind,
        candidate_id=None if picked is None else candidates[picked].id,
        final_text=None if picked is None else candidates[picked].text,
        agent_id=request.agent_id,
        chosen_at=request.created_at + timedelta(seconds=9),
        decision_ms=9000,
        visible_candidate_ids=tuple(candidate.id for candidate in candidates),
    )


def make_log(requests: int = 200, agents: int = 12, *, taste: float = 1.0, seed: int = 7) -> list[LogEntry]:
    """Agents who like short texts as much as `taste` says, and the first slot, each by another amount."""
    rng = random.Random(seed)
    pull = [rng.gauss(0.8, 0.8) for _ in range(agents)]
    entries = []
    for number in range(requests):
        agent = number % agents
        texts = [" ".join(rng.choices(WORDS, k=rng.randint(3, 30))) for _ in range(3)]
        utilities = [-taste * len(text) / 60 + pull[agent] * (index == 0) for index, text in enumerate(texts)]
        odds = [*map(exp, utilities), exp(-1.5)]
        picked = rng.choices(range(4), odds)[0]
        if picked == 3:
            entries.append(make_entry(*texts, kind="dismissed", agent=f"U{agent}", number=number))
        else:
            entries.append(make_entry(*texts, picked=picked, agent=f"U{agent}", number=number))
    return entries


def make_choice_sets(
    requests: int = 200, agents: int = 12, *, taste: float = 1.0, seed: int = 7
) -> tuple[ChoiceSet, ...]:
    """Styles stand at any position, as they do in a log whose order was drawn."""
    rng = random.Random(seed + 1)
    found = collect_training_set(make_log(requests, agents, taste=taste, seed=seed)).choice_sets
    return tuple(restyle(choice_set, *rng.sample(["direct", "warm", "detailed"], 3)) for choice_set in found)


def restyle(choice_set: ChoiceSet, *styles: str) -> ChoiceSet:
    """The same choice set, its candidates in these styles."""
    shown = (replace(item, style=style) for item, style in zip(choice_set.shown, styles, strict=True))
    return replace(choice_set, shown=tuple(shown))


def write_log(entries: Iterable[LogEntry], path: Path) -> Path:
    """As a file of lines, packed if its name says so."""
    text = "".join(map(to_json_line, entries)).encode()
    packed = {".gz": gzip.compress, ".zst": zstandard.compress}.get(path.suffix)
    path.write_bytes(packed(text) if packed else text)
    return path
