"""Debian's PgBouncer before a PostgreSQL server of the tests."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.ports import find_free_port, is_answering

PGBOUNCER: Final = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

_WITH_PREPARED_STATEMENTS: Final = (1, 21)
"""From this version on, PgBouncer keeps prepared statements itself, unless it is told not to."""

_SETTINGS: Final = """
[databases]
* = host={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 200
{more}
"""


@contextmanager
def run_pgbouncer(server_url: str, *, pool_size: int) -> Iterator[int]:
    """The port of a pooler in transaction mode. Skips where it is not installed."""
    if PGBOUNCER is None:
        pytest.skip("no pgbouncer is installed here: apt-get install pgbouncer")
    server = parse_qs(urlsplit(server_url).query)["host"][0]
    with TemporaryDirectory(prefix="pgbouncer-", ignore_cleanup_errors=True) as folder:
        port = find_free_port()
        more = "max_prepared_statements = 0" if _read_version(PGBOUNCER) >= _WITH_PREPARED_STATEMENTS else ""
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(
            _SETTINGS.format(server=server, port=port, folder=folder, pool_size=pool_size, more=more), encoding="utf-8"
        )
        users = ("postgres", "reader", "writer")
        (Path(folder) / "users").write_text("".join(f'"{user}" ""\n' for user in users), encoding="utf-8")
        Path(folder).chmod(0o755)
        command = [PGBOUNCER, *_choose_user(Path(server)), str(settings)]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while not is_answering(port):
                assert process.poll() is None, (Path(folder) / "log").read_text(encoding="utf-8")
                time.sleep(0.01)
            yield port
        finally:
            process.kill()
            process.wait()


def _choose_user(server: Path) -> list[str]:
    """PgBouncer does not run as root: then as whom the server runs."""
    return ["--user", server.owner()] if os.getuid() == 0 else []


def _read_version(program: str) -> tuple[int, int]:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)", told)
    assert found is not None, told
    return int(found[1]), int(found[2])
