"""`python -m playground`."""

import asyncio
import signal
import socket
import sys

import pytest

from playground.__main__ import main, parse_port


async def test_it_prints_what_an_app_needs_and_ends_with_ctrl_c() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "playground", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = [(await process.stdout.readline()).decode() for _ in range(4)]
    names = ["SLACK_API_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"]
    assert [line.split("=")[0] for line in lines] == names
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--help"], 0, "for an app of your own"),
        (["-h"], 0, "usage: python -m playground [-h] [PORT]"),
        (["many"], 2, "argument PORT: invalid int value: 'many'"),
        (["70000"], 2, "there is no port 70000: name one from 1 to 65535"),
        (["--port", "1"], 2, "unrecognized arguments"),
    ],
)
def test_the_command_line_is_explained(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, told: str
) -> None:
    with pytest.raises(SystemExit) as left:
        parse_port(arguments)
    assert left.value.code == code
    assert told in "".join(capsys.readouterr())


def test_a_port_that_is_in_use_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["playground", str(port)])
        with pytest.raises(SystemExit, match=f"port {port} cannot be used"):
            main()
