"""Suggestion requests and their candidates: from the ask to what was shown. Each method is one transaction."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, String, bindparam, case, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from storage import tables
from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.errors import OwnershipLost, RequestClosed
from storage.records import Candidate, Choice, Event, LogEntry, Policy, Request, ResponseUrl, Status, Turn, VaultEntry
from storage.repositories import vault
from storage.repositories.idempotency_keys import claim_key
from storage.rows import to_request, to_row
from storage.tables import candidates, choices, events, playbooks, requests, seen_deliveries

OPEN: Final[tuple[Status, ...]] = ("drafting", "shown")

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

_EXPIRY_BATCH_SIZE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOutcome:
    """The end of drafting all at once: K candidates, the order shown and its probability, or that none is left."""

    request_id: str
    candidates: tuple[Candidate, ...]
    status: Status
    policy: Policy = "uniform"
    policy_params: dict[str, Any] = field(default_factory=dict)
    ranker_version: str | None = None
    order_propensity: float | None
    sent_to_slack_at: datetime | None
    retrieved: tuple[Any, ...] | None = None
    events: tuple[Event, ...] = ()
    sealed: VaultEntry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressiveOutcome:
    """The end of drafting one by one: the candidates left without a place, and the probability of the order shown.

    `first_propensity` is each placed candidate's; both are None where nothing could be shown: the request failed.
    """

    request_id: str
    candidates: tuple[Candidate, ...]
    order_propensity: float | None
    first_propensity: float | None
    retrieved: tuple[Any, ...] | None = None
    events: tuple[Event, ...] = ()


class Requests:
    """Requests of one database. `me` is the replica that drafts the ones recorded here."""

    def __init__(self, database: Database, *, me: str | None = None) -> None:
        self._database = database
        self._me = me

    async def keep_playbook(self, *, prompt_version: str, text: str, at: datetime) -> None:
        """Keep the text behind a `prompt_version`, once; a hash alone is no provenance."""
        async with self._database.read() as connection:
            known = await connection.scalar(
                select(playbooks.c.prompt_version).where(playbooks.c.prompt_version == prompt_version)
            )
        if known is not None:
            return
        with suppress(IntegrityError):  # another replica has kept it meanwhile
            async with self._database.write() as connection:
                await connection.execute(
                    insert(playbooks), {"prompt_version": prompt_version, "text": text, "first_used_at": at}
                )

    async def record(self, request: Request, *, idempotency_key: str, sealed: VaultEntry | None = None) -> None:
        """Insert a request, with the vault's entry for it while it is open. Raises DuplicateDelivery."""

        async def step(connection: Transaction) -> None:
            await claim_key(connection, idempotency_key, request.created_at)
            await connection.execute(_INSERT_REQUEST, {**to_row(request), "owner": self._me})
            if sealed is not None:
                await vault.put(connection, sealed)

        await self._database.run(step)

    async def record_redraft(
        self, child: Request, *, idempotency_key: str, event: Event, sealed: VaultEntry | None = None
    ) -> None:
        """Insert a request that closes its parent.

        Raises DuplicateDelivery, or RequestClosed if the parent takes no redraft.

        A parent that failed stays `failed`; that it is asked again only once is kept by a key of its own. What is
        `sealed` for the child takes the place of what was for its parent.
        """
        parent_id = child.parent_request_id
        assert parent_id is not None

        async def step(connection: Transaction) -> None:
            await claim_key(connection, idempotency_key, child.created_at)
            parent = {"of_request": parent_id}
            await connection.execute(_LOCK_REQUEST, parent)
            closed = await connection.execute(_CLOSE_AS_REDRAFTED, parent)
            if closed.rowcount == 0:
                await _claim_failed(connection, parent_id, child.created_at)
            await connection.execute(_INSERT_REQUEST, {**to_row(child), "owner": self._me})
            await connection.execute(_INSERT_EVENT, to_row(event))
            await vault.drop(connection, [parent_id])
            if sealed is not None:
                await vault.put(connection, sealed)

        await self._database.run(step)

    async def record_drafts(self, drafted: DraftOutcome) -> None:
        """Insert all candidates of a request, with their order, before any is visible. Raises OwnershipLost."""

        async def step(connection: Transaction) -> None:
            ours = await connection.execute(
                _UPDATE_DRAFTED,
                {
                    "of_request": drafted.request_id,
                    "me": self._me,
                    "new_status": drafted.status,
                    "new_policy": drafted.policy,
                    "params": drafted.policy_params,
                    "ranker": drafted.ranker_version,
                    "propensity": drafted.order_propensity,
                    "sent": drafted.sent_to_slack_at,
                    "found": drafted.retrieved,
                },
            )
            if ours.rowcount == 0:
                raise OwnershipLost(drafted.request_id)
            if drafted.candidates:
                await connection.execute(_INSERT_CANDIDATE, [to_row(candidate) for candidate in drafted.candidates])
            if drafted.events:
                await connection.execute(_INSERT_EVENT, [to_row(event) for event in drafted.events])
            if drafted.sealed is not None:
                await vault.put(connection, drafted.sealed)

        await self._database.run(step)

    async def record_conversation(
        self,
        request_id: str,
        conversation: tuple[Turn, ...],
        *,
        seen_ts: str | None = None,
        sealed: VaultEntry | None = None,
    ) -> None:
        """Replace the conversation by what was read of the thread, before anything is drafted. Raises OwnershipLost."""

        async def step(connection: Transaction) -> None:
            row = {"of_request": request_id, "me": self._me, "turns": conversation, "seen": seen_ts}
            if (await connection.execute(_UPDATE_CONVERSATION, row)).rowcount == 0:
                raise OwnershipLost(request_id)
            if sealed is not None:
                await vault.put(connection, sealed)

        await self._database.run(step)

    async def record_candidate(self, candidate: Candidate, *, at: datetime, sealed: VaultEntry | None = None) -> None:
        """Insert one candidate of several that are shown as they are done, before it is visible.

        Raises OwnershipLost, or RequestClosed if the agent has decided meanwhile.
        """

        async def step(connection: Transaction) -> None:
            row = {"of_request": candidate.request_id}
            await connection.execute(_LOCK_REQUEST, row)
            if await connection.scalar(_SELECT_CANDIDATE, {"candidate_id": candidate.id}) is not None:
                return  # ours, committed before, though the answer was lost
            owner, undecided = (await connection.execute(_SELECT_OWNER, row)).one()
            if owner != self._me:
                raise OwnershipLost(candidate.request_id)
            if not undecided:
                raise RequestClosed(candidate.request_id)
            await connection.execute(_INSERT_CANDIDATE, to_row(candidate))
            if candidate.position is not None:
                await connection.execute(_UPDATE_SENT_TO_SLACK_AT, {**row, "at": at})
            if sealed is not None:
                await vault.put(connection, sealed)

        await self._database.run(step)

    async def record_progressive_outcome(self, finished: ProgressiveOutcome) -> None:
        """Record that no more candidates follow. Raises OwnershipLost, also if that was recorded before."""
        row = {
            "of_request": finished.request_id,
            "me": self._me,
            "propensity": finished.order_propensity,
            "first": finished.first_propensity,
            "found": finished.retrieved,
        }

        async def step(connection: Transaction) -> None:
            statement = _UPDATE_UNFINISHED if finished.order_propensity is None else _UPDATE_FINISHED
            if (await connection.execute(statement, row)).rowcount == 0:
                raise OwnershipLost(finished.request_id)
            if finished.candidates:
                await connection.execute(_INSERT_CANDIDATE, [to_row(candidate) for candidate in finished.candidates])
            await connection.execute(_UPDATE_FIRST_PROPENSITY, row)
            if finished.events:
                await connection.execute(_INSERT_EVENT, [to_row(event) for event in finished.events])

        await self._database.run(step)

    async def record_shown(self, event: Event, *, only: Sequence[str] | None = None) -> bool:
        """Record that the candidates, or `only` these, are visible since `event.at`. True if they are the first.

        Where it is all of them, which is the end of a request's drafting, nobody waits for it.
        """

        async def step(connection: Transaction) -> bool:
            row = {"of_request": event.request_id, "at": event.at}
            first = (await connection.execute(_UPDATE_SHOWN, row)).rowcount == 1
            if first:
                await connection.execute(_INSERT_EVENT, to_row(event))
            else:
                await connection.execute(_UPDATE_STATUS, row)
            if only is None:
                await connection.execute(_UPDATE_CANDIDATES_SHOWN, row)
            else:
                await connection.execute(_UPDATE_SOME_SHOWN, {**row, "ids": list(only)})
            return first

        commit = self._database.ride if only is None else self._database.run
        return await commit(step)

    async def record_shown_again(self, event: Event) -> None:
        """Record that all candidates with a place are visible once more, or for the first time."""

        async def step(connection: Transaction) -> None:
            row = {"of_request": event.request_id, "at": event.at}
            await connection.execute(_UPDATE_SHOWN, row)
            await connection.execute(_UPDATE_CANDIDATES_SHOWN, row)
            await connection.execute(_INSERT_EVENT, to_row(event))

        await self._database.run(step)

    async def record_event(
        self, event: Event, *, idempotency_key: str | None = None, response_url: ResponseUrl | None = None
    ) -> None:
        """Append an event; one that Slack delivered has a key and the newest `response_url`.

        Raises DuplicateDelivery.
        """

        async def step(connection: Transaction) -> None:
            if idempotency_key is not None:
                await claim_key(connection, idempotency_key, event.at)
            await connection.execute(_INSERT_EVENT, to_row(event))
            if response_url is not None:
                await connection.execute(_UPDATE_RESPONSE_URL, _to_response_url_row(event.request_id, response_url))

        await self._database.run(step)

    async def keep_response_url(self, request_id: str, response_url: ResponseUrl) -> None:
        """Replace the request's `response_url` by a newer one."""
        await self._database.run(
            lambda connection: connection.execute(_UPDATE_RESPONSE_URL, _to_response_url_row(request_id, response_url))
        )

    async def forget_expired_response_urls(self, now: datetime) -> int:
        """Clear response URLs that no longer work, and return their number; they are secrets."""
        async with self._database.write() as connection:
            cleared = await connection.execute(
                update(requests)
                .where(requests.c.response_url.is_not(None), requests.c.response_url_expires_at <= now)
                .values(response_url=None, response_url_expires_at=None)
            )
            return cleared.rowcount

    async def forget_keys(self, *, seen_before: datetime) -> int:
        """Delete keys of deliveries too old to come again, and return their number."""
        async with self._database.write() as connection:
            forgotten = await connection.execute(
                delete(seen_deliveries).where(
                    seen_deliveries.c.seen_at < seen_before, ~seen_deliveries.c.key.startswith("redraft:")
                )
            )
            return forgotten.rowcount

    async def expire(self, *, created_after: datetime = BEGINNING, created_before: datetime, at: datetime) -> int:
        """Close as `expired` the undecided requests made between the two times, and return their number.

        They are looked for outside of the write transaction, in which everybody else would wait for a long log.
        """
        async with self._database.read() as connection:
            found = (
                await connection.scalars(_SELECT_UNDECIDED, {"after": created_after, "before": created_before})
            ).all()
        expired = 0
        for start in range(0, len(found), _EXPIRY_BATCH_SIZE):
            expired += await self.close_expired(found[start : start + _EXPIRY_BATCH_SIZE], at=at)
        return expired

    async def close_expired(self, ids: Sequence[str], *, at: datetime) -> int:
        """Close as `expired` those of these requests that are still undecided, and return their number."""
        async with self._database.write() as connection:
            await connection.execute(_LOCK_REQUESTS, {"ids": ids})
            still = (await connection.scalars(_SELECT_STILL_UNDECIDED, {"ids": ids})).all()
            if still:
                await connection.execute(_UPDATE_EXPIRED, [{"of_request": request_id} for request_id in still])
                await vault.drop(connection, still)
                await connection.execute(
                    _INSERT_EVENT, [to_row(Event(request_id=request_id, type="expired", at=at)) for request_id in still]
                )
            return len(still)

    async def get(self, request_id: str) -> LogEntry | None:
        """Read a request with its candidates and its standing choice, without events."""
        return await self._database.look(lambda connection: _read_entry(connection, request_id))

    async def get_by_candidate(self, candidate_id: str) -> LogEntry | None:
        """Read the request that a candidate belongs to, as `get` does."""

        async def step(connection: Transaction) -> LogEntry | None:
            row = {"candidate_id": candidate_id}
            request = (await connection.execute(_SELECT_REQUEST_OF_CANDIDATE, row)).mappings().one_or_none()
            return None if request is None else await _complete_entry(connection, to_request(request))

        return await self._database.look(step)

    async def find_last_open(self, *, team_id: str | None, agent_id: str, since: datetime) -> LogEntry | None:
        """Read the agent's newest request since then that has candidates to choose from and no choice yet.

        Without a team, the request may be of any.
        """

        async def step(connection: Transaction) -> LogEntry | None:
            request_id = await connection.scalar(
                _restrict_to_agent(_SELECT_LAST_OPEN, team_id, agent_id), {"since": since}
            )
            return None if request_id is None else await _read_entry(connection, request_id)

        return await self._database.look(step)

    async def is_drafting(self, *, team_id: str | None, agent_id: str, since: datetime) -> bool:
        """Say if a request of the agent since then has no candidate to choose from yet, and has not failed."""

        async def step(connection: Transaction) -> bool:
            statement = _restrict_to_agent(_SELECT_IN_DRAFTING, team_id, agent_id)
            return await connection.scalar(statement, {"since": since}) is not None

        return await self._database.look(step)

    async def is_key_used(self, idempotency_key: str) -> bool:
        """Say if the key of a delivery is recorded already."""

        async def step(connection: Transaction) -> bool:
            return await connection.scalar(_SELECT_KEY, {"key": idempotency_key}) is not None

        return await self._database.look(step)

    async def list_open_in_channel(
        self, *, team_id: str, channel_id: str, except_agent_id: str, since: datetime
    ) -> tuple[Request, ...]:
        """Read the undecided requests of other agents in this channel since then, oldest first."""

        async def step(connection: Transaction) -> tuple[Request, ...]:
            row = {"team_id": team_id, "channel_id": channel_id, "other_than": except_agent_id, "since": since}
            found = (await connection.execute(_OPEN_IN_CHANNEL, row)).mappings()
            return tuple(to_request(request) for request in found)

        return await self._database.look(step)

    async def count_tokens_since(self, *, since: datetime) -> int:
        """Sum the tokens, read and written, of all drafts and translations since then."""

        async def step(connection: Transaction) -> int:
            drafted = await connection.scalar(_TOKENS_SINCE, {"since": since}) or 0
            translated = (await connection.execute(_TRANSLATED_SINCE, {"since": since})).scalars().all()
            told = [data.get(name) for data in translated for name in ("prompt_tokens", "completion_tokens")]
            return drafted + sum(count for count in told if isinstance(count, int))

        return await self._database.look(step)


def _to_response_url_row(request_id: str, response_url: ResponseUrl) -> dict[str, Any]:
    return {"of_request": request_id, "url": response_url.url, "until": response_url.expires_at}


def _restrict_to_agent(statement: Select[Any], team_id: str | None, agent_id: str) -> Select[Any]:
    """Restrict the statement to this agent: of one team, or of any where ids are unique over teams."""
    of_agent = statement.where(requests.c.agent_id == agent_id)
    return of_agent if team_id is None else of_agent.where(requests.c.team_id == team_id)


def _is_standing(request_id: Any) -> Any:
    return (choices.c.request_id == request_id) & choices.c.retracted_at.is_(None)


async def _read_entry(connection: Transaction, request_id: str) -> LogEntry | None:
    request = (await connection.execute(_SELECT_REQUEST, {"of_request": request_id})).mappings().one_or_none()
    return None if request is None else await _complete_entry(connection, to_request(request))


async def _complete_entry(connection: Transaction, request: Request) -> LogEntry:
    """Read the request's candidates and its standing choice."""
    row = {"of_request": request.id}
    drafted = (await connection.execute(_SELECT_CANDIDATES, row)).mappings()
    choice = (await connection.execute(_SELECT_STANDING, row)).mappings().one_or_none()
    return LogEntry(
        request=request,
        candidates=tuple(Candidate(**candidate) for candidate in drafted),
        choice=None if choice is None else Choice(**choice),
    )


async def _claim_failed(connection: Transaction, request_id: str, at: datetime) -> None:
    """Take the key with which a failed request can be asked again, once. Raises RequestClosed."""
    status = await connection.scalar(select(requests.c.status).where(requests.c.id == request_id))
    if status != "failed":
        raise RequestClosed(request_id)
    await claim_key(connection, f"redraft:{request_id}", at, error=RequestClosed)


_SELECT_KEY: Final = select(seen_deliveries.c.key).where(seen_deliveries.c.key == bindparam("key"))

_INSERT_REQUEST: Final = insert(requests)
_INSERT_CANDIDATE: Final = insert(candidates)
_INSERT_EVENT: Final = insert(events)

_IS_UNDECIDED: Final = ~select(choices.c.id).where(_is_standing(requests.c.id)).exists()

# A reviewer of a comparison may go on days later.
_SELECT_UNDECIDED: Final = select(requests.c.id).where(
    requests.c.status.in_(OPEN),
    requests.c.surface != "compare",
    requests.c.created_at >= bindparam("after", type_=tables.UtcTime),
    requests.c.created_at < bindparam("before", type_=tables.UtcTime),
    _IS_UNDECIDED,
)

_SELECT_STILL_UNDECIDED: Final = select(requests.c.id).where(
    requests.c.id.in_(bindparam("ids", expanding=True)), requests.c.status.in_(OPEN), _IS_UNDECIDED
)

_UPDATE_EXPIRED: Final = update(requests).where(requests.c.id == bindparam("of_request")).values(status="expired")

# In PostgreSQL a statement that waited for a row does not see what else was committed meanwhile; the next one does.
_LOCK_REQUEST: Final = select(requests.c.id).where(requests.c.id == bindparam("of_request")).with_for_update()

# In one order, or two replicas that expire the same requests could wait for each other.
_LOCK_REQUESTS: Final = (
    select(requests.c.id)
    .where(requests.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(requests.c.id)
    .with_for_update()
)

_UPDATE_RESPONSE_URL: Final = (
    update(requests)
    .where(requests.c.id == bindparam("of_request"))
    .values(response_url=bindparam("url"), response_url_expires_at=bindparam("until"))
)

_CLOSE_AS_REDRAFTED: Final = (
    update(requests)
    .where(
        requests.c.id == bindparam("of_request"),
        requests.c.status.in_(OPEN),
        requests.c.sent_to_slack_at.is_not(None),
        _IS_UNDECIDED,
    )
    .values(status="redrafted")
)

_UPDATE_DRAFTED: Final = (
    update(requests)
    .where(
        requests.c.id == bindparam("of_request"),
        requests.c.status == "drafting",
        requests.c.sent_to_slack_at.is_(None),
        requests.c.owner.is_not_distinct_from(bindparam("me", type_=String)),
    )
    .values(
        status=bindparam("new_status"),
        policy=bindparam("new_policy"),
        policy_params=bindparam("params"),
        ranker_version=bindparam("ranker"),
        order_propensity=bindparam("propensity"),
        sent_to_slack_at=bindparam("sent"),
        retrieved=bindparam("found"),
    )
)

_UPDATE_CONVERSATION: Final = (
    update(requests)
    .where(
        requests.c.id == bindparam("of_request"),
        requests.c.status == "drafting",
        requests.c.sent_to_slack_at.is_(None),
        requests.c.owner.is_not_distinct_from(bindparam("me", type_=String)),
    )
    .values(conversation=bindparam("turns"), seen_ts=bindparam("seen"))
)

_SELECT_CANDIDATE: Final = select(candidates.c.id).where(candidates.c.id == bindparam("candidate_id"))

_SELECT_OWNER: Final = select(requests.c.owner, (requests.c.status == "drafting") & _IS_UNDECIDED).where(
    requests.c.id == bindparam("of_request")
)

_UPDATE_SENT_TO_SLACK_AT: Final = (
    update(requests)
    .where(requests.c.id == bindparam("of_request"), requests.c.sent_to_slack_at.is_(None))
    .values(sent_to_slack_at=bindparam("at"))
)

_IS_FINISHING: Final = (
    requests.c.id == bindparam("of_request"),
    requests.c.order_propensity.is_(None),
    requests.c.status != "failed",
    requests.c.owner.is_not_distinct_from(bindparam("me", type_=String)),
)

_UPDATE_FINISHED: Final = (
    update(requests)
    .where(*_IS_FINISHING)
    .values(
        order_propensity=bindparam("propensity"),
        retrieved=bindparam("found"),
        status=case(
            ((requests.c.status == "drafting") & requests.c.shown_at.is_not(None), "shown"), else_=requests.c.status
        ),
    )
)

_UPDATE_UNFINISHED: Final = update(requests).where(*_IS_FINISHING).values(status="failed", retrieved=bindparam("found"))

_UPDATE_FIRST_PROPENSITY: Final = (
    update(candidates)
    .where(candidates.c.request_id == bindparam("of_request"), candidates.c.position.is_not(None))
    .values(first_propensity=bindparam("first"))
)

# A redraft, or the night, may have closed the request already: a late record must not open it again. While some are
# still drafted, which another replica may have to go on with, it stays in drafting.
_SHOWN_WHEN_DRAFTED: Final = case(
    ((requests.c.status == "drafting") & requests.c.order_propensity.is_not(None), "shown"), else_=requests.c.status
)

_UPDATE_SHOWN: Final = (
    update(requests)
    .where(requests.c.id == bindparam("of_request"), requests.c.shown_at.is_(None))
    .values(status=_SHOWN_WHEN_DRAFTED, shown_at=bindparam("at"))
)

_UPDATE_STATUS: Final = (
    update(requests)
    .where(requests.c.id == bindparam("of_request"), requests.c.status == "drafting")
    .values(status=_SHOWN_WHEN_DRAFTED)
)

_UPDATE_CANDIDATES_SHOWN: Final = (
    update(candidates)
    .where(
        candidates.c.request_id == bindparam("of_request"),
        candidates.c.position.is_not(None),
        candidates.c.shown_at.is_(None),
    )
    .values(shown_at=bindparam("at"))
)

_UPDATE_SOME_SHOWN: Final = _UPDATE_CANDIDATES_SHOWN.where(candidates.c.id.in_(bindparam("ids", expanding=True)))

_SELECT_REQUEST: Final = select(requests).where(requests.c.id == bindparam("of_request"))

_SELECT_CANDIDATES: Final = (
    select(candidates).where(candidates.c.request_id == bindparam("of_request")).order_by(candidates.c.sample_index)
)

_SELECT_STANDING: Final = select(choices).where(_is_standing(bindparam("of_request")))

_SELECT_REQUEST_OF_CANDIDATE: Final = (
    select(requests)
    .join(candidates, candidates.c.request_id == requests.c.id)
    .where(candidates.c.id == bindparam("candidate_id"))
)

_SELECT_LAST_OPEN: Final = (
    select(requests.c.id)
    .where(
        requests.c.created_at >= bindparam("since", type_=tables.UtcTime),
        requests.c.status.in_(OPEN),
        requests.c.sent_to_slack_at.is_not(None),
        _IS_UNDECIDED,
    )
    .order_by(requests.c.created_at.desc(), requests.c.id.desc())
    .limit(1)
)

_SELECT_IN_DRAFTING: Final = (
    select(requests.c.id)
    .where(
        requests.c.created_at >= bindparam("since", type_=tables.UtcTime),
        requests.c.status == "drafting",
        requests.c.sent_to_slack_at.is_(None),
    )
    .limit(1)
)

_OPEN_IN_CHANNEL: Final = (
    select(requests)
    .where(
        requests.c.team_id == bindparam("team_id"),
        requests.c.channel_id == bindparam("channel_id"),
        requests.c.agent_id != bindparam("other_than"),
        requests.c.created_at >= bindparam("since", type_=tables.UtcTime),
        requests.c.status.in_(OPEN),
        _IS_UNDECIDED,
    )
    .order_by(requests.c.created_at, requests.c.id)
)

_TOKENS_SINCE: Final = (
    select(
        func.sum(func.coalesce(candidates.c.prompt_tokens, 0) + func.coalesce(candidates.c.completion_tokens, 0)),
    )
    .join(requests, requests.c.id == candidates.c.request_id)
    .where(requests.c.created_at >= bindparam("since", type_=tables.UtcTime))
)

_TRANSLATED_SINCE: Final = select(events.c.data).where(
    text("type = 'translated'"), events.c.at >= bindparam("since", type_=tables.UtcTime)
)
