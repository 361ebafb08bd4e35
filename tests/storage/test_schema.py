"""The schema: made by migrations, the same as the tables say, whichever program comes first."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import inspect, text

from storage import schema
from storage.engine.database import Database
from storage.errors import SchemaTooNew
from storage.fields import list_logged
from storage.queries.log_entries import ChoiceLog
from storage.records import AgentSettings
from storage.repositories.agent_settings import AgentSettingsStore
from storage.repositories.channel_defaults import ChannelDefaultsStore
from storage.repositories.knowledge import Knowledge
from storage.repositories.requests import Requests
from storage.schema import migrate, read_revisions
from storage.tables import metadata
from tests.storage.stores import Databases, open_store

BEHIND_PGBOUNCER = True


@pytest.fixture
async def empty(engine: Databases) -> AsyncIterator[Database]:
    database = Database(engine.empty())
    yield database
    await database.aclose()


async def test_the_migrations_make_what_the_tables_say(empty: Database) -> None:
    await migrate(empty)
    async with empty.read() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True, "compare_server_default": True}), metadata
            )
        )
    assert differences == []


INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name",
    "postgresql": """
        SELECT indexname AS name, indexdef AS sql FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY indexname
    """,
}


async def test_indexes_are_the_same_with_their_conditions(empty: Database, engine: Databases) -> None:
    """Alembic does not compare a partial index's WHERE, on which the constraint of one standing choice rests."""
    await migrate(empty)
    twin = Database(engine.empty())
    async with twin.write() as connection:
        await connection.run_sync(metadata.create_all)
    definitions = text(INDEXES[engine.name])
    found = []
    for database in (empty, twin):
        async with database.read() as connection:
            found.append([(row.name, " ".join(row.sql.split())) for row in await connection.execute(definitions)])
    await twin.aclose()
    assert found[0] == found[1]


async def test_migrating_again_changes_nothing(empty: Database) -> None:
    first = await migrate(empty)
    assert first[0] is None
    assert await migrate(empty) == (first[1], first[1])
    assert await read_revisions(empty) == (first[1], first[1])


OLD_REQUEST = """
    INSERT INTO requests (id, team_id, channel_id, agent_id, surface, locale, created_at, status, k_requested,
        prompt_version, policy, policy_params, simulated, app_version, conversation, text_kept)
    VALUES ('r1', 'T1', 'C1', 'U1', 'slash', 'en-US', '2026-11-22T10:00:00.000Z', 'shown', 1, 'p', 'uniform', '{}',
        false, '0.1.0', '[{"role":"customer","text":"Where is it?"}]', 'redacted')
"""
OLD_CANDIDATE = """
    INSERT INTO candidates (id, request_id, sample_index, position, style, model, text, attempts, sources)
    VALUES ('c1', 'r1', 0, 1, 'warm', 'm', 'It left.', 1, '[]')
"""
OLD_CHOICE = """
    INSERT INTO choices (id, request_id, kind, candidate_id, final_text, agent_id, chosen_at, visible_candidate_ids)
    VALUES ('h1', 'r1', 'used', 'c1', 'It left.', 'U1', '2026-11-22T10:01:00.000Z', '["c1"]')
"""


async def test_a_database_of_the_first_version_keeps_its_log(empty: Database) -> None:
    """What later versions record is null in it, and everything else as it was."""
    async with empty.write() as connection:
        await connection.run_sync(lambda sync: command.upgrade(schema._build_config(sync), "0001"))
        for statement in (OLD_REQUEST, OLD_CANDIDATE, OLD_CHOICE):
            await connection.exec_driver_sql(statement)
    assert (await migrate(empty))[0] == "0001"
    entry = await ChoiceLog(empty).get_entry("r1")
    assert entry is not None
    [candidate] = entry.candidates
    assert entry.choice is not None
    assert entry.choice.final_text == candidate.text == "It left."
    new = [
        getattr(record, field.name)
        for record in (entry.request, candidate, entry.choice)
        for field in list_logged(type(record))
        if field.logged is not None and field.logged.is_new
    ]
    assert new
    assert set(new) == {None}


OLD_KNOWLEDGE = """
    INSERT INTO knowledge_documents (id, title, source, internal, collection, modified_at)
    VALUES ('a', 'Lamps', '/help/a.md', false, '', '2026-11-22T10:00:00.000Z');
    INSERT INTO knowledge_passages (document_id, part, heading, text, terms) VALUES ('a', 1, '', 'A bulb.', '')
"""


async def test_passages_of_an_earlier_version_are_kept_and_lack_a_vector(empty: Database) -> None:
    async with empty.write() as connection:
        await connection.run_sync(lambda sync: command.upgrade(schema._build_config(sync), "0005"))
        for statement in OLD_KNOWLEDGE.split(";"):
            await connection.exec_driver_sql(statement)
    await migrate(empty)
    knowledge = Knowledge(empty)
    assert [passage.text for passage in (await knowledge.read(["a"]))["a"].passages] == ["A bulb."]
    assert [one.text for one in await knowledge.list_unembedded("small", at_most=2)] == ["A bulb."]
    (row,) = await knowledge.read_index("small")
    assert row.vector is None


async def test_settings_of_an_earlier_version_count_with_defaults_for_channels(empty: Database) -> None:
    async with empty.write() as connection:
        await connection.run_sync(lambda sync: command.upgrade(schema._build_config(sync), "0007"))
        await connection.exec_driver_sql(
            "INSERT INTO agent_settings (owner_id, agent_id, candidates, styles_off, saved_at) "
            "VALUES ('T1', 'U1', 2, '[\"warm\"]', '2026-11-22T10:00:00.000Z')"
        )
    await migrate(empty)
    assert await AgentSettingsStore(empty).get("T1", "U1") == AgentSettings(candidates=2, styles_off=("warm",))
    assert await ChannelDefaultsStore(empty).list("T1") == {}


async def test_translations_in_a_log_of_an_earlier_version_count_for_the_day(empty: Database) -> None:
    """As an import may have brought them."""
    async with empty.write() as connection:
        await connection.run_sync(lambda sync: command.upgrade(schema._build_config(sync), "0008"))
        await connection.exec_driver_sql(OLD_REQUEST)
        await connection.exec_driver_sql(
            "INSERT INTO events (request_id, type, at, data) "
            "VALUES ('r1', 'translated', '2026-11-22T10:00:00.000Z', '{\"prompt_tokens\": 7}')"
        )
    await migrate(empty)
    assert await Requests(empty).count_tokens_since(since=datetime(2026, 11, 22, tzinfo=UTC)) == 7


async def test_requests_of_an_earlier_version_were_written_in_plain_text(empty: Database) -> None:
    async with empty.write() as connection:
        await connection.run_sync(lambda sync: command.upgrade(schema._build_config(sync), "0009"))
        await connection.exec_driver_sql(OLD_REQUEST)
    await migrate(empty)
    entry = await Requests(empty).get("r1")
    assert entry is not None
    assert not entry.request.markdown


async def test_an_empty_database_has_no_revision(empty: Database) -> None:
    before, wanted = await read_revisions(empty)
    assert before is None
    assert wanted


async def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    async with open_store(url) as store:
        await store.change("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(SchemaTooNew):
            await migrate(store.database)
        assert (await read_revisions(store.database))[0] == "9999"


async def test_two_programs_migrate_at_once(engine: Databases) -> None:
    """One does it, the other finds it done."""
    url = engine.empty()
    programs = [Database(url, write_limit_s=20) for _ in range(2)]
    results = await asyncio.gather(*(migrate(program) for program in programs))
    for program in programs:
        await program.aclose()
    assert sorted(results, key=str)[1][0] is None
    assert {after for _, after in results} == {results[0][1]}


async def test_a_migration_that_breaks_leaves_nothing_behind(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(self: Operations, *args: object, **kwargs: object) -> None:
        raise RuntimeError("half-way")

    monkeypatch.setattr(Operations, "execute", breaks)
    with pytest.raises(RuntimeError, match="half-way"):
        await migrate(empty)
    async with empty.read() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == []
    monkeypatch.undo()
    assert (await migrate(empty))[0] is None


async def test_the_program_may_be_installed_where_a_percent_sign_is(
    empty: Database, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alembic's configuration gives the sign a meaning."""
    odd = tmp_path_factory.mktemp("100%s") / "storage"
    (odd / "migrations").parent.mkdir()
    (odd / "migrations").symlink_to(schema.MIGRATIONS, target_is_directory=True)
    monkeypatch.setattr(schema, "MIGRATIONS", odd / "migrations")
    assert (await migrate(empty))[0] is None
