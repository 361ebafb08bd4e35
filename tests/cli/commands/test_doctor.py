"""`suggest doctor`: a tick, or what to do; it makes no file and drafts nothing."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from cli.slack_manifest import OFF_WITHOUT, list_bot_scopes, load_manifest
from playground import ANY, AppConfig, DroppedConnection, ErrorResponse, ServerError, Workspace
from playground.model_server import ErrorStatus, ModelDouble, RawBody, Redirect, server_error
from playground.model_server.embeddings import embed_words
from tests.cli.conftest import Suggest
from tests.cli.files import listed, write
from tests.conftest import StageMaker
from tests.storage.stores import PostgresDatabases, open_store

SCHEMA = max(file.name[:4] for file in (Path(__file__).parents[3] / "storage/migrations/versions").glob("0*.py"))
SCOPES = list_bot_scopes(load_manifest())


async def examined(suggest: Suggest) -> dict[str, Any]:
    """{name: check} as JSON tells it; its `ok` and the exit code agree."""
    result = await suggest("doctor", "--json")
    assert result.err == ""
    checks = {check["name"]: check for check in result.json["checks"]}
    assert result.json["ok"] is (result.code == 0)
    assert result.json["ok"] is all(check["status"] != "problem" for check in checks.values())
    return checks


def problems(checks: dict[str, Any]) -> dict[str, str]:
    return {name: check["message"] for name, check in checks.items() if check["status"] == "problem"}


async def test_with_nothing_set_each_thing_that_is_missing_is_told(suggest: Suggest) -> None:
    result = await suggest("doctor")
    assert result.code == 1
    assert "✗ SLACK_BOT_TOKEN  missing: set it to the token under OAuth & Permissions" in result.out
    assert "✗ mode             set SLACK_APP_TOKEN for Socket Mode" in result.out
    assert "✗ model            none is configured: set OPENAI_API_KEY" in result.out
    assert "✓ playbook         the built-in one: 5 styles" in result.out
    assert result.out.endswith("\n\n3 problems to fix\n")


async def test_with_everything_right_there_is_nothing_to_mend(
    suggest: Suggest, slack: Workspace, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_ADMINS", "U1,U2")
    result = await suggest("doctor")
    assert result.code == 0
    assert "✗" not in result.out
    assert f"taken: {slack.bot_user_id} in " in result.out
    assert "set up for `suggest serve`, over Socket Mode and for `suggest serve --http HOST:PORT`" in result.out
    assert "✓ SLACK_APP_TOKEN  taken" in result.out
    assert "✓ SUGGEST_ADMINS   U1, U2" in result.out
    assert f"✓ model            gpt-4o-mini at {model.base_url}\n" in result.out
    assert result.out.endswith("\n\nEverything is in order: `suggest serve` can start\n")
    assert model.total == 0, "no token is spent"
    assert listed() == [], "no file is made"


async def test_tokens_that_slack_does_not_take(
    suggest: Suggest, slack: Workspace, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-wrong")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-wrong")
    found = problems(await examined(suggest))
    assert set(found) == {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"}
    assert found["SLACK_BOT_TOKEN"].startswith("the bot token is refused (invalid_auth): set it to the token under")
    assert found["SLACK_APP_TOKEN"].startswith("refused (invalid_auth): set it to an app-level token")


async def test_scopes_that_are_missing_are_named(
    suggest: Suggest, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Workspace.start(config=AppConfig(bot_scopes=SCOPES - {"im:write", "users:read"})) as slack:
        monkeypatch.setenv("SLACK_API_URL", slack.api_url)
        monkeypatch.setenv("SLACK_BOT_TOKEN", slack.bot_token)
        monkeypatch.setenv("SLACK_SIGNING_SECRET", slack.signing_secret)
        found = problems(await examined(suggest))
    assert set(found) == {"scopes"}
    assert found["scopes"].startswith("not granted: im:write, users:read: add them under OAuth & Permissions")


async def test_scopes_that_were_declined_are_told_with_what_is_off(
    suggest: Suggest, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    declined = OFF_WITHOUT.keys()
    monkeypatch.setenv("SUGGEST_ALLOWED_USERGROUPS", "S0LEADS")
    async with Workspace.start(config=AppConfig(bot_scopes=SCOPES - declined)) as slack:
        monkeypatch.setenv("SLACK_API_URL", slack.api_url)
        monkeypatch.setenv("SLACK_BOT_TOKEN", slack.bot_token)
        monkeypatch.setenv("SLACK_SIGNING_SECRET", slack.signing_secret)
        checks = await examined(suggest)
    assert {name for name, check in checks.items() if check["status"] == "note"} >= declined
    assert "`/suggest export` sends no file" in checks["files:write"]["message"]
    assert problems(checks) == {
        "SUGGEST_ALLOWED_USERGROUPS": "nobody but admins is let in without the scope usergroups:read: add them under "
        "OAuth & Permissions of your Slack app, and install it again"
    }


async def test_allowed_user_groups_are_looked_up(
    suggest: Suggest, slack: Workspace, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group that Slack does not know would keep everybody out."""
    monkeypatch.setenv("SUGGEST_ALLOWED_USERGROUPS", "S0LEADS,S0NOWHERE")
    monkeypatch.setenv("SUGGEST_ALLOWED_CHANNELS", "C1")
    found = await examined(suggest)
    assert found["SUGGEST_ALLOWED_CHANNELS"]["message"] == "replies are asked for and posted in C1 only"
    assert found["SUGGEST_ALLOWED_USERGROUPS"]["message"] == (
        "S0NOWHERE is refused by Slack (no_such_subteam): set it to user group ids, such as S012AB3CD, separated by "
        "commas, or leave it out"
    )
    monkeypatch.setenv("SUGGEST_ALLOWED_USERGROUPS", "S0LEADS")
    found = await examined(suggest)
    assert found["SUGGEST_ALLOWED_USERGROUPS"]["message"] == "S0LEADS (2 members); admins may use the bot, too"


@pytest.mark.parametrize("fault", [ServerError(), DroppedConnection()])
async def test_slack_out_of_reach(fault: Any, suggest: Suggest, slack: Workspace, model: ModelDouble) -> None:
    slack.faults.plan(ANY, fault, times=20)
    found = problems(await examined(suggest))
    assert set(found) == {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"}
    assert all("Slack cannot be reached" in message for message in found.values())


async def test_a_workspace_that_refuses_for_another_reason(
    suggest: Suggest, slack: Workspace, model: ModelDouble
) -> None:
    slack.faults.plan("auth.test", ErrorResponse(error="account_inactive"))
    assert "refused (account_inactive)" in problems(await examined(suggest))["SLACK_BOT_TOKEN"]


async def test_what_comes_later_is_noted(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    checks = await examined(suggest)
    assert checks["SLACK_CLIENT_ID"]["status"] == "note"
    assert "come later" in checks["SLACK_CLIENT_ID"]["message"]


# --- the model ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (server_error(503), "its server answers HTTP 503: look at that server"),
        (ErrorStatus(status=401, message="no"), "the key is refused (HTTP 401): set it to your key"),
        (Redirect("http://127.0.0.1:1/v1/models"), "its server sends elsewhere (HTTP 307)"),
    ],
)
async def test_a_model_server_that_refuses(
    fault: ErrorStatus | Redirect, told: str, suggest: Suggest, slack: Workspace, model: ModelDouble
) -> None:
    model.models_fault = fault
    found = problems(await examined(suggest))
    assert set(found) == {"model"}
    assert told in found["model"]


async def test_a_key_that_is_wrong(
    suggest: Suggest, slack: Workspace, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    assert "the key is refused (HTTP 401)" in problems(await examined(suggest))["model"]


async def test_a_model_that_the_server_does_not_have(
    suggest: Suggest, slack: Workspace, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.models = ("a", "b", "gpt-4o-mini")
    write("mine.toml", 'persona = "We"\n[[styles]]\nname = "x"\ninstruction = "x"\nmodel = "of the playbook"\n')
    monkeypatch.setenv("SUGGEST_PLAYBOOK", "mine.toml")
    found = problems(await examined(suggest))
    assert found == {
        "model": f"of the playbook is not at {model.base_url}: set SUGGEST_MODEL to one that it has, "
        "such as a, b, gpt-4o-mini"
    }


@pytest.mark.parametrize(
    "fault",
    [
        *(ErrorStatus(status=status, message="no such path") for status in (400, 403, 404, 405, 422, 429, 501)),
        RawBody(body=b"[" * 5_000_000),
        RawBody(body=b"{" * 50_000),
    ],
)
async def test_a_server_that_lists_no_models_is_believed(
    fault: ErrorStatus | RawBody, suggest: Suggest, slack: Workspace, model: ModelDouble
) -> None:
    """Also one whose list has no end."""
    model.models_fault = fault
    checks = await examined(suggest)
    assert checks["model"]["status"] == "ok"
    assert checks["model"]["message"].endswith("which does not list its models")


@asynccontextmanager
async def serve_model(answer: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    """Serve another kind of server, and yield its URL without a path."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "ending", ["", "/", "/chat/completions", "/v1/chat/completions", "/v1/models", "/v1/v1", "/api"]
)
async def test_a_base_url_beside_the_right_one_is_corrected(
    ending: str, suggest: Suggest, slack: Workspace, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", model.base_url.removesuffix("/v1") + ending)
    told = problems(await examined(suggest))["model"]
    assert told.endswith(f"it is at {model.base_url}: set OPENAI_BASE_URL to that")
    assert model.total == 0


@pytest.mark.parametrize("status", [400, 404, 405, 200, 501])
@pytest.mark.parametrize("body", ['{"error": {"message": "no model here"}}', "<html>", "{}", ""])
async def test_a_server_that_says_the_same_to_everything_is_no_model_server(
    status: int, body: str, suggest: Suggest, slack: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, content_type="application/json")

    async with serve_model(answer) as address:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
        told = problems(await examined(suggest))["model"]
    assert told.startswith(f"{address}/v1: no chat completions API is there (HTTP {status}): set it to the URL")


REFUSALS = {
    "OpenAI": (400, {"error": {"message": "you must provide a model parameter", "param": None}}),
    "vLLM": (400, {"object": "error", "message": "[{'type': 'missing', 'loc': ('body', 'messages')}]", "code": 400}),
    "FastAPI": (422, {"detail": [{"type": "missing", "loc": ["body", "messages"]}]}),
    "llama.cpp": (500, {"error": {"code": 500, "message": "key 'messages' not found", "type": "server_error"}}),
    "Ollama": (400, {"error": {"message": "[] is too short - 'messages'", "type": "invalid_request_error"}}),
    "a gateway": (404, {"error": {"message": "The model `` does not exist", "code": "model_not_found"}}),
    "a terse one": (400, {"error": "bad request"}),
    "one that answers": (200, {"choices": []}),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("list_status", [400, 403, 404])
async def test_a_server_that_refuses_a_request_without_messages_drafts(
    name: str, list_status: int, suggest: Suggest, slack: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, body = REFUSALS[name]

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/v1/chat/completions":
            return web.json_response(body, status=status)
        return web.json_response({"detail": "Not Found"}, status=list_status if request.method == "GET" else 404)

    async with serve_model(answer) as address:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1/")
        check = (await examined(suggest))["model"]
    assert check["status"] == "ok"
    assert check["message"].endswith(f"at {address}/v1, which does not list its models")


async def test_an_embedding_model_is_tried_with_one_word(
    suggest: Suggest, slack: Workspace, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "SUGGEST_EMBEDDING_MODEL" not in await examined(suggest)
    monkeypatch.setenv("SUGGEST_EMBEDDING_MODEL", "bge-m3")
    check = (await examined(suggest))["SUGGEST_EMBEDDING_MODEL"]
    assert (check["status"], check["message"]) == (
        "ok",
        f"bge-m3 gives vectors of {len(embed_words('reply')):,} numbers",
    )
    assert [(call["model"], call["input"]) for call in model.embedding_calls] == [("bge-m3", ["reply"])]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (ErrorStatus(status=404, message="no such model"), "the server answered HTTP 404"),
        (ErrorStatus(status=401, message="no"), "the server answered HTTP 401"),
        (server_error(503), "the server answered HTTP 503"),
        (RawBody(body=b'{"data": []}'), "the server's answer has no usable vectors"),
    ],
)
async def test_an_embedding_model_that_gives_no_vectors(
    fault: ErrorStatus | RawBody,
    why: str,
    suggest: Suggest,
    slack: Workspace,
    model: ModelDouble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUGGEST_EMBEDDING_MODEL", "bge-m3")
    model.embeddings_fault = fault
    assert problems(await examined(suggest)) == {
        "SUGGEST_EMBEDDING_MODEL": f"bge-m3 gives no vectors ({why}): "
        "set it to the name of an embedding model that your server has, or leave it out"
    }


async def test_a_model_server_out_of_reach(suggest: Suggest, slack: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert "its server cannot be reached" in problems(await examined(suggest))["model"]


# --- the database, the playbook, the settings -----------------------------------------------------------


async def database(suggest: Suggest) -> tuple[str, str]:
    check = (await examined(suggest))["database"]
    return check["status"], check["message"]


async def test_the_database_is_looked_at_without_being_made(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await database(suggest) == ("ok", "suggest.db will be made by the first start")
    assert "suggest.db" not in listed()
    await suggest("migrate")
    assert await database(suggest) == ("ok", f"suggest.db: schema {SCHEMA}")
    connection = sqlite3.connect("suggest.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    assert await database(suggest) == (
        "problem", f"suggest.db has the schema 9999, not {SCHEMA}: run `suggest migrate`",
    )  # fmt: skip
    connection.execute("BEGIN IMMEDIATE")
    status, message = await database(suggest)
    connection.close()
    assert status == "problem"
    assert message.startswith("suggest.db cannot be used (database is locked)")
    monkeypatch.setenv("SUGGEST_DATABASE_URL", "sqlite:///no/such/folder/suggest.db")
    assert await database(suggest) == (
        "problem", "no/such/folder/suggest.db cannot be made: its folder must exist and be writable",
    )  # fmt: skip
    write("notes.txt", "These are my notes.")
    monkeypatch.setenv("SUGGEST_DATABASE_URL", "sqlite:///notes.txt")
    assert await database(suggest) == ("problem", "notes.txt is no SQLite database: name another file")


async def test_a_broken_playbook_is_told_with_its_line(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    write("broken.toml", "persona =")
    monkeypatch.setenv("SUGGEST_PLAYBOOK", "broken.toml")
    assert problems(await examined(suggest))["playbook"].startswith("broken.toml:1: ")


async def test_all_malformed_settings_are_told_with_exit_code_2(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_CANDIDATES", "11")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "wrong")
    result = await suggest("doctor")
    assert result.code == 2
    assert [line.split()[:3] for line in result.out.splitlines()[:2]] == [
        ["✗", "settings", "SLACK_BOT_TOKEN"],
        ["✗", "settings", "SUGGEST_CANDIDATES"],
    ]
    assert (await suggest("doctor", "--json")).json["ok"] is False


async def test_an_env_file_is_mentioned(suggest: Suggest) -> None:
    assert "there is no .env here" in (await suggest("doctor")).out
    write(".env", "SUGGEST_MODEL=x\n")
    assert "from the environment and .env" in (await suggest("doctor")).out


# --- PostgreSQL -----------------------------------------------------------------------------------------


async def test_postgresql_is_looked_at_too(
    suggest: Suggest, postgresql: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_DATABASE_URL", postgresql.empty())
    status, message = await database(suggest)
    assert status == "ok"
    assert message.startswith("postgresql://")
    assert message.endswith(": empty, the first start sets it up")
    assert (await suggest("migrate")).code == 0
    status, message = await database(suggest)
    assert (status, message.rpartition(": ")[2]) == ("ok", f"schema {SCHEMA}")
    assert (await suggest("export")).err == "0 requests exported\n"


async def test_postgresql_out_of_reach_is_told_in_one_line_without_the_password(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_DATABASE_URL", "postgresql://suggest:hush7391@127.0.0.1:9/suggest")
    status, message = await database(suggest)
    assert status == "problem"
    assert message.startswith("postgresql://suggest")
    assert "cannot be used (" in message
    assert message.endswith(": its server must be reachable, and take this user, password and database")
    result = await suggest("migrate")
    assert (result.code, result.complaint) == (1, f"the database {message}")
    assert "hush7391" not in message


async def test_readiness_on_postgresql(stage_with: StageMaker, postgresql: PostgresDatabases) -> None:
    """/readyz is 200 with it, and 503 once its schema is another's."""
    url = postgresql.empty()
    async with stage_with(suggest_database_url=url) as stage, aiohttp.ClientSession() as session:
        await stage.suggested()
        address = f"http://127.0.0.1:{stage.port}/readyz"
        async with session.get(address) as answer:
            assert (answer.status, (await answer.json())["checks"]["database"]) == (200, "ok")
        async with open_store(url) as store:
            await store.change("UPDATE alembic_version SET version_num = '9999'")
        async with session.get(address) as answer:
            assert answer.status == 503
            assert "run `suggest migrate`" in (await answer.json())["checks"]["database"]


# --- traces ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"])
async def test_traces_are_warned_about_and_more_so_with_texts(
    name: str, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "tracing" not in await examined(suggest)
    monkeypatch.setenv(name, "true")
    warning = (await examined(suggest))["tracing"]
    assert warning["status"] == "warning"
    assert "without texts" in warning["message"]
    monkeypatch.setenv("SUGGEST_TRACE_TEXT", "on")
    warning = (await examined(suggest))["tracing"]
    assert "WITH the texts of customers, agents and drafts" in warning["message"]
    assert "! tracing " in (await suggest("doctor")).out


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("redacted", ("note", "placeholders for personal data; not sealed")),
        ("full", ("ok", "as they are")),
        ("off", ("note", "no texts")),
    ],
)
async def test_what_is_kept_of_texts_is_told(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch, mode: str, told: tuple[str, str]
) -> None:
    monkeypatch.setenv("SUGGEST_STORE_TEXT", mode)
    check = (await examined(suggest))["privacy"]
    assert (check["status"], told[1] in check["message"]) == (told[0], True)


async def test_another_key_than_that_of_open_requests_is_told(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch, slack: Workspace, model: ModelDouble
) -> None:
    monkeypatch.setenv("SUGGEST_SECRET_KEY", "k" * 32)
    await suggest("try", "I am jane@example.com", "--json")
    assert (await examined(suggest))["privacy"]["message"].endswith("; sealed while a request is open")
    monkeypatch.setenv("SUGGEST_SECRET_KEY", "n" * 32)
    assert "1 of the open requests were sealed with another" in problems(await examined(suggest))["privacy"]
    monkeypatch.setenv("SUGGEST_SECRET_KEY", f"{'n' * 32}, {'k' * 32}")
    assert "privacy" not in problems(await examined(suggest))
    monkeypatch.delenv("SUGGEST_SECRET_KEY")
    assert "privacy" in problems(await examined(suggest))


@pytest.mark.parametrize("key", ["short", ",", "k" * 31, f"{'k' * 32},short"])
async def test_a_key_that_a_person_thought_up_is_refused(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("SUGGEST_SECRET_KEY", key)
    result = await suggest("doctor")
    assert result.code == 2
    assert "SUGGEST_SECRET_KEY is wrong" in result.out
    assert key not in result.out or key == ","
