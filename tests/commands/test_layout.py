"""`./parvis layout`: draws in place, changes nothing that it can't draw."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands.__main__ import main

ESSAI = Path(__file__).parents[1] / "engine" / "procedures" / "essai" / "processes" / "essai.bpmn"


def test_it_draws_in_place_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = Path(shutil.copy(ESSAI, tmp_path))
    assert main(["layout", str(copy)]) == 0
    assert "drawn" in capsys.readouterr().out
    assert b"BPMNDiagram" in copy.read_bytes()
    assert main(["layout", str(copy)]) == 0
    assert "nothing to change" in capsys.readouterr().out


def test_a_file_that_can_t_be_drawn_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are drawn all the same."""
    bad, good = tmp_path / "bad.bpmn", Path(shutil.copy(ESSAI, tmp_path))
    bad.write_text("<a/>")
    assert main(["layout", str(bad), str(tmp_path / "none.bpmn"), str(good)]) == 1
    said = capsys.readouterr()
    assert "n’est pas du BPMN" in said.out
    assert "No such file" in said.out
    assert f"{good}: drawn" in said.out
    assert "2 not drawn" in said.err
    assert bad.read_text() == "<a/>"
