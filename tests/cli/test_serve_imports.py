"""What `suggest serve` holds in memory."""

import subprocess
import sys

from tests.nursery import ROOT


def test_serving_loads_no_tools_for_terminals_and_no_scipy() -> None:
    """Each takes megabytes: Rich and Pygments three, SciPy fifty."""
    script = """
import sys, cli.commands.serve, cli.lifecycle, cli.wiring
print(sorted({name.partition(".")[0] for name in sys.modules} & {"rich", "pygments", "scipy", "alembic"}))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout == "[]\n"
