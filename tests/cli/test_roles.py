"""Roles and databases of PostgreSQL that are not all that is needed: named, with the SQL that mends it."""

from collections.abc import Iterator

import psycopg
import pytest

from storage.engine.database import parse_url
from tests.cli.commands.test_doctor import database
from tests.cli.conftest import Suggest
from tests.conftest import StageMaker
from tests.storage.stores import PostgresDatabases, open_store, record_choice, record_shown

ROLES = ("plain", '"Odd-One"')

READING = (
    ("export", "-o", "log.jsonl"),
    ("export", "--format", "csv", "-o", "log.csv"),
    ("report", "--json"),
    ("rank", "report", "--json"),
)


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest, postgresql: PostgresDatabases) -> Iterator[str]:
    """A role without any right of its own, as SQL writes it."""
    name: str = request.param
    postgresql.run(f"CREATE ROLE {name} LOGIN")
    yield name
    for made in postgresql.lent:
        within(postgresql, made, f"DROP OWNED BY {name}")
    postgresql.run(f"DROP ROLE {name}")


def within(postgresql: PostgresDatabases, name: str, statement: str) -> None:
    PostgresDatabases(url=postgresql.url_of(name)).run(statement)


def mend(postgresql: PostgresDatabases, url: str, message: str) -> str:
    """Carry out the SQL that a message names, as a superuser. The database's name."""
    name = parse_url(url).database or ""
    for obstacle in message.split("; "):
        _, colon, sql = obstacle.rpartition(": ")
        if colon and sql.startswith(("GRANT", "ALTER", "CREATE")):
            within(postgresql, name, sql)
    return name


def as_role(monkeypatch: pytest.MonkeyPatch, url: str, role: str) -> str:
    plain = role.strip('"')
    of_role = url.replace("postgres:@", f"{plain}@")
    monkeypatch.setenv("SUGGEST_DATABASE_URL", of_role)
    return of_role


async def filled(postgresql: PostgresDatabases) -> str:
    url = postgresql.migrated()
    async with open_store(url) as store:
        await record_shown(store)
        await record_choice(store)
    return url


async def test_a_role_that_may_not_make_tables(
    suggest: Suggest, postgresql: PostgresDatabases, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any but the owner since PostgreSQL 15. What the doctor says to run mends it."""
    url = postgresql.empty()
    as_role(monkeypatch, url, role)
    status, message = await database(suggest)
    assert (status, message.rpartition(": ")[2]) == ("problem", f"GRANT CREATE ON SCHEMA public TO {role}")
    assert f"GRANT CREATE ON SCHEMA public TO {role}" in (await suggest("migrate")).complaint
    mend(postgresql, url, message)
    assert (await suggest("migrate")).code == 0
    assert (await database(suggest))[0] == "ok"


async def test_a_role_without_rights_on_the_tables(
    suggest: Suggest, postgresql: PostgresDatabases, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await filled(postgresql)
    as_role(monkeypatch, url, role)
    assert "may not SELECT there: GRANT SELECT ON audit, candidates" in (await suggest("export")).complaint
    status, message = await database(suggest)
    assert status == "problem"
    mend(postgresql, url, message)
    assert (await database(suggest))[0] == "ok"
    assert (await suggest("erase", "--request", "r1", "--yes", "--json")).json["rows"]["requests"] == 1


@pytest.mark.parametrize("by", ["rights", "default"])
async def test_a_role_that_may_only_read_reads(
    by: str, suggest: Suggest, postgresql: PostgresDatabases, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written, not even attempted; the doctor tells what the bot would need."""
    url = await filled(postgresql)
    name = parse_url(url).database or ""
    for table in (
        "alembic_version",
        "audit",
        "candidates",
        "choices",
        "events",
        "rankers",
        "ranker_changes",
        "requests",
    ):
        within(postgresql, name, f"GRANT SELECT ON {table} TO {role}")
    if by == "default":
        within(postgresql, name, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
        within(postgresql, name, f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}")
        postgresql.run(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    as_role(monkeypatch, url, role)
    for command in READING:
        result = await suggest(*command)
        assert result.code == 0, result.err
    assert (await suggest("export")).err.startswith("Not noted in the audit table")
    assert (await suggest("import", "log.jsonl", "--dry-run")).code == 0
    writing = (("erase", "--request", "r1", "--yes"), ("prune", "--older-than", "1d"), ("migrate",))
    for command in (*writing, ("import", "log.jsonl"), ("rank", "rollback", "--to", "uniform")):
        result = await suggest(*command)
        assert (result.code, "please report it" in result.complaint) == (1, False)
    status, message = await database(suggest)
    assert status == "problem"
    mend(postgresql, url, message)
    assert (await database(suggest))[0] == "ok"


async def test_a_schema_that_is_not_there_or_not_for_this_role(
    suggest: Suggest, postgresql: PostgresDatabases, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.empty()
    as_role(monkeypatch, f"{url}&options=-csearch_path%3Dsuggest", role)
    status, message = await database(suggest)
    assert (status, message.rpartition(": ")[2]) == ("problem", f"CREATE SCHEMA suggest AUTHORIZATION {role}")
    mend(postgresql, url, message)
    assert (await suggest("migrate")).code == 0
    within(postgresql, parse_url(url).database or "", f"REVOKE ALL ON SCHEMA suggest FROM {role}")
    within(postgresql, parse_url(url).database or "", "ALTER SCHEMA suggest OWNER TO postgres")
    for command in (("export",), ("migrate",)):
        assert f"GRANT USAGE, CREATE ON SCHEMA suggest TO {role}" in (await suggest(*command)).complaint


@pytest.mark.parametrize("search_path", ["''", '"$user"'])
async def test_a_search_path_without_a_schema(
    search_path: str, suggest: Suggest, postgresql: PostgresDatabases, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.empty()
    postgresql.run(f"ALTER ROLE {role} SET search_path = {search_path}")
    within(postgresql, parse_url(url).database or "", f"GRANT CREATE ON SCHEMA public TO {role}")
    as_role(monkeypatch, url, role)
    status, message = await database(suggest)
    assert status == "problem"
    mend(postgresql, url, message)
    assert (await suggest("migrate")).code == 0


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
async def test_an_encoding_that_does_not_hold_every_text(
    encoding: str, suggest: Suggest, postgresql: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"in_{encoding.lower()}"
    locale = "LC_COLLATE 'C' LC_CTYPE 'C'"
    postgresql.run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' {locale}")
    postgresql.lent.update({name: False, f"{name}_utf8": False})
    monkeypatch.setenv("SUGGEST_DATABASE_URL", postgresql.url_of(name))
    sql = f"CREATE DATABASE {name}_utf8 TEMPLATE template0 ENCODING 'UTF8' {locale}"
    status, message = await database(suggest)
    assert status == "problem"
    assert f"encoded in {encoding}" in message
    assert sql in message
    assert sql in (await suggest("migrate")).complaint
    assert "holds no choice log" in (await suggest("export")).complaint
    postgresql.run(sql)
    monkeypatch.setenv("SUGGEST_DATABASE_URL", postgresql.url_of(f"{name}_utf8"))
    assert (await suggest("migrate")).code == 0


@pytest.mark.parametrize(
    ("closing", "mending"),
    [
        ("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC", 'GRANT CONNECT ON DATABASE "{name}" TO {role}'),
        ("ALTER ROLE {role} NOLOGIN", "ALTER ROLE {role} LOGIN"),
        ("ALTER DATABASE {name} ALLOW_CONNECTIONS false", 'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'),
    ],
)
async def test_a_role_that_may_not_connect(
    closing: str,
    mending: str,
    suggest: Suggest,
    postgresql: PostgresDatabases,
    role: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = await filled(postgresql)
    name = parse_url(url).database or ""
    within(postgresql, name, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    within(postgresql, name, f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}")
    as_role(monkeypatch, url, role)
    assert (await database(suggest))[0] == "ok"
    postgresql.run(closing.format(name=name, role=role))
    quoted = '"{}"'.format(role.strip('"'))
    sql = mending.format(name=name, role=quoted)
    try:
        status, message = await database(suggest)
        assert status == "problem"
        for command in (("export",), ("migrate",), ("report", "--json")):
            assert f": {sql}; its owner" in (await suggest(*command)).complaint
        assert f": {sql}; its owner" in message
    finally:
        postgresql.run(sql)
        assert (await suggest("export")).code == 0
        postgresql.run(f"GRANT CONNECT ON DATABASE {name} TO PUBLIC")


@pytest.mark.parametrize("limited", ["ROLE {role} CONNECTION LIMIT", "DATABASE {name} CONNECTION LIMIT"])
async def test_a_limit_on_connections_is_named(
    limited: str,
    suggest: Suggest,
    stage_with: StageMaker,
    postgresql: PostgresDatabases,
    role: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One is too few; with two, all is done, one after the other."""
    url = postgresql.empty()
    name = parse_url(url).database or ""
    within(postgresql, name, f"GRANT CREATE ON SCHEMA public TO {role}")
    as_role(monkeypatch, f"{url}&connections=1", role)
    limit = f"ALTER {limited.format(name=name, role=role)}"
    postgresql.run(f"{limit} 1")
    try:
        assert "two are needed at least" in (await suggest("migrate")).complaint
        assert "two are needed at least" in (await database(suggest))[1]
        postgresql.run(f"{limit} 2")
        for command in (("migrate",), ("try", "Where is my order?", "--pick", "1"), *READING):
            result = await suggest(*command)
            assert result.code == 0, result.err
        async with stage_with(suggest_database_url=f"{as_role(monkeypatch, url, role)}&connections=1") as stage:
            shown = await stage.suggested("Where is my order?")
            await stage.slack.click(stage.agent, shown, "use_candidate")
            await stage.private("Sent in")
    finally:
        postgresql.run(f"{limit} -1")


async def test_a_time_limit_that_is_too_short_is_named(
    suggest: Suggest, postgresql: PostgresDatabases, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is told to stop after half a second, where another holds the tables for longer."""
    url = await filled(postgresql)
    name = parse_url(url).database or ""
    within(postgresql, name, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    postgresql.run(f"ALTER ROLE {role} SET statement_timeout = 500")
    as_role(monkeypatch, url, role)
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE requests, alembic_version")
        for command in (("export",), ("report", "--json")):
            assert "SET statement_timeout = 0" in (await suggest(*command)).complaint
