"""Vectors of passages, each with the model that made it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("knowledge_passages", sa.Column("vector", sa.LargeBinary(), nullable=True))
    op.add_column("knowledge_passages", sa.Column("vector_model", sa.String(length=128), nullable=True))
