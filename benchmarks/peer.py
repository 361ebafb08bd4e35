"""The usual recipe in one file: Slack Bolt, LangChain's abatch and SQLite. What our own bot is measured against.

It is what a good tutorial would have you write: asynchronous throughout, clients and the database connection made
once, good candidates kept when others fail, every candidate and every choice stored. It does not retry, rank,
recover or deduplicate.

Settings: SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET, SLACK_API_URL, OPENAI_API_KEY, OPENAI_BASE_URL (read by ChatOpenAI),
K, HOST, PORT, DATABASE.
"""

import os
import uuid
from collections.abc import Sequence
from typing import Any

import aiosqlite
from aiohttp import web
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

SYSTEM = "You help a support agent. Write one reply to the customer's message, ready to send. {style}"
STYLES = [
    "Be short and direct.",
    "Be warm and empathetic.",
    "Be detailed, step by step.",
    "Be formal and precise.",
    "Ask the question that moves the case forward.",
]
SCHEMA = """
CREATE TABLE IF NOT EXISTS suggestions (
    id TEXT PRIMARY KEY, user_id TEXT, channel_id TEXT, message TEXT, created_at TEXT DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS candidates (
    id TEXT PRIMARY KEY, suggestion_id TEXT REFERENCES suggestions (id), style TEXT, text TEXT, error TEXT
);
CREATE TABLE IF NOT EXISTS choices (
    candidate_id TEXT REFERENCES candidates (id), user_id TEXT, chosen_at TEXT DEFAULT CURRENT_TIMESTAMP
);
"""

K = int(os.environ.get("K", "5"))
llm = ChatOpenAI(model=os.environ.get("MODEL", "gpt-4o-mini"), temperature=0.7)
app = AsyncApp(
    client=AsyncWebClient(
        token=os.environ["SLACK_BOT_TOKEN"],
        base_url=os.environ.get("SLACK_API_URL", "https://slack.com/api/"),
    ),
    signing_secret=os.environ["SLACK_SIGNING_SECRET"],
)
db: aiosqlite.Connection


@app.command("/suggest")
async def suggest(ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond) -> None:
    await ack(f"{K} private replies are on their way.")
    suggestion_id = uuid.uuid4().hex
    await store(
        "INSERT INTO suggestions (id, user_id, channel_id, message) VALUES (?, ?, ?, ?)",
        [(suggestion_id, command["user_id"], command["channel_id"], command["text"])],
    )

    styles = [STYLES[i % len(STYLES)] for i in range(K)]
    prompts: list[list[BaseMessage]] = [
        [SystemMessage(SYSTEM.format(style=style)), HumanMessage(command["text"])] for style in styles
    ]
    replies = await llm.abatch(prompts, return_exceptions=True)  # type: ignore[arg-type]  # lists are invariant

    rows = []
    for style, reply in zip(styles, replies, strict=True):
        text, error = ("", str(reply)) if isinstance(reply, Exception) else (str(reply.content), None)
        rows.append((uuid.uuid4().hex, suggestion_id, style, text, error))
    await store("INSERT INTO candidates (id, suggestion_id, style, text, error) VALUES (?, ?, ?, ?, ?)", rows)

    good = [(candidate_id, text) for candidate_id, _, _, text, error in rows if error is None]
    if not good:
        await respond("Sorry, no reply could be drafted.")
        return
    blocks = [section(number, candidate_id, text) for number, (candidate_id, text) in enumerate(good, start=1)]
    await respond(text="Suggested replies", blocks=blocks)


def section(number: int, candidate_id: str, text: str) -> dict[str, Any]:
    return {
        "type": "section",
        "text": {"type": "plain_text", "text": text},
        "accessory": {
            "type": "button",
            "action_id": "use_candidate",
            "text": {"type": "plain_text", "text": f"Use reply {number}"},
            "value": candidate_id,
        },
    }


@app.action("use_candidate")
async def use(
    ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond
) -> None:
    await ack()
    async with db.execute("SELECT text FROM candidates WHERE id = ?", (action["value"],)) as cursor:
        row = await cursor.fetchone()
    assert row is not None
    await store("INSERT INTO choices (candidate_id, user_id) VALUES (?, ?)", [(action["value"], body["user"]["id"])])
    await client.chat_postMessage(channel=body["channel"]["id"], text=row[0])
    await respond(text="Sent.", replace_original=True)


async def store(sql: str, rows: Sequence[tuple[str | None, ...]]) -> None:
    # A cursor that is left to the garbage collector disturbs the connection, which another thread is using: on a busy
    # machine one write in hundreds then fails.
    async with db.executemany(sql, rows):
        await db.commit()


async def database(_: web.Application) -> Any:
    global db
    async with aiosqlite.connect(os.environ.get("DATABASE", "peer.db")) as db:
        await db.executescript(SCHEMA)
        yield


if __name__ == "__main__":
    server = app.server(
        port=int(os.environ.get("PORT", "3000")), path="/slack/events", host=os.environ.get("HOST", "127.0.0.1")
    )
    server.web_app.cleanup_ctx.append(database)
    server.start()
