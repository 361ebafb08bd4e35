"""`suggest rank report` on a terminal."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from bot.ranking.contrasts import KINDS
from bot.ranking.rank_report import RankReport
from cli.render import contrast_words as words
from cli.render.printable import make_printable
from cli.render.rank_headlines import summarise_ranking
from cli.render.text.tables import build_table


def render_report(found: RankReport) -> RenderableType:
    """Render the whole report."""
    return Group(*_list_parts(found))


def _list_parts(found: RankReport) -> Iterator[RenderableType]:
    headlines = [f"{number}. {each.text}" for number, each in enumerate(summarise_ranking(found), 1)]
    lines = [words.describe_sample(found), "\n".join(map(make_printable, headlines)), words.describe_ranking(found)]
    if found.is_exploratory and found.comparison.picks:
        lines.append(words.EXPLORATORY)
    yield from (Text(f"{line}\n") for line in lines)
    for kind in KINDS:
        title, names = words.TITLES[kind], words.list_standings(found.comparison, kind)
        if len(names) > 1:
            yield build_table(
                "wnnwwn", words.list_standing_cells(names), headings=(title, *words.STANDING_HEADINGS[1:])
            )
            yield Text("")
            pairs = words.list_pair_cells(words.list_pairs(found.comparison, kind))
            yield build_table("wwww", pairs, headings=("which wins", *words.PAIR_HEADINGS[1:]))
            yield Text("")
        elif names:
            yield Text(f"{title}: only {make_printable(names[0].name)}, so there is nothing to compare.\n")
    yield Text(words.HOW_TO_READ)
