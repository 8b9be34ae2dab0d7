"""What a turn needs to be finished after a restart: how the bot was called, and what was decided."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; turns of before have ended, or were answered by nobody's name."""
    with op.batch_alter_table("turn") as turn:
        turn.add_column(sa.Column("addressee", sa.Text(), nullable=False, server_default=""))
        turn.add_column(sa.Column("outcome", sa.Text()))
        turn.add_column(sa.Column("told", sa.Text()))
