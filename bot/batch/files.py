"""The files of a batch: none is replaced by mistake, and the journal beside OUT has every finished draft."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.batch.plan import list_changes
from bot.errors import OperationFailed, UsageError
from storage.errors import DatabaseUnavailable
from storage.journal import BatchJournal, JournalBusy


def check_files(source: Path | None, targets: Mapping[str, Path | None]) -> None:
    """Refuse files that cannot be read or written; None for stdin, stdout and what was not given. Raises UsageError."""
    if source is not None and not source.exists():
        raise UsageError(f"there is no file {source}: name a file of JSON Lines or CSV, or - for stdin")
    if source is not None and source.is_dir():
        raise UsageError(f"{source} is a folder: name a file in it")
    for option, path in targets.items():
        if path is None:
            continue
        if path.is_dir():
            raise UsageError(f"{option} {path} is a folder: name a file in it")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{option} {path}: there is no folder {path.parent}: make it, or name another")
        if source is not None and path.exists() and path.samefile(source):
            raise UsageError(f"{option} {path} is the input: name another file")


def refuse_same_files(source: Path, output: Path, report: Path | None) -> None:
    """Refuse to write two things into one file. Raises UsageError."""
    journal = get_journal_path(output).resolve()
    if report is not None and report.resolve() in {output.resolve(), journal}:
        raise UsageError(f"--report {report} would replace what is drafted: name another file")
    if source.resolve() == journal:
        raise UsageError(f"-o {output} would write its journal into the input: name another file")


def get_journal_path(output: Path) -> Path:
    """Return the file beside OUT that has every finished draft."""
    return output.with_name(f"{output.name}.journal")


@contextmanager
def open_journal(output: Path | None, identity: Mapping[str, Any], *, starts_anew: bool) -> Iterator[BatchJournal]:
    """Open the journal beside OUT; without a file to write, one that is forgotten. `identity` is that of the drafts.

    Raises UsageError where OUT is not what such a batch has begun, unless it starts anew; OperationFailed.
    """
    with ExitStack() as stack:
        if output is None:
            file = Path(stack.enter_context(TemporaryDirectory(prefix="suggest-"))) / "journal"
        else:
            file = get_journal_path(output)
            if not starts_anew and not file.exists() and output.exists() and output.stat().st_size:
                raise UsageError(
                    f"{output} was not written by `suggest batch`, or its {file.name} is gone: "
                    "name another file, or --force replaces it"
                )
        try:
            journal = stack.enter_context(closing(BatchJournal.open(file)))
        except JournalBusy as error:
            raise OperationFailed(f"another `suggest batch` is writing {output}: wait for it, or stop it") from error
        except DatabaseUnavailable as error:
            raise UsageError(f"{file} cannot be used ({error}): name another OUT, or remove it") from error
        except OSError as error:
            raise OperationFailed(f"{file} cannot be written: {error.strerror}") from error
        if journal.identity is None or starts_anew:
            journal.begin(dict(identity))
        elif output is not None:
            _refuse_changes(output, journal, identity)
        yield journal


def _refuse_changes(output: Path, journal: BatchJournal, identity: Mapping[str, Any]) -> None:
    """Refuse to go on with drafts that were made of something else. Raises UsageError."""
    if changes := list_changes(journal.identity or {}, identity):
        raise UsageError(
            f"{output} was begun before {' and '.join(changes)} changed: "
            "name another file, or --force begins it anew and pays for all of it"
        )
    if journal.output.is_whole and output.exists() and output.stat().st_size != journal.output.size:
        raise UsageError(f"{output} was changed by something else: name another file, or --force begins it anew")
