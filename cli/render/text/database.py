"""Results of commands on a database: backup, migration, erasure, pruning."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from cli.render.printable import pluralise
from storage.fields import to_iso

if TYPE_CHECKING:
    from bot.operations.erasure import ErasureMatches
    from bot.operations.retention import Pruning
    from cli.commands.backup import BackupReceipt
    from cli.commands.erase import ErasureResult
    from cli.commands.migrate import Migration

_NAMES: Final = {
    "agent_id": "of agent {}", "channel_id": "of channel {}", "thread_ts": "of thread {}", "request_id": "{}",
}  # fmt: skip


def render_backup(receipt: "BackupReceipt") -> str:
    """Render what was copied, and where to."""
    rows = receipt.rows
    return f"{receipt.database} → {receipt.backup}: {rows['requests']} requests, {rows['choices']} choices; checked"


def render_migration(migration: "Migration") -> str:
    """Render from which schema to which."""
    if migration.before == migration.after:
        return f"{migration.database} has the schema {migration.after} already"
    return f"{migration.database}: {migration.before or 'empty'} → {migration.after}"


def render_pruning(pruning: "Pruning") -> str:
    """Render how many requests lost their texts, or would."""
    texts = f"the texts of {pluralise(pruning.requests, 'request')} made before {to_iso(pruning.created_before)}"
    return f"Would forget {texts}." if pruning.wiped is None else f"Forgot {texts}; their numbers stay."


def render_erasure(result: "ErasureResult") -> str:
    """Render the receipt, or what would be erased."""
    receipt = result.receipt
    if receipt is None:
        return f"Would erase {render_matches(result.matches)}"
    lines = [
        f"Erased at {to_iso(receipt.at)}: {_list_rows(receipt.counts.as_dict())}.{_warn_of_unreadable(result.matches)}",
        _render_wiping(receipt.wiped, is_shared=result.is_shared),
        "Slack, the model's provider, exports and backups are not reached by this.",
    ]
    return "\n".join(lines)


def render_matches(matches: "ErasureMatches") -> str:
    """Render the requests that were found, and their rows."""
    query = matches.query
    value = "" if query.containing is not None else getattr(query, query.by)
    which = "with this text" if query.containing is not None else _NAMES[query.by].format(value)
    rows = _list_rows(matches.counts.as_dict())
    return f"{pluralise(len(matches.request_ids), 'request')} {which}: {rows}.{_warn_of_unreadable(matches)}"


def _warn_of_unreadable(matches: "ErasureMatches") -> str:
    if not matches.unreadable:
        return ""
    return f" {matches.unreadable} sealed texts could not be looked into; each is deleted within a day."


def _list_rows(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to erase"


def _render_wiping(wiped: bool, *, is_shared: bool) -> str:  # noqa: FBT001 - a fact to be told
    if is_shared:
        return "PostgreSQL keeps old row versions until it vacuums: run VACUUM on these tables to be sure."
    if wiped:
        return "The bytes are off the disk."
    return "Another program is reading the database: its write-ahead log still has the bytes. Run this again later."
