"""`suggest import` on a terminal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.choice_log.importer import ImportTally


def list_refused(tally: "ImportTally") -> str:
    """Render a line for each refused one."""
    lines = [f"{one.file}:{one.line}: {one.reason}" for one in tally.refused]
    if (more := tally.counts["refused"] - len(tally.refused)) > 0:
        lines.append(f"and {more} more lines")
    return "\n".join(lines)


def summarise_tally(tally: "ImportTally", done: str) -> str:
    """Say how many requests are new, were known, or are refused."""
    summary = f"{tally.counts['new']} requests {done}; {tally.counts['known']} were there already"
    return f"{summary}; {tally.counts['refused']} lines refused, told above" if tally.counts["refused"] else summary
