"""Vectors beside words: what is found by meaning, and a server that is away, slow or odd, which costs a note alone."""

import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.drafting.http import Server
from bot.knowledge import embeddings
from bot.knowledge.embeddings import ServedEmbedder
from bot.knowledge.index import RowChanges
from bot.knowledge.library import Changes, Library
from bot.knowledge.retrieval import Retriever
from bot.knowledge.vectors import AT_ONCE, VectorIndex, fuse_ranks, pack_vectors
from playground.model_server import ModelDouble, RawBody, RefusedText, server_error
from storage.records import Turn
from storage.repositories.knowledge import Knowledge
from tests.bot.desk import Desk

MEANINGS = (
    {"refund", "money", "reimbursed"},
    {"parcel", "delivery", "shipped"},
    {"lamp", "bulb", "light"},
    {"open", "nine"},
)
PAGES = {
    "refunds": "A refund takes five days.",
    "parcels": "Each parcel has a number.",
    "lamps": "The bulb is an E27.",
    "hours": "We open at nine.",
}
PARAPHRASE = "When am I reimbursed?"


def embed_meaning(text: str) -> Sequence[float]:
    words = {word.strip("?.!,").casefold() for word in text.split()}
    return [float(len(words & meaning)) for meaning in MEANINGS] + [0.1]


@pytest.fixture
async def double() -> AsyncIterator[ModelDouble]:
    async with ModelDouble.start() as double:
        double.embed = embed_meaning
        yield double


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pages(tmp_path / "help", PAGES)


def write_pages(folder: Path, pages: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


@asynccontextmanager
async def open_library(
    desk: Desk, double: ModelDouble, *, model: str = "small", limit_s: float = 120.0
) -> AsyncIterator[Library]:
    server = Server(base_url=double.base_url, api_key="key")
    embedder = ServedEmbedder(model, server=server, clock=desk.clock.monotonic, limit_s=limit_s)
    try:
        yield Library(Knowledge(desk.store.database), now=desk.clock.now, embedder=embedder)
    finally:
        await server.aclose()


async def find(library: Library, question: str, limit: int = 1) -> list[str]:
    return [hit.document.title for hit in await library.search(question, limit=limit)]


async def add(library: Library, *paths: Path) -> Changes:
    return await library.add(paths, internal=False, collection="", actor="cli")


async def test_what_has_the_same_meaning_is_found_without_a_common_word(
    desk: Desk, double: ModelDouble, folder: Path
) -> None:
    async with open_library(desk, double) as library:
        changes = await add(library, folder)
        assert (changes.embedded, changes.unembedded, changes.note) == (4, 0, None)
        assert await find(library, PARAPHRASE) == ["refunds"]
        (hit,) = await library.search(PARAPHRASE, limit=1)
        assert hit.covered == 0
        assert hit.near > 0.5
        found = await Retriever(library).find((Turn(role="customer", text=PARAPHRASE),), team_id="T1", channel_id="C1")
        assert [passage.title for passage in found.passages] == ["refunds"]
        nothing = await Retriever(library).find(
            (Turn(role="customer", text="Quelle heure?"),), team_id="T1", channel_id="C1"
        )
        assert nothing.retrieved == ()
    assert {call["model"] for call in double.embedding_calls} == {"small"}


async def test_words_and_meaning_count_both(desk: Desk, double: ModelDouble, folder: Path) -> None:
    write_pages(folder, {"late": "Reimbursed orders are listed at nine."})
    async with open_library(desk, double) as library:
        await add(library, folder)
        assert await find(library, PARAPHRASE, limit=2) == ["late", "refunds"]
        assert await library.search(PARAPHRASE, limit=3, collections={"other"}) == []


async def test_only_what_lacks_a_vector_is_embedded(desk: Desk, double: ModelDouble, folder: Path) -> None:
    rows = [{"id": f"d{n}", "text": f"Row {n} of lamps."} for n in range(AT_ONCE + 3)]
    file = folder / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    async with open_library(desk, double) as library:
        assert (await add(library, folder)).embedded == len(rows) + len(PAGES)
        rows[0]["text"] = "A parcel."
        file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        refreshed = await library.refresh(actor="cli")
        assert (refreshed.passages, refreshed.embedded) == (len(rows), 1)
    async with open_library(desk, double, model="large") as library:
        assert (await library.refresh(actor="cli")).embedded == len(rows) + len(PAGES)
        assert await find(library, PARAPHRASE) == ["refunds"]
    async with open_library(desk, double) as library:
        assert await find(library, PARAPHRASE) == [], "vectors of another model are not compared with"
    assert max(len(call["input"]) for call in double.embedding_calls) == AT_ONCE


async def test_a_model_whose_vectors_have_another_size_is_embedded_anew(
    desk: Desk, double: ModelDouble, folder: Path
) -> None:
    async with open_library(desk, double) as library:
        await add(library, folder)
        double.embed = lambda text: [*embed_meaning(text), 0.1]
        assert await find(library, PARAPHRASE) == [], "searched by words alone"
        (folder / "new.txt").write_text("Delivery is free.", encoding="utf-8")
        assert (await library.refresh(actor="cli")).embedded == len(PAGES) + 1
        assert await find(library, PARAPHRASE) == ["refunds"]


@pytest.mark.filterwarnings("ignore:Pydantic serializer")
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (server_error(), "HTTP 500"),
        (RawBody(body=b'{"data": []}'), "no usable vectors"),
        (RawBody(body=b'{"data": [{"embedding": []}]}'), "no usable vectors"),
        (RawBody(body=b'{"data": [{"embedding": [0.0, 0.0]}]}'), "no usable vectors"),
        (RawBody(body=b'{"data": [{"embedding": ["a"]}]}'), "no usable vectors"),
        (RawBody(body=b'{"data": [{"embedding": [1e999, 1]}]}'), "no usable vectors"),
        (RawBody(body=b'{"data": null}'), "no usable vectors"),
        (RawBody(body=b"[]"), "no usable vectors"),
        (RawBody(body=b"<html>"), "no usable vectors"),
        (RawBody(body=b""), "no usable vectors"),
    ],
)
async def test_a_server_that_fails_costs_a_note(
    desk: Desk, double: ModelDouble, folder: Path, caplog: pytest.LogCaptureFixture, fault: Any, told: str
) -> None:
    async with open_library(desk, double) as library:
        double.embeddings_fault = fault
        changes = await add(library, folder)
        assert (changes.files, changes.embedded, changes.unembedded) == (4, 0, 4)
        assert told in (changes.note or "")
        assert changes.refused == []
        double.embeddings_fault = None
        assert (await library.refresh(actor="cli")).embedded == 4
        double.embeddings_fault = fault
        with caplog.at_level(logging.WARNING):
            assert await find(library, "refund") == ["refunds"]
        assert told in caplog.text


async def test_a_passage_that_the_server_refuses_leaves_the_others_theirs(
    desk: Desk, double: ModelDouble, folder: Path
) -> None:
    def refuse_parcels(text: str) -> Sequence[float]:
        if "parcel" in text:
            raise RefusedText
        return embed_meaning(text)

    double.embed = refuse_parcels
    async with open_library(desk, double) as library:
        changes = await add(library, folder)
        assert (changes.embedded, changes.unembedded, changes.note) == (3, 1, "the server answered HTTP 413")
        assert await find(library, PARAPHRASE) == ["refunds"]
        assert await find(library, "parcel number") == ["parcels"]
        double.embed = embed_meaning
        assert (await library.refresh(actor="cli")).embedded == 1


async def test_a_server_that_cannot_be_reached_costs_a_note(desk: Desk, folder: Path) -> None:
    async with ModelDouble.start() as double:
        pass
    async with open_library(desk, double) as library:
        changes = await add(library, folder)
        assert "cannot be reached" in (changes.note or "")
        assert await find(library, "refund") == ["refunds"]


async def test_a_slow_server_is_not_waited_for_and_then_left_alone(
    desk: Desk, double: ModelDouble, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "FAILURES", 2)
    async with open_library(desk, double) as library:
        await add(library, folder)
    async with open_library(desk, double, limit_s=0.01) as library:
        double.embeddings_latency_s = 60.0
        embedded = len(double.embedding_calls)
        for _ in range(4):
            assert await find(library, "refund") == ["refunds"]
        assert len(double.embedding_calls) - embedded <= 2
        desk.clock.tick(embeddings.PAUSE_S + 1)
        await find(library, "refund")


async def test_other_processes_see_new_vectors(desk: Desk, double: ModelDouble, folder: Path) -> None:
    double.embeddings_fault = server_error()
    async with open_library(desk, double) as reader, open_library(desk, double) as writer:
        await add(writer, folder)
        assert await find(reader, PARAPHRASE) == []
        double.embeddings_fault = None
        await writer.refresh(actor="cli")
        assert await find(reader, PARAPHRASE) == ["refunds"]


def test_vectors_follow_what_becomes_of_their_rows() -> None:
    vectors = np.eye(4, dtype=np.float32)
    packed: list[bytes | None] = [*pack_vectors(vectors)]
    kept = np.array([1, -1, 2, 4])
    changes = RowChanges(kept=kept, added=np.array([0, 3]), size=5)
    followed = VectorIndex(packed).apply(changes, [packed[1], None])
    made = VectorIndex([packed[1], packed[0], packed[2], None, packed[3]])
    for vector in vectors:
        assert followed.measure(vector).tolist() == made.measure(vector).tolist()
    gone = RowChanges(kept=np.full(5, -1), added=np.array([0]), size=1)
    wider = followed.apply(gone, pack_vectors(np.eye(6, dtype=np.float32)[:1]))
    assert wider.measure(np.eye(6, dtype=np.float32)[0]).shape == (1,)
    assert not followed.apply(RowChanges(kept=np.full(5, -1), added=np.array([], dtype=np.int64), size=0), [])


def test_rankings_are_fused_by_their_places() -> None:
    words, meaning = np.array([9.0, 5.0, 0.0, 0.0]), np.array([0.1, 0.9, 0.5, -1.0])
    fused = fuse_ranks(words, meaning)
    assert fused[1] == pytest.approx(1 / 62 + 1 / 61)
    assert fused[0] == pytest.approx(1 / 61 + 1 / 63)
    assert fused[2] == pytest.approx(1 / 62)
    assert fused[3] == 0


def test_rows_without_a_vector_are_near_nothing() -> None:
    vectors = np.eye(3, dtype=np.float32)
    packed = [*pack_vectors(vectors), None, b"\0\0"]
    near = VectorIndex(packed).measure(vectors[0])
    assert near[0] == pytest.approx(1)
    assert near[1] < 0
    assert near[3:].tolist() == [0, 0]
    assert not VectorIndex([])
    assert VectorIndex([None]).measure(vectors[0]).tolist() == [0]
