"""The usual recipe for many texts: LangChain's `.abatch` over all rows, and a file of JSON Lines at the end.

    python benchmarks/batch_peer.py IN.jsonl -o OUT.jsonl

What `suggest batch` is measured against. It does not retry, resume, mask or estimate. Settings: OPENAI_API_KEY,
OPENAI_BASE_URL (read by ChatOpenAI), SUGGEST_MAX_CONCURRENCY.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

SYSTEM = "You help a support agent. Write one reply to the customer's message, ready to send. Be short and direct."


def main() -> None:
    source, output = Path(sys.argv[1]), Path(sys.argv[3])
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    texts = asyncio.run(draft([row["message"] for row in rows]))
    with output.open("w", encoding="utf-8") as file:
        for row, text in zip(rows, texts, strict=True):
            file.write(json.dumps({**row, "text": text}) + "\n")


async def draft(messages: Sequence[str]) -> list[str | None]:
    model = ChatOpenAI(model="gpt-4o-mini")
    prompts: list[Any] = [[SystemMessage(SYSTEM), HumanMessage(message)] for message in messages]
    limit = int(os.environ["SUGGEST_MAX_CONCURRENCY"])
    replies = await model.abatch(prompts, {"max_concurrency": limit}, return_exceptions=True)
    return [None if isinstance(reply, BaseException) else str(reply.text) for reply in replies]


if __name__ == "__main__":
    main()
