"""An agent's Home: open requests to take up again, replies used lately, figures with their uncertainty, settings."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from bot.knowledge.gaps import Gap, group_gaps
from bot.privacy.service import PrivacyService
from bot.stats.cluster_intervals import Estimate, estimate_share
from bot.suggesting.clicks import Click, check_owner
from bot.suggesting.pause import PauseSwitch
from storage.errors import RequestClosed
from storage.queries.home import AcceptanceCell, HomeFilter, HomeQueries, UsedReply
from storage.records import AgentSettings, ChannelDefaults, LogEntry, Request
from storage.repositories.agent_settings import AgentSettingsStore
from storage.repositories.channel_defaults import ChannelDefaultsStore
from storage.repositories.experiments import ExperimentStore
from storage.repositories.requests import OPEN, Requests

OPEN_FOR: Final = timedelta(days=1)
OWN_PERIOD: Final = timedelta(days=28)
TEAM_PERIOD: Final = timedelta(days=7)
GAPS_SHOWN: Final = 3
MOST_KNOWN: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamOverview:
    """The part for admins: the share of shown requests with a reply used, by all agents, the pause; the experiment.

    `channels` are those that have defaults, by id; `gaps` the questions asked most that nothing was found for.
    """

    accepted: Estimate
    is_paused: bool
    experiment: str | None = None
    channels: Mapping[str, ChannelDefaults] = field(default_factory=dict)
    gaps: Sequence[Gap] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeOverview:
    """All that stands in an agent's Home; `team` for admins alone."""

    settings: AgentSettings
    open: tuple[Request, ...]
    used: tuple[UsedReply, ...]
    accepted: Estimate
    team: TeamOverview | None = None


class AgentHome:
    """Reads what a Home shows, and keeps the settings that are made there."""

    def __init__(
        self,
        *,
        queries: HomeQueries,
        settings: AgentSettingsStore,
        channels: ChannelDefaultsStore,
        requests: Requests,
        privacy: PrivacyService,
        pausing: PauseSwitch,
        experiments: ExperimentStore,
        simulated: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._queries = queries
        self._settings = settings
        self._channels = channels
        self._requests = requests
        self._privacy = privacy
        self._pausing = pausing
        self._experiments = experiments
        self._simulated = simulated
        self._now = now
        self._known: dict[tuple[str, str, str | None], AgentSettings] = {}

    async def get_settings(self, owner_id: str, agent_id: str) -> AgentSettings:
        """Read an agent's settings. `owner_id`: the team or Grid in which their id is unique."""
        return await self._settings.get(owner_id, agent_id)

    async def get_effective_settings(
        self, owner_id: str, agent_id: str, *, channel_id: str | None, about: str | None
    ) -> AgentSettings:
        """Read what counts for an agent in a channel, or in that of the request or candidate `about`."""
        own, defaults = await asyncio.gather(
            self._settings.get(owner_id, agent_id), self._channels.find(owner_id, channel_id=channel_id, about=about)
        )
        settings = own.fall_back_to(defaults)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[owner_id, agent_id, channel_id] = settings
        return settings

    def recall_settings(self, owner_id: str, agent_id: str, channel_id: str | None) -> AgentSettings:
        """Return what counted for an agent in a channel when it was last read; else the bot's settings."""
        return self._known.get((owner_id, agent_id, channel_id), AgentSettings())

    async def get_channel_defaults(self, owner_id: str, channel_id: str) -> ChannelDefaults:
        """Read the defaults of a channel."""
        return await self._channels.find(owner_id, channel_id=channel_id, about=None)

    async def save_channel_defaults(
        self, owner_id: str, channel_id: str, defaults: ChannelDefaults, *, by: str, idempotency_key: str
    ) -> None:
        """Keep a channel's defaults: they count from the next request on. Raises DuplicateDelivery."""
        await self._channels.save(
            owner_id, channel_id, defaults, by=by, at=self._now(), idempotency_key=idempotency_key
        )

    async def save_settings(
        self, owner_id: str, agent_id: str, settings: AgentSettings, *, idempotency_key: str
    ) -> None:
        """Keep an agent's settings: they count from the next request on. Raises DuplicateDelivery."""
        await self._settings.save(owner_id, agent_id, settings, at=self._now(), idempotency_key=idempotency_key)

    async def load(self, *, owner_id: str, team_id: str | None, agent_id: str) -> HomeOverview:
        """Load an agent's Home; without a team, their requests of any team in the Grid."""
        return await self._load(owner_id, team_id, agent_id, team_since=None)

    async def load_for_admin(self, *, owner_id: str, team_id: str | None, agent_id: str) -> HomeOverview:
        """Load an admin's Home, with what the team does."""
        return await self._load(owner_id, team_id, agent_id, team_since=self._now() - TEAM_PERIOD)

    async def _load(
        self, owner_id: str, team_id: str | None, agent_id: str, *, team_since: datetime | None
    ) -> HomeOverview:
        now = self._now()
        whose = HomeFilter(team_id=team_id, agent_id=agent_id, simulated=self._simulated)
        settings, rows = await asyncio.gather(
            self._settings.get(owner_id, agent_id),
            self._queries.load(whose, open_since=now - OPEN_FOR, days_since=now - OWN_PERIOD, team_since=team_since),
        )
        team = None if team_since is None else await self._load_team(owner_id, whose, rows.team)
        return HomeOverview(
            settings=settings,
            open=tuple([await self._privacy.unmask_recorded_request(request) for request in rows.open]),
            used=rows.used,
            accepted=await _estimate(rows.days),
            team=team,
        )

    async def _load_team(self, owner_id: str, of: HomeFilter, cells: Sequence[AcceptanceCell]) -> TeamOverview:
        """Load what admins see of the team."""
        unanswered, channels, is_paused, experiment = await asyncio.gather(
            self._queries.list_gaps(of, since=self._now() - OWN_PERIOD),
            self._channels.list(owner_id),
            self._pausing.is_paused(),
            self._experiments.get_running(),
        )
        asked = [LogEntry(request=request, candidates=(), choice=None) for request in reversed(unanswered)]
        gaps = await asyncio.to_thread(group_gaps, asked)
        return TeamOverview(
            accepted=await _estimate(cells),
            is_paused=is_paused,
            experiment=experiment,
            channels=channels,
            gaps=gaps[:GAPS_SHOWN],
        )

    async def find_open(self, click: Click, request_id: str) -> LogEntry:
        """Find an open request of the clicker, with the originals in.

        Raises UnknownRequest, NotOwner, RequestClosed.
        """
        entry = check_owner(await self._requests.get(request_id), click)
        if entry.choice is not None or entry.request.status not in OPEN or not entry.visible:
            raise RequestClosed(request_id)
        return await self._privacy.unmask_recorded_entry(entry)


async def _estimate(cells: Sequence[AcceptanceCell]) -> Estimate:
    """Estimate the share accepted of what was shown; each cell, a day or an agent, is a cluster."""
    accepted, shown = (np.array([getattr(cell, name) for cell in cells], float) for name in ("accepted", "shown"))
    # The first time, SciPy is imported: half a second, and 28 MB that a bot without Homes does without.
    return await asyncio.to_thread(estimate_share, accepted, shown)
