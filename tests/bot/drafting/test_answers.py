"""What models and their servers answer at their oddest: over real HTTP, at once and streamed."""

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from bot.drafting import Draft, Drafter, DraftFailed, Models
from bot.drafting.bodies import MAX_BODY
from bot.drafting.cleaning import MAX_REPLY
from playground.model_server import (
    Answer,
    EndlessBody,
    ErrorStatus,
    ModelDouble,
    RawBody,
    Redirect,
    Reply,
    bad_request,
    server_error,
)
from tests.bot.drafting.briefs import PLAYBOOK, build_brief, build_briefs, draft_failing

TOKENS = {"usage": {"prompt_tokens": 700, "completion_tokens": 30}}


async def stream(drafter: Drafter) -> tuple[str, Draft | DraftFailed]:
    """All text that a watcher sees, and how it ended."""
    seen = ""
    try:
        async for chunk in drafter.astream(build_brief()):
            seen += chunk.text
            if chunk.draft is not None:
                return seen, chunk.draft
    except DraftFailed as failed:
        return seen, failed
    raise AssertionError("the last chunk has the draft")


def build_error_reply(**changes: Any) -> Reply:
    """A 200 whose choice tells of a failure behind the server."""
    return Reply(text="Thank you for writing. We will", choice_changes={"finish_reason": "error", **changes})


def build_body(text: str) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


# --- thoughts -----------------------------------------------------------------------------------------

THOUGHTS = [
    "Okay, they are angry, admit nothing.\n</think>\n\nHi",
    "<think>They are angry, admit nothing.</think>\n\nHi",
    "[THINK]They are angry, admit nothing.[/THINK]Hi",
    "<|channel|>analysis<|message|>They are angry.<|end|><|start|>assistant<|channel|>final<|message|>Hi",
    "\u202eH\u200bi\U000e0041\x1b",
]


@pytest.mark.parametrize("written", THOUGHTS)
async def test_a_reply_comes_without_thoughts_and_unseen_characters(
    drafter: Drafter, model: ModelDouble, written: str
) -> None:
    """Also streamed, where none of it is ever given out."""
    model.script(written)
    assert (await drafter.ainvoke(build_brief())).text == "Hi"
    seen, draft = await stream(drafter)
    assert isinstance(draft, Draft)
    assert seen == draft.text == "Hi"


@pytest.mark.parametrize("written", [*THOUGHTS, "They are angry, admit nothing. </think> Hi"])
@pytest.mark.parametrize("before", [[], ["A plain reply."], ["A plain reply."] * 3])
async def test_a_watched_draft_gives_out_no_thought(
    drafter: Drafter, model: ModelDouble, written: str, before: list[str]
) -> None:
    """Whatever the model wrote before: only a closing tag may tell, long after, that all was a thought."""
    model.enqueue(*before, written)
    for _ in before:
        await drafter.ainvoke(build_brief())
    assert (await stream(drafter))[0] == "Hi"


async def test_a_thought_in_the_midst_of_a_watched_draft_is_not_given_out(
    watchable: Drafter, model: ModelDouble
) -> None:
    """Also of a model that keeps its thoughts apart."""
    model.enqueue("Sure! <think>Deny.</think> Hi")
    seen, draft = await stream(watchable)
    assert seen == "Sure! Hi"
    assert isinstance(draft, Draft)


@pytest.mark.parametrize("written", ["<think>They are angry.", "They are angry.</think>", "\u200b\ufeff"])
async def test_a_draft_of_nothing_but_thoughts_is_empty_and_its_tokens_count(
    drafter: Drafter, model: ModelDouble, written: str
) -> None:
    model.script(lambda _: Reply(text=written, changes=TOKENS))
    failed = await draft_failing(drafter, build_brief())
    assert (failed.error, failed.prompt_tokens, failed.completion_tokens) == ("empty", 700, 30)
    seen, streamed = await stream(drafter)
    assert isinstance(streamed, DraftFailed)
    assert (seen, streamed.error, streamed.completion_tokens) == ("", "empty", 30)


# --- metadata -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [{"a": 1}, ["x"], 7, True, "stop\ud800\u202e", "x" * 10_000, None, ""])
async def test_one_draft_with_odd_metadata_is_a_draft_as_the_others(
    drafter: Drafter, model: ModelDouble, odd: object
) -> None:
    """What is recorded has its type and its bounds, whatever the server says."""
    usage = {"prompt_tokens": odd, "completion_tokens": -1, "completion_tokens_details": odd}
    changes = {"id": odd, "model": odd, "usage": usage, "service_tier": odd, "system_fingerprint": odd, "created": odd}
    choice = {"finish_reason": odd, "logprobs": odd, "index": odd}
    model.answer_when(lambda call: "draft 1!" in call.prompt, Reply(text="Hi", changes=changes, choice_changes=choice))
    first, second, third = await drafter.abatch(build_briefs(3), return_exceptions=True)
    assert isinstance(first, Draft)
    assert isinstance(third, Draft)
    assert second.text == "Hi"
    for told in (second.model_returned, second.finish_reason):
        assert told is None or (told.isprintable() and 0 < len(told.encode()) <= 200)
    assert second.prompt_tokens == (7 if odd == 7 and odd is not True else None)
    assert second.completion_tokens is second.mean_logprob is None


@pytest.mark.parametrize("odd", [{"a": 1}, ["x"], 7, "stop\ud800\u202e", None])
async def test_a_stream_with_odd_metadata_is_a_stream_as_any(drafter: Drafter, model: ModelDouble, odd: object) -> None:
    changes = {"id": odd, "model": odd, "usage": odd, "service_tier": odd}
    model.enqueue(Reply(text="Which order?", changes=changes, choice_changes={"finish_reason": odd, "logprobs": odd}))
    seen, draft = await stream(drafter)
    assert isinstance(draft, Draft), draft
    assert seen == draft.text == "Which order?"
    assert draft.model_returned in {None, "stop"}
    assert draft.prompt_tokens is None


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", "1" * 400, '"x"', "null", "{}"])
async def test_a_log_probability_that_is_none_is_left_out(drafter: Drafter, model: ModelDouble, value: str) -> None:
    body = build_body("Hi").replace(
        b'"message"', f'"logprobs": {{"content": [{{"logprob": {value}}}]}}, "message"'.encode()
    )
    model.enqueue(RawBody(body=body))
    assert (await drafter.ainvoke(build_brief())).mean_logprob is None


# --- failures told in a success -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error", "attempts"),
    [
        (build_error_reply(), "server_error", 3),
        (build_error_reply(error={"code": 502, "message": "Bad gateway"}), "server_error", 3),
        (build_error_reply(error={"code": "503"}), "server_error", 3),
        (build_error_reply(error={"code": 429}), "rate_limited", 3),
        (build_error_reply(error={"code": 400}), "refused", 1),
        (build_error_reply(error="overloaded"), "server_error", 3),
        (build_error_reply(finish_reason="stop", error={"code": 502}), "server_error", 3),
        (Reply(text="Thank", changes={"error": {"code": 429}}), "rate_limited", 3),
        (ErrorStatus(status=408, message="Request timeout"), "timed_out", 3),
        (ErrorStatus(status=409, message="Conflict"), "server_error", 3),
    ],
)
async def test_a_failure_told_in_a_success_is_one(
    drafter: Drafter, model: ModelDouble, answer: Reply | ErrorStatus, error: str, attempts: int
) -> None:
    """Tried again where its code says that this can help, at once or streamed; nothing of it is given out."""
    model.script(lambda _: answer)
    failed = await draft_failing(drafter, build_brief())
    assert (failed.error, failed.attempts, model.total) == (error, attempts, attempts)
    seen, streamed = await stream(drafter)
    assert isinstance(streamed, DraftFailed)
    assert (seen, streamed.error, model.total) == ("", error, 2 * attempts)


async def test_the_tokens_of_all_attempts_are_counted(drafter: Drafter, model: ModelDouble) -> None:
    """Also those of a failed one, where the server tells them."""
    failed = Reply(text="Thank", changes=TOKENS, choice_changes={"finish_reason": "error"})
    model.enqueue(failed, server_error(), Reply(text="Hi", changes=TOKENS))
    draft = await drafter.ainvoke(build_brief())
    assert (draft.text, draft.attempts, draft.prompt_tokens, draft.completion_tokens) == ("Hi", 3, 1400, 60)
    model.script(lambda _: failed)
    assert (await draft_failing(drafter, build_brief())).prompt_tokens == 2100


async def test_a_refused_draft_has_its_tokens(drafter: Drafter, model: ModelDouble) -> None:
    model.enqueue(Reply(text="Half a", finish_reason="content_filter", changes=TOKENS), bad_request())
    assert (await draft_failing(drafter, build_brief())).completion_tokens == 30
    assert (await draft_failing(drafter, build_brief())).completion_tokens is None


# --- the budget of tokens -------------------------------------------------------------------------------

SPENT = Reply(text=None, finish_reason="length", changes=TOKENS)


@pytest.mark.parametrize("spent", [SPENT, Reply(text="<think>They are", finish_reason="length", changes=TOKENS)])
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_draft_cut_off_before_its_first_word_is_asked_for_once_more(
    drafter: Drafter,
    model: ModelDouble,
    spent: Reply,
    is_streamed: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    """With four times as many tokens; those of both are counted."""
    model.enqueue(spent, Reply(text="Hi", changes=TOKENS))
    draft = (await stream(drafter))[1] if is_streamed else await drafter.ainvoke(build_brief())
    assert isinstance(draft, Draft)
    assert (draft.text, draft.attempts, draft.completion_tokens) == ("Hi", 2, 60)
    assert [call.body["max_tokens"] for call in model.calls] == [900, 3600]


async def test_a_model_that_spends_all_on_thinking_is_asked_twice(drafter: Drafter, model: ModelDouble) -> None:
    model.script(lambda _: SPENT)
    failed = await draft_failing(drafter, build_brief())
    assert (failed.error, failed.finish_reason, failed.attempts) == ("empty", "length", 2)
    assert failed.completion_tokens == 60


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "model_length"])
async def test_a_text_that_was_cut_off_says_so(drafter: Drafter, model: ModelDouble, reason: str) -> None:
    model.enqueue(Reply(text="Your parcel is", choice_changes={"finish_reason": reason}))
    draft = await drafter.ainvoke(build_brief())
    assert (draft.text, draft.finish_reason, draft.attempts) == ("Your parcel is", "length", 1)


@pytest.mark.parametrize(("ours", "sent"), [(0, None), (50, 50), (None, 900)])
async def test_a_style_may_have_its_own_budget(
    drafter: Drafter, model: ModelDouble, ours: int | None, sent: int | None
) -> None:
    style = replace(PLAYBOOK.styles[0], max_tokens=ours, reasoning_effort="low")
    await drafter.ainvoke(build_brief(style=style))
    assert model.calls[0].body.get("max_tokens") == sent
    assert model.calls[0].body["reasoning_effort"] == "low"


async def test_without_a_limit_of_ours_more_is_asked_for_than_the_server_gave(model: ModelDouble) -> None:
    models = Models(base_url=model.base_url, api_key="x", max_tokens=0, reasoning_effort="low")
    async with Drafter(models) as drafter:
        model.enqueue(SPENT, "Hi")
        assert (await drafter.ainvoke(build_brief())).text == "Hi"
    assert [call.body.get("max_tokens") for call in model.calls] == [None, 4 * 30]
    assert {call.body["reasoning_effort"] for call in model.calls} == {"low"}


TOO_LONG = "This model's maximum context length is 1024 tokens."


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        (TOO_LONG, 225),
        (f"{TOO_LONG} However, you requested 1500 tokens (600 in the messages, 900 in the completion).", 424),
        (f"'max_tokens' is too large: 900. {TOO_LONG[:-1]} and your request has 700 input tokens (900 > 324).", 324),
        (
            "`inputs` tokens + `max_new_tokens` must be <= 1024. Given: 700 `inputs` tokens and 900 `max_new_tokens`",
            324,
        ),
        ("the request exceeds the available context size, try increasing it", 225),
        ("max_tokens is too large: 900. This model supports at most 512 completion tokens.", 512),
        ("prompt is too long: 2000 tokens > 1024 maximum", 225),
    ],
)
async def test_a_request_that_the_context_cannot_hold_is_asked_for_shorter(
    drafter: Drafter, model: ModelDouble, message: str, asked: int
) -> None:
    """By what the server says that it holds, if it does; no parameter is taken for one that the server refuses."""
    model.enqueue(bad_request(message, code="context_length_exceeded"), "Hi")
    assert (await drafter.ainvoke(build_brief())).text == "Hi"
    assert [call.body["max_tokens"] for call in model.calls] == [900, asked]
    await drafter.ainvoke(build_brief())
    assert model.calls[-1].body["max_tokens"] == 900


@pytest.mark.parametrize(
    ("message", "calls"), [(TOO_LONG, 2), (f"{TOO_LONG} You requested 2000 tokens (1020 in the messages, 980 …)", 1)]
)
async def test_what_is_too_long_for_the_model_is_told_apart_from_refused(
    drafter: Drafter, model: ModelDouble, message: str, calls: int
) -> None:
    model.script(lambda _: bad_request(message))
    failed = await draft_failing(drafter, build_brief())
    assert (failed.error, failed.finish_reason) == ("refused", "context_length_exceeded")
    assert model.total == calls


async def test_an_effort_that_the_server_refuses_is_left_out(model: ModelDouble) -> None:
    refusal = bad_request("Unrecognized request argument supplied: reasoning_effort")
    model.answer_when(lambda call: "reasoning_effort" in call.body, refusal)
    async with Drafter(Models(base_url=model.base_url, api_key="x", reasoning_effort="low")) as drafter:
        await drafter.abatch(build_briefs(2))
        await drafter.ainvoke(build_brief())
    assert "reasoning_effort" not in model.calls[-1].body


# --- bounds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(EndlessBody(), id="endless"),
        pytest.param(RawBody(body=gzip.compress(build_body("a" * 40_000_000), 1), encoding="gzip"), id="packed"),
        pytest.param(RawBody(body=build_body("a" * 5_000_000)), id="5 MB"),
        pytest.param(RawBody(body=b"[" * 1_000_000), id="nested"),
        pytest.param(RawBody(body=b"[%s]" % b",".join([b"[]"] * 300_000)), id="many parts"),
        pytest.param(RawBody(body=b"[%s]" % b",".join([b"1"] * 500_000)), id="many numbers"),
        pytest.param(RawBody(body=b'{"a":' * 20_000 + b"1" + b"}" * 20_000), id="nested, within the limits"),
    ],
)
async def test_an_answer_beyond_all_bounds_fails(drafter: Drafter, model: ModelDouble, answer: Answer) -> None:
    """As invalid, once; the rest of it is not taken, and the next draft is a draft."""
    model.enqueue(answer)
    failed = await draft_failing(drafter, build_brief())
    assert (failed.error, failed.attempts) == ("invalid_output", 1)
    await model.wait_idle()
    if isinstance(answer, EndlessBody):
        assert model.calls[0].outcome == "cancelled"
    assert (await drafter.ainvoke(build_brief())).text


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(EndlessBody(), id="endless"),
        pytest.param(
            RawBody(body=gzip.compress(b"data: {}\n\n"), content_type="text/event-stream", encoding="gzip"), id="packed"
        ),
        pytest.param(RawBody(body=b"data: " + b"[" * 100_000 + b"\n\n", content_type="text/event-stream"), id="nested"),
        pytest.param(RawBody(body=b"data: \xff\xfe\n\n", content_type="text/event-stream"), id="no UTF-8"),
    ],
)
async def test_a_stream_beyond_all_bounds_fails(drafter: Drafter, model: ModelDouble, answer: Answer) -> None:
    model.enqueue(answer)
    seen, failed = await stream(drafter)
    assert isinstance(failed, DraftFailed)
    assert (seen, failed.error) == ("", "invalid_output")
    await model.wait_idle()


async def test_a_long_error_page_is_an_error_as_any(drafter: Drafter, model: ModelDouble) -> None:
    model.script(lambda _: RawBody(body=b"<html>" * 1_000_000, status=400))
    assert (await draft_failing(drafter, build_brief())).error == "refused"


async def test_a_body_within_its_bounds_is_read_and_its_text_cut(drafter: Drafter, model: ModelDouble) -> None:
    """Packed as well."""
    body = build_body("Dear customer, " * (MAX_BODY // 15 - 20))
    assert len(body) <= MAX_BODY
    model.enqueue(RawBody(body=body), RawBody(body=gzip.compress(body), encoding="gzip"))
    first, second = [await drafter.ainvoke(build_brief()), await drafter.ainvoke(build_brief())]
    assert first.text == second.text
    assert MAX_REPLY - 20 < len(first.text) <= MAX_REPLY


# --- redirects ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("to", ["elsewhere", "itself"])
async def test_a_redirect_is_refused(
    drafter: Drafter,
    model: ModelDouble,
    to: str,
    status: int,
    is_streamed: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    """Neither the prompt nor the key goes anywhere but to the server that was named; the draft fails, once."""
    async with ModelDouble.start() as other:
        base = (other if to == "elsewhere" else model).base_url
        model.enqueue(Redirect(f"{base}/chat/completions", status=status))
        failed = (await stream(drafter))[1] if is_streamed else await draft_failing(drafter, build_brief())
        assert isinstance(failed, DraftFailed)
        assert (failed.error, failed.attempts) == ("refused", 1)
        assert (model.total, other.total) == (1, 0)


async def test_openais_own_server_keeps_thoughts_apart() -> None:
    async with Drafter(own := Models(base_url=None, api_key="sk-x")):
        assert own.get("gpt-4o-mini").has_separate_thoughts  # type: ignore[attr-defined]
