"""The arm of each new request, drawn at random, and what its drafts are written with.

await assigner.refresh()                        # every REFRESH_EVERY_S: follow what was started or stopped
assigned = assigner.draw(team_id, agent_id)     # at the ask: no query, so it costs no time
version = await assigner.find_version(request)  # at the drafting, on whatever replica
"""

import hashlib
import hmac
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final

from bot.experiments.start import find_changed
from bot.i18n.texts import translate_label
from bot.playbook import Playbook, PlaybookError, parse_playbook
from storage.records import Arm, Experiment, Request
from storage.repositories.experiments import ExperimentStore

REFRESH_EVERY_S: Final = 1.0
"""A start or stop reaches every replica within this."""

_log = logging.getLogger(__name__)

UsePlaybooks = Callable[[Sequence[Playbook]], Awaitable[None]]
"""Keeps the playbooks of arms beside the log, and masks what they name as personal data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftingVersion:
    """The playbook that requests are drafted with, and the model of all its styles; None for what these say."""

    playbook: Playbook
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The version for a new request, with the experiment, its arm and that arm's probability, if one runs."""

    version: DraftingVersion
    experiment: str | None = None
    arm: str | None = None
    arm_propensity: float | None = None

    def to_fields(self) -> dict[str, Any]:
        """Convert to the fields of a request that tell of its experiment."""
        return {"experiment": self.experiment, "arm": self.arm, "arm_propensity": self.arm_propensity}


class ArmAssigner:
    """Draws the arms of requests in the experiment that runs. Without a store there is none, ever."""

    def __init__(
        self,
        *,
        default: DraftingVersion,
        default_model: str | None = None,
        store: ExperimentStore | None = None,
        use_playbooks: UsePlaybooks | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._default = default
        self._default_model = default_model
        self._store = store
        self._use_playbooks = use_playbooks
        self._rng = rng or random.SystemRandom()
        self._running: Experiment | None = None
        self._versions: dict[tuple[str, str], DraftingVersion] = {}
        self._refused: set[str] | None = None

    async def refresh(self) -> None:
        """Follow the experiment that runs. Raises DatabaseUnavailable; then the one drawn for before goes on."""
        if self._store is None:
            return
        if self._refused is None:
            self._refused = await self._load_all(self._store)
        name = await self._store.get_running()
        if name == (self._running.name if self._running else None):
            return
        running = None if name is None or name in self._refused else await self._store.get(name)
        if running is not None:
            if self._read(running):
                await self._keep_playbooks()
            else:
                self._refused.add(running.name)
                running = None
        if running is not None or self._running is not None:
            _log.info("experiment: %s", f"{running.name} runs" if running else "none runs any more")
        self._running = running

    def draw(self, team_id: str, agent_id: str) -> Assignment:
        """Draw the arm of a new request: by chance, or always the same one for an agent."""
        if self._running is None:
            return Assignment(version=self._default)
        running = self._running
        at = self._rng.random() if running.by == "request" else hash_agent(running.salt, team_id, agent_id)
        arm = pick_arm(running.arms, at)
        return Assignment(
            version=self._versions[running.name, arm.name],
            experiment=running.name,
            arm=arm.name,
            arm_propensity=arm.share,
        )

    async def find_version(self, request: Request) -> DraftingVersion:
        """Find what a recorded request is drafted with: what its arm says, also when the experiment has stopped."""
        if request.experiment is None or request.arm is None or self._store is None:
            return self._default
        key = (request.experiment, request.arm)
        if key not in self._versions and (experiment := await self._store.get(request.experiment)) is not None:
            self._read(experiment)
            await self._keep_playbooks()
        return self._versions.get(key, self._default)

    def label_styles(self, request: Request) -> Mapping[str, str]:
        """Label the styles of a request, as its playbook does, in the language of who asked."""
        version = self._versions.get((request.experiment or "", request.arm or ""), self._default)
        return {style.name: translate_label(style.label, request.locale) for style in version.playbook.styles}

    async def _load_all(self, store: ExperimentStore) -> set[str]:
        """Load all experiments at the start of this process; return those whose arms have changed since theirs."""
        refused = set[str]()
        for experiment in await store.list_all():
            changed = find_changed(experiment, default_model=self._default_model) if experiment.is_running else {}
            if changed:
                _log.warning(
                    "no request is drawn for the experiment %s, since an arm has changed: %s",
                    experiment.name,
                    "; ".join(f"{arm}: {change}" for arm, change in changed.items()),
                )
                refused.add(experiment.name)
            self._read(experiment)
        await self._keep_playbooks()
        return refused

    def _read(self, experiment: Experiment) -> bool:
        """Read what the arms draft with. False, and told in the log, where a playbook cannot be read any more."""
        try:
            versions = {(experiment.name, arm.name): self._read_version(arm) for arm in experiment.arms}
        except PlaybookError as error:
            _log.error("no request is drawn for the experiment %s: %s", experiment.name, error)
            return False
        self._versions.update(versions)
        return True

    async def _keep_playbooks(self) -> None:
        if self._use_playbooks is not None:
            known = {each.playbook.prompt_version: each.playbook for each in self._versions.values()}
            await self._use_playbooks(list(known.values()))

    def _read_version(self, arm: Arm) -> DraftingVersion:
        if arm.text is not None:
            return DraftingVersion(playbook=parse_playbook(arm.text, source=arm.playbook or arm.name))
        return replace(self._default, model=arm.model)


def pick_arm(arms: Sequence[Arm], at: float) -> Arm:
    """Pick the arm at a place between 0 and 1, on which each has its share."""
    ends = accumulate(arm.share for arm in arms)
    return next((arm for arm, end in zip(arms, ends, strict=True) if at < end), arms[-1])


def hash_agent(salt: str, team_id: str, agent_id: str) -> float:
    """Hash an agent to a place between 0 and 1: the same one on every replica and after every restart."""
    digest = hmac.digest(salt.encode(), f"{team_id}:{agent_id}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8]) / 2**64
