"""The plan of a batch: what is drafted for each row; and a survey of the whole input, before anything is paid."""

import hashlib
import io
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Final

from bot.batch.rows import InputRow, Layout, RefusedRow, iter_input
from bot.batch.spending import TOKENS_A_DRAFT, Spending, count_prompt_tokens, estimate_tokens
from bot.drafting.draft import Brief
from bot.errors import UsageError
from bot.ordering.shuffle import draw_styles, seed_random
from bot.playbook import Playbook, Style
from bot.templates import Template
from storage.records import Turn

InputOpener = Callable[[], AbstractContextManager[BinaryIO]]
"""Opens the input from its beginning, as often as it is called."""

_NAMES: Final = {
    "input": "the input",
    "playbook": "the playbook",
    "candidates": "--candidates",
    "styles": "--styles",
    "models": "the model",
    "message": "--message",
    "limit": "--limit",
    "sample": "--sample",
    "seed": "--seed",
    "texts": "SUGGEST_STORE_TEXT",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDraft:
    """A draft to be made: its place among its row's, its style and model, and the style's probability."""

    sample_index: int
    style: Style
    model: str
    inclusion: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """The drafts of each row: K candidates for each model, in the models' order, in the same styles.

    Without `styles`, K of the playbook's are drawn for each row, the same whenever the row is drafted. Without
    `models`, a style's own model counts, else `default_model`. `limit` and `sample` select rows; `seed` is the draw's.
    """

    playbook: Playbook
    candidates: int
    default_model: str
    styles: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    template: Template | None = None
    limit: int | None = None
    sample: int | None = None
    seed: int = 0
    keeps_originals: bool = False
    simulated: bool = False

    @property
    def drafts_a_row(self) -> int:
        return self.candidates * max(1, len(self.models))

    def list_models(self) -> list[str]:
        """List the models that the drafts may be asked of."""
        return sorted({self._choose_model(style, model) for style in self._styles for model in self._columns})

    def plan_row(self, number: int) -> list[PlannedDraft]:
        """Plan the drafts of a row."""
        styles, inclusion = self._choose_styles(number)
        pairs = [(model, style) for model in self._columns for style in styles]
        return [
            PlannedDraft(sample_index=index, style=style, model=self._choose_model(style, model), inclusion=inclusion)
            for index, (model, style) in enumerate(pairs)
        ]

    def make_identity(self, digest: str) -> dict[str, Any]:
        """Make the identity of the drafts: what changed, if it differs, makes other drafts. `digest` is the input's."""
        return {
            "input": digest,
            "playbook": self.playbook.prompt_version,
            "candidates": self.candidates,
            "styles": list(self.styles),
            "models": list(self.models or [self.default_model]),
            "message": None if self.template is None else self.template.text,
            "limit": self.limit,
            "sample": self.sample,
            "seed": self.seed,
            "texts": "full" if self.keeps_originals else "redacted",
        }

    @property
    def _styles(self) -> Sequence[Style]:
        return [self.playbook.get_style(name) for name in self.styles] or self.playbook.styles

    @property
    def _columns(self) -> Sequence[str | None]:
        return self.models or (None,)

    def _choose_styles(self, number: int) -> tuple[list[Style], float]:
        if self.styles:
            named = self._styles
            return [named[index % len(named)] for index in range(self.candidates)], 1.0
        return draw_styles(self._styles, self.candidates, seed_random(f"{self.seed} {number}", "styles"))

    def _choose_model(self, style: Style, model: str | None) -> str:
        if self.simulated:
            return self.default_model
        return model or style.model or self.default_model


def choose_styles(names: str | None, playbook: Playbook) -> tuple[str, ...]:
    """Read names of styles, separated by commas; none for all of the playbook. Raises UsageError."""
    known = [style.name for style in playbook.styles]
    styles = tuple(name.strip() for name in (names or "").split(",") if name.strip())
    if names is not None and not styles:
        raise UsageError(f"--styles names no style: the playbook has {', '.join(known)}")
    if unknown := [name for name in styles if name not in known]:
        raise UsageError(f"--styles: the playbook has no style {unknown[0]!r}, only {', '.join(known)}")
    return styles


def list_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """List what differs between two identities, in words."""
    return [word for name, word in _NAMES.items() if before.get(name) != now.get(name)]


@dataclass(slots=True, kw_only=True)
class Survey:
    """The input, read once: its digest, its good rows counted, its bad ones told, its keys in their order.

    `selected` has the numbers of the rows that --sample drew; None without it.
    """

    digest: str = ""
    rows: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    keys: dict[str, None] = field(default_factory=dict)
    selected: frozenset[int] | None = None
    has_bom: bool = False

    def find_missing_keys(self, template: Template | None) -> list[str]:
        """Find the keys of a template that no row has; of an input without rows nothing is known."""
        return [] if template is None or not self.keys else sorted(template.keys - self.keys.keys())


class _HashedFile(io.RawIOBase):
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash = hashlib.sha256()
        self.start = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        self.hash.update(piece)
        self.start = self.start or piece[:3]
        return len(piece)


def survey_input(open_input: InputOpener, layout: Layout, plan: BatchPlan, spending: Spending) -> Survey:
    """Read all rows that are to be drafted, and add to `spending` an estimate of their drafts.

    Raises InputError, OSError.
    """
    survey, draw = Survey(), _Sample(plan)
    with open_input() as file:
        hashed = _HashedFile(file)
        buffered = io.BufferedReader(hashed, 1024 * 1024)
        for row in iter_rows(buffered, layout, plan):
            survey.keys.update(dict.fromkeys(row.values))
            if isinstance(row, RefusedRow):
                survey.refused.append(RefusedRow(row=row.row, error=row.error))
            else:
                survey.rows += 1
                draw.add(row)
        while buffered.read(1024 * 1024):
            pass  # what --limit leaves out belongs to the input all the same
        survey.digest, survey.has_bom = hashed.hash.hexdigest(), hashed.start == b"\xef\xbb\xbf"
    if plan.sample is not None:
        survey.selected, survey.rows = draw.numbers, len(draw.numbers)
    draw.estimate(spending, survey.rows)
    return survey


def iter_rows(file: BinaryIO, layout: Layout, plan: BatchPlan) -> Iterator[InputRow | RefusedRow]:
    """Iterate over the rows up to the limit. Raises InputError."""
    return islice(iter_input(file, layout, plan.template), plan.limit)


class _Sample:
    """Draws N rows, each as probable as any other, and adds up what rows are long."""

    def __init__(self, plan: BatchPlan) -> None:
        self._plan = plan
        self._rng = random.Random(plan.seed)  # noqa: S311 - a sample, no secret
        self._seen = 0
        self._characters = 0
        self._drawn: list[int] = []

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset(self._drawn)

    def add(self, row: InputRow) -> None:
        self._seen += 1
        self._characters += sum(len(turn.text) for turn in row.conversation)
        if self._plan.sample is None:
            return
        if len(self._drawn) < self._plan.sample:
            self._drawn.append(row.number)
        elif (place := self._rng.randrange(self._seen)) < self._plan.sample:
            self._drawn[place] = row.number

    def estimate(self, spending: Spending, rows: int) -> None:
        """Add the estimated tokens of so many rows of the mean length."""
        mean = self._characters / self._seen if self._seen else 0
        planned = self._plan.plan_row(1)
        for draft in planned:
            brief = Brief(
                playbook=self._plan.playbook,
                style=draft.style,
                model=draft.model,
                conversation=(Turn(role="customer", text=""),),
            )
            prompt = count_prompt_tokens(brief) + estimate_tokens(round(mean))
            spending.add_tokens(
                draft.model, calls=rows, prompt=prompt * rows, completion=TOKENS_A_DRAFT * rows, drafts=rows
            )
