"""The front door: help that is true, one line for what goes wrong, exit codes 0, 1, 2."""

import asyncio
import inspect
import io
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from cli import __version__
from cli.commands import COMMANDS as COMMAND_MODULES
from cli.stop_signals import explain_interrupt
from playground import ANY, NoResponse, Workspace
from playground.model_server import ModelDouble
from tests.bot.ranking.logs import make_log, write_log
from tests.cli.compared import write_outputs
from tests.cli.conftest import Process, Suggest
from tests.cli.files import write
from tests.nursery import started

COMMANDS = tuple(module.strip("_").replace("_", " ") for module in COMMAND_MODULES)
HEAVY = (
    "aiohttp",
    "alembic",
    "langchain_core",
    "numpy",
    "openai",
    "pydantic",
    "rich",
    "slack_bolt",
    "slack_sdk",
    "sqlalchemy",
)


def examples(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in re.findall(r"^\s*Example: (suggest .*)$", text, re.MULTILINE)]


@pytest.mark.parametrize("option", ["--help", "-h"])
async def test_help_lists_all_commands(option: str, suggest: Suggest) -> None:
    result = await suggest(option)
    assert result.code == 0
    listed = re.findall(r"^  (\w+)  +\S.*[^.]\.?$", result.out.partition("Commands:")[2], re.MULTILINE)
    assert set(listed) == {command.split()[0] for command in COMMANDS}
    assert "..." not in result.out.partition("Commands:")[2], "each command's first line fits"


@pytest.mark.parametrize("module", COMMAND_MODULES)
def test_the_help_of_a_command_begins_as_the_list_says(module: str) -> None:
    help_ = inspect.getdoc(import_module(f"cli.commands.{module}").run)
    assert help_ is not None
    assert help_.splitlines()[0] == COMMAND_MODULES[module]


@pytest.mark.parametrize("command", COMMANDS)
async def test_every_command_has_short_help_and_takes_an_env_file(command: str, suggest: Suggest) -> None:
    assert "--env-file FILE" in (await suggest(*command.split(), "-h")).out
    result = await suggest(*command.split(), "--env-file", "missing.env")
    assert (result.code, result.complaint) == (2, "--env-file: there is no file missing.env")


async def test_an_env_file_stands_for_dot_env_in_one_run(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    write(".env", "SUGGEST_CANDIDATES=none")
    write("other.env", "export SUGGEST_CANDIDATES='2' # of ten\nSUGGEST_STORE_TEXT=off\n")
    monkeypatch.setenv("SUGGEST_STORE_TEXT", "full")
    assert (await suggest("try", "Hello", "--json", "--env-file", "other.env")).json["choice"] is None
    assert "from the environment and other.env" in (told := (await suggest("doctor", "--env-file", "other.env")).out)
    assert "SUGGEST_STORE_TEXT=full" in told
    assert "SUGGEST_CANDIDATES is wrong" in (await suggest("export")).complaint


async def test_without_a_command_the_help_is_shown_as_wrong_usage(suggest: Suggest) -> None:
    result = await suggest()
    assert result.code == 2
    assert "Commands:" in result.err


async def prepare(command: str, suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the examples of a command work on."""
    if command == "playbook check":
        assert (await suggest("playbook", "init")).code == 0
    if command == "import":
        assert (await suggest("export", "--include-simulated", "-o", "choices.jsonl")).code == 0
    if command == "batch":
        write("tickets.csv", "message\nWhere is my order?\n")
    if command == "compare":
        write_outputs()
        monkeypatch.setattr("sys.stdin", io.StringIO())
    if command.startswith("experiment "):
        assert (await suggest("playbook", "init", "warm.toml")).code == 0
    if command in {"experiment stop", "experiment report"}:
        assert (await suggest("experiment", "start", "tone", "--arm", "now", "--arm", "warm=warm.toml")).code == 0
    if command.startswith("knowledge "):
        make_help_center()
        assert (await suggest("knowledge", "add", "help-center")).code == 0
    if command.startswith("rank "):
        write_log(make_log(60), Path("choices.jsonl"))
        assert (await suggest("rank", "train", "--log", "choices.jsonl", "--save", "ranker.json")).code == 0


@pytest.mark.parametrize("command", COMMANDS)
async def test_the_help_of_every_command_has_an_example_that_runs(
    command: str, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await suggest(*command.split(), "--help")
    assert told.code == 0
    found = examples(told.out)
    assert found, told.out
    async with Workspace.start() as slack, ModelDouble.start() as model:
        settings = {
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "OPENAI_BASE_URL": model.base_url,
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        assert (await suggest("try", "What the examples work on")).code == 0
        await prepare(command, suggest, monkeypatch)
        for example in found:
            if command == "serve":
                code, err = await asyncio.to_thread(served, example[1:])
                assert code == 0, err
            else:
                result = await suggest(*example[1:])
                assert result.code == 0, result.err


def make_help_center() -> None:
    Path("help-center").mkdir()
    write("help-center/returns.md", "# Returns\n\nA lamp goes back within 30 days.")
    write("questions.jsonl", '{"question": "How do I return a lamp?", "expected": ["help-center/returns.md"]}')


def served(args: list[str]) -> tuple[int, str]:
    """Starts, says that it listens, and ends cleanly when told to; on any free port."""
    args = [re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", arg) for arg in args]
    with started(*args) as running:
        assert running.stderr is not None
        lines = []
        for line in running.stderr:
            lines.append(line)
            if "listening on" in line or "connected to Slack" in line:
                running.send_signal(signal.SIGTERM)
        return running.wait(timeout=120), "".join(lines)


async def test_version(suggest: Suggest) -> None:
    result = await suggest("--version")
    assert (result.code, result.out) == (0, f"{__version__}\n")


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("tyr", "Hello"), "no such command 'tyr'. Did you mean 'try'?; see suggest --help"),
        (("try",), "missing argument 'MESSAGE'; see suggest try --help"),
        (("try", "Hello", "--hnt"), "no such option: --hnt"),
        (("try", "Hello", "--candidates", "11"), "'--candidates': Input should be less than or equal to 10"),
        (("try", "  "), "MESSAGE is empty"),
        (("try", "Hello", "--stream", "--json"), "--stream is for people and --json for programs"),
        (("try", "x" * 12_001), "That message has 12,001 characters; the limit is 12,000."),
        (("export", "--format", "xml"), "'xml' is not one of"),
        (("export", "--since", "yesterday"), "--since 'yesterday' is no date or time"),
        (("export", "--since", "2026-11-02", "--until", "2026-11-01"), "is not before"),
        (("manifest", "--http", "http://bot.example.com"), "is no URL that Slack delivers to"),
        (("manifest", "--socket-mode", "--http", "https://a.example"), "exclude each other"),
        (("serve", "--http", "3000"), "--http '3000' is no HOST:PORT"),
        (("serve", "--health", "localhost:99999"), "--health 'localhost:99999' is no HOST:PORT"),
        (("playbook", "check", "missing.toml"), "missing.toml: no such file"),
    ],
)
async def test_wrong_usage_is_one_line_and_exit_code_2(args: tuple[str, ...], line: str, suggest: Suggest) -> None:
    result = await suggest(*args)
    assert result.code == 2
    assert line in result.complaint


def test_the_module_is_the_command() -> None:
    """Processes of other tests are forked off one that has everything imported: these are not."""
    command = [sys.executable, "-m", "cli"]
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=120, check=True)
    assert version.stdout == f"{__version__}\n"
    refused = subprocess.run([*command, "export"], capture_output=True, text=True, timeout=120, check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("suggest: there is no database suggest.db")
    assert refused.stderr.count("\n") == 1


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from cli.main import run; run(['--help']); "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"


@pytest.mark.parametrize("log_level", [None, "debug"])
async def test_a_bug_is_one_line_and_its_traceback_is_for_those_who_ask(
    log_level: str | None, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> str:
        raise KeyError("what a customer wrote")

    monkeypatch.setattr("cli.slack_manifest.to_yaml", broken)
    if log_level is None:
        result = await suggest("manifest")
        assert result.code == 1
        assert "(KeyError)" in result.complaint
        assert "customer" not in result.err
    else:
        monkeypatch.setenv("SUGGEST_LOG_LEVEL", log_level)
        with pytest.raises(KeyError):
            await suggest("manifest")


def test_the_manifest_goes_through_a_terminal_of_any_encoding(process: Process) -> None:
    assert process("try", "Grüße", "--json", PYTHONIOENCODING="ascii").code == 0
    assert "?" in process("doctor", PYTHONIOENCODING="ascii").out


@pytest.mark.parametrize("command", COMMANDS)
async def test_help_names_no_type_of_python(suggest: Suggest, command: str) -> None:
    out = (await suggest(*command.split(), "--help")).out
    assert not re.search(r"<\w+[\w\[\]| -]*>|\b(INTEGER|FLOAT|PATH RANGE|BOOLEAN)\b|[<>]=", out)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("try", "How many. From 1 to 10. [default: what SUGGEST_CANDIDATES says]"),
        ("report", "the assumption of the time saved. From 0.1 to 60. [default: 3.0]"),
        ("batch", "The first N rows only. At least 1."),
        ("rank gate", "as it was decided then. At least 1."),
    ],
)
async def test_help_says_in_words_which_numbers_are_taken(suggest: Suggest, command: str, told: str) -> None:
    assert told in " ".join((await suggest(*command.split(), "--help")).out.split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [("suggest rep", "report"), ("suggest report --sin", "--since"), ("suggest rank tr", "train")],
)
def test_a_shell_completes_commands_and_options(process: Process, words: str, offered: str) -> None:
    place = str(len(words.split()) - 1)
    result = process(_SUGGEST_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=place)
    assert (result.code, result.out.split()) == (0, [offered])


def test_ctrl_c_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """What is done, and how to go on; the command ends as it would."""
    done: list[int] = []

    def work() -> None:
        with explain_interrupt(lambda: f"{len(done)} of 9 are done; the same command goes on"):
            done.extend([1, 2, 3])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert capsys.readouterr().err == "suggest: stopped: 3 of 9 are done; the same command goes on\n"


@pytest.mark.parametrize(
    ("command", "work", "told"),
    [
        ("backup copy.db", "backup.back_up", "copy.db is as it was before; the same command begins again"),
        ("migrate", "migrate.migrate_database", "the schema changes whole or not at all; the same command goes on"),
        ("rank score --log x -o y", "rank_score.score", "y is as it was before; the same command begins again"),
        ("rank score --log x", "rank_score.score", "what was written is a part only; the same command begins again"),
        (
            "rank evaluate",
            "rank_evaluate.evaluate_held_out",
            "nothing was measured or changed; the same command begins again",
        ),
        ("rank gate", "rank_gate.read_training_set", "nothing was changed; the same command begins again"),
    ],
)
async def test_ctrl_c_in_a_command_that_takes_long(
    command: str, work: str, told: str, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"cli.commands.{work}", interrupt)
    result = await suggest(*command.split())
    assert (result.code, result.out, result.err) == (130, "", f"suggest: stopped: {told}\n")


async def test_ctrl_c_is_quiet() -> None:
    async with Workspace.start() as slack:
        slack.faults.plan(ANY, NoResponse())
        with started("doctor", env={"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": slack.bot_token}) as running:
            await wait_until(lambda: any(entry.name == "auth.test" for entry in slack.journal.entries))
            running.send_signal(signal.SIGINT)
            ended = await asyncio.to_thread(running.communicate)
        assert ended == ("", "")
        assert running.returncode == 130


async def test_ctrl_c_stops_what_is_being_drafted() -> None:
    async with ModelDouble.start(latency_s=30) as model:
        with started("try", "Where is my order?", env={"OPENAI_BASE_URL": model.base_url}) as running:
            await model.wait_until(lambda: model.in_flight == 3)
            running.send_signal(signal.SIGINT)
            ended = await asyncio.to_thread(running.communicate)
        assert ended == ("", "")
        assert running.returncode == 130
        await model.wait_until(lambda: model.cancelled == 3)


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.05)
