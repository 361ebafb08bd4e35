"""`suggest import` on a terminal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.choice_log.importer import ImportTally


def render_tally(tally: "ImportTally", done: str) -> str:
    """Render a line for each refused one, and, where none is refused, the summary."""
    lines = [f"{one.file}:{one.line}: {one.reason}" for one in tally.refused]
    if (more := tally.counts["refused"] - len(tally.refused)) > 0:
        lines.append(f"and {more} more lines")
    if not tally.counts["refused"]:
        lines.append(summarise_tally(tally, done))
    return "".join(f"{line}\n" for line in lines)


def summarise_tally(tally: "ImportTally", done: str) -> str:
    """Say how many requests are new, were known, or are refused."""
    summary = f"{tally.counts['new']} requests {done}; {tally.counts['known']} were there already"
    return f"{summary}; {tally.counts['refused']} lines refused, told above" if tally.counts["refused"] else summary
