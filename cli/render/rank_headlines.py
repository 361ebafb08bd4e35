"""The three sentences that `suggest rank report` opens with, backed as those of `suggest report` are."""

from collections import Counter
from collections.abc import Sequence
from math import exp
from typing import Final

from bot.ranking.contrasts import KINDS, PairContrast
from bot.ranking.rank_report import RankReport
from cli.render import numbers
from cli.render.contrast_words import TITLES
from cli.render.headlines import Headline, describe_part

ORDER: Final = "What orders replies"


def summarise_ranking(report: RankReport) -> tuple[Headline, ...]:
    """Say what wins, what is open, and what orders replies."""
    pairs = report.comparison.pairs
    winners = [pair for pair in pairs if pair.found in {"better", "worse"}]
    kind = next((kind for kind in KINDS if any(pair.kind == kind for pair in winners)), KINDS[0])
    title = TITLES[kind]
    return (
        Headline(text=_describe_winners([pair for pair in winners if pair.kind == kind], pairs), section=title),
        Headline(text=_describe_rest(pairs), section=title),
        Headline(text=_describe_order(report), section=ORDER),
    )


def _describe_winners(winners: Sequence[PairContrast], pairs: Sequence[PairContrast]) -> str:
    if not pairs:
        return "There is nothing to compare: one style, one model and one prompt."
    if not winners:
        enough = any(pair.found == "no_difference" for pair in pairs)
        return "Nothing is clearly picked more often." if enough else "Nothing can be compared yet: not enough data."
    wins = Counter(_name_winner(pair) for pair in winners)
    best = max(wins, key=lambda name: wins[name])
    strongest = max((pair for pair in winners if _name_winner(pair) == best), key=_measure_win)
    loser, times = strongest.other if strongest.one == best else strongest.one, _measure_win(strongest)
    how = f"{times:.1f} times as often as" if times >= 1.8 else "more often than"
    part = "" if times >= 1.8 else f", by {describe_part(times - 1)}"
    others = len(pairs) - len(winners)
    rest = (
        f"it is clearly ahead of {wins[best]} others" if wins[best] > 1 else "nothing else is clear" if others else ""
    )
    return f"{best[:1].upper()}{best[1:]} is picked {how} {loser}{part}{f'; {rest}' if rest else ''}."


def _name_winner(pair: PairContrast) -> str:
    return pair.one if pair.found == "better" else pair.other


def _measure_win(pair: PairContrast) -> float:
    """Measure how many times as often the winner is picked."""
    return exp(min(5.0, abs(pair.effect.mean))) if pair.effect is not None else 1.0


def _describe_rest(pairs: Sequence[PairContrast]) -> str:
    """Say how many pairs are open, and what the nearest one needs."""
    waiting = [pair for pair in pairs if pair.found == "not_enough"]
    settled = sum(pair.found == "no_difference" for pair in pairs)
    if not pairs:
        return "A second style, model or prompt is needed before anything can be compared."
    if not waiting:
        shows = "shows" if settled == 1 else "show"
        return f"No pair needs more picks; {numbers.count_noun(settled, 'pair')} {shows} no clear difference."
    missing = [pair.missing for pair in waiting if pair.missing]
    need = (
        f"the nearest needs about {numbers.format_number(min(missing))} more picks"
        if missing
        else "more picks are needed"
    )
    return f"{numbers.count_noun(len(waiting), 'pair')} of {len(pairs)} cannot be told apart yet: {need}."


def _describe_order(report: RankReport) -> str:
    """Say in what order replies stand, and why."""
    change, state = report.standing.change, report.verdict.state
    if change is not None and change.version is not None:
        who = "as a person decided" if change.is_pinned else "since that is proven better than chance"
        return f"Replies stand in learned order, {who}."
    if report.standing.newest is None:
        return "Replies stand in random order, since no ranker has been learned yet."
    why = {
        "open": "though learned order is proven better: a person decided so, or it has not been taken up yet",
        "not_better": "since learned order is not proven better",
        "too_little": "since there is too little to learn from yet",
    }[state]
    return f"Replies stand in random order, {why}."
