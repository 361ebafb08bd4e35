"""An index of the translations: their tokens count for the day's limit."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "events_of_translations",
        "events",
        ["at"],
        sqlite_where=sa.text("type = 'translated'"),
        postgresql_where=sa.text("type = 'translated'"),
    )
