"""A column for which wording of a style a candidate was drafted by."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("candidates", sa.Column("style_version", sa.String(length=64), nullable=True))
