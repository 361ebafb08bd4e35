"""Errors that end a command: one line on stderr, or one for each wrong setting, and an exit code.

    2   wrong usage or configuration: SettingsError, UsageError, a message over the limit
    1   what was asked did not work: Failed, OperationFailed, the database, the day's budget

Whatever else is raised is a bug; its traceback may hold what people wrote, so it is shown to those who ask for it only.
"""

from dataclasses import dataclass


class SettingsError(Exception):
    """A setting or an option is missing or malformed; each line names one, with its fix."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Failed(Exception):  # noqa: N818 - it is told, and ends the command, as an outcome
    """The command did not work; the message says why and what to do, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The line that the user reads, or several for several settings, and the exit code."""

    line: str
    code: int
    is_unexpected: bool = False


def to_ending(error: Exception) -> Ending:
    """Translate an error that nobody caught into the end of the command."""
    if isinstance(error, SettingsError):
        return Ending(line=str(error), code=2)
    if isinstance(error, Failed):
        return Ending(line=str(error), code=1)
    return _translate_error(error)


def _translate_error(error: Exception) -> Ending:
    """Translate an error of a lower room."""
    from bot.errors import MessageTooLong, OperationFailed, Refusal, UsageError
    from bot.i18n.texts import DEFAULT_LOCALE, get_texts
    from handlers.error_messages import describe_error
    from storage.errors import DatabaseUnavailable, SchemaTooNew, StorageError

    if isinstance(error, UsageError | OperationFailed):
        return Ending(line=str(error), code=2 if isinstance(error, UsageError) else 1)
    if isinstance(error, SchemaTooNew):
        line = f"the database was made by a newer version of this program (its schema is {error}): install that version"
        return Ending(line=line, code=1)
    if isinstance(error, DatabaseUnavailable):
        return Ending(line=f"the database cannot be used: {error}", code=1)
    if isinstance(error, Refusal | StorageError):
        code = 2 if isinstance(error, MessageTooLong) else 1
        return Ending(line=describe_error(error, get_texts(DEFAULT_LOCALE)), code=code)
    line = (
        f"something went wrong that should not ({type(error).__name__}); please report it, "
        "with what SUGGEST_LOG_LEVEL=debug shows"
    )
    return Ending(line=line, code=1, is_unexpected=True)
