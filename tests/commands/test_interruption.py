"""`./parvis interruption`: announced, looked at and ended from the terminal, database or not (D5)."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.sqlite_only


def test_an_interruption_is_announced_and_ended(run: Any) -> None:
    assert run("interruption") == (0, "nothing is announced\n", "")
    status, said, _ = run(
        "interruption",
        "tell",
        "Travaux prévus.",
        "--planned",
        "--begins",
        "2090-03-01T20:00",
        "--until",
        "2090-03-02T06:00",
    )
    assert status == 0
    assert said.startswith("planned, shown: Travaux prévus.\n")
    assert said.endswith("begins 2090-03-01 20:00, ends 2090-03-02 06:00\n")
    assert "planned, shown: Travaux prévus." in run("interruption")[1]
    run("interruption", "tell", "Plus tard.", "--shown-from", "2090-01-01T00:00")
    assert "in progress, not shown now: Plus tard." in run("interruption")[1]
    assert run("interruption", "end")[0] == 0
    status, _, complaint = run("interruption", "end")
    assert (status, complaint) == (1, "parvis: nothing is announced\n")


def test_an_end_that_is_over_is_refused(run: Any) -> None:
    status, _, complaint = run("interruption", "tell", "Panne.", "--until", "2001-01-01T00:00")
    assert status == 1
    assert "has ended already" in complaint


def test_a_time_that_is_none_is_said(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("interruption", "tell", "Panne.", "--until", "demain")
    assert "2027-03-01T20:00" in capsys.readouterr().err
