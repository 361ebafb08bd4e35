"""Drafts of two versions for each row of a file: one a side a row, in the same style.

They are kept in the choice log, as drafts of a batch: reviewers who come later are shown the same texts, and nothing is
paid for twice.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from bot.batch.rows import InputRow
from bot.comparing.pairs import ComparisonError
from bot.comparing.review import HERE
from bot.drafting import Brief
from bot.knowledge.gaps import COMPARED
from bot.knowledge.library import Library
from bot.knowledge.retrieval import Retriever
from bot.ordering.shuffle import draw_styles, seed_random
from bot.playbook import Playbook, Style, load_playbook
from bot.privacy.service import PrivacyService
from bot.suggesting.briefs import BatchDrafter, DraftingTerms
from bot.suggesting.placement import to_candidate
from bot.templates import Template
from storage.queries.log_entries import ChoiceLog
from storage.records import LogEntry, Request, Selection, Side
from storage.repositories.imports import LogImporter

SIDES: Final[tuple[Side, Side]] = ("a", "b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One of two versions: a playbook, and the model where it is not what the playbook's styles say."""

    name: str
    playbook: Playbook
    model: str | None = None


Versions = tuple[Version, Version]


def compare_models(names: Sequence[str], playbook: Playbook) -> Versions:
    """Make versions of two models with one playbook. Raises ComparisonError."""
    a, b = (Version(name=name, playbook=playbook, model=name) for name in names)
    _refuse_same(a, b)
    return a, b


def compare_playbooks(files: Sequence[Path]) -> Versions:
    """Make versions of two playbooks. Raises ComparisonError, PlaybookError."""
    a, b = (Version(name=str(file), playbook=load_playbook(file)) for file in files)
    _refuse_same(a, b)
    return a, b


def _refuse_same(a: Version, b: Version) -> None:
    if (a.playbook.prompt_version, a.model) == (b.playbook.prompt_version, b.model):
        raise ComparisonError(f"{a.name} and {b.name} are the same: name two versions that differ")


def choose_template(versions: Versions) -> Template | None:
    """Choose the template of the messages, which both playbooks must share. Raises ComparisonError."""
    a, b = (version.playbook.message for version in versions)
    if a != b:
        raise ComparisonError("the playbooks differ in their key message: both texts of a row must answer the same one")
    return None if a is None else Template.parse(a)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftingTools:
    """The parts that drafts are made with. `redact` converts an entry to the form in which it is recorded."""

    drafter: BatchDrafter
    privacy: PrivacyService
    log: ChoiceLog
    importer: LogImporter
    redact: Callable[[LogEntry], LogEntry]
    terms: DraftingTerms
    max_concurrency: int
    locale: str
    now: Callable[[], datetime]
    clock: Callable[[], float]
    new_id: Callable[[], str]
    library: Library | None = None


def make_comparison_id(versions: Versions, rows: Sequence[InputRow]) -> str:
    """Make the id of a comparison: the same for the same versions and rows."""
    told: list[Any] = [[one.playbook.prompt_version, one.model] for one in versions]
    told += [[row.number, [[turn.role, turn.text] for turn in row.conversation]] for row in rows]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]


def list_common_styles(versions: Versions) -> list[str]:
    """List the names of the styles that both versions have. Raises ComparisonError if there is none."""
    a, b = ([style.name for style in one.playbook.styles] for one in versions)
    if common := [name for name in a if name in b]:
        return common
    raise ComparisonError(
        f"{versions[0].name} and {versions[1].name} have no style of the same name: a row's texts need one"
    )


class PairDrafting:
    """Drafts the rows of one comparison that are not drafted yet."""

    def __init__(self, versions: Versions, rows: Sequence[InputRow], tools: DraftingTools) -> None:
        self.id = make_comparison_id(versions, rows)
        self._versions = versions
        self._rows = rows
        self._tools = tools
        self._styles = list_common_styles(versions)
        self._slots = asyncio.Semaphore(tools.max_concurrency)

    async def draft(self) -> tuple[list[LogEntry], list[LogEntry]]:
        """Draft what is missing, and return all entries of each side."""
        a, b = [await self._draft_side(side, one) for side, one in zip(SIDES, self._versions, strict=True)]
        return a, b

    async def _draft_side(self, side: Side, version: Version) -> list[LogEntry]:
        place = f"{COMPARED}{self.id}-{side}"
        selection = Selection(channel_id=place, include_simulated=True)
        known = {entry.request.id: entry async for entry in self._tools.log.iter_entries(selection)}
        return await asyncio.gather(*(self._draft_row(place, version, row, known) for row in self._rows))

    async def _draft_row(self, place: str, version: Version, row: InputRow, known: dict[str, LogEntry]) -> LogEntry:
        """Draft one text, and keep it unless it failed; the next run asks for those again."""
        original = self._make_request(place, version, row)
        if original.id in known:
            return known[original.id]
        async with self._slots:
            drafted = await self._ask(original, version, self._draw_style(version, row))
        entry = self._tools.redact(drafted)
        if entry.candidates[0].text is None:
            return entry
        [verdict] = await self._tools.importer.import_new([entry])
        return entry if verdict == "new" else await self._tools.log.get_entry(entry.request.id) or entry

    async def _ask(self, original: Request, version: Version, style: tuple[Style, float]) -> LogEntry:
        tools = self._tools
        masked = await tools.privacy.load_masked(original)
        retriever = Retriever(tools.library, version.playbook.knowledge)
        found = await retriever.find(masked.conversation, team_id=HERE, channel_id=HERE)
        original = replace(original, retrieved=found.retrieved)
        model = style[0].model or tools.terms.model if version.model is None else version.model
        brief = Brief(
            playbook=version.playbook,
            style=style[0],
            model=tools.terms.model if tools.terms.simulated else model,
            conversation=masked.conversation,
            passages=found.select_for(style[0]),
            request_id=original.id,
            agent_id=f"{HERE}:{HERE}",
            deadline=tools.clock() + tools.terms.deadline_s,
        )
        config = {"tags": ["suggest", "compare"], "metadata": {"request_id": original.id}}
        [result] = await tools.drafter.abatch([brief], config, return_exceptions=True)
        written = to_candidate(brief, result, tools.new_id(), style[1])
        masked, candidates = await tools.privacy.mask_candidates(masked, [written])
        request, _ = await tools.privacy.mask_request(original)
        candidates = await tools.privacy.to_recorded_candidates(request, candidates, masked)
        return LogEntry(request=request, candidates=candidates, choice=None)

    def _draw_style(self, version: Version, row: InputRow) -> tuple[Style, float]:
        """Draw the style of a row, the same for both sides, with its probability."""
        [name], inclusion = draw_styles(self._styles, 1, seed_random(f"{self.id} {row.number}", "styles"))
        return version.playbook.get_style(name), inclusion

    def _make_request(self, place: str, version: Version, row: InputRow) -> Request:
        return Request(
            id=str(uuid5(NAMESPACE_OID, f"{place}/{row.number}")),
            team_id=HERE,
            channel_id=place,
            agent_id=HERE,
            surface="batch",
            locale=self._tools.locale,
            created_at=self._tools.now(),
            status="drafted",
            k_requested=1,
            prompt_version=version.playbook.prompt_version,
            policy="unlogged",
            simulated=self._tools.terms.simulated,
            app_version=self._tools.terms.app_version,
            conversation=row.conversation,
            task=version.playbook.task,
            input_row=row.number,
            input=row.other_values,
            text_kept="full",
        )
