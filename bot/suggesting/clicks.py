"""Clicks: the agent who pressed a button, what they saw, and the `response_url` by which they are answered."""

from dataclasses import dataclass, field, replace

from bot.errors import NotOwner, UnknownRequest
from storage.errors import RequestClosed
from storage.records import AgentSettings, Candidate, LogEntry, Request, ResponseUrl
from storage.repositories.requests import OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """The agent who clicked, and the key that makes this click unlike any other.

    Ids of users are unique in a team alone: `own_team_id` is the clicker's team, if Slack names it. `is_of_grid`: they
    are of our own Enterprise Grid, in which ids are unique whichever team the click came through. `seen` are the ids of
    the candidates in the clicked message or modal, if Slack sends it along.
    """

    team_id: str
    own_team_id: str | None = None
    is_of_grid: bool = False
    agent_id: str
    idempotency_key: str
    response_url: ResponseUrl | None = None
    seen: frozenset[str] | None = None
    settings: AgentSettings = field(default_factory=AgentSettings)


def check_owner(entry: LogEntry | None, click: Click) -> LogEntry:
    """Return the entry if the clicker is the agent who asked.

    That is the user of this id in the request's team, or in our Grid. Raises UnknownRequest if there is no entry,
    NotOwner if another agent asked.
    """
    if entry is None:
        raise UnknownRequest
    if not _is_by_asker(click, entry.request):
        raise NotOwner(entry.request.id)
    return entry


def check_shown(entry: LogEntry | None, click: Click, candidate_id: str) -> tuple[LogEntry, Candidate]:
    """Return the entry, and its candidate of this id. Raises as `check_owner`; UnknownRequest if it was never shown."""
    owned = check_owner(entry, click)
    candidate = next(each for each in owned.candidates if each.id == candidate_id)
    if candidate.position is None:  # a failed or hidden draft has no button
        raise UnknownRequest(candidate_id)
    return owned, candidate


def check_open(entry: LogEntry) -> None:
    """Raise RequestClosed if the agent has decided, or it is too late to."""
    if entry.choice is not None or entry.request.status not in OPEN:
        raise RequestClosed(entry.request.id)


def _is_by_asker(click: Click, request: Request) -> bool:
    is_of_team = {click.team_id, click.own_team_id or click.team_id} == {request.team_id}
    return click.agent_id == request.agent_id and (click.is_of_grid or is_of_team)


def list_visible(click: Click, entry: LogEntry) -> tuple[Candidate, ...]:
    """Return the candidates that the agent saw at this click: those recorded as visible, and those in `click.seen`.

    If neither is known, since the click overtook the record of it, return all that have a position.
    """
    seen = click.seen or frozenset()
    known = tuple(each for each in entry.visible if each.shown_at is not None or each.id in seen)
    return known or entry.visible


def replace_response_url(request: Request, response_url: ResponseUrl | None) -> Request:
    """Return the request with the newest `response_url`, if there is one."""
    if response_url is None:
        return request
    return replace(request, response_url=response_url.url, response_url_expires_at=response_url.expires_at)
