"""Logging: facts as JSON or for a terminal; ids, counts and milliseconds, never texts, never tokens."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from bot.operations.log_events import FIELDS
from cli.settings import Settings

# These would log whole payloads, prompts or URLs with secrets in them.
_TALKATIVE: Final = (
    "aiosqlite",
    "alembic",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "langsmith",
    "openai",
    "slack_bolt",
    "slack_sdk",
)


def configure_for_command(settings: Settings) -> None:
    """Log errors only, unless the settings ask for more: the command speaks for itself."""
    wanted = "suggest_log_level" in settings.model_fields_set
    configure(level=settings.suggest_log_level if wanted else "error", log_format=settings.suggest_log_format)


def configure(*, level: str, log_format: str | None) -> None:
    """Log to stderr at `level`, as `json` or `console` (the default on a terminal)."""
    as_json = log_format == "json" or (log_format is None and not sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else ConsoleFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: the event, its level, logger, facts and time, and the traceback of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            **_select_facts(record),
            "timestamp": _to_iso(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=repr)


class ConsoleFormatter(logging.Formatter):
    """A line for people: time, level, event and facts, with the traceback of an exception below."""

    def format(self, record: logging.LogRecord) -> str:
        facts = "".join(f" {name}={value}" for name, value in _select_facts(record).items())
        line = f"{_to_iso(record)} [{record.levelname.lower():<8}] {record.getMessage()}{facts}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _select_facts(record: logging.LogRecord) -> dict[str, Any]:
    """Select what was given beside the message, of what may be logged."""
    return {name: value for name, value in vars(record).items() if name in FIELDS}


def _to_iso(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
