"""`./parvis new`: what it writes can be checked and rehearsed at once, and it never overwrites anything."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands.__main__ import main
from engine.procedures import catalogue

ROOT = Path(__file__).parents[2]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder with the parts that forms share, and nothing else."""
    root = tmp_path / "house"
    (root / "forms").mkdir(parents=True)
    for part in (ROOT / "forms").glob("commun.*.json"):
        shutil.copy(part, root / "forms")
    return root


def new(house: Path, *arguments: str) -> int:
    return main(["new", *arguments, "--root", str(house)])


@pytest.mark.parametrize(
    "options", [[], ["--title", "Prêter un « vélo » & <plus>"], ["--group", "Vie locale", "--title", 'Un "essai"']]
)
def test_what_it_writes_has_no_problem_and_is_covered(
    house: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """F1, F3: a first procedure that works, to change afterwards."""
    assert new(house, "pret-de-velo", *options) == 0
    bpmn = house / "processes" / "pret-de-velo.bpmn"
    assert str(bpmn.relative_to(house)) in capsys.readouterr().out
    assert main(["check", str(bpmn)]) == 0
    assert main(["rehearse", str(bpmn)]) == 0
    assert "2 of 2 scenarios passed, 100% covered" in capsys.readouterr().out


def test_the_title_and_the_group_are_those_asked_for(house: Path) -> None:
    new(house, "pret-de-velo", "--title", "Prêt & retour", "--group", "Vie locale")
    [sources] = catalogue.read_folder(house)
    text = sources.bpmn.content.decode()
    assert 'name="Prêt &amp; retour"' in text
    assert '<bpmn:lane id="couloir_2" name="Vie locale">' in text


def test_without_a_title_it_is_made_from_the_slug(house: Path) -> None:
    new(house, "pret-de-velo")
    assert 'name="Pret de velo"' in (house / "processes" / "pret-de-velo.bpmn").read_text()


def test_an_existing_procedure_is_left_alone(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new(house, "pret-de-velo")
    before = {path: path.read_bytes() for path in house.rglob("*") if path.is_file()}
    assert new(house, "pret-de-velo", "--title", "Autre") == 1
    assert "exists already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in house.rglob("*") if path.is_file()} == before


def test_a_form_that_is_in_the_way_stops_everything(house: Path) -> None:
    (house / "forms" / "pret-de-velo.instruction.json").write_text("{}")
    assert new(house, "pret-de-velo") == 1
    assert not (house / "processes").exists()


@pytest.mark.parametrize(
    "slug", ["Pret", "prêt", "pret_velo", "-pret", "pret-", "pret--velo", "../x", "", "a" * 61, "1er"]
)
def test_a_bad_slug_is_refused_in_plain_words(house: Path, slug: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "--root", str(house), "--", slug]) == 2
    assert "can't be the name of a procedure" in capsys.readouterr().err
    assert not (house / "processes").exists()


@pytest.mark.parametrize("options", [["--group", "Usager"], ["--group", " "], ["--title", "\n"]])
def test_a_name_that_means_nothing_is_refused(house: Path, options: list[str]) -> None:
    assert new(house, "pret-de-velo", *options) == 2
    assert not (house / "processes").exists()
