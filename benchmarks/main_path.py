"""CPU and latencies of the main path: /suggest, acknowledgement, K drafts, private message, click, reply posted.

    python -m benchmarks.main_path
    python -m benchmarks.main_path --systems peer --rounds 1 --rate 28 --duration 20
    python -m benchmarks.main_path --systems ours --rounds 1 --profile ours.pstats
    python -m benchmarks.main_path --neighbours 3

The systems run in turn, each as a process of its own on an empty database; Slack and the model are doubles in this
process. Nothing is asserted about times: read the table.
"""

import argparse
import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks import payload_checks, summary
from benchmarks.load import Generator, LoadRun, Plan, Recorder, Result
from benchmarks.neighbours import run_neighbours
from benchmarks.profiler import shares
from benchmarks.slack_server import serve_slack
from benchmarks.systems import OURS, PEER, System, SystemSetup, start_system
from playground.model_server import ModelDouble

RESULTS = Path(__file__).with_name("results")
WARM_UP = 5


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    systems = [_system(name, options.ours) for name in options.systems.split(",")]
    results: dict[str, list[Result]] = {system.name: [] for system in systems}
    for number in range(options.rounds):
        for system in systems:
            result = asyncio.run(_measure(system, options, seed=options.seed + number))
            results[system.name].append(result)
            print(
                f"round {number + 1}, {system.name}: {result.cpu_ms:.1f} ms of CPU a suggestion, {result.lost} lost"
                f" (the machine: {result.reference_ms:.0f})"
            )
    settings = {name: str(value) for name, value in vars(options).items() if name in _SETTINGS}
    summary.write_json(options.json, settings, results)
    title = f"{options.rate:g} suggestions/s for {options.duration:g} s, K = {options.k}, medians of {options.rounds}"
    summary.print_table(summary.build_table(title, {name: summary.summarise(runs) for name, runs in results.items()}))
    if options.profile is not None:
        _print_profile(options.profile)


def measure_once(system: System, arguments: list[str], *, seed: int) -> Result:
    """One run of one system, with the options as on the command line."""
    return asyncio.run(_measure(system, _parser().parse_args(arguments), seed=seed))


_SETTINGS = {"rounds", "rate", "duration", "k", "replicas", "latency", "think", "seed", "concurrency", "neighbours"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.main_path", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--systems", default="peer,ours", help="which, in which order (default: peer,ours)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=15, help="suggestions a second")
    parser.add_argument("--duration", type=float, default=10, help="seconds of arrivals")
    parser.add_argument("--k", type=int, default=5, help="candidates a suggestion")
    parser.add_argument("--replicas", type=int, default=1, help="processes, sent to in turn")
    parser.add_argument("--latency", type=float, nargs=2, default=[0.3, 1.1], help="of a model call, seconds, uniform")
    parser.add_argument("--think", type=float, default=0.3, help="seconds between answer and click")
    parser.add_argument("--neighbours", type=int, default=0, help="programs that compute, and as many that flush")
    parser.add_argument("--concurrency", type=int, default=400, help="SUGGEST_MAX_CONCURRENCY")
    parser.add_argument("--database-url", help="SUGGEST_DATABASE_URL (default: a new SQLite file each run)")
    parser.add_argument("--seed", type=int, default=1, help="of latencies and clicks; each round takes the next")
    parser.add_argument("--ours", default=" ".join(OURS.program), help="module and arguments (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=RESULTS / "main_path.json")
    parser.add_argument("--profile", type=Path, help="profile the load, and write this .pstats file")
    return parser


def _system(name: str, ours: str) -> System:
    return PEER if name == "peer" else System(name=name, program=ours.split())


async def _measure(system: System, options: argparse.Namespace, seed: int) -> Result:
    plan = Plan(rate=options.rate, duration_s=options.duration, candidates=options.k, think_s=options.think, seed=seed)
    latency = (options.latency[0], options.latency[1])
    recorder = Recorder()
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="suggest-benchmark-")))
        side = await stack.enter_async_context(serve_slack(recorder.record_payload))
        model = await stack.enter_async_context(ModelDouble.start(latency_s=latency, seed=seed))
        model.script(recorder.record_model_call)
        surroundings = SystemSetup(
            slack_url=side.api_url,
            model_url=model.base_url,
            candidates=options.k,
            max_concurrency=options.concurrency,
            directory=directory,
            database_url=options.database_url,
            profile=options.profile and options.profile.resolve(),
        )
        replicas = [
            await stack.enter_async_context(start_system(system, surroundings)) for _ in range(options.replicas)
        ]
        generator = Generator(side, recorder, replicas)
        stack.enter_context(run_neighbours(options.neighbours, directory))
        # First requests pay for connections and caches; they are not what a day's work costs.
        await generator.run(Plan(rate=WARM_UP, duration_s=1, candidates=options.k))
        if surroundings.profile is None:
            load_run = await generator.run(plan)
        else:
            surroundings.profile.unlink(missing_ok=True)
            replicas[0].start_profile()
            load_run = await generator.run(plan)
            await replicas[0].end_profile(surroundings.profile)
    return Result.from_run(load_run, refused_payloads=_count_refusals(load_run))


def _count_refusals(load_run: LoadRun) -> int:
    reasons = payload_checks.find_refusals(load_run.received)
    for reason in reasons[:5]:
        print(f"refused: {reason}")
    return len(reasons)


def _print_profile(path: Path) -> None:
    print("\nOwn time of the main thread by package, waiting for events left out:")
    for package, share in shares(path)[:25]:
        print(f"{share:7.1%}  {package}")


if __name__ == "__main__":
    main()
