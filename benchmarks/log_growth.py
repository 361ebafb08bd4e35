"""Measure the main path on a short choice log and on a long one, in turn.

python -m benchmarks.log_growth                       # 1,000 and 1,000,000 requests, 3 rounds
python -m benchmarks.log_growth --sizes 1000 100000 --rounds 1
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks import main_path, summary
from benchmarks.load import Result
from benchmarks.synthetic_log import fill_database
from benchmarks.systems import OURS

RESULTS = Path(__file__).with_name("results")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.log_growth", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs=2, default=[1_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=15)
    parser.add_argument("--json", type=Path, default=RESULTS / "growth.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="suggest-growth-") as folder:
        results = _measure(Path(folder), options)
    summary.write_json(options.json, {"rounds": str(options.rounds), "rate": str(options.rate)}, results)
    title = f"{options.rate:g} suggestions/s for 10 s, K = 5, medians of {options.rounds}"
    # The longer log stands second, so that the ratio reads "long / short".
    summary.print_table(summary.build_table(title, {name: summary.summarise(runs) for name, runs in results.items()}))


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, list[Result]]:
    for size in options.sizes:
        fill_database(folder / f"{size}.db", size)
    results: dict[str, list[Result]] = {f"{size}": [] for size in options.sizes}
    for number in range(options.rounds):
        for size in options.sizes:
            arguments = ["--rate", str(options.rate), "--database-url", f"sqlite:///{folder / f'{size}.db'}"]
            result = main_path.measure_once(OURS, arguments, seed=number + 1)
            results[f"{size}"].append(result)
            print(f"round {number + 1}, {size} requests: {result.cpu_ms:.1f} ms of CPU a suggestion")
    return results


if __name__ == "__main__":
    main()
