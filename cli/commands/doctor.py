"""`suggest doctor`: a check of each setting, token and scope, of database, playbook and model."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import typer

from bot.drafting.model_server import NAMES_SHOWN, ModelServer, NoApiThere
from bot.errors import NotUsable
from bot.knowledge.vectors import EmbeddingFailed
from bot.playbook import Playbook, PlaybookError, load_playbook
from bot.proxies import NetworkSettingsError, Route
from cli import logs, wiring
from cli.database_location import Location, explain_unusable, refuse_other_files
from cli.errors import Failed, SettingsError
from cli.options import Json
from cli.readiness import check_room, explain_slack, identify
from cli.render.json import list_findings
from cli.render.output import print_result
from cli.render.text import doctor as text
from cli.repositories import open_unchecked
from cli.settings import FIXES, Settings, is_traced, load_settings, name_env_file
from cli.slack_manifest import OFF_WITHOUT, list_bot_scopes, load_manifest
from handlers.slack.client import BotIdentity, Connection, SlackRefused
from handlers.slack.live_check import LiveCheck, check_histories
from storage.errors import StorageError
from storage.schema import check_prepared_statements, find_obstacles_to_writing, read_revisions

ROWS_TRIED: Final = 100

USERGROUPS: Final = "SUGGEST_ALLOWED_USERGROUPS"
EMBEDDING: Final = "SUGGEST_EMBEDDING_MODEL"

KEPT: Final = {
    "redacted": "the log keeps texts with placeholders for personal data",
    "full": "the log keeps texts as they are, personal data included (SUGGEST_STORE_TEXT=full)",
    "off": "the log keeps no texts, only numbers (SUGGEST_STORE_TEXT=off)",
}

Status = Literal["ok", "problem", "note", "warning"]

VERDICTS: Final[dict[str, Status]] = {"yes": "ok", "no": "warning", "unknown": "warning"}
"""A live workspace that answers otherwise keeps `serve` from nothing."""

NO_MODE: Final = (
    "set SLACK_APP_TOKEN for Socket Mode (an app-level token with connections:write, which starts with xapp-), or "
    "SLACK_SIGNING_SECRET for --http (it stands under Basic Information of your Slack app)"
)
ADD_SCOPES: Final = "add them under OAuth & Permissions of your Slack app, and install it again"
NO_MODEL: Final = "none is configured: set OPENAI_API_KEY, or OPENAI_BASE_URL for any OpenAI-compatible server"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check; `message` says what is there, or what to do."""

    name: str
    status: Status
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTarget:
    """A channel in which a live workspace is tried, and the person whose Home may be published."""

    channel_id: str
    user_id: str | None


def run(
    *,
    live: Annotated[
        str | None,
        typer.Option(metavar="CHANNEL", help="Try Slack itself: post into the channel with this id, and delete that."),
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="USER", help="With --live, the member whose Home and messages are tried.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check settings, tokens, scopes, database, model: what to fix.

    Example: suggest doctor --live C012AB3CD
    """
    target = _parse_target(live, user)
    try:
        settings = load_settings()
        logs.configure_for_command(settings)
        findings, code = asyncio.run(examine(settings, target)), 1
    except SettingsError as error:
        findings, code = tuple(Finding("settings", "problem", line) for line in error.lines), 2
    print_result(findings, as_json=as_json, to_text=text.render_findings, to_fields=list_findings)
    if any(finding.status == "problem" for finding in findings):
        raise typer.Exit(code)


def _parse_target(live: str | None, user: str | None) -> LiveTarget | None:
    """Check the ids of --live and --user. Raises SettingsError."""
    if live is None:
        if user is not None:
            raise SettingsError("--user is for --live: give that, too")
        return None
    if not re.fullmatch(r"[CG][A-Z0-9]{2,}", live):
        raise SettingsError(
            f"--live {live!r} is no channel's id: it begins with C, and stands in the channel's details"
        )
    if user is not None and not re.fullmatch(r"[UW][A-Z0-9]{2,}", user):
        raise SettingsError(f"--user {user!r} is no member's id: it begins with U, and stands in the member's profile")
    return LiveTarget(channel_id=live, user_id=user)


async def examine(settings: Settings, target: LiveTarget | None = None) -> tuple[Finding, ...]:
    """Check everything that `serve` needs, in the order in which one sets it up; with a target, Slack itself, too."""
    return tuple([finding async for finding in _examine_parts(settings, target)])


async def _examine_parts(settings: Settings, target: LiveTarget | None) -> AsyncIterator[Finding]:
    yield Finding("settings", "ok", f"well-formed, {_name_sources()}")
    for finding in _check_tokens(settings):
        yield finding
    if settings.slack_bot_token is not None:
        async for finding in _check_slack(settings, target):
            yield finding
    yield _check_admins(settings)
    if settings.suggest_allowed_channels:
        where = ", ".join(settings.suggest_allowed_channels)
        yield Finding("SUGGEST_ALLOWED_CHANNELS", "ok", f"replies are asked for and posted in {where} only")
    database = await _settle("database", _check_database(Location.of_settings(settings)))
    yield database
    yield await _check_privacy(settings, Location.of_settings(settings), is_readable=database.status == "ok")
    playbook, finding = _check_playbook(settings)
    yield finding
    yield await _settle("model", _check_model(settings, playbook))
    if settings.suggest_embedding_model is not None and settings.has_model:
        yield await _settle(EMBEDDING, _check_embedding_model(settings))
    if is_traced():
        yield _check_tracing(settings)


async def _settle(name: str, check: Awaitable[Finding]) -> Finding:
    """Await a check; what it says cannot be used is a problem."""
    try:
        return await check
    except (NotUsable, NetworkSettingsError, SettingsError, Failed) as error:
        return Finding("network" if isinstance(error, NetworkSettingsError) else name, "problem", str(error))


def _name_sources() -> str:
    """Say where settings are read from."""
    name = name_env_file()
    return f"from the environment and {name}" if name else "from the environment; there is no .env here"


def _check_tokens(settings: Settings) -> Iterator[Finding]:
    """Check which tokens there are, and for which mode they do."""
    if settings.slack_bot_token is None:
        yield Finding("SLACK_BOT_TOKEN", "problem", f"missing: {FIXES['SLACK_BOT_TOKEN']}")
    modes = []
    if settings.slack_app_token is not None:
        modes.append("`suggest serve`, over Socket Mode")
    if settings.slack_signing_secret is not None:
        modes.append("`suggest serve --http HOST:PORT`")
    if modes:
        yield Finding("mode", "ok", f"set up for {' and for '.join(modes)}")
    else:
        yield Finding("mode", "problem", NO_MODE)
    if settings.slack_client_id is not None or settings.slack_client_secret is not None:
        yield Finding("SLACK_CLIENT_ID", "note", "not used yet: it is for several workspaces, which come later")


async def _check_slack(settings: Settings, target: LiveTarget | None) -> AsyncIterator[Finding]:
    """Check the tokens, scopes and user groups at Slack, and what a live workspace answers."""
    assert settings.slack_bot_token is not None
    try:
        route = Route.find(settings.slack_api_url)
    except NetworkSettingsError as error:
        yield Finding("network", "problem", str(error))
        return
    async with route.open_session() as session:
        token = settings.slack_bot_token.get_secret_value()
        connection = Connection(token, api_url=settings.slack_api_url, session=session)
        try:
            identity = await identify(connection)
        except NotUsable as error:
            yield Finding("SLACK_BOT_TOKEN", "problem", str(error))
        else:
            who = f"{identity.bot_user_id} in {identity.team} ({identity.team_id})"
            yield Finding("SLACK_BOT_TOKEN", "ok", f"taken: {who}")
            for finding in _check_scopes(identity):
                yield finding
            if settings.suggest_allowed_usergroups:
                yield await _settle(USERGROUPS, _check_usergroups(connection, settings.suggest_allowed_usergroups))
            async for finding in _try_live(connection, settings.suggest_allowed_channels, target):
                yield finding
        if settings.slack_app_token is not None:
            token = settings.slack_app_token.get_secret_value()
            yield await _settle("SLACK_APP_TOKEN", _check_app_token(connection, token))


def _check_scopes(identity: BotIdentity) -> Iterator[Finding]:
    """Check which scopes are granted, and tell what is off without those that may be declined."""
    wanted = list_bot_scopes(load_manifest())
    if not identity.scopes:
        yield Finding("scopes", "note", f"Slack did not say which are granted; needed are {_join_sorted(wanted)}")
        return
    missing = wanted - identity.scopes
    if needed := missing - OFF_WITHOUT.keys():
        yield Finding("scopes", "problem", f"not granted: {_join_sorted(needed)}: {ADD_SCOPES}")
    else:
        yield Finding(
            "scopes", "ok", f"{'all' if not missing else 'needed ones'} granted: {_join_sorted(wanted - missing)}"
        )
    for scope in sorted(missing - needed):
        yield Finding(scope, "note", f"not granted, so {OFF_WITHOUT[scope]}; to have that, {ADD_SCOPES}")


async def _try_live(
    connection: Connection, allowed_channels: Sequence[str], target: LiveTarget | None
) -> AsyncIterator[Finding]:
    """Try what the target allows; without one, only how many messages of an allowed channel Slack gives."""
    client = connection.build_patient_client()
    if target is not None:
        for answer in await LiveCheck(client, channel_id=target.channel_id, user_id=target.user_id).run():
            yield Finding(f"live {answer.question}", VERDICTS[answer.verdict], answer.said)
    elif allowed_channels:
        histories = await check_histories(client, allowed_channels[0])
        status: Status = "ok" if histories.verdict == "yes" else "note"
        yield Finding("histories", status, f"{allowed_channels[0]}: {histories.said}")


async def _check_app_token(connection: Connection, token: str) -> Finding:
    with explain_slack("refused", setting="SLACK_APP_TOKEN"):
        await connection.check_app_token(token)
    return Finding("SLACK_APP_TOKEN", "ok", "taken: Socket Mode can be opened")


async def _check_usergroups(connection: Connection, ids: Sequence[str]) -> Finding:
    """Check that Slack lists the members of each group: else they are kept out."""
    told = []
    for usergroup in ids:
        with explain_slack(f"{usergroup} is refused by Slack", setting=USERGROUPS):
            try:
                told.append(f"{usergroup} ({await connection.count_members(usergroup)} members)")
            except SlackRefused as error:
                if str(error) != "missing_scope":
                    raise
                without = "nobody but admins is let in without the scope usergroups:read"
                raise NotUsable(f"{without}: {ADD_SCOPES}") from error
    return Finding(USERGROUPS, "ok", f"{', '.join(told)}; admins may use the bot, too")


def _check_admins(settings: Settings) -> Finding:
    always = "the workspace's admins may pause the bot"
    if not settings.suggest_admins:
        return Finding("SUGGEST_ADMINS", "note", f"none set: {always}")
    return Finding("SUGGEST_ADMINS", "ok", f"{', '.join(settings.suggest_admins)}; {always}, too")


async def _check_database(location: Location) -> Finding:
    """Check that the database is readable, writable, and at this program's schema, without making one."""
    name = "database"
    if location.file is not None and location.is_empty:
        if os.access(location.file.absolute().parent, os.W_OK):
            return Finding(name, "ok", f"{location} will be made by the first start")
        raise NotUsable(f"{location} cannot be made: its folder must exist and be writable")
    refuse_other_files(location)
    try:
        async with open_unchecked(location.url) as records:
            if obstacles := await find_obstacles_to_writing(records.database):
                raise NotUsable(f"{location}: {'; '.join(obstacles)}")
            found, wanted = await read_revisions(records.database)
            async with records.database.write():
                pass
            check_room(records.database)
            await check_prepared_statements(str(location.url))
    except StorageError as error:
        raise NotUsable(f"{location} {explain_unusable(location, error)}") from error
    if found is not None and found != wanted:
        migrate = location.name_command("migrate")
        raise NotUsable(f"{location} has the schema {found}, not {wanted}: run `{migrate}`")
    return Finding(name, "ok", f"{location}: {f'schema {found}' if found else 'empty, the first start sets it up'}")


async def _check_privacy(settings: Settings, location: Location, *, is_readable: bool) -> Finding:
    """Check what is kept of texts, and that the settings' keys open it."""
    name, kept = "privacy", KEPT[settings.suggest_store_text]
    if is_readable and not location.is_empty and (closed := await _count_unreadable(settings, location)):
        return Finding(
            name,
            "problem",
            f"{closed} of the open requests were sealed with another SUGGEST_SECRET_KEY, or before there was one: "
            "write that one behind the new one, after a comma, until tomorrow",
        )
    if settings.suggest_store_text == "full":
        return Finding(name, "ok", kept)
    if settings.suggest_secret_key is None:
        return Finding(name, "note", f"{kept}; not sealed while a request is open: SUGGEST_SECRET_KEY does that")
    return Finding(name, "ok", f"{kept}; sealed while a request is open")


async def _count_unreadable(settings: Settings, location: Location) -> int:
    """Count the newest rows of the vault that no key of the settings opens."""
    cipher = wiring.make_cipher(settings)
    async with open_unchecked(location.url) as records:
        if (await read_revisions(records.database))[0] is None:
            return 0
        newest = await records.vault.list_newest(ROWS_TRIED)
        return sum(not cipher.can_decrypt(sealed, bound_to=request_id) for request_id, sealed in newest)


def _check_playbook(settings: Settings) -> tuple[Playbook | None, Finding]:
    try:
        playbook = load_playbook(settings.suggest_playbook)
    except PlaybookError as error:
        return None, Finding("playbook", "problem", str(error))
    where = settings.suggest_playbook or "the built-in one"
    return playbook, Finding("playbook", "ok", f"{where}: {len(playbook.styles)} styles, {playbook.prompt_version}")


async def _check_model(settings: Settings, playbook: Playbook | None) -> Finding:
    """Check that the server has each model that settings and playbook name."""
    if not settings.has_model:
        return Finding("model", "problem", NO_MODEL)
    styles = () if playbook is None else playbook.styles
    names = sorted({settings.suggest_model, *(style.model for style in styles if style.model)})
    async with wiring.open_model_server(settings) as server:
        return Finding("model", "ok", await _find_models(server, names))


async def _find_models(server: ModelServer, names: Sequence[str]) -> str:
    """Find these models, and say where they are. Raises NotUsable."""
    where = f"{', '.join(names)} at {server.address}"
    try:
        listed = await server.list_models()
        if listed is None:
            return f"{where}, which does not list its models"
        lacking = [name for name in names if await server.is_lacking(name, listed)]
    except NoApiThere as error:
        found = await server.find_address()
        fix = f"it is at {found}: set OPENAI_BASE_URL to that" if found else FIXES["OPENAI_BASE_URL"]
        raise NotUsable(f"{server.address}: {error}: {fix}") from error
    except NotUsable as error:
        raise NotUsable(f"{server.address}: {error}") from error
    if lacking:
        has = ", ".join(sorted(listed)[:NAMES_SHOWN])
        fix = f"set SUGGEST_MODEL to one that it has, such as {has}"
        raise NotUsable(f"{', '.join(lacking)} is not at {server.address}: {fix}")
    return where


async def _check_embedding_model(settings: Settings) -> Finding:
    """Check the embedding model by the vector of one word."""
    model = settings.suggest_embedding_model
    try:
        async with wiring.open_embedder(settings) as embedder:
            assert embedder is not None
            [vector] = await embedder.embed_passages(["reply"])
    except EmbeddingFailed as error:
        raise NotUsable(f"{model} gives no vectors ({error}): {FIXES[EMBEDDING]}") from error
    return Finding(EMBEDDING, "ok", f"{model} gives vectors of {len(vector):,} numbers")


def _check_tracing(settings: Settings) -> Finding:
    switched_on = "LangSmith's variables are set: what runs, when and with which ids is sent there"
    if settings.suggest_trace_text == "on":
        return Finding(
            "tracing",
            "warning",
            f"{switched_on}, WITH the texts of customers, agents and drafts (SUGGEST_TRACE_TEXT=on): "
            "unset LANGSMITH_TRACING, or SUGGEST_TRACE_TEXT, unless that is agreed with everybody concerned",
        )
    return Finding("tracing", "warning", f"{switched_on}, without texts; unset LANGSMITH_TRACING to send nothing")


def _join_sorted(scopes: frozenset[str]) -> str:
    return ", ".join(sorted(scopes))
