"""The agents' own settings, and an index of requests by agent that serves a whole Grid too."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agent_settings",
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("candidates", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("on_use", sa.String(length=16), nullable=True),
        sa.Column("hint", sa.Text(), nullable=True),
        sa.Column("styles_off", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "agent_id"),
    )
    op.create_index("agent_settings_of_agent", "agent_settings", ["agent_id"])
    op.add_column("requests", sa.Column("styles_off", sa.Text(), nullable=True))
    op.drop_index("requests_of_agent", "requests")
    op.create_index("requests_of_agent", "requests", ["agent_id", "team_id", "created_at"])
