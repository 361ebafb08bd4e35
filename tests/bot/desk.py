"""The use cases on a real database, with a clock, a drafter and a courier that do as the test says."""

import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from bot.drafting import Brief, Draft
from bot.knowledge.earlier_replies import EarlierReplies
from bot.knowledge.library import Library
from bot.operations.metrics import Metrics
from bot.operations.recovery import RecoveredWork, Recoverer
from bot.operations.retention import Housekeeper
from bot.operations.write_buffer import WriteBuffer
from bot.ordering.shuffle import Orderer
from bot.playbook import Playbook, load_playbook
from bot.privacy.detectors import Recogniser
from bot.privacy.encryption import TextCipher
from bot.privacy.service import PrivacyService, StoreText
from bot.suggesting.admission import Ask
from bot.suggesting.briefs import DraftingTerms
from bot.suggesting.choose import Chooser, RecordedChoice
from bot.suggesting.clicks import Click
from bot.suggesting.deliver import Deliverer, DeliveryOutcome, PostedPart
from bot.suggesting.limits import Limits
from bot.suggesting.suggest import Suggester
from storage.records import Delivery, LogEntry, Request, Turn
from storage.repositories.deliveries import Deliveries
from storage.repositories.erasures import Erasures
from storage.repositories.requests import Requests
from storage.repositories.sent_replies import SentReplies
from storage.repositories.vault import Vault
from tests.storage.stores import AT, Store, build_store

PLAYBOOK = load_playbook(None)
TERMS = DraftingTerms(candidates=3, model="gpt-4o-mini", deadline_s=25.0, app_version="0.1.0")


@dataclass(slots=True)
class Clock:
    """Both clocks; time passes only when told to."""

    moment: datetime = AT
    monotonic_s: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.monotonic_s

    def tick(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self.monotonic_s += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.tick(seconds)


def make_draft(text: str, **changes: Any) -> Draft:
    plain = Draft(
        text=text,
        model_returned="gpt-4o-mini-2024",
        latency_ms=812,
        attempts=1,
        finish_reason="stop",
        prompt_tokens=210,
        completion_tokens=64,
        mean_logprob=None,
        temperature=0.7,
    )
    return replace(plain, **changes)


WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet")


class FakeDrafter:
    """Returns the given results, by sample index; without any, drafts that all differ."""

    def __init__(self) -> None:
        self.results: Sequence[str | Draft | BaseException] = ()
        self.briefs: list[Brief] = []
        self.configs: list[dict[str, Any]] = []
        self.turns: Sequence[int | Callable[[], Awaitable[Any]]] = ()

    async def abatch(self, inputs: list[Brief], config: Any = None, *, return_exceptions: bool = False) -> list[Draft]:
        assert return_exceptions
        self.briefs, self.configs = list(inputs), [*self.configs, config]
        results = self.results or [WORDS[brief.sample_index] for brief in inputs]
        return [make_draft(result) if isinstance(result, str) else result for result in results]  # type: ignore[misc]

    async def abatch_as_completed(
        self, inputs: Sequence[Brief], config: Any = None, *, return_exceptions: bool = False
    ) -> AsyncGenerator[tuple[int, Any], None]:
        """In the order of drafting, or in `turns`: places in the batch, and what is waited for in between."""
        results = await self.abatch(list(inputs), config, return_exceptions=return_exceptions)
        for turn in self.turns or range(len(inputs)):
            if isinstance(turn, int):
                yield turn, results[turn]
            else:
                await turn()


Answer = Exception | PostedPart | Callable[[], Awaitable[None]]


class FakeCourier:
    """Gives its `answers` in turn, then takes everything. Keeps what stands in the conversation."""

    def __init__(self) -> None:
        self.answers: list[BaseException | Callable[[], Awaitable[None]]] = []
        self.calls: list[tuple[str, str]] = []
        self.standing: dict[str, str] = {}
        self.taken: list[str] = []
        self._numbers = count(1)

    async def post(self, request: Request, part: Delivery) -> PostedPart:
        self.calls.append((part.address, part.text or ""))
        await self._answer()
        message_ts = f"1700000000.{next(self._numbers):06}"
        self.taken.append(part.text or "")
        self.standing[message_ts] = part.text or ""
        return PostedPart(
            channel_id=request.channel_id, message_ts=None if part.address == "response_url" else message_ts
        )

    async def delete(self, channel_id: str, message_ts: str) -> None:
        self.calls.append(("delete", message_ts))
        await self._answer()
        self.standing.pop(message_ts, None)

    async def _answer(self) -> None:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None:
            await answer()


@dataclass(slots=True, kw_only=True)
class Desk:
    """All use cases on one database, for the work of one agent."""

    store: Store
    clock: Clock = field(default_factory=Clock)
    drafter: FakeDrafter = field(default_factory=FakeDrafter)
    courier: FakeCourier = field(default_factory=FakeCourier)
    metrics: Metrics = field(default_factory=Metrics)
    write_buffer: WriteBuffer = field(init=False)
    keys: Any = field(default_factory=count)
    ids: Any = field(default_factory=count)
    cipher: TextCipher = field(default_factory=TextCipher)
    store_text: StoreText = "redacted"

    @property
    def privacy(self) -> PrivacyService:
        vault, recogniser = Vault(self.store.database), Recogniser(rules=PLAYBOOK.redact, allowed_text=PLAYBOOK.text)
        return PrivacyService(vault=vault, recogniser=recogniser, cipher=self.cipher, store_text=self.store_text)

    def __post_init__(self) -> None:
        self.write_buffer = WriteBuffer(sleep=self.clock.sleep)

    def new_id(self) -> str:
        return f"id-{next(self.ids):04}"

    def make_limits(self, *, agent_per_minute: int = 1000, tokens_per_day: int | None = None) -> Limits:
        return Limits(
            agent_per_minute=agent_per_minute,
            tokens_per_day=tokens_per_day,
            requests=self.store.requests,
            clock=self.clock.monotonic,
        )

    def make_suggester(
        self,
        *,
        requests: Requests | None = None,
        limits: Limits | None = None,
        playbook: Playbook = PLAYBOOK,
        orderer: Orderer | None = None,
        library: Library | None = None,
        earlier: EarlierReplies | None = None,
        seed: int = 7,
        **terms: Any,
    ) -> Suggester:
        return Suggester(
            requests=requests or self.store.requests,
            privacy=self.privacy,
            drafter=self.drafter,
            playbook=playbook,
            terms=replace(TERMS, **terms),
            limits=limits or self.make_limits(),
            metrics=self.metrics,
            now=self.clock.now,
            clock=self.clock.monotonic,
            new_id=self.new_id,
            rng=random.Random(seed),
            orderer=orderer,
            library=library,
            earlier=earlier,
            write_buffer=self.write_buffer,
        )

    def make_earlier_replies(self, **changes: Any) -> EarlierReplies:
        return EarlierReplies(
            SentReplies(self.store.database),
            mask=self.privacy.mask_apart,
            now=self.clock.now,
            clock=self.clock.monotonic,
            **changes,
        )

    def make_chooser(self, **changes: Any) -> Chooser:
        return Chooser(
            requests=self.store.requests,
            choices=self.store.choices,
            privacy=self.privacy,
            metrics=self.metrics,
            now=self.clock.now,
            new_id=self.new_id,
            **{"on_use": "post", **changes},
        )

    def make_deliverer(self, *, deliveries: Deliveries | None = None) -> Deliverer:
        return Deliverer(
            requests=self.store.requests,
            choices=self.store.choices,
            deliveries=deliveries or self.store.deliveries,
            privacy=self.privacy,
            courier=self.courier,
            now=self.clock.now,
            sleep=self.clock.sleep,
            write_buffer=self.write_buffer,
        )

    def make_recoverer(self) -> Recoverer:
        return Recoverer(
            replicas=self.store.replicas,
            requests=self.store.requests,
            privacy=self.privacy,
            deliverer=self.make_deliverer(),
            now=self.clock.now,
            write_buffer=self.write_buffer,
        )

    def make_housekeeper(self, *, texts_kept_for: timedelta | None = None) -> Housekeeper:
        return Housekeeper(
            requests=self.store.requests,
            vault=Vault(self.store.database),
            erasures=Erasures(self.store.database),
            now=self.clock.now,
            texts_kept_for=texts_kept_for,
        )

    async def restart(self) -> RecoveredWork:
        """Lose the process without a word, and let the next one take over."""
        self.store = build_store(self.store.database, me=f"replica-{next(self.ids)}")
        self.write_buffer = WriteBuffer(sleep=self.clock.sleep)
        recoverer = self.make_recoverer()
        await recoverer.join()
        return await recoverer.take_over()

    async def reconnect(self) -> RecoveredWork:
        """Let this process catch up after the database was away."""
        recoverer = self.make_recoverer()
        await recoverer.beat()
        return await recoverer.take_over()

    async def recover(self) -> list[tuple[RecordedChoice, DeliveryOutcome]]:
        """Restart, and deliver the replies that the process before left pending."""
        left = await self.restart()
        await self.make_deliverer().retract(left.to_delete)
        delivered = [(chosen, await self.make_deliverer().deliver(chosen)) for chosen in left.to_deliver]
        for chosen, _ in delivered:
            await self.make_deliverer().record_told(chosen)
        return delivered

    # --- steps ----------------------------------------------------------------------------------------

    def make_ask(self, text: str = "Where is my order?", **changes: Any) -> Ask:
        plain = Ask(
            team_id="T1",
            channel_id="C1",
            agent_id="U1",
            surface="slash",
            locale="en-US",
            conversation=(Turn(role="customer", text=text),),
            idempotency_key=f"command:{next(self.keys)}",
        )
        return replace(plain, **changes)

    def make_click(self, **changes: Any) -> Click:
        return replace(Click(team_id="T1", agent_id="U1", idempotency_key=f"click:{next(self.keys)}"), **changes)

    async def draft(self, *results: str | Draft | BaseException, **ask: Any) -> LogEntry:
        """Accept and draft: candidates are sent to Slack two seconds after the ask."""
        self.drafter.results = results
        suggester = self.make_suggester(candidates=len(results) or 3)
        request = await suggester.accept(self.make_ask(**ask))
        self.clock.tick(2)
        return await suggester.draft(request)

    async def show(self, *results: str | Draft | BaseException, **ask: Any) -> LogEntry:
        """Accept, draft and show: the agent sees the candidates since now."""
        entry = await self.draft(*results, **ask)
        await self.make_suggester().record_shown(entry, at=self.clock.now())
        return entry

    async def use_reply(self, text: str = "A reply.", **ask: Any) -> RecordedChoice:
        """Accept, draft, show and use: the reply is chosen, and not delivered yet."""
        entry = await self.show(text, **ask)
        self.clock.tick(5)
        return await self.make_chooser().use(self.make_click(), entry.candidates[0].id)

    async def send_reply(self, text: str = "A reply.", **ask: Any) -> RecordedChoice:
        """Accept, draft, show, use and deliver."""
        chosen = await self.use_reply(text, **ask)
        await self.make_deliverer().deliver(chosen)
        return chosen

    async def load_parts(self, chosen: RecordedChoice) -> tuple[Delivery, ...]:
        """Return the parts of a chosen reply, with their texts."""
        return tuple(map(self.privacy.decrypt_delivery, await self.store.deliveries.list_parts(chosen.choice.id)))
