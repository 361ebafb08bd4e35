"""The systems under test, each as a process of its own: command, settings, CPU, memory, stopping."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

SIGNING_SECRET = "benchmark-signing-secret"
BOT_TOKEN = "xoxb-benchmark"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 40.0
# Nothing of the caller's own configuration may reach the process, nor send loopback traffic through a proxy.
FOREIGN_PREFIXES = ("SLACK_", "OPENAI_", "SUGGEST_", "LANGSMITH_", "LANGCHAIN_")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSetup:
    """The URLs and settings with which a system is started."""

    slack_url: str
    model_url: str
    candidates: int
    max_concurrency: int
    directory: Path
    database_url: str | None = None  # ours only; default: a SQLite file in the directory
    profile: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A program that serves `POST /slack/events` on HOST:PORT. `{host}` and `{port}` in its arguments are filled in."""

    name: str
    program: Sequence[str]

    def command(self, port: int, profile: Path | None) -> list[str]:
        program = [part.format(host="127.0.0.1", port=port) for part in self.program]
        if profile is None:
            return [sys.executable, *(program if program[0].endswith(".py") else ["-m", *program])]
        return [sys.executable, "-m", "benchmarks.profiler", str(profile), *program]


PEER = System(name="peer", program=[str(Path(__file__).with_name("peer.py"))])
OURS = System(name="ours", program=["cli", "serve", "--http", "{host}:{port}"])


def keep_environment() -> dict[str, str]:
    """Return this process's environment without what would configure the one under test."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN_PREFIXES) and name not in PROXIES
    }
    return kept | {"PYTHONPATH": str(Path(__file__).parents[1])}


def build_environment(surroundings: SystemSetup, port: int) -> dict[str, str]:
    """Build the environment variables of both systems; each ignores the other's."""
    return keep_environment() | {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": surroundings.slack_url,
        "OPENAI_API_KEY": "sk-benchmark",
        "OPENAI_BASE_URL": surroundings.model_url,
        # The peer's
        "K": str(surroundings.candidates),
        "PORT": str(port),
        "DATABASE": str(surroundings.directory / "peer.db"),
        # Ours
        "SUGGEST_CANDIDATES": str(surroundings.candidates),
        "SUGGEST_MAX_CONCURRENCY": str(surroundings.max_concurrency),
        "SUGGEST_AGENT_PER_MINUTE": "100000",
        "SUGGEST_DATABASE_URL": surroundings.database_url or f"sqlite:///{surroundings.directory / 'ours.db'}",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The CPU time of a process since its start, and its memory, threads and files now."""

    cpu_s: float
    rss_mb: float
    threads: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A running process of a system."""

    system: System
    process: asyncio.subprocess.Process
    url: str
    log: Path

    def usage(self) -> Usage:
        """User and system time of all its threads; memory, threads and open files. Linux only."""
        proc = Path(f"/proc/{self.process.pid}")
        # The second field, the program's name in parentheses, may hold spaces.
        fields = (proc / "stat").read_text().rpartition(")")[2].split()
        user, system, threads = int(fields[11]), int(fields[12]), int(fields[17])
        pages = int((proc / "statm").read_text().split()[1])
        return Usage(
            cpu_s=(user + system) / os.sysconf("SC_CLK_TCK"),
            rss_mb=pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            threads=threads,
            files=len(list((proc / "fd").iterdir())),
        )

    def start_profile(self) -> None:
        self.process.send_signal(signal.SIGUSR1)

    async def end_profile(self, path: Path) -> None:
        self.process.send_signal(signal.SIGUSR2)
        async with asyncio.timeout(STOP_LIMIT_S):
            while not path.exists():  # noqa: ASYNC110, ASYNC240 - another process writes it; the load is over
                await asyncio.sleep(0.05)


@asynccontextmanager
async def start_system(system: System, surroundings: SystemSetup) -> AsyncIterator[Replica]:
    """Start the system on a free port, wait until it listens, and stop it at the end by SIGTERM.

    Raises RuntimeError with the end of its log when it does not start, or does not stop by itself.
    """
    port = _free_port()
    log = surroundings.directory / f"{system.name}-{port}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *system.command(port, surroundings.profile),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=surroundings.directory,
            env=build_environment(surroundings, port),
        )
    replica = Replica(system=system, process=process, url=f"http://127.0.0.1:{port}/slack/events", log=log)
    try:
        await _wait_until_listening(replica, port)
        yield replica
    finally:
        await _stop(replica)


async def _wait_until_listening(replica: Replica, port: int) -> None:
    try:
        async with asyncio.timeout(START_LIMIT_S):
            while replica.process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    await writer.wait_closed()
                    return
    except TimeoutError as error:
        raise RuntimeError(f"{replica.system.name} does not listen:\n{_read_end(replica.log)}") from error
    raise RuntimeError(f"{replica.system.name} ended at start:\n{_read_end(replica.log)}")


async def _stop(replica: Replica) -> None:
    if replica.process.returncode is not None:
        return
    replica.process.terminate()
    try:
        await asyncio.wait_for(replica.process.wait(), STOP_LIMIT_S)
    except TimeoutError as error:
        replica.process.kill()
        await replica.process.wait()
        raise RuntimeError(f"{replica.system.name} did not stop:\n{_read_end(replica.log)}") from error


def _read_end(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
