"""Run a program under cProfile, but only for the time between two signals.

    python -m benchmarks.profiler OUT.pstats PROGRAM [ARGUMENT ...]

PROGRAM is a module's name or the path of a .py file. SIGUSR1 starts the profile, so that imports and start-up stay out
of it; SIGUSR2 ends it and writes the file. Only the main thread is profiled, and profiling makes everything slower:
read the shares, not the milliseconds.
"""

import cProfile
import pstats
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path

Function = tuple[str, int, str]


def main() -> None:
    out, program, *arguments = sys.argv[1:]
    profile = cProfile.Profile()
    signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    signal.signal(signal.SIGUSR2, lambda *_: _write(profile, Path(out)))
    sys.argv = [program, *arguments]
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


def _write(profile: cProfile.Profile, out: Path) -> None:
    """The file appears at once, complete."""
    unfinished = out.with_suffix(".unfinished")
    profile.dump_stats(unfinished)
    unfinished.rename(out)


def shares(path: Path) -> list[tuple[str, float]]:
    """Own time by package, as shares of the whole, largest first. A built-in's time counts for who called it."""
    own: Counter[str] = Counter()
    stats: dict[Function, tuple[int, int, float, float, dict[Function, tuple[int, int, float, float]]]]
    stats = pstats.Stats(str(path)).stats  # type: ignore[attr-defined]
    for function, (_, _, total, _, callers) in stats.items():
        if "select.epoll" in function[2]:
            continue  # waiting is no work
        if not _is_builtin(function):
            own[_package(function)] += total  # type: ignore[assignment]  # typeshed: a Counter's values are int
            continue
        for caller, (_, _, share, _) in callers.items():
            own[_package(caller)] += share  # type: ignore[assignment]
    whole = sum(own.values())
    return [(package, total / whole) for package, total in own.most_common()]


def _is_builtin(function: Function) -> bool:
    return function[0] == "~"


def _package(function: Function) -> str:
    """`/…/site-packages/langchain_core/runnables/base.py` belongs to langchain_core."""
    path = Path(function[0])
    if "site-packages" in path.parts:
        return path.parts[path.parts.index("site-packages") + 1].removesuffix(".py")
    if any(part.startswith("python3") for part in path.parts):
        return f"python: {path.parent.name if path.parent.name in {'asyncio', 'json', 'sqlite3'} else path.stem}"
    return path.parent.name or function[0]


if __name__ == "__main__":
    main()
