"""Put names on requests, and keep residents' steps out of the queues' indexes

Revision 0013, after 0012.

Each new index has another name than the one in whose place it comes: where a table is large, it is made before the release, and
found there (see docs/operations/migrations.md).
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_DRAFT = "status = 'draft'"
_FILED = "filed_at IS NOT NULL"
_OF_AGENTS = "\"group\" <> 'Usager'"
_QUEUES = (
    ("due_at", ["group", "due_at", "id", "search_name"]),
    ("filed_at", ["group", "filed_at", "id"]),
    ("search_name", ["group", "search_name", "id"]),
    ("procedure_title", ["group", "procedure_title", "due_at", "id"]),
)


def upgrade() -> None:
    # There already where its indexes were made before the release.
    op.add_column("case", sa.Column("search_name", sa.Text(), nullable=True), if_not_exists=_postgresql())
    _make("ix_case_filed_search_name", "case", ["procedure", "filed_at", "id", "search_name"], _FILED)
    _make_of_words("ix_case_filed_words", "case", _FILED)
    _make(
        "ix_case_without_names",
        "case",
        ["filed_at"],
        "filed_at IS NOT NULL AND search_name IS NULL AND erased_at IS NULL",
    )
    _make("ix_case_draft_opened_at", "case", ["opened_at"], _DRAFT)
    op.drop_index("ix_case_draft_changed_at", "case")

    for name, columns in _QUEUES:
        _make(f"ix_human_task_queue_{name}", "human_task", columns, _OF_AGENTS)
    _make_of_words("ix_human_task_queue_words", "human_task", _OF_AGENTS)
    _make("ix_human_task_queue_reference", "human_task", ["reference"], _OF_AGENTS)
    _make("ix_human_task_holder", "human_task", ["claimed_by"], "claimed_by IS NOT NULL")
    for name, _ in _QUEUES:
        op.drop_index(f"ix_human_task_group_{name}", "human_task")
    if _postgresql():
        op.drop_index("ix_human_task_words", "human_task")
    op.drop_index("ix_human_task_reference", "human_task")
    op.drop_index("ix_human_task_claimed_by", "human_task")

    # Read by nobody.
    op.drop_index("ix_job_held_until", "job")
    op.drop_index("ix_job_case_id", "job")


def downgrade() -> None:
    op.create_index("ix_job_case_id", "job", ["case_id"])
    _make("ix_job_held_until", "job", ["held_until"], "held_until IS NOT NULL")

    op.create_index("ix_human_task_claimed_by", "human_task", ["claimed_by"])
    op.create_index("ix_human_task_reference", "human_task", ["reference"])
    if _postgresql():
        _make_of_words("ix_human_task_words", "human_task", None)
        op.drop_index("ix_human_task_queue_words", "human_task")
    for name, columns in _QUEUES:
        op.create_index(f"ix_human_task_group_{name}", "human_task", columns)
        op.drop_index(f"ix_human_task_queue_{name}", "human_task")
    op.drop_index("ix_human_task_queue_reference", "human_task")
    op.drop_index("ix_human_task_holder", "human_task")

    _make("ix_case_draft_changed_at", "case", ["changed_at"], _DRAFT)
    op.drop_index("ix_case_draft_opened_at", "case")
    op.drop_index("ix_case_without_names", "case")
    if _postgresql():
        op.drop_index("ix_case_filed_words", "case")
    op.drop_index("ix_case_filed_search_name", "case")
    op.drop_column("case", "search_name")


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _make(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition, if_not_exists=True)


def _make_of_words(name: str, table: str, where: str | None) -> None:
    if _postgresql():
        op.create_index(
            name,
            table,
            ["search_name"],
            postgresql_using="gin",
            postgresql_ops={"search_name": "gin_trgm_ops"},
            postgresql_where=sa.text(where) if where else None,
            if_not_exists=True,
        )
