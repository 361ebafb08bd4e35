"""Columns for what was drafted from which row, in which experiment or comparison, and from which knowledge."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("task", sa.String(length=16), nullable=True),
        sa.Column("input_row", sa.Integer(), nullable=True),
        sa.Column("input", sa.Text(), nullable=True),
        sa.Column("comparison", sa.String(length=64), nullable=True),
        sa.Column("experiment", sa.String(length=64), nullable=True),
        sa.Column("arm", sa.String(length=64), nullable=True),
        sa.Column("arm_propensity", sa.Float(), nullable=True),
        sa.Column("retrieved", sa.Text(), nullable=True),
    ):
        op.add_column("requests", column)
    op.add_column("candidates", sa.Column("side", sa.String(length=16), nullable=True))
    op.add_column("choices", sa.Column("note", sa.Text(), nullable=True))
