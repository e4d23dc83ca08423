"""Hold places and slots

Revision 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "agenda",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("agent_group", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("durations", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("lead_hours", sa.Integer(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("open_on_holidays", sa.Boolean(), nullable=False),
        sa.Column("openings", sa.Text(), nullable=False),
        sa.Column("closures", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agenda")),
    )
    op.create_index("ix_agenda_service", "agenda", ["service"], unique=False)
    op.create_index("uq_agenda_code", "agenda", ["code"], unique=True)
    op.create_table(
        "quota",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("procedure", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("share", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=True),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("numbers", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota")),
    )
    op.create_index(
        "uq_quota_procedure_name_share_period", "quota", ["procedure", "name", "share", "period"], unique=True
    )
    op.create_table(
        "agenda_day",
        sa.Column("agenda_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("taken", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agenda_id"], ["agenda.id"], name=op.f("fk_agenda_day_agenda_id_agenda"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agenda_id", "day", name=op.f("pk_agenda_day")),
    )
    op.create_table(
        "appointment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agenda_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("procedure", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("desk", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prolonged", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agenda_id"], ["agenda.id"], name=op.f("fk_appointment_agenda_id_agenda")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
    )
    op.create_index("ix_appointment_agenda_id_day", "appointment", ["agenda_id", "day"], unique=False)
    op.create_index("ix_appointment_case_id", "appointment", ["case_id"], unique=False)
    op.create_index(
        "uq_appointment_case",
        "appointment",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('held', 'planned')"),
        postgresql_where=sa.text("status IN ('held', 'planned')"),
    )
    op.create_index(
        "uq_appointment_desk",
        "appointment",
        ["agenda_id", "starts_at", "desk"],
        unique=True,
        sqlite_where=sa.text("status IN ('held', 'planned')"),
        postgresql_where=sa.text("status IN ('held', 'planned')"),
    )
    op.create_table(
        "quota_place",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("element_id", sa.Text(), nullable=False),
        sa.Column("waiting_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prolonged", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["quota_id"], ["quota.id"], name=op.f("fk_quota_place_quota_id_quota")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_place")),
    )
    op.create_index("ix_quota_place_quota_id", "quota_place", ["quota_id"], unique=False)
    op.create_index("uq_quota_place_case_id_element_id", "quota_place", ["case_id", "element_id"], unique=True)
    op.create_table(
        "quota_waiting",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["quota_id"], ["quota.id"], name=op.f("fk_quota_waiting_quota_id_quota")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_waiting")),
    )
    op.create_index("ix_quota_waiting_account_id", "quota_waiting", ["account_id"], unique=False)
    op.create_index(
        "uq_quota_waiting_email",
        "quota_waiting",
        ["quota_id", "email"],
        unique=True,
        sqlite_where=sa.text("status IN ('waiting', 'offered')"),
        postgresql_where=sa.text("status IN ('waiting', 'offered')"),
    )
    op.create_index("uq_quota_waiting_quota_id_number", "quota_waiting", ["quota_id", "number"], unique=True)
    op.create_index("uq_quota_waiting_token_hash", "quota_waiting", ["token_hash"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_quota_waiting_token_hash", table_name="quota_waiting")
    op.drop_index("uq_quota_waiting_quota_id_number", table_name="quota_waiting")
    op.drop_index(
        "uq_quota_waiting_email",
        table_name="quota_waiting",
        sqlite_where=sa.text("status IN ('waiting', 'offered')"),
        postgresql_where=sa.text("status IN ('waiting', 'offered')"),
    )
    op.drop_index("ix_quota_waiting_account_id", table_name="quota_waiting")
    op.drop_table("quota_waiting")
    op.drop_index("uq_quota_place_case_id_element_id", table_name="quota_place")
    op.drop_index("ix_quota_place_quota_id", table_name="quota_place")
    op.drop_table("quota_place")
    op.drop_index(
        "uq_appointment_desk",
        table_name="appointment",
        sqlite_where=sa.text("status IN ('held', 'planned')"),
        postgresql_where=sa.text("status IN ('held', 'planned')"),
    )
    op.drop_index(
        "uq_appointment_case",
        table_name="appointment",
        sqlite_where=sa.text("status IN ('held', 'planned')"),
        postgresql_where=sa.text("status IN ('held', 'planned')"),
    )
    op.drop_index("ix_appointment_case_id", table_name="appointment")
    op.drop_index("ix_appointment_agenda_id_day", table_name="appointment")
    op.drop_table("appointment")
    op.drop_table("agenda_day")
    op.drop_index("uq_quota_procedure_name_share_period", table_name="quota")
    op.drop_table("quota")
    op.drop_index("uq_agenda_code", table_name="agenda")
    op.drop_index("ix_agenda_service", table_name="agenda")
    op.drop_table("agenda")
