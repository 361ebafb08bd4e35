"""`suggest rank report --json`."""

import json
from dataclasses import asdict
from datetime import datetime

from bot.ranking.off_policy import PolicyValue
from bot.ranking.rank_report import RankReport, describe_finding, describe_order
from storage.tables import to_iso


def render_report(found: RankReport) -> str:
    """Render all of it: effects are log-odds, and `worth` has a `reason` where it is refused."""
    comparison, change, newest = found.comparison, found.standing.change, found.standing.newest
    fields = {
        "since": _iso(found.since),
        "until": _iso(found.until),
        "displays": comparison.displays,
        "picks": comparison.picks,
        "agents": comparison.agents,
        "exploratory": found.is_exploratory,
        "left_out": found.left_out,
        "order": {
            "version": None if change is None else change.version,
            "since": None if change is None else _iso(change.at),
            "decided_by_a_person": change is not None and change.is_pinned,
            "in_words": describe_order(found.standing),
        },
        "newest_ranker": None
        if newest is None
        else {"version": newest.version, "created_at": _iso(newest.created_at), "gate": newest.gate},
        "worth": {**asdict(found.worth), "told": isinstance(found.worth, PolicyValue)},
        "standings": [asdict(each) for each in comparison.standings],
        "pairs": [{**asdict(each), "in_words": describe_finding(each)} for each in comparison.pairs],
    }
    return json.dumps(fields, ensure_ascii=False, allow_nan=False)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else to_iso(moment)
