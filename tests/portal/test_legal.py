"""Legal pages, the contact page and interruptions of the service (D5, D6)."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest
from werkzeug.test import TestResponse

from engine.core import clock, config, interruptions
from engine.core.config import City
from engine.core.db import Database
from engine.people import terms
from engine.procedures import catalogue
from tests.portal.conftest import Visitor

# The engine's tests go through both databases.
pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
PAGES = {
    "/contact": "Contact",
    "/mentions-legales": "Mentions légales",
    "/conditions-generales": "Conditions générales d’utilisation",
    "/donnees-personnelles": "Politique de gestion des données à caractère personnel",
    "/accessibilite": "Déclaration d’accessibilité",
    "/compte": "Le compte Mon Valmont",
}


@pytest.mark.parametrize("path", PAGES)
def test_a_legal_page_is_dated_and_reached_from_every_page(visitor: Visitor, said: Said, path: str) -> None:
    page = visitor.get(path)
    assert page.status_code == 200
    assert PAGES[path] in said(page)
    assert "{{" not in page.text
    if path not in ("/contact", "/compte"):
        assert "novembre 2026" in said(page)
    if path != "/compte":
        assert f'href="{path}"' in visitor.get("/demarches").text
        assert f'href="{path}"' in visitor.get("/nulle-part").text


def test_the_links_of_the_texts_lead_somewhere(visitor: Visitor) -> None:
    links = {link for path in PAGES for link in re.findall(r'href="(/[^"#]*)"', visitor.get(path).text)}
    assert "/demarches/contact" in links
    for link in sorted(link for link in links if not link.startswith("/static/")):
        assert visitor.get(link).status_code < 400, link


def test_the_city_is_named_by_the_settings(visitor: Visitor, said: Said) -> None:
    """The publisher's address, who answers for it, who hosts."""
    city = City(name="Ville d’Ailleurs", director="La maire d’Ailleurs", host="Machines SA, 2 quai Neuf, Ailleurs")
    config.use(replace(config.current(), city=city))
    page = said(visitor.get("/mentions-legales"))
    for words in (
        "Ville d’Ailleurs",
        city.address,
        city.phone,
        "La maire d’Ailleurs",
        "Machines SA, 2 quai Neuf, Ailleurs",
    ):
        assert words in page


def test_the_contact_page_has_every_way(visitor: Visitor, data: Database, said: Said) -> None:
    """The form when it is published, telephone, e-mail, address; whom a minor's representative writes to (B17)."""
    page = visitor.get("/contact")
    city = config.current().city
    for words in (city.phone, city.email, city.address, "représentant légal d’un mineur", "délégué à la protection"):
        assert words in said(page)
    with data.reading() as session:
        published = "contact" in {one.slug for one in catalogue.published(session)}
    assert ("Accéder au formulaire de contact de la ville" in said(page)) is published


def test_a_text_of_the_city_takes_the_place_of_ours_and_runs_nothing(
    visitor: Visitor, said: Said, tmp_path: Path
) -> None:
    (tmp_path / "mentions-legales.md").write_text(
        "---\ntitle: Mentions d’{{ville}}\ndate: 2027-01-01\n---\n## Chez nous\n<script>alert(1)</script> "
        "[ici](javascript:alert(1)) [là](https://exemple.fr) {{inconnu}}\n"
    )
    config.use(replace(config.current(), texts=tmp_path))
    page = visitor.get("/mentions-legales")
    assert "Mentions d’Ville de Valmont-sur-Seine" in said(page)
    assert "<script>alert" not in page.text
    assert 'href="javascript' not in page.text
    assert '<a href="https://exemple.fr" class="govuk-link">là</a>' in page.text
    assert "{{inconnu}}" in said(page)


def test_versions_are_kept_and_never_retroactive(
    visitor: Visitor, account: Callable[..., object], data: Database, said: Said, tmp_path: Path
) -> None:
    """A version to come holds from its day on; who accepted the former one is asked, and nothing is accepted for them."""
    folder = tmp_path / "conditions-generales"
    folder.mkdir()
    tomorrow = clock.today() + timedelta(days=1)
    (folder / "2.md").write_text(f"---\ntitle: Conditions nouvelles\ndate: {tomorrow}\n---\nTout change.\n")
    config.use(replace(config.current(), texts=tmp_path))
    assert "Version 1, applicable depuis le" in said(visitor.get("/conditions-generales"))
    assert "n’est pas encore applicable" in said(visitor.get("/conditions-generales/versions/2"))
    assert visitor.get("/conditions-generales/versions/3").status_code == 404

    account()
    visitor.sign_in("claire.martin@exemple.fr")
    visitor.post("/mon-espace/profil/textes", {"texte": ["conditions-generales:1", "donnees-personnelles:1"]})
    assert "J’ai lu et j’accepte" not in said(visitor.get("/mon-espace/profil"))

    (folder / "2.md").write_text(f"---\ntitle: Conditions nouvelles\ndate: {clock.today()}\n---\nTout change.\n")
    assert "Tout change." in said(visitor.get("/conditions-generales"))
    former = said(visitor.get("/conditions-generales/versions/1"))
    assert "n’est plus applicable" in former
    assert "J’ai lu et j’accepte" in said(visitor.get("/mon-espace/profil"))
    assert visitor.post("/mon-espace/profil/textes", {"texte": "conditions-generales:1"}).status_code == 409
    visitor.post("/mon-espace/profil/textes", {"texte": "conditions-generales:2"})
    with data.reading() as session:
        proofs = session.query(terms.Acceptance).order_by(terms.Acceptance.id).all()
    assert [(one.text, one.version) for one in proofs] == [
        ("conditions-generales", "1"), ("donnees-personnelles", "1"), ("conditions-generales", "2"),
    ]  # fmt: skip
    assert len({one.digest for one in proofs}) == 3


def test_the_annex_lists_the_procedures_that_need_an_account(visitor: Visitor, data: Database, said: Said) -> None:
    """On the page and as a tagged document, both read from the catalogue."""
    with data.reading() as session:
        locked = [one.title for one in catalogue.published(session) if one.locked]
    page = said(visitor.get("/conditions-generales"))
    assert locked
    assert all(title in page for title in locked)
    answer = visitor.get("/conditions-generales/annexe.pdf")
    assert answer.mimetype == "application/pdf"
    with pikepdf.open(io.BytesIO(answer.data)) as document:
        assert document.Root.MarkInfo.Marked
        assert str(document.Root.Lang) == "fr"


def test_an_interruption_shows_on_every_page_while_it_lasts(visitor: Visitor, said: Said) -> None:
    """Planned or not, from when and until when, errors included; then it is gone by itself."""
    settings = config.current()
    assert "Interruption" not in said(visitor.get("/demarches"))
    now = clock.now()
    interruptions.announce(
        settings, "Le paiement <b>en ligne</b> est coupé.", planned=True,
        begins=now + timedelta(hours=2), until=now + timedelta(hours=4),
    )  # fmt: skip
    for path in ("/demarches", "/nulle-part"):
        page = visitor.get(path)
        assert "Interruption prévue : Le paiement <b>en ligne</b> est coupé." in said(page)
        assert "&lt;b&gt;" in page.text
    with clock.moved(timedelta(hours=5)):
        assert "Interruption" not in said(visitor.get("/demarches"))
    interruptions.announce(settings, "Une panne est en cours.")
    assert "Interruption en cours" in said(visitor.get("/demarches"))
    interruptions.withdraw(settings)
    assert "Interruption" not in said(visitor.get("/demarches"))
