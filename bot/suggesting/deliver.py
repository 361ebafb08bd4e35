"""Delivery: post a chosen reply into its conversation, once.

`attempting` is committed before the courier is called, so that a crash can never lead to a second post: what was being
attempted is `unknown`, and the agent decides. A part that was refused for certain goes to the next address.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, Literal, Protocol

from bot.operations.log_events import log_choice
from bot.operations.metrics import Metrics
from bot.operations.write_buffer import WriteBuffer
from bot.privacy.service import PrivacyService
from bot.suggesting.choose import RecordedChoice
from bot.suggesting.clicks import Click, check_owner, replace_response_url
from storage.errors import RequestClosed
from storage.records import Choice, Delivery, Event, Request
from storage.repositories.choices import Choices
from storage.repositories.deliveries import Deliveries
from storage.repositories.requests import Requests

ADDRESSES: Final = ("channel", "response_url", "copy")
"""The addresses of a part, in turn: posted in the channel; by the click's `response_url`; shown to be copied."""

DELETE_TRIES: Final = 3
DELETE_AGAIN_AFTER_S: Final = 1.0

_log = logging.getLogger(__name__)


class DeliveryRefused(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """The address did not take the part, for certain. `reason` is a short code for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DeliveryUncertain(Exception):  # noqa: N818 - as above
    """A time-out, a server error or a broken connection: the part may have been taken, or not."""


class DeliveryThrottled(Exception):  # noqa: N818 - as above
    """Not taken: try again after `retry_after_s` seconds."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"{retry_after_s} s")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedPart:
    """The channel and message that a part became. `message_ts` is None if the address does not tell it."""

    channel_id: str
    message_ts: str | None


class Courier(Protocol):
    """The way of a reply into a conversation; `handlers/slack/courier.py` implements it."""

    async def post(self, request: Request, part: Delivery) -> PostedPart:
        """Post one part at its address. Raises DeliveryRefused, DeliveryUncertain, DeliveryThrottled."""
        ...

    async def delete(self, channel_id: str, message_ts: str) -> None:
        """Remove a posted part; one that is gone already is fine.

        Raises DeliveryRefused, DeliveryUncertain, DeliveryThrottled.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOutcome:
    """The end of a delivery.

    `text` is what was not posted: all of it (`copy`, by the settings), what no address took (`not_posted`), or what may
    have been posted or not (`unknown`). `cancelled`: an undo came first. `reasons`: why addresses refused it, one code
    each. `begins` is where the posted reply begins.
    """

    state: Literal["posted", "copy", "not_posted", "unknown", "cancelled"]
    text: str = ""
    reasons: tuple[str, ...] = ()
    begins: PostedPart | None = field(default=None, compare=False)


class Deliverer:
    """Brings chosen replies into their conversations, part by part."""

    def __init__(
        self,
        *,
        requests: Requests,
        choices: Choices,
        deliveries: Deliveries,
        privacy: PrivacyService,
        courier: Courier,
        now: Callable[[], datetime],
        metrics: Metrics | None = None,
        write_buffer: WriteBuffer | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._requests = requests
        self._choices = choices
        self._deliveries = deliveries
        self._privacy = privacy
        self._courier = courier
        self._now = now
        self._metrics = metrics or Metrics()
        self._write_buffer = write_buffer or WriteBuffer()
        self._sleep = sleep

    async def deliver(self, chosen: RecordedChoice) -> DeliveryOutcome:
        """Post what is pending of this choice, in order. The caller tells the agent, and then calls `record_told`.

        Raises DatabaseUnavailable; what is left then goes on when the database is back.
        """
        with self._write_buffer.track_choice(chosen.choice.id):
            outcome = await self._deliver(chosen)
        if _is_delivered(chosen):  # counted and logged when its last part was posted
            return outcome
        at = self._now()
        self._metrics.count_delivery(chosen.choice, outcome.state, at=at)
        log_choice(chosen.choice, chosen.request, outcome=outcome.state, parts=len(chosen.parts), at=at)
        return outcome

    async def _deliver(self, chosen: RecordedChoice) -> DeliveryOutcome:
        """Bring each part to an end, in order, until one is cancelled or of unknown outcome."""
        if not chosen.parts:
            return DeliveryOutcome(state="copy", text=chosen.choice.final_text or "")
        finished: list[Delivery] = []
        reasons: list[str] = []
        for part in chosen.parts:
            settled = part if part.state == "done" else await self._settle(chosen.request, part, reasons)
            if settled is None:
                return DeliveryOutcome(state="cancelled")
            if settled.state == "unknown":
                return DeliveryOutcome(state="unknown", text=_join_texts(chosen.parts[part.part :]))
            finished.append(settled)
            if part.state != "done":
                await self._write_buffer.write_or_queue(
                    partial(self._deliveries.mark_done, settled, sent=self._make_sent_event(chosen, finished))
                )
        by_hand = [part for part, settled in zip(chosen.parts, finished, strict=True) if settled.address == "copy"]
        if not by_hand:
            first = finished[0]
            begins = PostedPart(channel_id=first.channel_id or chosen.request.channel_id, message_ts=first.message_ts)
            return DeliveryOutcome(state="posted", begins=begins)
        return DeliveryOutcome(state="not_posted", text=_join_texts(by_hand), reasons=tuple(reasons))

    async def record_told(self, chosen: RecordedChoice) -> None:
        """Record that the agent was told how the delivery ended: no replica tells them again.

        Raises DatabaseUnavailable.
        """
        if chosen.parts:
            await self._deliveries.mark_told(chosen.choice.id)

    async def find_delivered_choice(self, click: Click, request_id: str) -> RecordedChoice | None:
        """Return the standing choice on a request of this agent; None if it has something left to deliver."""
        entry = check_owner(await self._requests.get(request_id), click)
        if entry.choice is None:
            return None
        chosen = await self.load(entry.choice.id)
        if any(part.state != "done" for part in chosen.parts):
            return None
        return replace(chosen, request=replace_response_url(chosen.request, click.response_url))

    async def retract(self, parts: Sequence[Delivery]) -> bool:
        """Delete the parts of a choice taken back. Returns False if one may still stand in the conversation."""
        is_clean = True
        for part in parts:
            if part.address == "copy":
                continue
            is_clean = await self._delete(part) and is_clean
        return is_clean

    async def post_again(self, click: Click, request_id: str) -> RecordedChoice:
        """Make the unknown parts pending again, for `deliver`, after the agent saw that they are missing.

        Raises UnknownRequest, NotOwner, RequestClosed if no part is unknown, DuplicateDelivery, DatabaseUnavailable.
        """
        entry = check_owner(await self._requests.get(request_id), click)
        again = await self._deliveries.post_again(request_id, idempotency_key=click.idempotency_key, at=self._now())
        if entry.choice is None or not again:
            raise RequestClosed(request_id)
        chosen = await self.load(entry.choice.id)
        return replace(chosen, request=replace_response_url(chosen.request, click.response_url))

    async def load(self, choice_id: str) -> RecordedChoice:
        """Return a recorded choice with its parts in their present states."""
        choice = await self._choices.get(choice_id)
        assert choice is not None
        entry = await self._requests.get(choice.request_id)
        assert entry is not None
        parts = tuple(self._decrypt_part(part, choice) for part in await self._deliveries.list_parts(choice_id))
        unfilled = self._privacy.find_unfilled(entry.request, choice.final_text)
        return RecordedChoice(choice=choice, request=entry.request, parts=parts, unfilled=unfilled)

    def _decrypt_part(self, part: Delivery, choice: Choice) -> Delivery:
        """Return the part with its text; if that cannot be decrypted any more, the recorded text, to be copied."""
        readable = self._privacy.decrypt_delivery(part)
        if readable.text is not None or part.text is None:
            return readable
        return replace(part, address="copy", text=(choice.final_text or "") if part.part == 0 else "")

    async def _settle(self, request: Request, part: Delivery, reasons: list[str]) -> Delivery | None:
        """Bring one part to an end: return it as `done` or `unknown`, or None if an undo has removed it.

        Appends to `reasons` why addresses refused it.
        """
        if part.state == "unknown":
            return part
        while True:
            if part.address == "copy":
                return replace(part, state="done")
            if not await self._deliveries.begin_attempt(part.id):
                return None
            try:
                posted = await self._courier.post(request, part)
            except DeliveryRefused as refusal:
                _log.info("delivery refused: %s", refusal.reason, extra={"request_id": request.id})
                reasons.append(refusal.reason)
                part = replace(part, address=ADDRESSES[ADDRESSES.index(part.address) + 1])
                await self._write_buffer.write_or_queue(
                    partial(self._deliveries.put_back, part.id, address=part.address)
                )
            except DeliveryThrottled as throttled:
                await self._write_buffer.write_or_queue(
                    partial(self._deliveries.put_back, part.id, address=part.address)
                )
                await self._sleep(throttled.retry_after_s)
            except DeliveryUncertain as error:
                _log.warning("delivery unknown: %s", error, extra={"request_id": request.id})
                return await self._record_unknown(part)
            except Exception:  # noqa: BLE001 - a bug: whether the part was taken is as unknown as after a crash
                _log.exception("delivery broke", extra={"request_id": request.id})
                return await self._record_unknown(part)
            else:
                return replace(part, state="done", channel_id=posted.channel_id, message_ts=posted.message_ts)

    async def _record_unknown(self, part: Delivery) -> Delivery:
        await self._write_buffer.write_or_queue(partial(self._deliveries.mark_unknown, part.id))
        return replace(part, state="unknown")

    def _make_sent_event(self, chosen: RecordedChoice, finished: Sequence[Delivery]) -> Event | None:
        """Return the event that the whole reply is posted; None if a part is still to come, or was copied."""
        if len(finished) < len(chosen.parts) or any(part.address == "copy" for part in finished):
            return None
        return Event(
            request_id=chosen.request.id,
            type="sent",
            at=self._now(),
            agent_id=chosen.choice.agent_id,
            candidate_id=chosen.choice.candidate_id,
            data={
                "choice_id": chosen.choice.id,
                "address": finished[-1].address,
                "channel_id": finished[-1].channel_id,
                "message_ts": [part.message_ts for part in finished],
            },
        )

    async def _delete(self, part: Delivery) -> bool:
        """Delete a posted part. Returns False if it may still stand in the conversation."""
        if part.message_ts is None or part.channel_id is None:
            return False
        tries = 0
        while True:
            try:
                await self._courier.delete(part.channel_id, part.message_ts)
            except DeliveryThrottled as throttled:
                await self._sleep(throttled.retry_after_s)
            except DeliveryRefused as error:
                _log.warning("posted reply not deleted: %s", error, extra={"request_id": part.request_id})
                await self._deliveries.remove(part.id)
                return False
            except DeliveryUncertain as error:
                # Deleting twice does no harm. The part stays on record: the next start tries again.
                _log.warning("posted reply perhaps not deleted: %s", error, extra={"request_id": part.request_id})
                tries += 1
                if tries == DELETE_TRIES:
                    return False
                await self._sleep(DELETE_AGAIN_AFTER_S)
            else:
                await self._deliveries.remove(part.id)
                return True


def _is_delivered(chosen: RecordedChoice) -> bool:
    """Return True if the choice has parts, and all are posted or copied."""
    return bool(chosen.parts) and all(part.state == "done" for part in chosen.parts)


def _join_texts(parts: Sequence[Delivery]) -> str:
    return "".join(part.text or "" for part in parts)
