"""Experiments with their arms, and an index of the requests drawn for them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=16), nullable=False),
        sa.Column("is_running", sa.Boolean(), nullable=True),
        sa.Column("started_at", sa.String(length=24), nullable=False),
        sa.Column("started_by", sa.String(length=64), nullable=False),
        sa.Column("stopped_at", sa.String(length=24), nullable=True),
        sa.Column("stopped_by", sa.String(length=16), nullable=True),
        sa.Column("arm", sa.String(length=64), nullable=True),
        sa.Column("arms", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("untold", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("is_running"),
    )
    op.create_index(
        "requests_of_experiment",
        "requests",
        ["experiment", "created_at", "id"],
        sqlite_where=sa.text("experiment IS NOT NULL"),
        postgresql_where=sa.text("experiment IS NOT NULL"),
    )
