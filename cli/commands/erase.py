"""`suggest erase` and `suggest prune`: requests gone for good, or their texts."""

import json
import re
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from bot.operations.erasure import SHORTEST, Eraser, Found, Receipt, Wish
from cli import wiring
from cli.database_location import Location, opened_as_it_is, refusing
from cli.errors import SettingsError
from cli.settings import Settings
from storage.engine.database import Database
from storage.repositories.audit import Audit
from storage.repositories.erasures import Counts, Erasing
from storage.tables import to_iso

_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_SPAN: Final = re.compile(r"(\d{1,5})\s*([hdw])")
YOUNGEST: Final = timedelta(days=1)
"""Younger requests may still be open, and then their texts are needed."""

_NAMES: Final = {
    "agent_id": "of agent {}", "channel_id": "of channel {}", "thread_ts": "of thread {}", "request_id": "{}",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How to go about it: only look, ask, or do it; for people or for programs."""

    dry_run: bool = False
    yes: bool = False
    as_json: bool = False


def wished(
    *, agent: str | None, channel: str | None, thread: str | None, request: str | None, containing: str | None
) -> Wish:
    """What these options mean. Raises SettingsError."""
    given = [each for each in (agent, channel, thread, request, containing) if each is not None]
    if len(given) != 1:
        raise SettingsError(
            "say what to erase with exactly one of --agent, --channel, --thread, --request, --containing"
        )
    if not given[0].strip():
        raise SettingsError("what to erase is empty: nothing was erased")
    if containing is not None and len(containing.strip()) < SHORTEST:
        raise SettingsError(f"--containing needs {SHORTEST} characters or more: fewer stand in nearly every request")
    return Wish(agent_id=agent, channel_id=channel, thread_ts=thread, request_id=request, containing=containing)


def span(option: str, text: str) -> timedelta:
    """90d, 12w or 36h. Raises SettingsError."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise SettingsError(f"{option} {text!r} is no time span: write it with a unit, like 90d, 12w or 36h")
    wanted = int(found[1]) * _UNITS[found[2]]
    if wanted < YOUNGEST:
        raise SettingsError(f"{option} {text!r} is less than a day: requests as young may still be open")
    return wanted


async def erase(settings: Settings, location: Location, wish: Wish, manner: Manner) -> None:
    """Find, ask, erase, and give the receipt. Raises SettingsError, Failed."""
    _refuse_to_guess(manner)
    async with opened_as_it_is(location) as database:
        with refusing(location):
            eraser = Eraser(
                erasing=Erasing(database), audit=Audit(database), sealer=wiring.sealer(settings), now=wiring.now
            )
            found = await eraser.find(wish)
            if manner.dry_run:
                _tell_found(found, manner)
                return
            if not manner.yes and not _agreed(found):
                print("Nothing was erased.")
                return
            _tell_receipt(found, await eraser.erase(found, actor="cli"), manner, database)


async def prune(settings: Settings, location: Location, older_than: str | None, manner: Manner) -> None:
    """Forget the texts of old requests. Raises SettingsError, Failed."""
    age = _age(settings, older_than)
    before = wiring.now() - age
    async with opened_as_it_is(location) as database:
        with refusing(location):
            erasing = Erasing(database)
            if manner.dry_run:
                count = await erasing.prunable(created_before=before)
                _tell_pruned(count, manner, before=to_iso(before), wiped=None)
                return
            count = 0
            while batch := await erasing.prune(created_before=before):
                count += batch
            wiped = await erasing.wipe()
            data: dict[str, Any] = {"created_before": to_iso(before), "requests": count}
            await Audit(database).record(at=wiring.now(), actor="cli", action="prune", data=data)
            _tell_pruned(count, manner, before=to_iso(before), wiped=wiped)


def _age(settings: Settings, older_than: str | None) -> timedelta:
    if older_than is not None:
        return span("--older-than", older_than)
    if settings.suggest_retention_days is None:
        raise SettingsError("say how old with --older-than 90d, or set SUGGEST_RETENTION_DAYS")
    return timedelta(days=settings.suggest_retention_days)


def _refuse_to_guess(manner: Manner) -> None:
    """Without a person to ask, only --yes erases. Raises SettingsError."""
    if not manner.yes and not manner.dry_run and (manner.as_json or not sys.stdin.isatty()):
        raise SettingsError("nobody is at a terminal to ask: --dry-run shows what would go, --yes erases it")


def _agreed(found: Found) -> bool:
    print(_sentence(found))
    if not found.request_ids:
        return True  # the receipt says that there is nothing
    try:
        return input("This cannot be undone. Type yes to erase: ").strip().lower() == "yes"
    except (EOFError, KeyboardInterrupt):
        print()
        return False


def _sentence(found: Found) -> str:
    wish = found.wish
    value = "" if wish.containing is not None else getattr(wish, wish.by)
    which = "with this text" if wish.containing is not None else _NAMES[wish.by].format(value)
    count = len(found.request_ids)
    return f"{count} request{'' if count == 1 else 's'} {which}: {_rows(found.counts)}.{_warning(found)}"


def _warning(found: Found) -> str:
    if not found.unreadable:
        return ""
    return f" {found.unreadable} sealed texts could not be looked into; each is deleted within a day."


def _rows(counts: Counts) -> str:
    told = ", ".join(f"{count} {name}" for name, count in counts.as_dict().items() if count)
    return told or "nothing to erase"


def _tell_found(found: Found, manner: Manner) -> None:
    if not manner.as_json:
        print(f"Would erase {_sentence(found)}")
        return
    told = {"dry_run": True, "by": found.wish.by, "rows": found.counts.as_dict(), "unreadable": found.unreadable}
    print(json.dumps({**told, "request_ids": list(found.request_ids)}, ensure_ascii=False))


def _tell_receipt(found: Found, receipt: Receipt, manner: Manner, database: Database) -> None:
    if manner.as_json:
        told = {"dry_run": False, "by": receipt.by, "at": to_iso(receipt.at), "rows": receipt.counts.as_dict()}
        more = {"unreadable": found.unreadable, "wiped": receipt.wiped, "request_ids": list(found.request_ids)}
        print(json.dumps({**told, **more}, ensure_ascii=False))
        return
    print(f"Erased at {to_iso(receipt.at)}: {_rows(receipt.counts)}.{_warning(found)}")
    print(_wiped(receipt.wiped, is_shared=database.is_shared))
    print("Slack, the model's provider, exports and backups are not reached by this.")


def _tell_pruned(count: int, manner: Manner, *, before: str, wiped: bool | None) -> None:
    if manner.as_json:
        print(json.dumps({"dry_run": wiped is None, "created_before": before, "requests": count, "wiped": wiped}))
        return
    texts = f"the texts of {count} request{'' if count == 1 else 's'} made before {before}"
    print(f"Would forget {texts}." if wiped is None else f"Forgot {texts}; their numbers stay.")


def _wiped(wiped: bool, *, is_shared: bool) -> str:  # noqa: FBT001 - a fact to be told
    if is_shared:
        return "PostgreSQL keeps old row versions until it vacuums: run VACUUM on these tables to be sure."
    if wiped:
        return "The bytes are off the disk."
    return "Another program is reading the database: its write-ahead log still has the bytes. Run this again later."
