"""The settings that agents make for themselves, in Home. Each method is one transaction."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.records import AgentSettings
from storage.repositories.idempotency_keys import claim_key
from storage.rows import build_upserts, to_row
from storage.tables import agent_settings


class AgentSettingsStore:
    """Settings by owner, the team or Grid in which the agent's id is unique, and agent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, owner_id: str, agent_id: str) -> AgentSettings:
        """Read an agent's settings; those of the bot count where nothing was saved."""

        async def step(connection: Transaction) -> AgentSettings:
            row = (await connection.execute(_SELECT, {"owner": owner_id, "agent": agent_id})).mappings().one_or_none()
            return AgentSettings() if row is None else AgentSettings(**row)

        return await self._database.look(step)

    async def save(
        self, owner_id: str, agent_id: str, settings: AgentSettings, *, at: datetime, idempotency_key: str
    ) -> None:
        """Replace an agent's settings. Of two saved at once the later stays, whole. Raises DuplicateDelivery."""

        async def step(connection: Transaction) -> None:
            await claim_key(connection, idempotency_key, at)
            row = {"owner_id": owner_id, "agent_id": agent_id, **to_row(settings), "saved_at": at}
            await connection.execute(_UPSERT[self._database.is_shared], row)

        await self._database.run(step)


_SELECT: Final = select(*(agent_settings.c[name] for name in AgentSettings.__slots__)).where(
    agent_settings.c.owner_id == bindparam("owner"), agent_settings.c.agent_id == bindparam("agent")
)

_UPSERT: Final = build_upserts(agent_settings, ("owner_id", "agent_id"))
