"""A check in a live workspace: what Slack's documentation leaves open, asked of Slack itself.

It posts into a channel, changes and deletes that, and publishes one person's Home. docs/slack.md lists the questions.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from slack_sdk.web.async_client import AsyncWebClient

from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.blocks.elements import measure
from handlers.blocks.home import build_home_notice
from handlers.blocks.limits import OWN_ROOM
from handlers.blocks.messages import BlockMessage, build_notice, build_reply
from handlers.slack.errors import translate_errors
from handlers.slack.threads import LIMITED_PAGE, PAGE

Question = Literal[
    "post", "kept", "update", "thread", "long", "histories", "private", "status", "prompts", "home", "delete"
]

LIMIT_S: Final = 30.0
MARK: Final = "suggest doctor --live"
SPECIMEN: Final = (
    f"{MARK} checks how Slack treats what the bot posts, and deletes this in a moment.\n"
    "*stars*, `code`, :wave:, <angle> & ampersand, https://example.com\n- one\n- two"
)

FIXES: Final = {
    "channel_not_found": "give the id of a channel (C…) that exists; into a private one, /invite the bot first",
    "not_in_channel": "/invite the bot into this channel",
    "is_archived": "give a channel that is not archived",
    "restricted_action": "give a channel where the bot may post",
    "missing_scope": "add the scope under OAuth & Permissions of your Slack app, and install it again",
    "feature_disabled": "the app has no agent view, which docs/slack.md describes",
    "user_not_found": "give the id of a member (U…)",
    "user_not_in_channel": "give a member of this channel",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAnswer:
    """An answer of Slack's: yes is as the bot expects it, unknown that there was none."""

    question: Question
    verdict: Literal["yes", "no", "unknown"]
    said: str


class LiveCheck:
    """The questions to one workspace, by a client that waits as Slack tells. `user_id`: whose Home may be published."""

    def __init__(self, client: AsyncWebClient, *, channel_id: str, user_id: str | None) -> None:
        self._client = client
        self._channel_id = channel_id
        self._user_id = user_id
        self._posted: list[tuple[str, str]] = []

    async def run(self) -> tuple[LiveAnswer, ...]:
        """Ask everything, and delete all that was posted, whatever happens."""
        answers: tuple[LiveAnswer, ...] = ()
        try:
            answers = tuple([answer async for answer in self._ask_all()])
        finally:
            cleaned = await self._clean_up()
        if cleaned.verdict == "yes" and any(each.verdict == "unknown" for each in answers):
            said = f"{cleaned.said}, but Slack left a call unanswered: look for a message of `{MARK}`, and delete it"
            cleaned = LiveAnswer(question="delete", verdict="unknown", said=said)
        return (*answers, cleaned)

    async def _ask_all(self) -> AsyncIterator[LiveAnswer]:
        """Ask what there is to ask in the channel, then of the person."""
        posted = await self._post("post", build_reply(SPECIMEN, by="Doctor"))
        yield posted
        if posted.verdict == "yes":
            _, ts = self._posted[-1]
            yield await ask("kept", self._read_back(ts), str)
            changed = build_notice(f"{MARK} has changed this.")
            update = self._client.chat_update(
                channel=self._channel_id, ts=ts, text=changed.text, blocks=list(changed.blocks)
            )
            yield await ask("update", update, lambda _: "a posted message can be changed")
            yield await self._post("thread", build_notice(f"{MARK} answers in a thread."), thread_ts=ts)
            yield await self._post("long", build_reply("word " * (OWN_ROOM // 5), by="Doctor"))
            yield await check_histories(self._client, self._channel_id)
            if self._user_id is not None:
                yield await self._whisper(self._user_id, ts)
        if self._user_id is not None:
            async for answer in self._ask_of_person(self._user_id):
                yield answer

    async def _ask_of_person(self, user_id: str) -> AsyncIterator[LiveAnswer]:
        """Ask what there is to ask in the direct message and in Home of a person."""
        began = await ask("status", self._open_direct(user_id), str)
        if began.verdict == "yes":
            began = await self._post("status", build_notice(f"{MARK} writes to you."), channel_id=began.said)
        if began.verdict == "yes":
            channel_id, ts = self._posted[-1]
            yield await ask("status", self._set_status(channel_id, ts), lambda _: "Slack shows the bot at work")
            prompts = self._client.assistant_threads_setSuggestedPrompts(
                channel_id=channel_id, prompts=[{"title": "help", "message": "help"}]
            )
            yield await ask("prompts", prompts, lambda _: "are suggested until the messages are opened again")
        else:
            yield began
        home = build_home_notice(build_notice(f"{MARK} published this. Open Home again to see yours."))
        publish = self._client.views_publish(user_id=user_id, view=home)
        yield await ask("home", publish, lambda _: f"published for {user_id}: it shows a note until opened again")

    async def _open_direct(self, user_id: str) -> str:
        answer = await self._client.conversations_open(users=user_id)
        return str(answer["channel"]["id"])

    async def _set_status(self, channel_id: str, ts: str) -> None:
        for status in ("processing", "active"):
            await self._client.agents_sessions_setStatus(channel_id=channel_id, thread_ts=ts, status=status)

    async def _whisper(self, user_id: str, thread_ts: str) -> LiveAnswer:
        """Post a message in the thread that this person alone sees; it cannot be deleted, and goes by itself."""
        call = self._client.chat_postEphemeral(
            channel=self._channel_id, user=user_id, thread_ts=thread_ts, text=f"{MARK}: only you see this."
        )
        return await ask("private", call, lambda _: f"taken: look if {user_id} sees it in the thread")

    async def _post(
        self, question: Question, message: BlockMessage, *, thread_ts: str | None = None, channel_id: str | None = None
    ) -> LiveAnswer:
        """Post a message, and remember to delete it."""

        async def post() -> str:
            answer = await self._client.chat_postMessage(
                channel=channel_id or self._channel_id,
                thread_ts=thread_ts,
                text=message.text,
                blocks=list(message.blocks),
                unfurl_links=False,
                unfurl_media=False,
            )
            self._posted.append((str(answer["channel"]), str(answer["ts"])))
            return f"{len(message.blocks)} blocks, {measure(message.blocks):,} characters of JSON: taken"

        return await ask(question, post(), str)

    async def _read_back(self, ts: str) -> str:
        """Read the specimen as Slack keeps it, and say in which form that is."""
        answer = await self._client.conversations_history(
            channel=self._channel_id, latest=ts, oldest=ts, inclusive=True, limit=1
        )
        [message] = answer["messages"]
        kinds = ", ".join(block["type"] for block in message["blocks"])
        text = "escaped" if "&lt;angle&gt; &amp; " in message["text"] else f"as {message['text']!r}"
        return f"its text is {text}, its blocks are {kinds}"

    async def _clean_up(self) -> LiveAnswer:
        """Delete all that was posted, answers in threads first."""
        left = []
        for channel_id, ts in reversed(self._posted):
            answer = await ask("delete", self._client.chat_delete(channel=channel_id, ts=ts), str)
            if answer.verdict != "yes":
                left.append(f"{ts} in {channel_id} ({answer.said})")
        if left:
            return LiveAnswer(question="delete", verdict="no", said=f"delete these yourself: {', '.join(left)}")
        return LiveAnswer(question="delete", verdict="yes", said=f"all {len(self._posted)} messages are deleted")


async def ask(question: Question, call: Awaitable[Any], word: Callable[[Any], str]) -> LiveAnswer:
    """Await a call, and put its answer, or its refusal with what to do, into words."""
    try:
        async with asyncio.timeout(LIMIT_S), translate_errors():
            return LiveAnswer(question=question, verdict="yes", said=word(await call))
    except DeliveryRefused as refusal:
        fix = FIXES.get(refusal.reason)
        return LiveAnswer(
            question=question, verdict="no", said=f"refused ({refusal.reason}){f': {fix}' if fix else ''}"
        )
    except DeliveryThrottled as throttled:
        said = f"too many calls: try again in {throttled.retry_after_s:.0f} s"
        return LiveAnswer(question=question, verdict="no", said=said)
    except (DeliveryUncertain, TimeoutError) as error:
        said = f"Slack did not answer ({str(error) or 'in time'})"
        return LiveAnswer(question=question, verdict="unknown", said=said)


async def check_histories(client: AsyncWebClient, channel_id: str) -> LiveAnswer:
    """Ask how many messages Slack gives at a time: to some apps 15, once a minute."""
    answer = await ask("histories", client.conversations_history(channel=channel_id, limit=PAGE), _word_histories)
    return replace(answer, verdict="no") if answer.said.startswith(_LIMITED) else answer


_LIMITED: Final = "limited"
_IN_PART: Final = "of a long thread the bot reads a part, and says so"


def _word_histories(answer: Any) -> str:
    """Say how many messages Slack gave, and what that means."""
    count = len(answer["messages"])
    if count > LIMITED_PAGE:
        return f"not limited: {count} messages at a time"
    if answer.get("has_more"):
        return f"{_LIMITED} to {count} messages, once a minute, as for apps sold elsewhere: {_IN_PART}"
    return f"too few messages to tell: name a channel with more than {LIMITED_PAGE}"
