"""Outputs of two versions, as `suggest batch` writes them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.cli.files import write


def make_line(side: str, row: int, **changes: Any) -> dict[str, Any]:
    """The line of a row; a change named `texts` has the candidates' texts, None for one that failed."""
    texts = changes.pop("texts", [f"Text {side} of {row}"])
    request = {
        "id": f"{side}{row}",
        "agent_id": "cli",
        "surface": "batch",
        "status": "drafted",
        "created_at": "2026-11-01T10:00:00.000Z",
        "conversation": [{"role": "customer", "text": f"Message {row}"}],
        "input_row": row,
        "input": {"key": row},
        "prompt_version": f"prompt-{side}",
    }
    candidates = [
        {
            "id": f"{side}{row}-{index}",
            "style": f"style-{side}",
            "model": f"model-{side}",
            "attempts": 1,
            "prompt_tokens": 7,
            "sources": [],
            "text": text,
            "error": None if text else "timed_out",
        }
        for index, text in enumerate(texts)
    ]
    return {"schema": "choice-log/1", "request": request | changes, "candidates": candidates}


def write_lines(file: str, lines: Sequence[Mapping[str, Any]]) -> None:
    write(file, "".join(json.dumps(line) + "\n" for line in lines))


def write_outputs(rows: int = 3) -> None:
    """Writes a.jsonl and b.jsonl, outputs of one input."""
    for side in ("a", "b"):
        write_lines(f"{side}.jsonl", [make_line(side, row) for row in range(1, rows + 1)])
