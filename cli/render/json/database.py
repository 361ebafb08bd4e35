"""Results of commands on a database: backup, migration, erasure, pruning."""

import json
from typing import TYPE_CHECKING, Any

from storage.tables import to_iso

if TYPE_CHECKING:
    from cli.commands.backup import BackupReceipt
    from cli.commands.erase import ErasureResult
    from cli.commands.migrate import Migration
    from cli.commands.prune import Pruning


def render_backup(receipt: "BackupReceipt") -> str:
    """Render the rows that were copied of each table."""
    return _to_json({"database": str(receipt.database), "backup": str(receipt.target), "rows": receipt.rows})


def render_migration(migration: "Migration") -> str:
    """Render both schemas; `before` is null for a new database."""
    return _to_json({"database": str(migration.database), "before": migration.before, "after": migration.after})


def render_pruning(pruning: "Pruning") -> str:
    """Render how many requests lost their texts, or would."""
    before = to_iso(pruning.created_before)
    dry_run = pruning.wiped is None
    return _to_json(
        {"dry_run": dry_run, "created_before": before, "requests": pruning.requests, "wiped": pruning.wiped}
    )


def render_erasure(result: "ErasureResult") -> str:
    """Render the receipt, or what would be erased."""
    matches, receipt = result.matches, result.receipt
    found: dict[str, Any] = {"dry_run": receipt is None, "by": matches.query.by}
    if receipt is None:
        found |= {"rows": matches.counts.as_dict(), "unreadable": matches.unreadable}
    else:
        found |= {"at": to_iso(receipt.at), "rows": receipt.counts.as_dict()}
        found |= {"unreadable": matches.unreadable, "wiped": receipt.wiped}
    return _to_json({**found, "request_ids": list(matches.request_ids)})


def _to_json(found: dict[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False)
