"""The composition root: makes every part once, by hand, and closes them in the reverse order."""

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.drafting import DemonstrationModel, Drafter, FairLimiter, ModelSource, SingleModelSource, hide_texts
from bot.experiments.assigner import ArmAssigner, DraftingVersion
from bot.experiments.guardrail import Announcer, Guardrail
from bot.knowledge.earlier_replies import EarlierReplies
from bot.knowledge.library import Library
from bot.knowledge.vectors import Embedder
from bot.operations.erasure import Eraser
from bot.operations.metrics import Metrics
from bot.operations.recovery import Recoverer
from bot.operations.retention import Housekeeper
from bot.ordering.learned import LearnedOrderer
from bot.ordering.shuffle import Orderer
from bot.playbook import Playbook, make_recogniser
from bot.privacy.encryption import TextCipher
from bot.privacy.service import PrivacyService
from bot.ranking.training import RefitSchedule, RefitScheduler
from bot.suggesting.briefs import BatchDrafter, DraftingTerms
from bot.suggesting.channels import AllowedChannels
from bot.suggesting.choose import Chooser
from bot.suggesting.deliver import Courier, Deliverer
from bot.suggesting.home import AgentHome
from bot.suggesting.limits import Limits, Slots
from bot.suggesting.pause import PauseSwitch
from bot.suggesting.staleness import STILL_CONVERSATIONS, Conversations
from bot.suggesting.suggest import Suggester
from cli import __version__, clock
from cli.repositories import Records
from cli.settings import FIXES, Settings, is_traced, split_secret_keys
from cli.workers.training import ProcessRefitRunner
from storage.engine.database import Database
from storage.queries.home import HomeQueries
from storage.repositories.agent_settings import AgentSettingsStore
from storage.repositories.channel_defaults import ChannelDefaultsStore
from storage.repositories.sent_replies import SentReplies
from storage.repositories.switches import Switches
from storage.repositories.vault import Vault

if TYPE_CHECKING:
    from bot.drafting.model_server import ModelServer

DEMONSTRATION_MODEL = "demonstration"

PATIENT_S = 20.0
"""The limit on a question's vector where no agent waits."""

LOOK_FOR_KNOWLEDGE_EVERY_S = 1.0


def find_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Find uvloop, which costs less CPU; None where it is not installed, as on Windows."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def freeze_garbage() -> None:
    """Take what was made so far, which stays for good, out of the garbage collector's care.

    It would go through it again and again, for a tenth of a second each time.
    """
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def open_drafter(
    settings: Settings, *, models: ModelSource | None = None, word_s: float = 0.0
) -> AsyncIterator[Drafter]:
    """Open a drafter on these models; else on the configured ones, or the demonstration model."""
    if is_traced() and settings.suggest_trace_text == "off":
        hide_texts()
    drafter = Drafter(
        models or _choose_models(settings, word_s=word_s),
        limiter=FairLimiter(settings.suggest_max_concurrency),
    )
    try:
        yield drafter
    finally:
        await drafter.aclose()


def open_model_server(settings: Settings) -> "AbstractAsyncContextManager[ModelServer]":
    """Open the model's server of the settings, for requests that cost nothing. Raises NetworkSettingsError."""
    from bot.drafting.model_server import ModelServer

    return ModelServer.open(settings.openai_base_url, key=settings.openai_api_key, fixes=FIXES)


def make_terms(settings: Settings) -> DraftingTerms:
    """Make the terms of drafting; without a model, requests are simulated."""
    return DraftingTerms(
        candidates=settings.suggest_candidates,
        model=settings.suggest_model if settings.has_model else DEMONSTRATION_MODEL,
        deadline_s=settings.suggest_deadline_s,
        app_version=__version__,
        simulated=not settings.has_model,
    )


def make_allowed_channels(settings: Settings) -> AllowedChannels:
    return AllowedChannels(
        channels=frozenset(settings.suggest_allowed_channels), helpers=tuple(sorted(settings.suggest_admins))
    )


def make_pause_switch(*, records: Records) -> PauseSwitch:
    return PauseSwitch(switches=Switches(records.database), now=clock.now, clock=clock.monotonic)


def make_privacy_service(settings: Settings, *, records: Records | None, playbook: Playbook) -> PrivacyService:
    """Make the masking of texts; without records, of texts that nobody will see the originals of again."""
    return PrivacyService(
        vault=Vault(Database(settings.suggest_database_url)) if records is None else records.vault,
        recogniser=make_recogniser(playbook),
        cipher=make_cipher(settings),
        store_text=settings.suggest_store_text,
    )


def make_cipher(settings: Settings) -> TextCipher:
    key = settings.suggest_secret_key
    return TextCipher(() if key is None else split_secret_keys(key.get_secret_value()))


async def make_suggester(  # long: the one place where suggesting is put together
    settings: Settings,
    *,
    records: Records,
    drafter: BatchDrafter,
    playbook: Playbook,
    privacy: PrivacyService,
    metrics: Metrics,
    slots: Slots | None = None,
    pausing: PauseSwitch | None = None,
    orderer: Orderer | None = None,
    embedder: Embedder | None = None,
    assigner: ArmAssigner | None = None,
) -> Suggester:
    """The use case, with its playbook's text kept beside the log. Without `slots` and `pausing` nothing holds it up;
    without an `orderer`, the order is uniform.
    """
    await records.requests.keep_playbook(prompt_version=playbook.prompt_version, text=playbook.text, at=clock.now())
    limits = Limits(
        agent_per_minute=settings.suggest_agent_per_minute,
        tokens_per_day=settings.suggest_tokens_per_day,
        requests=records.requests,
        clock=clock.monotonic,
        slots=slots,
        pausing=pausing,
    )
    return Suggester(
        requests=records.requests,
        privacy=privacy,
        drafter=drafter,
        playbook=playbook,
        terms=make_terms(settings),
        limits=limits,
        metrics=metrics,
        now=clock.now,
        clock=clock.monotonic,
        new_id=clock.new_id,
        rng=random.SystemRandom(),
        allowed_channels=make_allowed_channels(settings),
        write_buffer=records.write_buffer,
        library=make_library(records, embedder),
        earlier=make_earlier_replies(settings, records=records, privacy=privacy),
        orderer=orderer,
        assigner=assigner,
    )


def make_assigner(settings: Settings, *, records: Records, playbook: Playbook, privacy: PrivacyService) -> ArmAssigner:
    """Make what draws the arms of experiments, beside a playbook that drafts where none runs."""

    async def use_playbooks(playbooks: Sequence[Playbook]) -> None:
        for each in playbooks:
            await records.requests.keep_playbook(prompt_version=each.prompt_version, text=each.text, at=clock.now())
        privacy.use_recogniser(make_recogniser(playbook, *playbooks))

    return ArmAssigner(
        default=DraftingVersion(playbook=playbook),
        default_model=settings.suggest_model,
        store=records.experiments,
        use_playbooks=use_playbooks,
        rng=random.SystemRandom(),
    )


def make_guardrail(settings: Settings, *, records: Records, announcer: Announcer) -> Guardrail:
    return Guardrail(
        store=records.experiments,
        queries=records.experiment_queries,
        leases=records.leases,
        announcer=announcer,
        admins=sorted(settings.suggest_admins),
        now=clock.now,
    )


def make_library(records: Records, embedder: Embedder | None = None) -> Library:
    return Library(records.knowledge, now=clock.now, look_every_s=LOOK_FOR_KNOWLEDGE_EVERY_S, embedder=embedder)


@asynccontextmanager
async def open_embedder(settings: Settings, *, limit_s: float | None = None) -> AsyncIterator[Embedder | None]:
    """Open the embedding model; None without one, or without a server. `limit_s` is for a question, if not usual."""
    if settings.suggest_embedding_model is None or not settings.has_model:
        yield None
        return
    from bot.drafting.http import Server
    from bot.knowledge.embeddings import QUESTION_LIMIT_S, ServedEmbedder

    key = settings.openai_api_key
    server = Server(base_url=settings.openai_base_url, api_key=None if key is None else key.get_secret_value())
    try:
        yield ServedEmbedder(
            settings.suggest_embedding_model, server=server, clock=clock.monotonic, limit_s=limit_s or QUESTION_LIMIT_S
        )
    finally:
        await server.aclose()


def make_earlier_replies(settings: Settings, *, records: Records, privacy: PrivacyService) -> EarlierReplies | None:
    """Make the search of sent replies; none where texts are not to be kept."""
    if settings.suggest_store_text == "off":
        return None
    return EarlierReplies(
        SentReplies(records.database),
        mask=privacy.mask_apart,
        now=clock.now,
        clock=clock.monotonic,
        texts_kept_for=_get_retention(settings),
    )


def make_chooser(
    settings: Settings,
    *,
    records: Records,
    privacy: PrivacyService,
    metrics: Metrics,
    conversations: Conversations = STILL_CONVERSATIONS,
) -> Chooser:
    return Chooser(
        requests=records.requests,
        choices=records.choices,
        privacy=privacy,
        metrics=metrics,
        on_use=settings.suggest_on_use,
        now=clock.now,
        new_id=clock.new_id,
        allowed_channels=make_allowed_channels(settings),
        conversations=conversations,
    )


def make_home(*, records: Records, privacy: PrivacyService, pausing: PauseSwitch, simulated: bool) -> AgentHome:
    return AgentHome(
        queries=HomeQueries(records.database),
        settings=AgentSettingsStore(records.database),
        channels=ChannelDefaultsStore(records.database),
        requests=records.requests,
        privacy=privacy,
        pausing=pausing,
        experiments=records.experiments,
        simulated=simulated,
        now=clock.now,
    )


def make_deliverer(*, records: Records, privacy: PrivacyService, courier: Courier, metrics: Metrics) -> Deliverer:
    return Deliverer(
        requests=records.requests,
        choices=records.choices,
        deliveries=records.deliveries,
        privacy=privacy,
        courier=courier,
        now=clock.now,
        metrics=metrics,
        write_buffer=records.write_buffer,
    )


def make_recoverer(*, records: Records, privacy: PrivacyService, deliverer: Deliverer, metrics: Metrics) -> Recoverer:
    return Recoverer(
        replicas=records.replicas,
        requests=records.requests,
        privacy=privacy,
        deliverer=deliverer,
        now=clock.now,
        metrics=metrics,
        write_buffer=records.write_buffer,
    )


def make_orderer(*, records: Records, metrics: Metrics) -> LearnedOrderer:
    return LearnedOrderer(
        rankers=records.rankers,
        audit=records.audit,
        metrics=metrics,
        now=clock.now,
        rng=random.SystemRandom(),
    )


def make_refit_scheduler(settings: Settings, *, records: Records, metrics: Metrics) -> RefitScheduler:
    return RefitScheduler(
        rankers=records.rankers,
        leases=records.leases,
        trainer=ProcessRefitRunner(settings.suggest_database_url),
        schedule=RefitSchedule(
            every=timedelta(hours=settings.suggest_rank_every_hours), after_choices=settings.suggest_rank_after_choices
        ),
        metrics=metrics,
        now=clock.now,
        clock=clock.monotonic,
    )


def make_eraser(settings: Settings, records: Records) -> Eraser:
    return Eraser(erasures=records.erasures, audit=records.audit, cipher=make_cipher(settings), now=clock.now)


def make_housekeeper(settings: Settings, *, records: Records) -> Housekeeper:
    return Housekeeper(
        requests=records.requests,
        vault=records.vault,
        erasures=records.erasures,
        now=clock.now,
        texts_kept_for=_get_retention(settings),
    )


def _get_retention(settings: Settings) -> timedelta | None:
    days = settings.suggest_retention_days
    return None if days is None else timedelta(days=days)


def _choose_models(settings: Settings, *, word_s: float) -> ModelSource:
    if not settings.has_model:
        return SingleModelSource(DemonstrationModel(word_s=word_s))
    from bot.drafting import Models

    key = settings.openai_api_key
    return Models(
        base_url=settings.openai_base_url,
        api_key=None if key is None else key.get_secret_value(),
        max_in_flight=settings.suggest_max_concurrency,
        max_tokens=settings.suggest_max_tokens,
        reasoning_effort=settings.suggest_reasoning_effort,
        logprobs=True,
    )
