"""Choices as Vowpal Wabbit's multi-line examples (`--cb_adf`).

The decision learned from is which candidate came first, the only one whose probability is known by itself.

    shared |c where is my order |r surface=slash locale=en-US
    0:-1:0.3333 |s style=warm |m model=gpt-4o-mini |n words:12 |t we look into it
    |s style=direct …

The candidates stand in the order shown. The first has the label `0:cost:probability`: the cost is -1 if it was chosen
and 0 if not; the probability is its `first_propensity`.
"""

import re
from typing import Final

from bot.choice_log.chat import UNDECIDED
from bot.choice_log.export_format import DerivedWriter, ExportFormat
from bot.choice_log.preferences import list_seen
from storage.records import Candidate, LogEntry

WITHOUT_PROPENSITY: Final = "without propensities"
TIED: Final = "tied"
NOTHING_SHOWN: Final = "with nothing shown"
DECIDED_EARLY: Final = "decided before all drafts were shown"

_WORD: Final = re.compile(r"\w+")
_SPECIAL: Final = re.compile(r"[\s|:]+")
"""What has a meaning in the format."""


def build_example(entry: LogEntry) -> list[str] | str:
    """Build the lines of one example, with the blank line that ends it."""
    shown, choice = entry.visible, entry.choice
    if not shown:
        return NOTHING_SHOWN
    if choice is None and entry.request.status != "redrafted":
        return UNDECIDED
    if choice is not None and choice.kind == "tied":
        return TIED
    if list_seen(entry) != shown or any(one.error == "cancelled" for one in entry.candidates):
        return DECIDED_EARLY  # what was first depends on when the agent was content
    if not shown[0].first_propensity:
        return WITHOUT_PROPENSITY
    cost = -1 if choice is not None and choice.candidate_id == shown[0].id else 0
    first, *others = map(_build_action_line, shown)
    return [_build_shared_line(entry), f"0:{cost}:{shown[0].first_propensity!r} {first}", *others, "\n"]


def _build_shared_line(entry: LogEntry) -> str:
    said = " ".join(_join_words(turn.text) for turn in entry.request.conversation)
    surface, locale = _escape_name(entry.request.surface), _escape_name(entry.request.locale)
    return f"shared |c {said} |r surface={surface} locale={locale}\n"


def _build_action_line(candidate: Candidate) -> str:
    text = candidate.text or ""
    return (
        f"|s style={_escape_name(candidate.style)} |m model={_escape_name(candidate.model)} "
        f"|n words:{len(_WORD.findall(text))} |t {_join_words(text)}\n"
    )


def _join_words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def _escape_name(text: str) -> str:
    return _SPECIAL.sub("_", text)


FORMAT: Final = ExportFormat(
    name="vw",
    meaning="Vowpal Wabbit's examples, one decision each",
    open=lambda file, _: DerivedWriter(file, build_example),
    file_name="choices.vw",
    is_training_data=True,
)
