"""The first tables: turns, lines, pages, resets, settings, quirks and command fingerprints."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_OWN_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create them."""
    _turn()
    op.create_table(
        "reset",
        sa.Column("id", _OWN_ID, sa.Identity(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("undone_at", _INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_reset"),
        sqlite_autoincrement=True,
    )
    _line()
    op.create_table(
        "page",
        sa.Column("turn_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("turn_id", "number", name="pk_page"),
        sa.ForeignKeyConstraint(["turn_id"], ["turn.id"], name="fk_page_turn_id"),
        sa.UniqueConstraint("message_id", name="uq_page_message_id"),
    )
    op.create_table(
        "setting",
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("layer", "scope_id", "name", name="pk_setting"),
    )
    op.create_table(
        "quirk",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "model", "name", name="pk_quirk"),
    )
    op.create_table(
        "command_fingerprint",
        sa.Column("application_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", name="pk_command_fingerprint"),
    )


def _turn() -> None:
    op.create_table(
        "turn",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("parent_id", sa.BigInteger()),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("model", sa.Text()),
        sa.Column("prompt_tokens", sa.BigInteger()),
        sa.Column("cached_tokens", sa.BigInteger()),
        sa.Column("reasoning_tokens", sa.BigInteger()),
        sa.Column("completion_tokens", sa.BigInteger()),
        sa.Column("finish", sa.Text()),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_turn"),
    )
    still_open = sa.text("state IN ('accepted', 'running', 'answered')")
    op.create_index("ix_turn_open", "turn", ["state"], sqlite_where=still_open, postgresql_where=still_open)


def _line() -> None:
    op.create_table(
        "line",
        sa.Column("id", _OWN_ID, sa.Identity(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("turn_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger()),
        sa.Column("author_name", sa.Text()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("reset_id", _OWN_ID),
        sa.PrimaryKeyConstraint("id", name="pk_line"),
        sa.ForeignKeyConstraint(["turn_id"], ["turn.id"], name="fk_line_turn_id"),
        sa.ForeignKeyConstraint(["reset_id"], ["reset.id"], name="fk_line_reset_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_line_turn_id", "line", ["turn_id"])
    live, aside = sa.text("reset_id IS NULL"), sa.text("reset_id IS NOT NULL")
    op.create_index("ix_line_live", "line", ["channel_id", "id"], sqlite_where=live, postgresql_where=live)
    op.create_index("ix_line_aside", "line", ["reset_id"], sqlite_where=aside, postgresql_where=aside)
