"""All settings, from the environment and `.env`. The only module that reads the environment."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cli.errors import SettingsError

SHORTEST_SECRET: Final = 32
"""Characters of a key: one that a person thought up would be guessed."""


class Settings(BaseSettings):
    """All settings; secrets never show in `repr`. docs/settings.md tells each, and a test holds the two together."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8-sig",  # some editors on Windows put a byte order mark first
        extra="ignore",
        env_ignore_empty=True,
        frozen=True,
    )

    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_client_id: str | None = None
    slack_client_secret: SecretStr | None = None
    slack_api_url: str = "https://slack.com/api/"
    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    suggest_model: Annotated[str, Field(min_length=1, max_length=128)] = "gpt-4o-mini"
    suggest_candidates: Annotated[int, Field(ge=1, le=10)] = 3
    suggest_database_url: Annotated[str, Field(repr=False)] = "sqlite:///suggest.db"  # may hold a password
    suggest_playbook: Path | None = None
    suggest_prices: Path | None = None
    suggest_on_use: Literal["post", "copy"] = "post"
    suggest_deadline_s: Annotated[float, Field(gt=0, le=600)] = 25.0
    suggest_max_concurrency: Annotated[int, Field(ge=1, le=10_000)] = 32
    suggest_agent_per_minute: Annotated[int, Field(ge=1)] = 20
    suggest_tokens_per_day: Annotated[int, Field(ge=1)] | None = None
    suggest_admins: Annotated[tuple[str, ...], NoDecode] = ()
    suggest_allowed_channels: Annotated[tuple[str, ...], NoDecode] = ()
    suggest_allowed_usergroups: Annotated[tuple[str, ...], NoDecode] = ()
    suggest_pseudonym_key: Annotated[SecretStr, Field(min_length=16)] | None = None
    suggest_log_level: Literal["debug", "info", "warning", "error"] = "info"
    suggest_log_format: Literal["json", "console"] | None = None
    suggest_trace_text: Literal["on", "off"] = "off"
    suggest_store_text: Literal["redacted", "full", "off"] = "redacted"
    suggest_secret_key: SecretStr | None = None
    suggest_retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    suggest_ranking: Literal["auto", "off"] = "auto"
    suggest_rank_every_hours: Annotated[float, Field(gt=0, le=8760)] = 24.0
    suggest_rank_after_choices: Annotated[int, Field(ge=1)] = 200

    @field_validator(
        "slack_bot_token", "slack_app_token", "slack_signing_secret", "slack_client_secret", "openai_api_key"
    )
    @classmethod
    def _check_secret(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse a secret that was copied with more around it: it would fail deep inside an HTTP library."""
        if value is None:
            return None
        secret = value.get_secret_value().strip()
        if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
            raise ValueError("it is empty, or holds a space or a character that no key has")
        return SecretStr(secret)

    @field_validator("suggest_secret_key")
    @classmethod
    def _check_key_length(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        keys = split_secret_keys(value.get_secret_value())
        if not keys or min(len(key) for key in keys) < SHORTEST_SECRET:
            raise ValueError(f"a key in it has fewer than {SHORTEST_SECRET} characters")
        return value

    @field_validator("slack_bot_token", "slack_app_token")
    @classmethod
    def _check_token(cls, value: SecretStr | None, info: Any) -> SecretStr | None:
        prefix = {"slack_bot_token": "xoxb-", "slack_app_token": "xapp-"}[info.field_name]
        if value is not None and not value.get_secret_value().startswith(prefix):
            raise ValueError(f"it does not start with {prefix}")
        return value

    @field_validator("slack_api_url", "openai_base_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", value):
            raise ValueError("it is no http(s) URL, or has a password or a query in it")
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _add_slash(cls, value: str) -> str:
        return value if value.endswith("/") else f"{value}/"

    @field_validator("suggest_database_url")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        from storage.engine.database import parse_url

        parsed = parse_url(value)  # says what is wrong, without quoting it
        if parsed.database == ":memory:":
            raise ValueError("a database in memory is gone with the program")
        return value

    @field_validator("suggest_playbook", "suggest_prices")
    @classmethod
    def _expand_home(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser()

    @field_validator("suggest_admins", "suggest_allowed_channels", "suggest_allowed_usergroups", mode="before")
    @classmethod
    def _split_ids(cls, value: Any) -> Any:
        return tuple(re.findall(r"[^\s,]+", value)) if isinstance(value, str) else value

    @field_validator("suggest_admins", "suggest_allowed_channels", "suggest_allowed_usergroups")
    @classmethod
    def _check_ids(cls, value: tuple[str, ...], info: Any) -> tuple[str, ...]:
        kind, initials = {
            "suggest_admins": ("user", "UW"),
            "suggest_allowed_channels": ("channel", "CGD"),
            "suggest_allowed_usergroups": ("user group", "S"),
        }[info.field_name]
        for number, given in enumerate(value, start=1):
            if not re.fullmatch(rf"[{initials}][A-Z0-9]{{1,20}}", given):
                raise ValueError(f"number {number} is no Slack {kind} id")
        return value

    @field_validator(
        "suggest_on_use",
        "suggest_log_level",
        "suggest_log_format",
        "suggest_trace_text",
        "suggest_store_text",
        "suggest_ranking",
        mode="before",
    )
    @classmethod
    def _lower_case(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @property
    def has_model(self) -> bool:
        """True if a real model is configured."""
        return self.openai_api_key is not None or self.openai_base_url is not None


FIXES: Final[dict[str, str]] = {
    "SLACK_BOT_TOKEN": "set it to the token under OAuth & Permissions of your Slack app, which starts with xoxb-",
    "SLACK_APP_TOKEN": "set it to an app-level token with connections:write, which starts with xapp-",
    "SLACK_SIGNING_SECRET": "set it to the Signing Secret under Basic Information of your Slack app",
    "SLACK_CLIENT_ID": "leave it out: it is for several workspaces, which come later",
    "SLACK_CLIENT_SECRET": "leave it out: it is for several workspaces, which come later",
    "SLACK_API_URL": "leave it out, or set it to a URL such as https://slack.com/api/",
    "OPENAI_API_KEY": "set it to your key, or set OPENAI_BASE_URL to an OpenAI-compatible server",
    "OPENAI_BASE_URL": "set it to the URL of an OpenAI-compatible server, such as http://127.0.0.1:11434/v1",
    "SUGGEST_MODEL": "set it to the name of a model that your server has",
    "SUGGEST_CANDIDATES": "set it to a whole number from 1 to 10",
    "SUGGEST_DATABASE_URL": "set it to sqlite:///path/to/suggest.db or postgresql://user:password@host/name",
    "SUGGEST_ON_USE": "set it to post or copy",
    "SUGGEST_DEADLINE_S": "set it to a number of seconds above 0, at most 600",
    "SUGGEST_MAX_CONCURRENCY": "set it to a whole number from 1 to 10000",
    "SUGGEST_AGENT_PER_MINUTE": "set it to a whole number of at least 1",
    "SUGGEST_TOKENS_PER_DAY": "set it to a whole number of at least 1, or leave it out",
    "SUGGEST_ADMINS": "set it to Slack user ids, such as U012AB3CD, separated by commas",
    "SUGGEST_ALLOWED_CHANNELS": "set it to Slack channel ids, such as C012AB3CD, separated by commas, or leave it out",
    "SUGGEST_ALLOWED_USERGROUPS": "set it to user group ids, such as S012AB3CD, separated by commas, or leave it out",
    "SUGGEST_PSEUDONYM_KEY": "set it to at least 16 random characters, or leave it out",
    "SUGGEST_LOG_LEVEL": "set it to debug, info, warning or error",
    "SUGGEST_LOG_FORMAT": "set it to json or console",
    "SUGGEST_TRACE_TEXT": "set it to off or on",
    "SUGGEST_STORE_TEXT": "set it to redacted, full or off",
    "SUGGEST_SECRET_KEY": "set it to the output of `openssl rand -base64 32`; older keys may follow after commas",
    "SUGGEST_RETENTION_DAYS": "set it to a whole number of days of at least 1, or leave it out to keep texts",
    "SUGGEST_RANKING": "set it to auto or off",
    "SUGGEST_RANK_EVERY_HOURS": "set it to a number of hours above 0, at most 8760",
    "SUGGEST_RANK_AFTER_CHOICES": "set it to a whole number of at least 1",
    "SUGGEST_PRICES": "set it to the path of a price table, or leave it out",
    "SUGGEST_PLAYBOOK": "set it to the path of a playbook.toml; `suggest playbook init` writes one",
}


def split_secret_keys(value: str) -> tuple[str, ...]:
    """Split SUGGEST_SECRET_KEY: the first key seals, all open."""
    return tuple(key for part in value.split(",") if (key := part.strip()))


def load_settings() -> Settings:
    """Load the settings. Raises SettingsError, which has a line for each that is malformed."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(*_describe_errors(error)) from error
    except UnicodeDecodeError as error:
        raise SettingsError(".env is not UTF-8 text: save it as UTF-8") from error
    except OSError as error:
        raise SettingsError(f".env cannot be read ({error.strerror}): let this user read it, or remove it") from error


def require(settings: Settings, *names: str) -> None:
    """Refuse to go on without these settings. Raises SettingsError for the first that is missing."""
    for name in names:
        if getattr(settings, name.lower()) is None:
            raise SettingsError(f"{name} is missing: {FIXES[name]}")


def hide_from_libraries() -> None:
    """Remove what Slack's library would read by itself: with a client id it switches to OAuth and a file store."""
    for name in ("SLACK_BOT_TOKEN", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET"):
        os.environ.pop(name, None)


def limit_algebra_threads() -> None:
    """Limit NumPy to one thread; call it before NumPy is loaded.

    Its threads spin while they wait for each other: on a busy machine that costs ten times the CPU. What is set already
    stands; processes started from here inherit it.
    """
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def detect_locale() -> str:
    """Detect the terminal's language, such as de-DE; en-US if it has none."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            found = re.match(r"([a-z]{2,3})(?:_([A-Z]{2}))?(?=[.@]|$)", value)
            return "-".join(filter(None, found.groups())) if found else "en-US"
    return "en-US"


def is_traced() -> bool:
    """Return True if LangSmith's own variables make LangChain send traces there."""
    names = ("LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING", "LANGCHAIN_TRACING")
    return next((value for name in names if (value := os.environ.get(name, "").strip())), "") == "true"


def has_browser() -> bool:
    """Return True if a browser with a window can be opened from here."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in names)


def find_editor() -> str | None:
    """Find the command of the user's text editor; None if they named none."""
    return os.environ.get("VISUAL") or os.environ.get("EDITOR") or None


def wants_tracebacks() -> bool:
    """Return True if unexpected errors are shown with their traceback, which may hold what people wrote."""
    return os.environ.get("SUGGEST_LOG_LEVEL", "").strip().lower() == "debug"


def _describe_errors(error: ValidationError) -> Sequence[str]:
    """Describe each error in a line: the setting, what is wrong, its fix. Never its value: it may be a secret."""
    return [_describe_error(problem) for problem in error.errors(include_input=False, include_url=False)]


def _describe_error(problem: Any) -> str:
    name = str(problem["loc"][0]).upper()
    reason = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input ").strip()
    return f"{name} is wrong ({reason}): {FIXES[name]}"
