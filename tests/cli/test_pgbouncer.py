"""Every command behind PgBouncer in transaction mode, with one connection to the server for all of them."""

from collections.abc import Iterator

import pytest

from storage.schema import get_head
from tests.cli.conftest import Suggest
from tests.cli.files import read
from tests.conftest import StageMaker
from tests.storage.pgbouncer import run_pgbouncer
from tests.storage.stores import PooledDatabases, PostgresDatabases, open_store, record_choice, record_shown


@pytest.fixture
def pooled(postgresql: PostgresDatabases, monkeypatch: pytest.MonkeyPatch) -> Iterator[PooledDatabases]:
    """An empty database behind the pooler is that of the settings."""
    with run_pgbouncer(postgresql.url, pool_size=1) as port:
        databases = PooledDatabases(server=postgresql, port=port)
        monkeypatch.setenv("SUGGEST_DATABASE_URL", databases.empty())
        yield databases


async def test_the_log_is_made_written_read_carried_over_and_forgotten(
    suggest: Suggest, pooled: PooledDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await suggest("migrate", "--json")).json["before"] is None
    assert (await suggest("try", "Where is my order?", "--pick", "1")).code == 0
    assert (await suggest("export", "--include-simulated", "-o", "some.jsonl")).err.startswith("1 request exported")
    for form in ("csv", "parquet", "vw"):
        assert (await suggest("export", "--format", form, "-o", f"some.{form}")).code == 0
    assert (await suggest("report", "--json")).json["schema"] == "report/1"
    for command in (("report", "--html", "report.html"), ("rank", "report"), ("rank", "rollback", "--to", "uniform")):
        assert (await suggest(*command)).code == 0
    assert "too little" in (await suggest("rank", "evaluate")).complaint
    assert (await suggest("prune", "--older-than", "1d", "--json")).json["requests"] == 0

    monkeypatch.setenv("SUGGEST_DATABASE_URL", pooled.empty())
    assert (await suggest("import", "some.jsonl", "--dry-run")).err.startswith("1 requests would be imported")
    for _ in range(2):
        imported = await suggest("import", "some.jsonl", "--json")
    assert imported.json["known"] == 1
    assert (await suggest("export", "--include-simulated", "-o", "again.jsonl")).code == 0
    assert read("again.jsonl") == read("some.jsonl")
    assert (await suggest("erase", "--containing", "my order", "--dry-run", "--json")).json["rows"]["requests"] == 1
    assert (await suggest("erase", "--containing", "my order", "--yes", "--json")).json["rows"]["requests"] == 1
    assert (await suggest("export", "--include-simulated")).out == ""


async def test_commands_that_look_only_find_nothing_wrong(suggest: Suggest, pooled: PooledDatabases) -> None:
    checks = {check["name"]: check for check in (await suggest("doctor", "--json")).json["checks"]}
    assert checks["database"]["status"] == "ok"
    assert (await suggest("migrate")).code == 0
    checks = {check["name"]: check for check in (await suggest("doctor", "--json")).json["checks"]}
    assert checks["database"]["message"].endswith(f": schema {get_head()}")
    assert "pg_dump" in (await suggest("backup", "copy.dump")).complaint


async def test_the_bot_starts_records_and_exports(pooled: PooledDatabases, stage_with: StageMaker) -> None:
    url = pooled.empty()
    async with stage_with(suggest_database_url=url) as stage:
        shown = await stage.suggested("Where is my order?")
        await stage.slack.click(stage.agent, shown, "use_candidate")
        await stage.private("Sent in")
        [line] = await stage.log()
        assert stage.replies() == [line["choice"]["final_text"]]


async def test_parameters_that_a_pooler_does_not_take_are_named(
    suggest: Suggest, pooled: PooledDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_DATABASE_URL", f"{pooled.empty()}?options=-csearch_path%3Dsuggest")
    complaint = (await suggest("migrate")).complaint
    assert "unsupported startup parameter" in complaint
    assert "takes no `options`" in complaint


@pytest.mark.parametrize("threshold", [0, 5])
async def test_prepared_statements_that_a_pooler_loses_are_named(
    threshold: int, suggest: Suggest, pooled: PooledDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = pooled.migrated()
    monkeypatch.setenv("SUGGEST_DATABASE_URL", f"{url}?prepare_threshold={threshold}")
    checks = {check["name"]: check for check in (await suggest("doctor", "--json")).json["checks"]}
    assert checks["database"]["status"] == "problem"
    assert "leave `prepare_threshold` out of the URL" in checks["database"]["message"]
    complaints = [(await suggest("try", "Where is my order?", "--pick", "1")).err for _ in range(3)]
    told = [complaint for complaint in complaints if complaint.startswith("suggest: ")]
    assert all("leave `prepare_threshold` out of the URL" in complaint for complaint in told)
    assert told or threshold


@pytest.mark.parametrize("threshold", [0, 2])
async def test_statements_are_prepared_where_there_is_no_pooler(
    threshold: int, suggest: Suggest, postgresql: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.migrated()
    monkeypatch.setenv("SUGGEST_DATABASE_URL", f"{url}{'&' if '?' in url else '?'}prepare_threshold={threshold}")
    checks = {check["name"]: check for check in (await suggest("doctor", "--json")).json["checks"]}
    assert checks["database"]["status"] == "ok"
    for _ in range(threshold + 1):
        assert (await suggest("try", "Where is my order?", "--pick", "1")).code == 0


async def test_a_log_with_choices_is_read_whole(suggest: Suggest, pooled: PooledDatabases) -> None:
    """Four cursors in step, on the one connection that there is."""
    url = pooled.migrated()
    async with open_store(url) as store:
        for number in range(30):
            await record_shown(store, f"r{number}")
        await record_choice(store)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SUGGEST_DATABASE_URL", url)
        assert (await suggest("export")).out.count("\n") == 30
        assert (await suggest("report", "--json")).json["totals"]["eligible"] == 30


@pytest.mark.parametrize("parameter", ["prepare_threshold=soon", "connections=0"])
async def test_nonsense_in_the_url_is_named_without_quoting_it(
    parameter: str, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_DATABASE_URL", f"postgresql://u:hush7391@127.0.0.1/suggest?{parameter}")
    result = await suggest("migrate")
    assert result.code == 2
    name, _, value = parameter.partition("=")
    assert result.complaint.startswith(f"SUGGEST_DATABASE_URL is wrong ({name} in the URL is a whole number from ")
    assert not {"hush7391", value} & set(result.complaint.split())
