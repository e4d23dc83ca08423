"""Every table and column says whether it holds something of a person, and what becomes of it (B16, G5)."""

from __future__ import annotations

import pytest

from engine.migrations import tables
from engine.privacy.holdings import HOLDINGS, IMPERSONAL, PASSING, Of, Under

# A table or a column that this test names is new: declare it in engine/privacy/holdings.py, in `HOLDINGS` with what the export
# tells and what a deletion does, or among `IMPERSONAL` or `PASSING` with the reason.
TABLES = {table.name: table for table in tables.metadata.sorted_tables}


def test_every_table_is_declared_once() -> None:
    declared = [*HOLDINGS, *IMPERSONAL, *PASSING]
    assert sorted(set(TABLES) - set(declared)) == []
    assert sorted(set(declared) - set(TABLES)) == []
    assert len(declared) == len(set(declared))


@pytest.mark.parametrize("name", sorted(HOLDINGS))
def test_every_column_is_told_or_withheld_with_its_reason(name: str) -> None:
    holding, columns = HOLDINGS[name], TABLES[name].c
    assert sorted(set(columns.keys()) - set(holding.told) - set(holding.withheld)) == []
    assert sorted({*holding.told, *holding.withheld, *holding.cleared} - set(columns.keys())) == []
    assert set(holding.told) & set(holding.withheld) == set()
    assert set(holding.partly) <= set(holding.told)
    assert holding.owner.column in columns
    assert all(holding.withheld.values())
    assert all(holding.told.values())
    assert len(set(holding.told.values())) == len(holding.told), "labels are the keys of the export"


@pytest.mark.parametrize("name", sorted(HOLDINGS))
def test_what_a_deletion_leaves_has_a_reason_and_names_nobody(name: str) -> None:
    """Nothing that stays points at the account: the deletion would fail, or the row would lie."""
    holding, table = HOLDINGS[name], TABLES[name]
    if holding.fate != "deleted":
        assert holding.why
    if isinstance(holding.owner, Under):
        assert holding.owner.parent in HOLDINGS
    pointing = {column.name for column in table.c for key in column.foreign_keys if key.column.table.name == "account"}
    if isinstance(holding.owner, Of) and holding.fate == "detached":
        assert table.c[holding.owner.column].nullable
        assert pointing <= {holding.owner.column}
    if holding.fate == "kept":
        assert pointing == set()


def test_nothing_else_keeps_an_account_from_being_deleted() -> None:
    """A key to the account is the owner's column, or follows the account by itself."""
    holding_back = [
        f"{table.name}.{column.name}"
        for table in TABLES.values()
        for column in table.c
        for key in column.foreign_keys
        if key.column.table.name == "account"
        and key.ondelete not in ("CASCADE", "SET NULL")
        and not (table.name in HOLDINGS and HOLDINGS[table.name].owner == Of(column.name))
    ]
    assert holding_back == []
