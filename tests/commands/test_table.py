"""Rows for the eye of an operator."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from commands import table


def test_columns_are_aligned_under_their_heading(capsys: pytest.CaptureFixture[str]) -> None:
    table.show(("ID", "DUE"), [("long-name", datetime(2026, 11, 21, 9, 5, tzinfo=UTC)), ("b", None)], empty="none")
    assert capsys.readouterr().out == "ID         DUE\nlong-name  2026-11-21 09:05\nb\n"


def test_no_rows_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    table.show(("ID",), [], empty="nothing")
    assert capsys.readouterr().out == "nothing\n"


def test_what_people_typed_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    table.show(("ID",), [("a\nb \x1b[2Jc\u202e",)], empty="nothing")
    assert capsys.readouterr().out == "ID\na b [2Jc\n"
