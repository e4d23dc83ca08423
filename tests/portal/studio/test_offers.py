"""Analysts see what is deployed and decide which version is offered (F1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from werkzeug.test import TestResponse

from engine.core import audit
from engine.core.db import Database
from engine.people.accounts import Account
from engine.procedures import publications
from tests.portal.conftest import PASSWORD, Visitor
from tests.portal.studio.conftest import packed

pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
PAGE, DEPOSIT = "/agents/demarches", "/agents/depot-de-demarche"
Files = dict[str, str]


@pytest.fixture
def two(analyst: Visitor, essai: Files) -> Files:
    """The test procedure, with a second version that isn't offered yet."""
    changed = {name: text.replace("Démarche d’essai", "Démarche d’essai, encore") for name, text in essai.items()}
    answer = analyst.post(DEPOSIT, {"archive": (packed(changed), "essai.zip")})
    assert answer.location == f"{PAGE}/essai/versions/2"
    return changed


@pytest.mark.usefixtures("two")
def test_a_version_is_published_and_the_procedure_withdrawn(
    analyst: Visitor, yann: Account, data: Database, said: Said
) -> None:
    assert "la 2 n’est pas publiée" in said(analyst.get(PAGE))
    page = f"{PAGE}/essai/versions/2/publication"
    assert "Elle prendra la place de la version 1." in said(analyst.get(page))
    done = analyst.post(page, {"vue": "1"})
    assert done.location == f"{PAGE}/essai"
    after = said(analyst.follow(done))
    assert "La version 2 est publiée" in after
    assert re.search(r"Version 2 publiée le .*, par Yann DESSINE", after, re.IGNORECASE)
    assert "encore" in said(analyst.get("/demarches/essai"))
    assert "déjà publiée" in said(analyst.follow(analyst.get(page)))

    away = f"{PAGE}/essai/retrait"
    assert "Plus personne ne pourra commencer" in said(analyst.get(away))
    assert "n’est plus proposée" in said(analyst.follow(analyst.post(away, {"vue": "2"})))
    assert analyst.get("/demarches/essai").status_code == 404
    assert "Non proposée" in said(analyst.get(PAGE))
    assert "n’est plus proposée" in said(analyst.follow(analyst.get(away)))
    with data.reading() as session:
        acts = [(one.action, one.facts.get("number")) for one in audit.listing(session) if one.actor_id == yann.id]
    assert acts[::-1] == [("catalogue.deployed", 2), ("catalogue.published", 2), ("catalogue.withdrawn", None)]


@pytest.mark.usefixtures("two")
def test_what_another_decided_meanwhile_is_told_and_not_undone(analyst: Visitor, data: Database, said: Said) -> None:
    data.run(publications.publish, "essai", 2, who=audit.OPERATOR)
    refused = analyst.post(f"{PAGE}/essai/versions/1/publication", {"vue": "1"})
    assert refused.status_code == 409
    assert "Quelqu’un a publié ou retiré cette démarche entre-temps" in said(refused)
    assert "Elle prendra la place de la version 2." in said(refused)
    assert 'name="vue" value="2"' in refused.text
    refused = analyst.post(f"{PAGE}/essai/retrait", {"vue": "1"})
    assert refused.status_code == 409
    assert "Elle est publiée maintenant" in said(analyst.post(f"{PAGE}/essai/versions/2/publication", {"vue": "1"}))
    data.run(publications.withdraw, "essai", who=audit.OPERATOR)
    assert analyst.post(f"{PAGE}/essai/retrait", {"vue": "2"}).location == f"{PAGE}/essai"
    assert "depuis le terminal du serveur" in said(analyst.get(f"{PAGE}/essai"))
    for odd in ("x", "-1", "9" * 30, "²"):
        assert analyst.post(f"{PAGE}/essai/retrait", {"vue": odd}).status_code == 404


@pytest.mark.usefixtures("essai")
def test_what_is_not_there_is_not_found(analyst: Visitor) -> None:
    for path in (
        "rien", "essai/versions/2", "essai/versions/0", f"essai/versions/{2**40}", "essai/versions/x", "rien/versions/1",
        "rien/retrait", "essai/versions/3/publication", "essai/versions/1/etapes/rien", "essai/versions/2/schema.bpmn",
        "essai/versions/2/fichiers.zip",
    ):  # fmt: skip
        assert analyst.get(f"{PAGE}/{path}").status_code == 404, path
    assert analyst.post(f"{PAGE}/essai/versions/3/publication", {"vue": "1"}).status_code == 404
    assert analyst.post(f"{PAGE}/rien/retrait").status_code == 404


def test_a_stale_proof_is_asked_for_before_anything_is_decided(
    yann: Account, signed_in: Callable[[Account], Visitor], clock_at: Callable[[str], datetime], essai: Files
) -> None:
    clock_at("2027-01-11 09:00")
    analyst = signed_in(yann)
    clock_at("2027-01-11 09:11")
    assert analyst.get(f"{PAGE}/essai").status_code == 200
    proof = "/agents/profil/verification?suite="
    for path in (f"{PAGE}/essai/retrait", f"{PAGE}/essai/versions/1/publication", DEPOSIT):
        assert analyst.get(path).location == f"{proof}{path}"
    assert analyst.post(f"{PAGE}/essai/retrait", {"vue": "1"}).location == f"{proof}{PAGE}/essai/retrait"
    assert analyst.post(DEPOSIT, {"archive": (packed(essai), "essai.zip")}).location == f"{proof}{DEPOSIT}"
    path = f"{PAGE}/essai/retrait"
    answer = analyst.post("/agents/profil/verification", {"mot_de_passe": PASSWORD, "suite": path})
    assert analyst.get(answer.location).status_code == 200


def test_the_house_s_versions_are_read(analyst: Visitor, said: Said) -> None:
    """Each of the house's procedures, its page and that of its version, with its tasks and no problem."""
    slugs = re.findall(rf'href="{PAGE}/([a-z-]+)"', analyst.get(PAGE).text)
    assert "autonomie-demande" in slugs
    assert "l’a été à l’installation du portail" in said(analyst.get(f"{PAGE}/{slugs[0]}"))
    for slug in slugs:
        page = said(analyst.get(f"{PAGE}/{slug}/versions/1"))
        assert "Aucun problème." in page, slug
        assert "avant le dépôt" in page, slug


def test_a_version_tells_its_delays_files_and_idle_groups(analyst: Visitor, said: Said) -> None:
    page = said(analyst.get(f"{PAGE}/signalement/versions/1"))
    assert "Délai annoncé" in page
    assert "Aucun agent n’est dans" in page
    source = analyst.get(f"{PAGE}/signalement/versions/1/schema.bpmn")
    assert b"<bpmn:definitions" in source.data
    assert "sandbox" in source.headers["Content-Security-Policy"]


def test_every_form_has_a_preview_that_sends_nothing(analyst: Visitor, said: Said) -> None:
    """Drawn as the portal draws them, outside of any request."""
    shown = 0
    for slug in re.findall(rf'href="{PAGE}/([a-z-]+)"', analyst.get(PAGE).text):
        version = analyst.get(f"{PAGE}/{slug}/versions/1").text
        for path in re.findall(rf'href="({PAGE}/{slug}/versions/1/etapes/[^"]+)"', version):
            page = analyst.get(path)
            assert page.status_code == 200, path
            assert 'method="dialog"' in page.text
            assert "csrf_token" not in page.text.partition('<form method="dialog"')[2].partition("</form>")[0]
            shown += 1
            if path.endswith("stationnement-renouvellement/versions/1/etapes/ma_demande"):
                assert "Exemple d’un choix qui vient du compte" in said(page)
    assert shown > 40
