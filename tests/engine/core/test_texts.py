"""The city's texts: read from files, dated, with versions that people accept (D6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from engine.core import config, texts
from engine.core.config import Settings
from engine.core.errors import ConfigurationError, NotFound


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Path:
    """The city's folder of texts."""
    folder = tmp_path / "texts"
    (folder / "charte").mkdir(parents=True)
    config.use(replace(settings, texts=folder))
    return folder


def test_each_shipped_text_can_be_read() -> None:
    names = {path.stem for path in texts.SHIPPED.glob("*.md")}
    assert names >= {"accessibilite", "compte", "contact", "mentions-legales"}
    assert all(texts.find(name).title and texts.find(name).markdown for name in names)
    assert texts.find("accessibilite").facts == {"statut": "non conforme"}


@pytest.mark.parametrize("name", ["inconnu", "../pyproject", "conditions-generales/1", ""])
def test_nothing_else_is_read(name: str) -> None:
    with pytest.raises(NotFound):
        texts.find(name)


def test_a_change_is_seen_at_once(own: Path) -> None:
    shipped = texts.find("contact")
    for words in ("Un", "Deux, plus long"):
        (own / "contact.md").write_text(f"---\ntitle: Ici\ndate: 2027-01-01\n---\n{words}\n")
        assert texts.find("contact").markdown == words
    (own / "contact.md").unlink()
    assert texts.find("contact") == shipped


def test_the_version_in_force_is_the_latest_whose_day_has_come(own: Path, clock_at: Callable[[str], datetime]) -> None:
    for number, day in (("1", "2027-01-01"), ("2", "2027-06-01"), ("10", "2028-01-01")):
        (own / "charte" / f"{number}.md").write_text(f"---\ntitle: Charte\ndate: {day}\n---\n{number}\n")
    (own / "charte" / "brouillon.md").write_text("rien")
    assert [one.version for one in texts.versions("charte")] == ["1", "2", "10"]
    for at, version in (("2026-01-01", "1"), ("2027-05-31", "1"), ("2027-06-01", "2"), ("2029-01-01", "10")):
        clock_at(f"{at} 12:00")
        assert texts.in_force("charte").version == version
    assert texts.in_force("charte").date == date(2028, 1, 1)
    with pytest.raises(ConfigurationError):
        texts.in_force("statuts")


@pytest.mark.parametrize(
    "head", ["", "---\ntitle: Sans date\n---\n", "---\ntitle: T\ndate: demain\n---\n", "---\ntitle: T"]
)
def test_a_text_without_its_head_is_named_to_the_operator(own: Path, head: str) -> None:
    (own / "contact.md").write_text(f"{head}Bonjour")
    for reading in (texts.check, lambda: texts.find("contact")):
        with pytest.raises(ConfigurationError, match=r"contact\.md"):
            reading()


def test_a_folder_that_is_not_there_is_named_to_the_operator(settings: Settings, tmp_path: Path) -> None:
    texts.check()
    config.use(replace(settings, texts=tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match="nowhere"):
        texts.check()
