"""What requests have their texts written in: Markdown, by their playbook, or plain text."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("markdown", sa.Boolean(), nullable=True))
