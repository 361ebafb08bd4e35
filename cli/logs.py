"""Logging: facts as JSON or for a terminal; ids, counts and milliseconds, never texts, never tokens."""

import logging
import sys
from typing import Any, Final

import structlog

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
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(allow=FIELDS),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([structlog.processors.format_exc_info] if as_json else []),
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
