"""The page's event stream: all that one person sees, the journal, and the newest rows of the choice log.

Each piece of news is one JSON object: `put`, the records that are new or other than before, by key; `gone`, the keys
that are no more; `entries`, the journal's new ones; `log`, the newest rows, if they changed. The first has all there
is, and `reset`. News is what differs from what was told last, so none is lost, however fast things change.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from playground.slack.journal import Entry
from playground.slack.objects import Channel, Ephemeral, Json, Message, User, View
from playground.slack.people.directory import BOT_USER_ID
from playground.slack.workspace import Workspace

HEARTBEAT_S = 15.0
ENTRIES_AT_FIRST = 400
LOG_ROWS = 20
LOG_READ_AFTER_S = 0.15
LOG_READ_AGAIN_AFTER_S = 1.0
"""After a change the log is read soon, and once more, when all is quiet, for what was committed meanwhile."""

Rows = AsyncIterator[Json] | Awaitable[list[Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """The page's parts beside the workspace: model, choice log, database.

    `log_rows` gives the newest requests of the choice log, as its lines say (`choice-log/1`), in any order;
    `model_faults` takes "none", "slow", "rate_limited" or "broken"; `database` is the name to show of where the log is;
    `commands` are those to type in a terminal: `experiment`, `comparison` and `team`, for what each tells about.
    """

    model_name: str
    is_demonstration: bool
    log_rows: Callable[[], Rows]
    model_faults: Callable[[str], None]
    database: str
    commands: Mapping[str, str] = field(default_factory=dict)


class Feed:
    """The news for one person's open page, made by `Feed.open`."""

    def __init__(self, workspace: Workspace, user: User, page_options: PageOptions) -> None:
        self._workspace = workspace
        self._user = user
        self._options = page_options
        self._sent: dict[str, Any] = {}
        self._entries: list[Entry] = list(workspace.journal.entries[-ENTRIES_AT_FIRST:])
        self._rows: list[Json] | None = None
        self._sent_rows: list[Json] | None = None
        self._has_news = asyncio.Event()
        self._is_log_due = asyncio.Event()
        self._is_log_due.set()
        self._log_task: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, workspace: Workspace, user: User, page_options: PageOptions) -> AsyncIterator["Feed"]:
        """Subscribe to journal and state until the block ends."""
        feed = cls(workspace, user, page_options)
        feed._log_task = asyncio.create_task(feed._follow_log())
        feed._log_task.add_done_callback(lambda _: feed._has_news.set())
        try:
            with workspace.journal.subscribe(feed._queue_entry), workspace.state.changes.subscribe(feed._note_change):
                yield feed
        finally:
            feed._log_task.cancel()
            await asyncio.wait([feed._log_task])

    async def stream_news(self) -> AsyncIterator[Json]:
        """Yield all there is, then each change, for ever; an empty object when nothing changed for a while."""
        yield {"reset": True, **self._collect_changes()}
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._has_news.wait()
            except TimeoutError:
                yield {}
                continue
            self._has_news.clear()
            if self._log_task is not None and self._log_task.done():
                self._log_task.result()  # raises why the log cannot be read
            if news := self._collect_changes():
                yield news

    def _queue_entry(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._note_change()

    def _note_change(self) -> None:
        self._has_news.set()
        self._is_log_due.set()

    async def _follow_log(self) -> None:
        while True:
            await self._is_log_due.wait()
            self._is_log_due.clear()
            await asyncio.sleep(LOG_READ_AFTER_S)
            await self._read_log()
            try:
                async with asyncio.timeout(LOG_READ_AGAIN_AFTER_S):  # wait_for may swallow a cancellation
                    await self._is_log_due.wait()
            except TimeoutError:
                await self._read_log()

    async def _read_log(self) -> None:
        self._rows = await read_newest_rows(self._options)
        self._has_news.set()

    def _collect_changes(self) -> Json:
        seen = _list_visible_records(self._workspace, self._user, self._options)
        put = {key: as_json(record) for key, record in seen.items() if self._sent.get(key) != record}
        gone = [key for key in self._sent if key not in seen]
        entries, self._entries = self._entries, []
        news: Json = {
            **({"put": put} if put else {}),
            **({"gone": gone} if gone else {}),
            **({"entries": [entry.as_json() for entry in entries]} if entries else {}),
            **({"log": self._rows} if self._rows != self._sent_rows else {}),
        }
        self._sent, self._sent_rows = seen, self._rows
        return news


async def stream_lines(feed: Feed) -> AsyncIterator[bytes]:
    """Yield the feed as server-sent events; a comment keeps the connection open."""
    async for news in feed.stream_news():
        yield f"data: {json.dumps(news, default=str)}\n\n".encode() if news else b": still here\n\n"


async def read_newest_rows(page_options: PageOptions) -> list[Json]:
    """Read at most LOG_ROWS rows of the choice log, the newest first."""
    rows = page_options.log_rows()
    found = [row async for row in rows] if isinstance(rows, AsyncIterator) else await rows
    return sorted(found, key=lambda row: str(row["request"]["created_at"]), reverse=True)[:LOG_ROWS]


def _list_visible_records(workspace: Workspace, user: User, page_options: PageOptions) -> dict[str, Any]:
    """Return each record that this person sees, by its key. Comparing them is cheap: they are never edited."""
    state = workspace.state
    channels = [channel for channel in state.channels.values() if user.id in channel.members]
    home = state.homes.get(user.id)
    return {
        "workspace": _describe_workspace(workspace, user, page_options),
        **{f"user:{person.id}": person for person in state.users.values()},
        **{f"channel:{channel.id}": channel for channel in channels},
        **{f"message:{c.id}/{ts}": message for c in channels for ts, message in state.messages[c.id].items()},
        **{f"ephemeral:{e.channel_id}/{e.ts}": e for e in state.list_ephemerals(user.id)},
        **{f"view:{view.id}": view for view in state.list_open_views(user.id)},
        **{f"prompts:{c.id}": {"type": "prompts", "prompts": state.prompts.get(c.id, ())} for c in channels},
        **({"home": home} if home else {}),
    }


def _describe_workspace(workspace: Workspace, user: User, page_options: PageOptions) -> Json:
    config = workspace.config
    return {
        "type": "workspace",
        "me": user.id,
        "bot": BOT_USER_ID,
        "app": config.name,
        "commands": [as_json(command) for command in config.commands],
        "shortcuts": [as_json(shortcut) for shortcut in config.shortcuts],
        "home_tab": config.home_tab,
        "model": page_options.model_name,
        "is_demonstration": page_options.is_demonstration,
        "database": page_options.database,
        "terminal": dict(page_options.commands),
        "is_connected": workspace.sockets.is_connected or workspace.request_url is not None,
    }


_TYPES: dict[type, str] = {
    User: "user",
    Channel: "channel",
    Message: "message",
    Ephemeral: "ephemeral",
}


def as_json(record: Any) -> Any:
    """Convert a record to plain JSON, with its `type`; return a dict as it is."""
    if isinstance(record, dict):
        return record
    shown = {each.name: getattr(record, each.name) for each in fields(record)}
    if isinstance(record, Channel):
        shown["members"] = sorted(record.members)
    if isinstance(record, View):
        return {**shown, "errors": dict(record.errors)}
    name = _TYPES.get(type(record))
    return {**shown, "type": name} if name else shown
