"""Obstacles in PostgreSQL: rights that the role lacks, a wrong encoding; each with the SQL that mends it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import ARRAY, Connection, String, TextClause, bindparam, text

from storage.tables import metadata

Obstacle = str
"""What is wrong, and behind a colon what mends it: one line."""

_VERSIONS: Final = "alembic_version"

_READ: Final = ("audit", "candidates", "choices", "events", "ranker_changes", "rankers", "requests", _VERSIONS)
"""What reports and exports are made from; a role for them needs no look into the vault."""

_RIGHTS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")


def find_obstacles_to_reading(connection: Connection) -> Iterator[Obstacle]:
    """Name what keeps the role from reading what is recorded."""
    facts = connection.execute(_FACTS).mappings().one()
    if facts["schema"] is None:
        yield _name_lost_schema(connection, facts["role"], facts["search_path"])
    yield from _name_missing_rights(connection, facts["role"], dict.fromkeys(_READ, ("SELECT",)))


def find_obstacles_to_writing(connection: Connection) -> Iterator[Obstacle]:
    """Name what keeps the role from recording in the tables that are there, in a transaction that should write."""
    facts = connection.execute(_FACTS).mappings().one()
    role = facts["role"]
    if facts["encoding"] != "UTF8":
        yield _ENCODED.format_map(facts)
    if facts["is_standby"]:
        yield "it is a standby, which only reads: name the primary, or all hosts with target_session_attrs=read-write"
    elif facts["is_read_only"]:
        yield f"the role {role} only reads by default: ALTER ROLE {role} SET default_transaction_read_only = off"
    if facts["schema"] is None:
        yield _name_lost_schema(connection, role, facts["search_path"])
    yield from _name_missing_rights(
        connection, role, {**dict.fromkeys(sorted(metadata.tables), _RIGHTS), _VERSIONS: ("SELECT",)}
    )
    if sequences := connection.scalars(_MISSING_SEQUENCES, {"names": _find(connection, _NUMBERED)}).all():
        yield f"the role {role} may not number rows: GRANT USAGE ON SEQUENCE {', '.join(sequences)} TO {role}"


def find_obstacles_to_migrating(connection: Connection) -> Iterator[Obstacle]:
    """Name what keeps the role from making tables, and from changing those that are there."""
    facts = connection.execute(_FACTS).mappings().one()
    role, schema = facts["role"], facts["schema"]
    if schema is not None and not facts["may_create"]:
        yield f"the role {role} may not make tables in the schema {schema}: GRANT CREATE ON SCHEMA {schema} TO {role}"
    for owner in connection.scalars(_OTHER_OWNERS, {"names": _find(connection, metadata.tables)}):
        yield f"the role {role} may not change the tables, which are those of {owner}: GRANT {owner} TO {role}"


def may_append(connection: Connection, table: str) -> bool:
    """Say whether this transaction may add rows to a table that numbers them."""
    return bool(connection.scalar(_MAY_APPEND, {"name": table}))


def _name_lost_schema(connection: Connection, role: str, search_path: str) -> Obstacle:
    """Name a schema that is gone: the last of the path is where the tables are, or would be."""
    name = search_path.rpartition(",")[2].strip(' "').replace("$user", role.strip('"'))
    if not name:
        return f"the search_path of the role {role} names no schema: ALTER ROLE {role} SET search_path = public"
    schema = connection.dialect.identifier_preparer.quote(name)
    if connection.scalar(_IS_SCHEMA, {"name": name}):
        return f"the role {role} may not use the schema {schema}: GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}"
    return f"there is no schema {schema}, which the search_path names: CREATE SCHEMA {schema} AUTHORIZATION {role}"


def _name_missing_rights(connection: Connection, role: str, needed: Mapping[str, Sequence[str]]) -> Iterator[Obstacle]:
    """Word the GRANTs of missing rights, in one line for all tables that lack the same."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for name in _find(connection, needed):
        missing = connection.scalars(_MISSING_RIGHTS, {"name": name, "rights": list(needed[name])})
        lacking.setdefault(tuple(missing), []).append(name)
    for rights, names in lacking.items():
        if rights:
            verbs = ", ".join(rights)
            yield f"the role {role} may not {verbs} there: GRANT {verbs} ON {', '.join(names)} TO {role}"


def _find(connection: Connection, names: Iterable[str]) -> list[str]:
    """Find those of the tables that a query finds without the name of a schema."""
    return list(connection.scalars(_TABLES, {"names": list(names)}))


_NUMBERED: Final = [name for name, table in metadata.tables.items() if "seq" in table.c]


def _query(sql: str) -> TextClause:
    """Build SQL with `:names` and `:rights` as lists of texts."""
    arrays = [bindparam(name, type_=ARRAY(String)) for name in ("names", "rights") if f":{name}" in sql]
    return text(sql).bindparams(*arrays)


_ENCODED: Final = (
    "it is encoded in {encoding}, which does not hold every text: CREATE DATABASE {new_name} TEMPLATE template0 "
    "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'; then name that one, and carry over what is here with pg_dump and "
    "pg_restore"
)

_FACTS: Final = _query(
    """
    SELECT quote_ident(current_user) AS role,
        quote_ident(current_schema()) AS schema,
        has_schema_privilege(current_schema(), 'CREATE') AS may_create,
        current_setting('search_path') AS search_path,
        current_setting('server_encoding') AS encoding,
        quote_ident(current_database() || '_utf8') AS new_name,
        pg_is_in_recovery() AS is_standby,
        current_setting('transaction_read_only') = 'on' AS is_read_only
    """
)

_IS_SCHEMA: Final = _query("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = :name)")

_TABLES: Final = _query("SELECT name FROM unnest(:names) AS name WHERE to_regclass(name) IS NOT NULL")

_MISSING_RIGHTS: Final = _query(
    "SELECT needed FROM unnest(:rights) AS needed WHERE NOT has_table_privilege(CAST(:name AS text), needed)"
)

_MISSING_SEQUENCES: Final = _query(
    "SELECT sequence FROM unnest(:names) AS name, pg_get_serial_sequence(name, 'seq') AS sequence "
    "WHERE NOT has_sequence_privilege(sequence, 'USAGE')"
)

_OTHER_OWNERS: Final = _query(
    "SELECT DISTINCT quote_ident(pg_get_userbyid(relowner)) FROM pg_class "
    "WHERE oid IN (SELECT to_regclass(name) FROM unnest(:names) AS name) AND NOT pg_has_role(relowner, 'USAGE')"
)

_MAY_APPEND: Final = _query(
    "SELECT current_setting('transaction_read_only') = 'off' AND has_table_privilege(CAST(:name AS text), 'INSERT') "
    "AND has_sequence_privilege(pg_get_serial_sequence(CAST(:name AS text), 'seq'), 'USAGE')"
)
