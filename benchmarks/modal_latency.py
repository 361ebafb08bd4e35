"""Measure how soon drafts stand in the modal: first finished to first visible, last to all.

python -m benchmarks.modal_latency [--runs 30] [--candidates 3]

Over Socket Mode, on loopback: the bot, a workspace and a model's server in one process, drafts of 0.4 to 1.6 seconds. A
draft is finished when the model's server has sent it; a candidate is visible when Slack has taken the update.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.lifecycle import run_bot
from cli.settings import Settings
from cli.slack_manifest import load_manifest
from playground import AppConfig, View, Workspace
from playground.model_server import Call, ModelDouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Milliseconds of one request."""

    opened: float
    first: float
    all: float


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.modal_latency", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--candidates", type=int, default=3)
    options = parser.parse_args(arguments)
    timed = asyncio.run(measure(runs=options.runs, candidates=options.candidates))
    print_quantiles("shortcut chosen to modal open", [each.opened for each in timed])
    print_quantiles("first finished draft to first candidate visible", [each.first for each in timed])
    print_quantiles("last finished draft to all candidates visible", [each.all for each in timed])


def print_quantiles(what: str, milliseconds: list[float]) -> None:
    at = sorted(milliseconds)
    shown = [f"{each:.0f}" for each in (statistics.median(at), at[int(len(at) * 0.95)], at[-1])]
    print(f"{what}: median {shown[0]} ms, p95 {shown[1]} ms, most {shown[2]} ms of {len(at)}")


async def measure(*, runs: int, candidates: int) -> list[Timed]:
    async with start_bot(candidates) as (slack, model):
        await time_modal(slack, model, candidates)  # the first fills caches
        return [await time_modal(slack, model, candidates) for _ in range(runs)]


async def time_modal(slack: Workspace, model: ModelDouble, candidates: int) -> Timed:
    """Measure one shortcut on a customer's message, to the last candidate; then close the modal."""
    model.reset()
    model.script(_draft_slowly)
    message = slack.write(slack.people.stranger, slack.channels.support, f"Where is my order {time.time_ns()}?")
    seen: list[tuple[float, int]] = []

    def note(view: View) -> bool:
        buttons = json.dumps(view.blocks).count('"use_candidate"')
        seen.append((time.monotonic(), buttons))
        return buttons == candidates

    start = time.monotonic()
    await slack.run_message_shortcut(slack.people.agent, message, "suggest_replies")
    whole = await slack.wait_for_view(slack.people.agent, note, within=30)
    await model.wait_idle()
    finished = sorted(call.ended_at for call in model.calls[-candidates:] if call.ended_at is not None)
    first = next(at for at, buttons in seen if buttons)
    await slack.close_view(slack.people.agent, whole)
    await slack.wait_until_idle()
    return Timed(
        opened=(seen[0][0] - start) * 1000,
        first=(first - finished[0]) * 1000,
        all=(seen[-1][0] - finished[-1]) * 1000,
    )


async def _draft_slowly(_: Call) -> str:
    await asyncio.sleep(random.uniform(0.4, 1.6))
    return " ".join(f"word{random.randrange(10_000)}" for _ in range(40))  # unlike any other draft


@asynccontextmanager
async def start_bot(candidates: int) -> AsyncIterator[tuple[Workspace, ModelDouble]]:
    config = AppConfig.from_manifest(load_manifest())
    with tempfile.TemporaryDirectory() as folder:
        async with Workspace.start(config=config) as slack, ModelDouble.start() as model:
            settings = Settings(
                _env_file=None,
                slack_bot_token=slack.bot_token,
                slack_app_token=slack.app_token,
                slack_api_url=slack.api_url,
                openai_base_url=model.base_url,
                suggest_candidates=candidates,
                suggest_agent_per_minute=10_000,
                suggest_database_url=f"sqlite:///{Path(folder)}/suggest.db",
            )
            async with run_bot(settings, http=None, health=None):
                await slack.wait_for_app()
                yield slack, model


if __name__ == "__main__":
    main()
