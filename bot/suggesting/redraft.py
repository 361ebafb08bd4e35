"""Redrafting: from one candidate to others that are shorter, warmer, more formal, or in another language."""

from dataclasses import dataclass
from typing import Final

from bot.drafting import RequestedChange
from bot.i18n.languages import LANGUAGES
from storage.records import Candidate, LogEntry, Request, Steer

CUSTOMERS_OWN: Final = "customer"
"""The choice of the customer's own language, in place of a code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """A change that an agent asks of a candidate. `language` is a code of LANGUAGES; None is the customer's own."""

    candidate_id: str
    steer: Steer
    language: str | None = None


def select_previous(parent: LogEntry, request: Request) -> tuple[Candidate, ...]:
    """Return the candidates of the parent that the model sees in a redraft.

    It is the one that the redraft begins with; else all that the agent saw and did not want.
    """
    if request.parent_candidate_id is None:
        return parent.visible
    return tuple(candidate for candidate in parent.visible if candidate.id == request.parent_candidate_id)


def to_requested_change(request: Request, texts: tuple[str, ...]) -> RequestedChange | None:
    """Return the change that a request asks for, given the texts of `select_previous`; None if it asks for none."""
    if request.steer is None:
        return None
    base = texts[0] if request.parent_candidate_id is not None and texts else None
    language = LANGUAGES.get(request.steer_language or "")
    return RequestedChange(base=base, steer=request.steer, language=None if language is None else language[0])
