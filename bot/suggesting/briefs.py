"""Briefs: what each of a request's K drafts is written from. Its styles are drawn here, its deadline reckoned."""

import random
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.drafting import Brief, Draft
from bot.experiments.assigner import ArmAssigner, DraftingVersion
from bot.knowledge.earlier_replies import EarlierReplies
from bot.knowledge.library import Library
from bot.knowledge.retrieval import Retrieval, Retriever
from bot.ordering.shuffle import draw_styles
from bot.playbook import Style
from bot.privacy.service import MaskedRequest, PrivacyService
from bot.suggesting.day_budget import RequestBudget
from bot.suggesting.redraft import select_previous, to_requested_change
from storage.records import Candidate, Request
from storage.repositories.requests import Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftingTerms:
    """K, the default model, the deadline in seconds from the ask, and whether drafts are simulated."""

    candidates: int
    model: str
    deadline_s: float
    app_version: str
    simulated: bool = False

    def choose_model(self, version: DraftingVersion, style: Style) -> str:
        """Choose the model that drafts in a style; samples are always made by the same one."""
        return self.model if self.simulated else version.model or style.model or self.model


class BatchDrafter(Protocol):
    """The drafter: a LangChain batch in which each failure stands in its own place."""

    async def abatch(
        self, inputs: list[Brief], config: Any = None, *, return_exceptions: bool = False
    ) -> list[Draft]: ...

    def abatch_as_completed(
        self, inputs: Sequence[Brief], config: Any = None, *, return_exceptions: bool = False
    ) -> AsyncGenerator[tuple[int, Any], None]: ...


class BriefBuilder:
    """Makes the briefs of a request from its masked form, so that no model sees personal data."""

    def __init__(
        self,
        *,
        requests: Requests,
        privacy: PrivacyService,
        assigner: ArmAssigner,
        terms: DraftingTerms,
        library: Library | None,
        earlier: EarlierReplies | None,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._requests = requests
        self._privacy = privacy
        self._assigner = assigner
        self._terms = terms
        self._library = library
        self._earlier = earlier
        self._now = now
        self._clock = clock

    async def load_masked(self, request: Request) -> MaskedRequest:
        """Return the masked form of a recorded request, with the candidates of its parent if it is a redraft."""
        return await self._privacy.load_masked(request, seen=await self._load_previous(request))

    async def _load_previous(self, request: Request) -> tuple[Candidate, ...]:
        if request.parent_request_id is None:
            return ()
        parent = await self._requests.get(request.parent_request_id)
        return () if parent is None else select_previous(parent, request)

    async def find_version(self, request: Request) -> DraftingVersion:
        """Find the version that a request is drafted with."""
        return await self._assigner.find_version(request)

    async def find_passages(
        self, request: Request, version: DraftingVersion, masked_request: MaskedRequest
    ) -> Retrieval:
        """Find what the team's knowledge and earlier replies have for a request."""
        book = version.playbook
        retriever = Retriever(self._library, book.knowledge, earlier=self._earlier, task=book.task)
        return await retriever.find(masked_request.conversation, team_id=request.team_id, channel_id=request.channel_id)

    def build(
        self,
        request: Request,
        version: DraftingVersion,
        masked_request: MaskedRequest,
        found: Retrieval,
        started_at: datetime | None,
        rng: random.Random,
        budget: RequestBudget | None = None,
    ) -> tuple[list[Brief], float]:
        """Draw K styles, and return a brief for each, with the probability that a style was drawn.

        Styles that the agent switched off are left out, unless none is left. The deadline counts from the ask, or from
        `started_at`.
        """
        every = version.playbook.styles
        left = [style for style in every if style.name not in (request.styles_off or ())]
        styles, inclusion = draw_styles(left or every, request.k_requested, rng)
        age_s = (self._now() - (started_at or request.created_at)).total_seconds()
        deadline = self._clock() + self._terms.deadline_s - age_s
        return [
            Brief(
                playbook=version.playbook,
                style=style,
                model=self._terms.choose_model(version, style),
                conversation=masked_request.conversation,
                hint=masked_request.hint,
                previous=masked_request.previous if request.parent_candidate_id is None else (),
                change=to_requested_change(request, masked_request.previous),
                passages=found.select_for(style),
                request_id=request.id,
                agent_id=f"{request.team_id}:{request.agent_id}",
                sample_index=index,
                deadline=deadline,
                budget=budget,
            )
            for index, style in enumerate(styles)
        ], inclusion


def build_config(request: Request) -> dict[str, Any]:
    """Return LangChain's config for the batch of a request."""
    return {
        # All of one request may be asked for at once; who waits for a call is decided between all agents.
        "max_concurrency": request.k_requested,
        "tags": ["suggest", request.surface],
        "metadata": {"request_id": request.id, "prompt_version": request.prompt_version},
    }
