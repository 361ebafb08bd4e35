"""Any request that the choice log can hold, for Hypothesis."""

from datetime import UTC, datetime
from typing import Any, get_args

from hypothesis import strategies as st

from storage.records import (
    Candidate,
    Choice,
    DismissReason,
    DraftError,
    DroppedReason,
    Event,
    EventType,
    LogEntry,
    Policy,
    Request,
    Role,
    Side,
    Status,
    Steer,
    Surface,
    Task,
    Turn,
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=64)
times = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - it wants bounds without a zone
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
counts = st.integers(0, 2**31 - 1)
shares = st.floats(0, 1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, json_values, max_size=3)
turns = st.builds(Turn, role=st.sampled_from(get_args(Role)), text=texts)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def entries(draw: st.DrawFn, request_ids: st.SearchStrategy[str] = ids) -> LogEntry:
    """A request whole and consistent, with ids of its own: each begins with the request's number."""
    request_id = draw(request_ids)
    drafted = _candidates(draw, request_id, draw(st.integers(0, 4)))
    request = draw(
        st.builds(
            Request,
            id=st.just(request_id),
            team_id=ids,
            channel_id=ids,
            thread_ts=maybe(st.text("0123456789.", max_size=32)),
            agent_id=ids,
            surface=st.sampled_from(get_args(Surface)),
            locale=st.sampled_from(["en-US", "zh-TW"]),
            created_at=times,
            sent_to_slack_at=st.none(),
            shown_at=maybe(times),
            status=st.sampled_from(get_args(Status)),
            hint=maybe(texts),
            k_requested=counts,
            prompt_version=ids,
            ranker_version=maybe(ids),
            policy=st.sampled_from(get_args(Policy)),
            policy_params=objects,
            order_propensity=maybe(shares),
            parent_request_id=maybe(ids),
            parent_candidate_id=maybe(ids),
            steer=maybe(st.sampled_from(get_args(Steer))),
            steer_language=maybe(st.sampled_from(["de", "zh-TW"])),
            simulated=st.booleans(),
            app_version=st.text("0123456789.", max_size=32),
            conversation=st.lists(turns, max_size=3).map(tuple),
            task=maybe(st.sampled_from(get_args(Task))),
            input_row=maybe(st.integers(1, 2**31 - 1)),
            input=maybe(objects),
            comparison=maybe(ids),
            experiment=maybe(ids),
            arm=maybe(ids),
            arm_propensity=maybe(shares),
            retrieved=maybe(st.lists(json_values, max_size=2).map(tuple)),
            response_url=st.none(),
            response_url_expires_at=st.none(),
            owner=st.none(),
        )
    )
    choice = draw(maybe(_choices(request_id, drafted)))
    happened = draw(st.lists(_events(request_id), max_size=3).map(tuple))
    return LogEntry(request=request, candidates=drafted, choice=choice, events=happened)


def _candidates(draw: st.DrawFn, request_id: str, how_many: int) -> tuple[Candidate, ...]:
    positions = draw(st.permutations(range(1, how_many + 1)))
    return tuple(_candidate(draw, request_id, index, positions[index]) for index in range(how_many))


def _candidate(draw: st.DrawFn, request_id: str, index: int, position: int) -> Candidate:
    error = draw(maybe(st.sampled_from(get_args(DraftError))))
    dropped = None if error else draw(maybe(st.sampled_from(get_args(DroppedReason))))
    return draw(
        st.builds(
            Candidate,
            id=st.just(f"{request_id[:60]}.c{index}"),
            request_id=st.just(request_id),
            sample_index=st.just(index),
            position=st.just(None if error or dropped else position),
            style=ids,
            model=texts,
            model_returned=maybe(texts),
            temperature=maybe(numbers),
            text=maybe(texts),
            error=st.just(error),
            dropped_reason=st.just(dropped),
            duplicate_of=maybe(ids),
            shown_at=maybe(times),
            latency_ms=maybe(counts),
            attempts=counts,
            finish_reason=maybe(texts),
            prompt_tokens=maybe(counts),
            completion_tokens=maybe(counts),
            mean_logprob=maybe(numbers),
            score=maybe(numbers),
            first_propensity=maybe(shares),
            inclusion_propensity=maybe(shares),
            sources=st.lists(json_values, max_size=2).map(tuple),
            side=maybe(st.sampled_from(get_args(Side))),
        )
    )


@st.composite
def _choices(draw: st.DrawFn, request_id: str, drafted: tuple[Candidate, ...]) -> Choice:
    chosen = draw(maybe(st.sampled_from(drafted))) if drafted else None
    kind = draw(st.sampled_from(["dismissed", "tied"] if chosen is None else ["used", "edited"]))
    return draw(
        st.builds(
            Choice,
            id=st.just(f"{request_id[:60]}.h"),
            request_id=st.just(request_id),
            kind=st.just(kind),
            candidate_id=st.just(chosen and chosen.id),
            final_text=st.none() if kind == "tied" else maybe(texts),
            reason=maybe(st.sampled_from(get_args(DismissReason))) if kind == "dismissed" else st.none(),
            edit_similarity=maybe(shares),
            agent_id=ids,
            chosen_at=times,
            decision_ms=maybe(counts),
            visible_candidate_ids=st.permutations([one.id for one in drafted]).map(tuple),
            retracted_at=st.none(),
            note=maybe(texts),
        )
    )


def _events(request_id: str) -> st.SearchStrategy[Event]:
    return st.builds(
        Event,
        request_id=st.just(request_id),
        type=st.sampled_from(get_args(EventType)),
        at=times,
        agent_id=maybe(ids),
        candidate_id=maybe(ids),
        data=objects,
    )
