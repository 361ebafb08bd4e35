"""Defaults for channels, and an index of the requests for which the knowledge was searched in vain."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_defaults",
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.String(length=64), nullable=False),
        sa.Column("candidates", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("styles_off", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "channel_id"),
    )
    op.create_index(
        "requests_in_vain",
        "requests",
        ["created_at"],
        sqlite_where=sa.text("retrieved = '[]'"),
        postgresql_where=sa.text("retrieved = '[]'"),
    )
