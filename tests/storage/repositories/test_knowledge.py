"""Knowledge: files in, passages out, the same on both engines, and for every process at once."""

import shutil
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.knowledge.library import Library
from bot.knowledge.vectors import Vectors
from storage.repositories.knowledge import IndexRow, Knowledge
from tests.storage.stores import AT, Store, open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "help"
    folder.mkdir()
    (folder / "returns.md").write_text("# Returns\n\nLamps may be sent back within 30 days.", encoding="utf-8")
    (folder / "shipping.md").write_text(
        "# Shipping\n\nParcels take three days.\n\n## Abroad\n\nA week.", encoding="utf-8"
    )
    return folder


@pytest.fixture
def library(store: Store) -> Library:
    return make_library(store)


def make_library(store: Store) -> Library:
    return Library(Knowledge(store.database), now=lambda: AT)


async def found(library: Library, question: str) -> list[str]:
    return [hit.document.id for hit in await library.search(question, limit=5)]


async def test_what_was_added_is_found(library: Library, folder: Path) -> None:
    changes = await library.add([folder], internal=False, collection="shop", actor="cli")
    assert (changes.documents, changes.passages, changes.refused) == (2, 3, [])
    (hit,) = await library.search("How do I send back a lamp?", limit=1)
    assert (hit.document.id, hit.passage.text) == ("help/returns.md", "Lamps may be sent back within 30 days.")
    assert await library.search("lamp", limit=3, collections={"other"}) == []


async def test_a_document_is_found_once_by_its_best_passage(library: Library, folder: Path) -> None:
    await library.add([folder], internal=False, collection="", actor="cli")
    (hit,) = [hit for hit in await library.search("shipping abroad", limit=5) if "shipping" in hit.document.id]
    assert (hit.passage.heading, hit.passage.text) == ("Abroad", "A week.")


@pytest.mark.parametrize("outer_first", [True, False])
async def test_a_folder_within_another_keeps_its_own_marks(
    library: Library, folder: Path, *, outer_first: bool
) -> None:
    inner = folder / "runbooks"
    inner.mkdir()
    (inner / "fraud.md").write_text("# Fraud\n\nAsk a lead.", encoding="utf-8")

    async def add_outer() -> None:
        await library.add([folder], internal=False, collection="shop", actor="cli")

    async def add_inner() -> None:
        await library.add([inner], internal=True, collection="desk", actor="cli")

    async def list_marks() -> dict[str, tuple[bool, str]]:
        documents = [listed.document for listed in await library.list_documents()]
        return {one.title: (one.internal, one.collection) for one in documents}

    for step in (add_outer, add_inner) if outer_first else (add_inner, add_outer):
        await step()
    marks = {"Fraud": (True, "desk"), "Returns": (False, "shop"), "Shipping": (False, "shop")}
    assert await list_marks() == marks
    (inner / "chargebacks.md").write_text("# Chargebacks\n\nNever.", encoding="utf-8")
    (inner / "fraud.md").write_text("# Fraud\n\nAsk two leads.", encoding="utf-8")
    refreshed = await library.refresh(actor="cli")
    assert (refreshed.files, refreshed.removed, refreshed.refused) == (2, 0, [])
    await add_outer()
    assert await list_marks() == {**marks, "Chargebacks": (True, "desk")}
    assert await library.remove([str(folder)], actor="cli") == 4
    assert await library.list_documents() == []


async def test_a_file_within_a_folder_keeps_its_own_marks(library: Library, folder: Path) -> None:
    await library.add([folder / "returns.md"], internal=True, collection="", actor="cli")
    await library.add([folder], internal=False, collection="", actor="cli")
    await library.refresh(actor="cli")
    marks = {listed.document.title: listed.document.internal for listed in await library.list_documents()}
    assert marks == {"Returns": True, "Shipping": False}


class LetterEmbedder:
    """Makes vectors of how often each letter stands in a text, and some zeros."""

    def __init__(self, model: str, zeros: int = 0) -> None:
        self.model = model
        self.embedded = 0
        self._zeros = zeros

    async def embed_question(self, question: str) -> Vectors:
        return self._embed(question)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += len(texts)
        return np.stack([self._embed(text) for text in texts])

    def _embed(self, text: str) -> Vectors:
        counts = [float(text.casefold().count(letter)) for letter in string.ascii_lowercase] + self._zeros * [0.0]
        vector = np.array(counts, dtype=np.float32)
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


async def test_vectors_are_kept_by_model_and_for_texts_that_stay(store: Store, folder: Path) -> None:
    async def embed(embedder: LetterEmbedder) -> int:
        library = Library(Knowledge(store.database), now=lambda: AT, embedder=embedder)
        changes = await library.add([folder], internal=False, collection="", actor="cli")
        assert changes.embedded == embedder.embedded
        (hit,) = await library.search("nruter spmal", limit=1)
        assert (hit.document.id, hit.covered, hit.near > 0) == ("help/returns.md", 0, True)
        return embedder.embedded

    assert await embed(LetterEmbedder("small")) == 3
    assert await embed(LetterEmbedder("small")) == 0
    (folder / "shipping.md").write_text("# Shipping\n\nParcels take three days.\n\n## Abroad\n\nTwo.", encoding="utf-8")
    assert await embed(LetterEmbedder("small")) == 1
    assert await embed(LetterEmbedder("large")) == 3
    (folder / "new.md").write_text("# Zebras\n\nNone.", encoding="utf-8")
    assert await embed(LetterEmbedder("large", zeros=2)) == 4, "its vectors have another size now"


class CountingKnowledge(Knowledge):
    """Counts how often all passages were read."""

    whole = 0

    async def read_index(self, model: str | None = None, *, sources: Any = None) -> list[IndexRow]:
        self.whole += sources is None
        return await super().read_index(model, sources=sources)


async def test_a_few_changes_are_followed_without_reading_everything(store: Store, folder: Path) -> None:
    knowledge = CountingKnowledge(store.database)
    follower, writer = Library(knowledge, now=lambda: AT), make_library(store)
    (folder / "rows.jsonl").write_text(
        "\n".join(f'{{"id": "row{n}", "text": "Lamp number {n}, {"very " * n}bright."}}' for n in range(9)),
        encoding="utf-8",
    )

    async def add() -> None:
        await writer.add([folder], internal=False, collection="", actor="cli")

    async def change() -> None:
        (folder / "returns.md").write_text("# Returns\n\nLamps within 60 days.\n\n## Bulbs\n\nNever.", encoding="utf-8")
        (folder / "rows.jsonl").write_text('{"id": "row3", "text": "A zebra lamp."}', encoding="utf-8")
        (folder / "aaa.md").write_text("# First\n\nBright lamps abroad.", encoding="utf-8")
        await writer.refresh(actor="cli")

    async def remove_one() -> None:
        await writer.remove(["help/shipping.md"], actor="cli")

    async def remove_all() -> None:
        await writer.remove([str(folder)], actor="cli")

    for step in (add, change, remove_one, remove_all, add):
        await step()
        fresh = make_library(store)
        for question in ("bright lamp", "lamps abroad", "zebra", "never", "very"):
            expected = [(hit.document.id, hit.passage.text, hit.score) for hit in await fresh.search(question, limit=9)]
            found = [(hit.document.id, hit.passage.text, hit.score) for hit in await follower.search(question, limit=9)]
            assert found == [(key, text, pytest.approx(score)) for key, text, score in expected], step.__name__
    assert knowledge.whole == 1


async def test_only_what_changed_is_read_again(library: Library, folder: Path, store: Store) -> None:
    await library.add([folder], internal=False, collection="", actor="cli")
    again = await library.add([folder], internal=False, collection="", actor="cli")
    assert (again.unchanged, again.files) == (2, 0)
    (folder / "returns.md").write_text("# Returns\n\nWithin 60 days.", encoding="utf-8")
    (folder / "new.md").write_text("# Zebras\n\nWe sell none.", encoding="utf-8")
    (folder / "shipping.md").unlink()
    refreshed = await library.refresh(actor="cli")
    assert (refreshed.files, refreshed.unchanged, refreshed.removed) == (2, 0, 1)
    assert await found(library, "zebras") == ["help/new.md"]
    assert await found(library, "parcels abroad") == []
    assert await store.count("audit") == 5, "three files at first and two now; one was removed"


async def test_other_processes_see_a_change_at_once(library: Library, folder: Path, url: str) -> None:
    async with open_store(url) as other:
        reader = make_library(other)
        assert await found(reader, "lamps") == []
        await library.add([folder], internal=False, collection="", actor="cli")
        assert await found(reader, "lamps") == ["help/returns.md"]
        await library.remove(["help/returns.md"], actor="cli")
        assert await found(reader, "lamps") == []


async def test_a_folder_that_is_gone_is_told_and_kept(library: Library, folder: Path) -> None:
    await library.add([folder], internal=False, collection="", actor="cli")
    shutil.move(folder, folder.with_name("elsewhere"))
    changes = await library.refresh(actor="cli")
    assert changes.refused == [f"{folder}: it is gone; `suggest knowledge remove {folder}` removes what was read"]
    assert await found(library, "lamps") == ["help/returns.md"]
    assert await library.remove([str(folder)], actor="cli") == 2


async def test_an_id_of_another_file_is_refused(library: Library, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "help/returns.md", "text": "mine"}', encoding="utf-8")
    await library.add([folder], internal=False, collection="", actor="cli")
    changes = await library.add([tmp_path / "a.jsonl"], internal=False, collection="", actor="cli")
    assert changes.refused == [
        f"{tmp_path}/a.jsonl: help/returns.md is the id of a document of {folder}/returns.md: name one otherwise"
    ]
    assert await found(library, "mine") == []


async def test_marks_may_change_without_the_content(library: Library, folder: Path) -> None:
    await library.add([folder], internal=False, collection="", actor="cli")
    await library.add([folder], internal=True, collection="desk", actor="cli")
    assert {(each.document.internal, each.document.collection) for each in await library.list_documents()} == {
        (True, "desk")
    }
