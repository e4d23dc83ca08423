"""What stands around every page is drawn once for each city and kind of visitor, and never for another one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from engine.core.config import City, Settings
from portal.app import create_app

CITY = City(name="Ville d’<Aubenas>", phone="04 75 00 00 00", email="a@aubenas.example", brand_colour="#0b5d3b")
STATEMENT = "---\ntitle: Accessibilité\ndate: 2027-01-01\nstatut: {}\n---\nTexte.\n"


def page(app: Flask) -> str:
    return app.test_client().get("/connexion").get_data(as_text=True)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """The city's own texts: a declaration of accessibility."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "accessibilite.md").write_text(STATEMENT.format("totalement conforme"))
    return folder


def test_each_city_has_its_own_frame(settings: Settings) -> None:
    """G2: another city's settings in the same process draw another city's page."""
    first = page(create_app(settings))
    other = page(create_app(replace(settings, city=CITY)))
    again = page(create_app(settings))
    for said in ("Ville d’&lt;Aubenas&gt;", "tel:0475000000", "mailto:a@aubenas.example", 'content="#0b5d3b"'):
        assert said in other
        assert said not in first
        assert said not in again
    assert f"<span>{settings.city.name}</span>" in again


def test_a_declaration_that_changes_changes_the_next_page(settings: Settings, texts: Path) -> None:
    """D6: the declaration of accessibility is a file that the city edits."""
    app = create_app(replace(settings, texts=texts))
    assert "Accessibilité\u00a0: totalement conforme" in page(app)
    (texts / "accessibilite.md").write_text(STATEMENT.format("partiellement conforme"))
    os.utime(texts / "accessibilite.md", (0, 0))  # two changes may share the clock's tick
    assert "Accessibilité\u00a0: partiellement conforme" in page(app)


def test_only_a_demonstration_leads_to_its_outbox(settings: Settings) -> None:
    link = 'href="/boite-denvoi"'
    assert link in page(create_app(replace(settings, demo=True)))
    assert link not in page(create_app(settings))
