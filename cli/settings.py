"""All settings, from the environment and an env file. The only module that reads the environment.

Each setting is one field of `Settings`: type, default, and its `About`, from which error messages, docs/settings.md,
`.env.example` and README's table are made (`make docs`).
"""

import difflib
import io
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cli.errors import SettingsError

SHORTEST_SECRET: Final = 32
"""Characters of a key: one that a person thought up would be guessed."""

DEFAULT_ENV_FILE: Final = Path(".env")

env_file: ContextVar[Path | None] = ContextVar("env_file", default=None)
"""What --env-file names; None for `.env`, if it is there."""


@dataclass(frozen=True, slots=True)
class About:
    """A setting in words: its meaning in one sentence without a full stop, an example, the fix of a wrong value.

    `default` stands for a default of nothing; `fix` is made from the type if it is not given; `group` begins a new one.
    """

    meaning: str
    example: str = ""
    group: str = ""
    default: str = "none"
    fix: str = ""


def _check_secret(value: SecretStr) -> SecretStr:
    """Refuse a secret that was copied with more around it: it would fail deep inside an HTTP library."""
    secret = value.get_secret_value().strip()
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ValueError("it is empty, or holds a space or a character that no key has")
    return SecretStr(secret)


def _check_prefix(prefix: str, value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(prefix):
        raise ValueError(f"it does not start with {prefix}")
    return value


def _check_key_length(value: SecretStr) -> SecretStr:
    keys = split_secret_keys(value.get_secret_value())
    if not keys or min(len(key) for key in keys) < SHORTEST_SECRET:
        raise ValueError(f"a key in it has fewer than {SHORTEST_SECRET} characters")
    return value


def _check_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", value):
        raise ValueError("it is no http(s) URL, or has a password or a query in it")
    return value


def _check_database_url(value: str) -> str:
    from storage.engine.database import parse_url

    if parse_url(value).database == ":memory:":  # says what is wrong, without quoting it
        raise ValueError("a database in memory is gone with the program")
    return value


def _split_ids(value: Any) -> Any:
    return tuple(re.findall(r"[^\s,]+", value)) if isinstance(value, str) else value


def _check_ids(kind: str, initials: str, value: tuple[str, ...]) -> tuple[str, ...]:
    for number, given in enumerate(value, start=1):
        if not re.fullmatch(rf"[{initials}][A-Z0-9]{{1,20}}", given):
            raise ValueError(f"number {number} is no Slack {kind} id")
    return value


def _strip(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _lower_case(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


_Secret = Annotated[SecretStr, AfterValidator(_check_secret)]
_Url = Annotated[str, AfterValidator(_check_url)]
_Ids = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_ids)]
_HomePath = Annotated[Path, BeforeValidator(_strip), AfterValidator(Path.expanduser)]
_word = BeforeValidator(_lower_case)


class Settings(BaseSettings):
    """All settings; secrets never show in `repr`."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, frozen=True, str_strip_whitespace=True)

    slack_bot_token: Annotated[
        Annotated[_Secret, AfterValidator(partial(_check_prefix, "xoxb-"))] | None,
        About(
            "The bot token of your Slack app, `xoxb-…`",
            example="xoxb-…",
            group="Slack",
            fix="set it to the token under OAuth & Permissions of your Slack app, which starts with xoxb-",
        ),
    ] = None
    slack_app_token: Annotated[
        Annotated[_Secret, AfterValidator(partial(_check_prefix, "xapp-"))] | None,
        About(
            "An app-level token, `xapp-…`, for Socket Mode",
            example="xapp-…",
            fix="set it to an app-level token with connections:write, which starts with xapp-",
        ),
    ] = None
    slack_signing_secret: Annotated[
        _Secret | None,
        About(
            "The signing secret of your Slack app, for `--http`",
            example="0123456789abcdef0123456789abcdef",
            fix="set it to the Signing Secret under Basic Information of your Slack app",
        ),
    ] = None
    slack_client_id: Annotated[
        str | None,
        About(
            "Reserved for several workspaces; not used in this version",
            fix="leave it out: it is for several workspaces, which come later",
        ),
    ] = None
    slack_client_secret: Annotated[
        _Secret | None,
        About(
            "Reserved for several workspaces; not used in this version",
            fix="leave it out: it is for several workspaces, which come later",
        ),
    ] = None
    slack_api_url: Annotated[
        Annotated[_Url, AfterValidator(lambda value: value if value.endswith("/") else f"{value}/")],
        About(
            "The base URL of Slack's Web API; change it to use another Slack, such as the playground",
            example="http://127.0.0.1:8123/api/",
            fix="leave it out, or set it to a URL such as https://slack.com/api/",
        ),
    ] = "https://slack.com/api/"
    openai_api_key: Annotated[
        _Secret | None,
        About(
            "The API key of the model server",
            example="sk-…",
            group="The model",
            fix="set it to your key, or set OPENAI_BASE_URL to an OpenAI-compatible server",
        ),
    ] = None
    openai_base_url: Annotated[
        _Url | None,
        About(
            "The URL of any server with OpenAI's chat completions API, including the version in the path",
            example="http://127.0.0.1:11434/v1",
            default="none; with a key alone, OpenAI's own server",
            fix="set it to the URL of an OpenAI-compatible server, such as http://127.0.0.1:11434/v1",
        ),
    ] = None
    suggest_model: Annotated[
        str,
        Field(min_length=1, max_length=128),
        About(
            "The default model, by its name on the server; a style of the playbook may name another",
            example="llama3.1",
            fix="set it to the name of a model that your server has",
        ),
    ] = "gpt-4o-mini"
    suggest_max_tokens: Annotated[
        int,
        Field(ge=0, le=1_000_000),
        About(
            "The most tokens that a draft is asked for, thoughts included; 0 sends no limit",
            example="4000",
            fix="set it to a whole number from 1 to 1000000, or to 0 to send none",
        ),
    ] = 900
    suggest_reasoning_effort: Annotated[
        Annotated[str, Field(pattern="^[A-Za-z]{2,20}$")] | None,
        About(
            "How long reasoning models think, in a word that the server knows",
            example="low",
            default="the server's",
            fix="set it to a word that your server knows, such as low, medium or high, or leave it out",
        ),
    ] = None
    suggest_embedding_model: Annotated[
        Annotated[str, Field(min_length=1, max_length=128)] | None,
        About(
            "The embedding model, by its name on the server: knowledge is then searched by meaning, too",
            example="text-embedding-3-small",
            default="none: knowledge is searched by words",
            fix="set it to the name of an embedding model that your server has, or leave it out",
        ),
    ] = None
    suggest_candidates: Annotated[
        int,
        Field(ge=1, le=10),
        About("K, the number of candidates per request, from 1 to 10", example="4", group="Drafting"),
    ] = 3
    suggest_playbook: Annotated[
        _HomePath | None,
        About(
            "The path of your team's playbook",
            example="playbook.toml",
            default="the built-in one",
            fix="set it to the path of a playbook.toml; `suggest playbook init` writes one",
        ),
    ] = None
    suggest_deadline_s: Annotated[
        float,
        Field(gt=0, le=600),
        About(
            "Seconds from the command until the agent sees what there is; drafts that are not done by then fail",
            example="60",
            fix="set it to a number of seconds above 0, at most 600",
        ),
    ] = 25.0
    suggest_max_concurrency: Annotated[
        int, Field(ge=1, le=10_000), About("Concurrent model calls of the whole process, from 1 to 10000", example="4")
    ] = 32
    suggest_on_use: Annotated[
        Literal["post", "copy"],
        _word,
        About(
            "`post`: the bot posts a chosen reply in the channel, under the agent's name; `copy`: it only shows "
            "the reply to the agent, to copy",
            example="copy",
            group="What agents may do",
        ),
    ] = "post"
    suggest_agent_per_minute: Annotated[
        int, Field(ge=1), About("Requests that one agent may make per minute, redrafts included", example="6")
    ] = 20
    suggest_tokens_per_day: Annotated[
        Annotated[int, Field(ge=1)] | None,
        About(
            "Prompt and completion tokens that all drafts together may use per day (UTC)",
            example="2000000",
            default="no limit",
            fix="set it to a whole number of at least 1, or leave it out",
        ),
    ] = None
    suggest_admins: Annotated[
        _Ids,
        AfterValidator(partial(_check_ids, "user", "UW")),
        About(
            "Slack user ids, separated by commas, who may pause the bot and export, besides the workspace's admins",
            example="U0123ABCD,U0456EFGH",
            fix="set it to Slack user ids, such as U012AB3CD, separated by commas",
        ),
    ] = ()
    suggest_allowed_channels: Annotated[
        _Ids,
        AfterValidator(partial(_check_ids, "channel", "CGD")),
        About(
            "Slack channel ids, separated by commas: of all channels, agents can ask and post only in these",
            example="C012AB3CD,G034EF5GH",
            default="everywhere",
            fix="set it to Slack channel ids, such as C012AB3CD, separated by commas, or leave it out",
        ),
    ] = ()
    suggest_allowed_usergroups: Annotated[
        _Ids,
        AfterValidator(partial(_check_ids, "user group", "S")),
        About(
            "Slack user group ids, separated by commas: only their members, and admins, may use the bot",
            example="S012AB3CD",
            default="every member",
            fix="set it to user group ids, such as S012AB3CD, separated by commas, or leave it out",
        ),
    ] = ()
    suggest_customer_apps: Annotated[
        _Ids,
        AfterValidator(partial(_check_ids, "app or bot", "AB")),
        About(
            "Ids of Slack apps, separated by commas, such as a helpdesk's bridge: their messages are the customer's",
            example="A012AB3CD",
            default="every other app",
            fix="set it to ids of Slack apps, such as A012AB3CD, separated by commas, or leave it out",
        ),
    ] = ()
    suggest_pseudonym_key: Annotated[
        Annotated[SecretStr, Field(min_length=16)] | None,
        About(
            "The key for the pseudonyms in exports",
            example="an-invented-key-of-some-length",
            default="random for each export",
            fix="set it to at least 16 random characters, or leave it out",
        ),
    ] = None
    suggest_database_url: Annotated[
        str,
        Field(repr=False),  # may hold a password
        AfterValidator(_check_database_url),
        About(
            "The database of the choice log, `sqlite:///…` or `postgresql://…`",
            example="sqlite:////var/lib/suggest/suggest.db",
            group="Data, logs and traces",
            fix="set it to sqlite:///path/to/suggest.db or postgresql://user:password@host/name",
        ),
    ] = "sqlite:///suggest.db"
    suggest_prices: Annotated[
        _HomePath | None,
        About(
            "The path of a price table, for the cost of tokens; list prices hold for what it does not name",
            example="prices.toml",
            fix="set it to the path of a price table, or leave it out",
        ),
    ] = None
    suggest_store_text: Annotated[
        Literal["redacted", "full", "off"],
        _word,
        About(
            "The texts that the log keeps: `redacted`, with placeholders for personal data; `full`; `off`, only "
            "numbers",
            example="off",
        ),
    ] = "redacted"
    suggest_secret_key: Annotated[
        Annotated[SecretStr, AfterValidator(_check_key_length)] | None,
        About(
            "Encrypts the personal data that is kept while a request is open",
            example="the-output-of-openssl-rand-base64-32",
            fix="set it to the output of `openssl rand -base64 32`; older keys may follow after commas",
        ),
    ] = None
    suggest_retention_days: Annotated[
        Annotated[int, Field(ge=1, le=36_500)] | None,
        About(
            "Days after which texts are deleted; numbers stay",
            example="90",
            fix="set it to a whole number of days of at least 1, or leave it out to keep texts",
        ),
    ] = None
    suggest_log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _word,
        About("The level of the log on stderr: `debug`, `info`, `warning` or `error`", example="warning"),
    ] = "info"
    suggest_log_format: Annotated[
        Annotated[Literal["json", "console"], _word] | None,
        About(
            "`json`: one JSON object per line, for machines; `console`: text, for people",
            example="json",
            default="`console` on a terminal, else `json`",
            fix="set it to json or console",
        ),
    ] = None
    suggest_trace_text: Annotated[
        Literal["off", "on"],
        _word,
        About("`on`: LangSmith traces, if LangSmith's own variables enable them, include texts", example="on"),
    ] = "off"
    suggest_ranking: Annotated[
        Literal["auto", "off"],
        _word,
        About(
            "`auto`: use the learned order once it is proven better; `off`: always random",
            example="off",
            group="Ranking",
        ),
    ] = "auto"
    suggest_rank_every_hours: Annotated[
        float,
        Field(gt=0, le=8760),
        About(
            "Hours after which the ranker is refitted, if there are new choices",
            example="168",
            fix="set it to a number of hours above 0, at most 8760",
        ),
    ] = 24.0
    suggest_rank_after_choices: Annotated[
        int,
        Field(ge=1),
        About("New choices after which the ranker is refitted, regardless of the time", example="1000"),
    ] = 200

    @property
    def has_model(self) -> bool:
        """True if a real model is configured."""
        return self.openai_api_key is not None or self.openai_base_url is not None


def _describe_fix(name: str) -> str:
    """Say what to set a setting to, by its type where nothing else is declared."""
    field, about = Settings.model_fields[name], ABOUT[name.upper()]
    if about.fix:
        return about.fix
    if field.annotation is int:
        bounds = {key: value for each in field.metadata for key in ("ge", "le") if (value := getattr(each, key, None))}
        span = f"from {bounds['ge']} to {bounds['le']}" if "le" in bounds else f"of at least {bounds['ge']}"
        return f"set it to a whole number {span}"
    *words, last = get_args(field.annotation)  # of a Literal
    return f"set it to {', '.join(words)} or {last}"


ABOUT: Final[dict[str, About]] = {
    name.upper(): next(each for each in field.metadata if isinstance(each, About))
    for name, field in Settings.model_fields.items()
}
"""Each setting in words, in the order of the documents."""

FIXES: Final[dict[str, str]] = {name.upper(): _describe_fix(name) for name in Settings.model_fields}
"""What to do about each setting that is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Need:
    """Settings of which a command needs one, and the sentence for those who have none of them."""

    names: tuple[str, ...]
    sentence: str

    @classmethod
    def of(cls, name: str) -> Self:
        return cls((name,), f"{name} is missing: {FIXES[name]}")


def split_secret_keys(value: str) -> tuple[str, ...]:
    """Split SUGGEST_SECRET_KEY: the first key seals, all open."""
    return tuple(key for part in value.split(",") if (key := part.strip()))


def load_settings(*needed: Need) -> Settings:
    """Load the settings; the environment wins over the env file.

    Raises SettingsError, which has a line for each setting that is misspelt or malformed, and one for what is missing.
    """
    written, environ = _read_env_file(), {name.lower(): value for name, value in os.environ.items() if value}
    refused = {**_find_misspelt([*written, *environ]), **_find_leftovers(environ)}
    try:
        settings = Settings(**{name: value for name, value in written.items() if name not in environ})  # type: ignore[arg-type]
    except ValidationError as error:
        refused = {**_describe_errors(error), **refused}
    missing = [need.sentence for need in needed if not {*written, *environ} & {name.lower() for name in need.names}]
    if lines := [*refused.values(), *filter(None, ["; ".join(missing)])]:
        raise SettingsError(*lines)
    return settings


def name_env_file() -> str | None:
    """Name the env file that settings are read from; None if there is none."""
    chosen = env_file.get()
    if chosen is None and not DEFAULT_ENV_FILE.is_file():
        return None
    return str(chosen or DEFAULT_ENV_FILE)


def repeat_env_file() -> list[str]:
    """Return --env-file as it was given, for a command that is told; empty without it."""
    chosen = env_file.get()
    return [] if chosen is None else ["--env-file", str(chosen)]


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


def _read_env_file() -> dict[str, str]:
    """Read the env file once, since it may be a pipe: lower-case names with their values, without empty ones."""
    if (name := name_env_file()) is None:
        return {}
    try:
        text = Path(name).read_text(encoding="utf-8-sig")  # some editors on Windows put a byte order mark first
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name} is not UTF-8 text: save it as UTF-8") from error
    except OSError as error:
        raise SettingsError(f"{name} cannot be read ({error.strerror}): let this user read it, or remove it") from error
    bindings = [each for each in parse_stream(io.StringIO(text)) if each.error or each.key]
    broken = [each.original.line for each in bindings if each.error or each.value is None]
    if broken:
        raise SettingsError(
            *(f"{name}, line {line}, is not NAME=value: mend it, or put a # before it" for line in broken)
        )
    values = dotenv_values(stream=io.StringIO(text))
    return {key.lower(): value for key, value in values.items() if value}


_KUBERNETES: Final = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
"""What Kubernetes sets for services; one called `suggest` gives SUGGEST_PORT, SUGGEST_SERVICE_HOST and the like."""

_CLOSE: Final = 0.75


def _find_misspelt(names: Sequence[str]) -> dict[str, str]:
    """Find names that are nearly a setting's. Other programs may have SUGGEST_… names that are not close to ours."""
    ours = [name for name in ABOUT if name.startswith("SUGGEST_")]
    found = {}
    for name in {name.upper() for name in names} - set(ABOUT):
        head, _, rest = name.partition("_")
        if not difflib.get_close_matches(head, ["SUGGEST"], cutoff=0.85) or _KUBERNETES.fullmatch(f"_{rest}"):
            continue
        tails = [known.removeprefix("SUGGEST_") for known in ours]
        if near := difflib.get_close_matches(rest, tails, n=1, cutoff=_CLOSE):
            found[name] = f"{name} is no setting: did you mean SUGGEST_{near[0]}?"
    return found


def _find_leftovers(environ: Mapping[str, str]) -> dict[str, str]:
    """Find values with what belongs to an env file's syntax, which `docker run --env-file` takes for the value."""
    found = {}
    for name, value in environ.items():
        if name.upper() in ABOUT and (reason := _name_leftover(value)):
            found[name.upper()] = f"{name.upper()} is wrong ({reason}): {FIXES[name.upper()]}"
    return found


def _name_leftover(value: str) -> str | None:
    if "\r" in value:
        return "it has a carriage return: save the env file with the line ends of Unix"
    if re.search(r"(^|\s)#", value):
        return "it has a comment in it, which `docker run --env-file` does not take away"
    if re.fullmatch(r"\s*(['\"]).*\1\s*", value, re.DOTALL):
        return "it has quotes around it, which `docker run --env-file` does not take away"
    return None


def _describe_errors(error: ValidationError) -> dict[str, str]:
    """Describe each error in a line: the setting, what is wrong, its fix. Never its value: it may be a secret."""
    return dict(_describe_error(problem) for problem in error.errors(include_input=False, include_url=False))


def _describe_error(problem: Any) -> tuple[str, str]:
    name = str(problem["loc"][0]).upper()
    reason = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input ").strip()
    return name, f"{name} is wrong ({reason}): {FIXES[name]}"
