"""The commands. Each imports what it needs when it runs, so that `suggest --help` is there at once."""

import asyncio
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import __version__
from cli.errors import SettingsError, ending

if TYPE_CHECKING:
    from cli.database_location import Location
    from cli.settings import Settings

app = typer.Typer(
    name="suggest",
    help="Candidate replies for support agents in Slack: drafted together, shown privately, every choice recorded.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
rank = typer.Typer(help="What is learned from choices, and which ranker orders replies.", no_args_is_help=True)
playbook = typer.Typer(help="What replies are written with: persona, facts, rules, styles.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Requests made at this ISO date or time (UTC) or later.")
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Requests made before this ISO date or time (UTC).")]
Team = Annotated[str | None, typer.Option(metavar="TEAM_ID", help="Requests of this Slack workspace only.")]
DatabaseFile = Annotated[
    Path | None,
    typer.Option("--database", metavar="FILE", help="A SQLite file. [default: what SUGGEST_DATABASE_URL says]"),
]


class ExportFormat(StrEnum):
    """What `suggest export` writes."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    TRL = "trl"
    KTO = "kto"
    OPENAI = "openai"
    SFT = "sft"
    VW = "vw"


class Pairs(StrEnum):
    """Which preferences are taken from a choice."""

    SKIP_ABOVE = "skip-above"
    EDITED = "edited"
    ALL = "all"


class Kind(StrEnum):
    """What a choice can be."""

    USED = "used"
    EDITED = "edited"
    DISMISSED = "dismissed"


class Weighting(StrEnum):
    """What a pick counts when a ranker is learned."""

    PICKS = "picks"
    KEPT = "kept"


Logs = Annotated[
    list[Path] | None,
    typer.Option(
        "--log", metavar="FILE", help="A choice log, plain or packed; may be repeated. [default: the database]"
    ),
]
Weighted = Annotated[
    Weighting,
    typer.Option("--weights", help="Each pick counts 1, or as much as was kept of it in what was sent."),
]


class Dimension(StrEnum):
    """What a report can be broken down by."""

    STYLE = "style"
    MODEL = "model"
    PROMPT = "prompt"
    AGENT = "agent"
    CHANNEL = "channel"
    SURFACE = "surface"


def _version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def suggest(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Candidate replies for support agents in Slack: drafted together, shown privately, every choice recorded."""


@app.command()
def serve(
    http: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Take Slack's deliveries over signed HTTP.")
    ] = None,
    health: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="With Socket Mode: serve /healthz, /readyz, /metrics here.")
    ] = None,
) -> None:
    """Run the bot, over Socket Mode or, with --http, over signed HTTP.

    Example: suggest serve --http 0.0.0.0:3000
    """
    from cli import logs
    from cli.commands.serve import serve as run

    settings = _settings()
    logs.configure(level=settings.suggest_log_level, log_format=settings.suggest_log_format)
    asyncio.run(run(settings, http=_address("--http", http), health=_address("--health", health)))


@app.command(name="try")
def try_(
    *,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="The customer's message, in quotes.")],
    hint: Annotated[str | None, typer.Option(metavar="TEXT", help="How to write the replies.")] = None,
    database: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Record here. [default: what SUGGEST_DATABASE_URL says; without it and a model, suggest-demo.db]",
        ),
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Show the drafts side by side as they grow.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Ask nothing, and print the choice-log line of the request.")
    ] = False,
    candidates: Annotated[
        int | None,
        typer.Option(metavar="K", min=1, max=10, help="How many. [default: what SUGGEST_CANDIDATES says]"),
    ] = None,
    pick: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=10, help="Ask nothing, and use reply N as it is.")
    ] = None,
) -> None:
    """Draft replies to one message in this terminal, and choose one.

    It is recorded as it is from Slack. Without a model, the replies are samples made by rules.

    Example: suggest try "Where is my order?" --hint "we are out of stock"
    """
    from cli.commands.try_ import Options
    from cli.commands.try_ import try_ as run

    options = Options(
        message=message,
        hint=hint,
        database=database,
        stream=stream,
        as_json=as_json,
        candidates=candidates,
        pick=pick,
    )
    asyncio.run(run(_settings_and_logs(), options))


@app.command()
def demo(
    *,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=65535, help="Listen here, on 127.0.0.1. [default: the first free one from 8400 on]"
        ),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
    database: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Record in this SQLite file. [default: suggest-demo.db]")
    ] = None,
    locale: Annotated[
        str | None,
        typer.Option(metavar="LOCALE", help="The agent's language in Slack, such as zh-TW. [default: en-GB]"),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Start, see that it works, and stop.")] = False,
) -> None:
    """Show Slack in the browser, on this machine, with the bot in it.

    No account, no key: without a model, the replies are samples made by rules. It runs until Ctrl-C.

    Example: suggest demo --no-browser --check
    """
    from cli.commands import demo

    options = demo.Options(port=port, browser=not no_browser, database=database, locale=locale)
    asyncio.run((demo.check if check else demo.demo)(_settings_and_logs(), options))


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Say what is missing: settings, tokens, scopes, database, model.

    Example: suggest doctor
    """
    from cli.commands import doctor as it

    try:
        findings, code = asyncio.run(it.examine(_settings_and_logs())), 1
    except SettingsError as error:
        findings, code = it.malformed(error), 2
    print(it.as_json(findings) if as_json else it.as_text(findings))
    if not it.is_usable(findings):
        raise typer.Exit(code)


@playbook.command()
def init(
    *,
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="Where to.")] = Path("playbook.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
) -> None:
    """Write the built-in playbook, annotated, to a file of your own.

    Example: suggest playbook init playbook.toml
    """
    from cli.commands import playbook

    (playbook.replace if force else playbook.init)(path)


@playbook.command()
def check(
    *,
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="Which. [default: what SUGGEST_PLAYBOOK says, else the built-in one]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether a playbook can be used; if not, where and why.

    Example: suggest playbook check playbook.toml
    """
    from cli.commands import playbook

    found = path or _settings().suggest_playbook
    (playbook.check_for_programs if as_json else playbook.check)(found)


app.add_typer(playbook, name="playbook")


@rank.callback()
def _before_ranking() -> None:
    """What is learned from choices, and which ranker orders replies."""
    from cli.settings import one_thread_of_algebra

    one_thread_of_algebra()


@rank.command(name="report")
def rank_report(
    *,
    since: Since = None,
    until: Until = None,
    team: Team = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with charts, too: one file, nothing to install.")
    ] = None,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Tell which style, model and prompt wins, how sure that is, and what orders replies now.

    Places and people's habits are taken out, errors are clustered by agent. "Not enough data" where that is the truth.

    Example: suggest rank report --since 2026-11-01 --html ranking.html
    """
    from cli.commands import rank_report

    wanted = rank_report.Wanted(selection=rank_report.selected(since=since, until=until, team=team), html=html)
    run = rank_report.report_for_programs if as_json else rank_report.report
    asyncio.run(run(_location(database), wanted))


@rank.command()
def train(
    *,
    logs: Logs = None,
    weights: Weighted = Weighting.KEPT,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the ranker here, as JSON.")] = None,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Learn from choices which replies are picked, corrected for position and person.

    What is learned here is not shown to anybody: the bot learns by itself.

    Example: suggest rank train --log choices.jsonl --save ranker.json
    """
    from cli.commands import rank

    source = rank.Source(logs=tuple(logs or ()), location=_location(database))
    (rank.train_for_programs if as_json else rank.train)(source, weights.value, save)


@rank.command()
def score(
    *,
    log: Annotated[Path, typer.Option("--log", metavar="FILE", help="A choice log, plain or packed.")],
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A ranker that `rank train` saved. [default: the database's]"),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="A file, written whole or not at all; - is stdout.")
    ] = Path("-"),
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Write a choice log back with scores, and how probable each choice was.

    Candidates get `score` (quality alone) and `choice_probability`, requests `none_probability`.

    Example: suggest rank score --log choices.jsonl --model ranker.json
    """
    from cli.commands import rank

    (rank.score_for_programs if as_json else rank.score)(log, model, output, _location(database))


@rank.command()
def evaluate(
    *,
    logs: Logs = None,
    weights: Weighted = Weighting.KEPT,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Which persons are held out together.")] = 0,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Say how well choices can be predicted that were not learned from, beside knowing positions only.

    Example: suggest rank evaluate --log choices.jsonl
    """
    from cli.commands import rank

    source = rank.Source(logs=tuple(logs or ()), location=_location(database))
    (rank.evaluate_for_programs if as_json else rank.evaluate_)(source, weights.value, seed)


@rank.command()
def rollback(
    *,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION|uniform|auto",
            help="Order by this ranker, uniformly, or as the gate decides. [default: the ranker shown before]",
        ),
    ] = None,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Go back to the ranker that ordered replies before, or to uniform order.

    It stays so, whatever is learned, until --to auto. Running bots follow within half a minute.

    Example: suggest rank rollback --to uniform
    """
    from cli.commands import rank_rollback

    run = rank_rollback.roll_back_for_programs if as_json else rank_rollback.roll_back
    asyncio.run(run(_location(database), to))


app.add_typer(rank, name="rank")


@app.command()
def export(
    *,
    export_format: Annotated[
        ExportFormat, typer.Option("--format", help="See docs/exports.md for each.")
    ] = ExportFormat.JSONL,
    since: Since = None,
    until: Until = None,
    team: Team = None,
    channel: Annotated[str | None, typer.Option(metavar="CHANNEL_ID", help="Requests in this channel only.")] = None,
    agent: Annotated[str | None, typer.Option(metavar="USER_ID", help="Requests of this agent only.")] = None,
    style: Annotated[
        str | None, typer.Option(metavar="NAME", help="Requests with a candidate of this style only.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Requests whose standing choice is of this kind only.")] = None,
    pairs: Annotated[
        list[Pairs] | None,
        typer.Option(help="For trl and openai; may be given again. [default: all and edited]"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="For trl and openai: which draw of the pairs. [default: 0]")
    ] = None,
    pseudonymise: Annotated[
        bool,
        typer.Option(
            "--pseudonymise", help="Pseudonyms for agents, channels, teams, threads; see SUGGEST_PSEUDONYM_KEY."
        ),
    ] = False,
    raw: Annotated[bool, typer.Option("--raw", help="CSV to the letter: formulas in it are not neutralised.")] = False,
    include_simulated: Annotated[
        bool, typer.Option("--include-simulated", help="Requests that no real model answered, too.")
    ] = False,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="A file, written whole or not at all; packed if it ends in .gz or .zst; - is stdout.",
        ),
    ] = Path("-"),
    database: DatabaseFile = None,
) -> None:
    """Write out the choice log, or what can be learned from it.

    jsonl: a request a line, with its candidates, its choice and its events. csv: a candidate a row. parquet: typed, a
    request a row. trl, openai: preference pairs. kto: replies with a label. sft: conversations with the reply that was
    sent. vw: Vowpal Wabbit.

    Example: suggest export --format csv --since 2026-11-01 -o choices.csv
    """
    from cli.commands import export

    selection = replace(
        export.between(since, until),
        team_id=team,
        channel_id=channel,
        agent_id=agent,
        style=style,
        kind=None if kind is None else kind.value,
        include_simulated=include_simulated,
    )
    kinds = [one.value for one in pairs or ()]
    wish = export.wish(export_format.value, pairs=kinds, cells="raw" if raw else "safe", seed=seed)
    wanted = export.Export(selection=selection, wish=wish, output=output)
    if pseudonymise:
        wanted = replace(wanted, pseudonyms=export.pseudonyms(_settings()))
    export.export(_location(database), wanted)


@app.command(name="import")
def import_(
    *,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON Lines, packed ones too; - is stdin.")],
    by: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE.toml", help="The files are another system's, in JSON Lines or CSV."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, and record nothing.")] = False,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Take requests from files into the choice log.

    Each line is checked. Good ones are recorded, bad ones told with their line and the reason. What is there already is
    never changed: the same file twice changes nothing.

    Example: suggest import choices.jsonl --dry-run
    """
    from cli.commands import import_

    source = import_.as_it_is if by is None else import_.by_map(by)
    work = import_.rehearse if dry_run else import_.import_
    tally = asyncio.run(work(_location(database), files, source, import_.keep_as_set(_settings())))
    if as_json:
        import_.tell_programs(tally)
    else:
        import_.tell(tally, "would be imported" if dry_run else "imported")


@app.command()
def report(
    *,
    since: Since = None,
    until: Until = None,
    team: Team = None,
    by: Annotated[Dimension | None, typer.Option(help="Break it down by this, too.")] = None,
    individuals: Annotated[
        bool, typer.Option("--individuals", help="Tell single agents apart, and groups of fewer than 5.")
    ] = False,
    include_simulated: Annotated[
        bool, typer.Option("--include-simulated", help="Requests that no real model answered, too.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with charts, in one file; nothing on stdout.")
    ] = None,
    as_json: Json = False,
    database: DatabaseFile = None,
) -> None:
    """Tell what became of the replies, and how sure that is.

    Each share has its denominator, and an interval by agents. "Not enough data" where that is the truth.

    Example: suggest report --since 2026-11-01 --by style --html report.html
    """
    from cli.commands import report

    question = report.question(
        since=since,
        until=until,
        team=team,
        by=None if by is None else by.value,
        individuals=individuals,
        include_simulated=include_simulated,
    )
    wanted = report.Wanted(question=question, as_json=as_json, html=html)
    asyncio.run(report.report(_location(database), _settings(), wanted))


@app.command()
def prune(
    *,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="Such as 90d, 12w or 36h. [default: what SUGGEST_RETENTION_DAYS says]"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many it would be, and change nothing.")] = False,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Forget the texts of old requests, and keep their numbers.

    `suggest serve` does so by itself where SUGGEST_RETENTION_DAYS is set.

    Example: suggest prune --older-than 90d --dry-run
    """
    from cli.commands import erase

    manner = erase.Manner(dry_run=dry_run, as_json=as_json)
    asyncio.run(erase.prune(_settings(), _location(database), older_than, manner))


@app.command()
def erase(
    *,
    agent: Annotated[str | None, typer.Option(metavar="USER_ID", help="All requests of this agent.")] = None,
    channel: Annotated[str | None, typer.Option(metavar="CHANNEL_ID", help="All requests in this channel.")] = None,
    thread: Annotated[str | None, typer.Option(metavar="TS", help="All requests in this thread.")] = None,
    request: Annotated[str | None, typer.Option(metavar="ID", help="This request.")] = None,
    containing: Annotated[
        str | None, typer.Option(metavar="TEXT", help="All requests with this text in them, whatever its case.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Delete requests for good.

    With all that belongs to them, and with their redrafts. It asks first, prints a receipt, and notes in the audit
    table that something was erased, not what.

    Example: suggest erase --containing "Jane Doe" --dry-run
    """
    from cli.commands import erase

    wish = erase.wished(agent=agent, channel=channel, thread=thread, request=request, containing=containing)
    manner = erase.Manner(dry_run=dry_run, yes=yes, as_json=as_json)
    asyncio.run(erase.erase(_settings(), _location(database), wish, manner))


@app.command()
def backup(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Copy the choice log while the bot runs.

    The copy is read whole before it counts; the file is written whole or not at all. For PostgreSQL, use pg_dump.

    Example: suggest backup suggest-backup.db
    """
    from cli.commands import backup

    if not force:
        backup.refuse_existing(file)
    run = backup.back_up_for_programs if as_json else backup.back_up
    asyncio.run(run(_location(database), file))


@app.command()
def migrate(*, database: DatabaseFile = None, as_json: Json = False) -> None:
    """Bring a database to this version's schema.

    `suggest serve` and `suggest try` do so by themselves.

    Example: suggest migrate --database suggest.db
    """
    from cli.commands import migrate

    run = migrate.migrate_for_programs if as_json else migrate.migrate_
    asyncio.run(run(_location(database)))


@app.command()
def manifest(
    *,
    as_json: Json = False,
    socket_mode: Annotated[bool, typer.Option("--socket-mode", help="For Socket Mode. [default]")] = False,
    http: Annotated[
        str | None, typer.Option(metavar="URL", help="For HTTP: where Slack reaches the bot, such as https://host.")
    ] = None,
) -> None:
    """Print the manifest that the Slack app is made from.

    Paste it at https://api.slack.com/apps > Create New App > From a manifest.

    Example: suggest manifest --http https://bot.example.com
    """
    from cli import manifest as it

    if socket_mode and http is not None:
        raise SettingsError("--socket-mode and --http exclude each other: give one of them")
    made = it.load_manifest()
    made = it.for_socket_mode(made) if http is None else it.for_http(made, http)
    print((it.as_json if as_json else it.as_yaml)(made), end="")


def _settings() -> "Settings":
    from cli.settings import load_settings

    return load_settings()


def _settings_and_logs() -> "Settings":
    """The settings; the log only where somebody asked for one, since the command speaks for itself."""
    from cli import logs

    settings = _settings()
    asked_for = "suggest_log_level" in settings.model_fields_set
    logs.configure(level=settings.suggest_log_level if asked_for else "error", log_format=settings.suggest_log_format)
    return settings


def _location(database: Path | None) -> "Location":
    """The database that the option names, else the one that the settings do."""
    from cli.database_location import Location

    return Location.of_settings(_settings()) if database is None else Location.of_file(database)


def _address(option: str, text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"{option} {text!r} is no HOST:PORT: write it like 127.0.0.1:3000")
    return host.strip("[]"), int(port)


def main() -> None:
    """Run the command line. What is known ends in one line on stderr and an exit code; Ctrl-C ends quietly, in 130."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without ✓ gets a question mark
    sys.exit(run())


def run(args: list[str] | None = None) -> int:
    """The exit code of one command line."""
    try:
        return int(app(args, prog_name="suggest", standalone_mode=False) or 0)
    except typer.TyperException as error:
        return _refuse_usage(error)
    except typer.Abort:
        return 130
    except Exception as error:  # the front door: nothing is above it
        end = ending(error)
        if end.is_unexpected and _wants_traceback():
            raise
        print(f"suggest: {end.line}", file=sys.stderr)
        return end.code


def _refuse_usage(error: typer.TyperException) -> int:
    """Wrong usage in one line; where nothing was asked for, the help."""
    message = error.format_message().strip().replace("Value error, ", "")
    if "\n" in message:
        print(message, file=sys.stderr)
        return error.exit_code
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "suggest"
    print(f"suggest: {message[:1].lower()}{message[1:].rstrip('.')}; see {path} --help", file=sys.stderr)
    return error.exit_code


def _wants_traceback() -> bool:
    from cli.settings import wants_tracebacks

    return wants_tracebacks()


if __name__ == "__main__":
    main()
