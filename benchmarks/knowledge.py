"""The search of knowledge: quality on questions about the demo's help centre, speed, and cost for a suggestion.

python -m benchmarks.knowledge quality      # beside LIKE and plain BM25
python -m benchmarks.knowledge speed        # 100,000 invented passages
python -m benchmarks.knowledge cost         # CPU of suggestions with knowledge and without, in turn
"""

import argparse
import asyncio
import json
import math
import random
import re
import sqlite3
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from benchmarks import main_path
from benchmarks.systems import OURS
from bot.knowledge.evaluation import Answered, Evaluation, Question, evaluate, parse_questions
from bot.knowledge.index import K1, B
from bot.knowledge.library import Library
from cli import wiring
from cli.commands.demo import add_help_center
from cli.repositories import Records, open_records

QUESTIONS = Path(__file__).with_suffix(".jsonl")
PASSAGES, ADDED, FEW, SEARCHES = 100_000, 10_000, 10, 200
WORDS, WORDS_EACH, WORDS_ASKED = 30_000, 60, 9
DEPTH = 10

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_RUN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+|[^\W_\u3040-\u30ff\u3400-\u9fff]+")

Ranker = Callable[[str], Mapping[str, float]]
"""From a question to scores by document."""

Texts = list[tuple[str, str]]
"""Passages with their documents' ids."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.knowledge", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("study", choices=("quality", "speed", "cost"))
    parser.add_argument("--rounds", type=int, default=3, help="of `cost`")
    options = parser.parse_args(arguments)
    if options.study == "quality":
        asyncio.run(measure_quality())
    elif options.study == "speed":
        asyncio.run(measure_speed())
    else:
        measure_cost(options.rounds)


# --- quality ------------------------------------------------------------------------------------------


async def measure_quality() -> None:
    """Print hit@1, hit@3 and MRR of three searches, for all questions and by language."""
    questions = parse_questions(QUESTIONS.read_text(encoding="utf-8"))
    async with _open_library() as (library, records):
        await add_help_center(records)
        ids = [listed.document.id for listed in await library.list_documents()]
        documents = [document for each in ids if (document := await library.get(each)) is not None]
        ours = await evaluate(library, questions)
    texts = [
        (document.id, f"{document.title}\n{passage.heading}\n{passage.text}".casefold())
        for document in documents
        for passage in document.passages
    ]
    print("| search | questions | hit@1 | hit@3 | MRR |\n|---|---|---|---|---|")
    for name, evaluation in (
        ("LIKE", _rank_all(questions, _make_like(texts))),
        ("plain BM25", _rank_all(questions, _make_plain_bm25(texts))),
        ("ours", ours),
    ):
        for language, chosen in _group_by_language(questions, evaluation).items():
            figures = f"{chosen.measure_hits(1):.3f} | {chosen.measure_hits(3):.3f} | {chosen.mrr:.3f}"
            print(f"| {name} | {language}, {len(chosen.answered)} | {figures} |")


def _group_by_language(questions: list[Question], evaluation: Evaluation) -> dict[str, Evaluation]:
    groups: dict[str, list[Answered]] = {"all": list(evaluation.answered)}
    for question, answered in zip(questions, evaluation.answered, strict=True):
        folder = min(question.expected).split("/")[0]
        groups.setdefault("en" if folder == "internal" else folder, []).append(answered)
    return {language: Evaluation(answered=each) for language, each in groups.items()}


def _rank_all(questions: list[Question], rank: Ranker) -> Evaluation:
    answered = []
    for one in questions:
        scores = rank(one.question.casefold())
        found = sorted((each for each in scores if scores[each] > 0), key=lambda each: (-scores[each], each))[:DEPTH]
        place = next((n for n, each in enumerate(found, 1) if each in one.expected), None)
        answered.append(Answered(question=one.question, found=found, rank=place))
    return Evaluation(answered=answered)


def _make_like(texts: Texts) -> Ranker:
    """Count the question's words, and pairs of characters in Chinese, that SQLite's LIKE finds in a passage."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE passages (id, text)")
    database.executemany("INSERT INTO passages VALUES (?, ?)", texts)

    def rank(question: str) -> dict[str, float]:
        runs = _RUN.findall(question)
        words = {part for run in runs for part in (map("".join, pairwise(run)) if run[0] >= "\u3040" else [run])}
        if not words:
            return {}
        matches = " + ".join(["(text LIKE ?)"] * len(words))
        query = f"SELECT id, max({matches}) FROM passages GROUP BY id"
        return dict(database.execute(query, [f"%{word}%" for word in words]))

    return rank


def _make_plain_bm25(texts: Texts) -> Ranker:
    """Rank by BM25 with the product's constants, by whole words and single Chinese characters alone."""
    counts = [Counter(_WORD.findall(text)) for _, text in texts]
    found_in = Counter(word for each in counts for word in each)
    mean = statistics.fmean(each.total() for each in counts)

    def rank(question: str) -> dict[str, float]:
        scores: dict[str, float] = defaultdict(float)
        asked = {word: math.log1p((len(texts) - n + 0.5) / (n + 0.5)) for word, n in _look_up(question, found_in)}
        for (document, _), each in zip(texts, counts, strict=True):
            norm = K1 * (1 - B + B * each.total() / mean)
            score = sum(rarity * each[word] * (K1 + 1) / (each[word] + norm) for word, rarity in asked.items())
            scores[document] = max(scores[document], score)
        return scores

    return rank


def _look_up(question: str, found_in: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return ((word, found_in[word]) for word in set(_WORD.findall(question)) if word in found_in)


# --- speed --------------------------------------------------------------------------------------------


async def measure_speed() -> None:
    """Print how long a search takes among PASSAGES, and adding ADDED to none."""
    rng = random.Random(1)
    words = [f"{rng.randrange(36**4):x}{number:x}" for number in range(WORDS)]
    weights = list(accumulate(1 / rank for rank in range(1, WORDS + 1)))

    def draw(n: int) -> str:
        return " ".join(rng.choices(words, cum_weights=weights, k=n))

    async with _open_library() as (library, _):
        seconds = await _add_invented(library, [draw(WORDS_EACH) for _ in range(ADDED)])
        print(f"adding {ADDED:,} passages: {seconds:.1f} s")
        await _add_invented(library, [draw(WORDS_EACH) for _ in range(PASSAGES - ADDED)])
        start = time.perf_counter()
        await library.search("first", limit=4)
        print(f"index of {PASSAGES:,} passages made: {time.perf_counter() - start:.1f} s")
        seconds = await _add_invented(library, [draw(WORDS_EACH) for _ in range(FEW)])
        start = time.perf_counter()
        await library.search("first", limit=4)
        print(f"{FEW} more: {seconds:.1f} s, followed by the next search in {time.perf_counter() - start:.1f} s")
        times = []
        for _ in range(SEARCHES):
            question = draw(WORDS_ASKED)
            start = time.perf_counter()
            await library.search(question, limit=4)
            times.append(time.perf_counter() - start)
    centiles = statistics.quantiles(times, n=100)
    print(f"a search among {PASSAGES:,}: {1000 * centiles[49]:.1f} ms, p95 {1000 * centiles[94]:.1f} ms")


async def _add_invented(library: Library, texts: list[str]) -> float:
    """Add passages, one a document, from a file of JSON Lines; return the seconds."""
    with tempfile.TemporaryDirectory(prefix="suggest-benchmark-") as directory:
        file = await asyncio.to_thread(_write_rows, Path(directory, "invented.jsonl"), texts)
        start = time.perf_counter()
        await library.add([file], internal=False, collection="", actor="benchmark")
        return time.perf_counter() - start


def _write_rows(file: Path, texts: list[str]) -> Path:
    rows = [json.dumps({"id": f"{len(texts)}-{n}", "title": "", "text": text}) for n, text in enumerate(texts)]
    file.write_text("\n".join(rows), encoding="utf-8")
    return file


# --- cost ---------------------------------------------------------------------------------------------


def measure_cost(rounds: int) -> None:
    """Print the CPU of a suggestion with the help centre in the database by one without, in turn."""
    cpu: dict[str, list[float]] = {"without": [], "with": []}
    for number in range(rounds):
        for name, figures in cpu.items():
            with tempfile.TemporaryDirectory(prefix="suggest-benchmark-") as directory:
                url = f"sqlite:///{directory}/suggest.db"
                asyncio.run(_prepare(url, {"without": [], "with": [add_help_center]}[name]))
                result = main_path.measure_once(OURS, ["--database-url", url, "--duration", "6"], seed=number)
            figures.append(result.cpu_ms)
            print(f"round {number + 1}, {name}: {result.cpu_ms:.1f} ms, {result.lost} lost")
    without, with_knowledge = (statistics.median(figures) for figures in cpu.values())
    print(f"CPU a suggestion: {with_knowledge:.1f} ms with, {without:.1f} without: {with_knowledge / without:.2f}")


async def _prepare(url: str, steps: list[Callable[[Records], Any]]) -> None:
    async with open_records(url) as records:
        for step in steps:
            await step(records)


@asynccontextmanager
async def _open_library() -> AsyncIterator[tuple[Library, Records]]:
    """Open the library of a new database."""
    with tempfile.TemporaryDirectory(prefix="suggest-benchmark-") as directory:
        async with open_records(f"sqlite:///{directory}/suggest.db") as records:
            yield wiring.make_library(records), records


if __name__ == "__main__":
    main()
