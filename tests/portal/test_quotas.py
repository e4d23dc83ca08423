"""Quotas as residents meet them: told before anything is typed, a held place, the waiting list (A6, A7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from engine.core import clock, jobs, mail
from engine.core.db import Database, Session
from engine.handlers import HANDLERS
from engine.procedures import cases, catalogue, quotas
from engine.procedures.quotas import Quota, QuotaPlace
from tests.portal.conftest import Visitor

SLUG = "composteur"
Said = Callable[..., str]


@pytest.fixture(autouse=True)
def monday(clock_at: Callable[[str], datetime]) -> None:
    clock_at("2026-03-02 10:00")


@pytest.fixture
def places(data: Database) -> Callable[[int], None]:
    """`places(1)` leaves so many places in all."""

    def decide(number: int) -> None:
        def work(session: Session) -> None:
            version_id = catalogue.find(session, SLUG).version_id
            assert version_id is not None
            rule = quotas.rule_of(catalogue.definition(session, version_id))
            assert rule is not None
            quota = quotas.ensured(session, rule)
            quotas.decide(session, quota.id, number)

        data.run(work)

    return decide


@pytest.fixture
def neighbour(visitors: Callable[[], Visitor], account: Any) -> Callable[[str], Visitor]:
    """`neighbour("ada")` is signed in with an account of that name."""

    def arrive(name: str) -> Visitor:
        account(f"{name}@exemple.fr", first_names=name.title())
        visitor = visitors()
        visitor.sign_in(f"{name}@exemple.fr")
        return visitor

    return arrive


def taken(data: Database) -> int:
    with data.reading() as session:
        return session.scalars(select(Quota.taken)).one()


def test_a_place_is_held_from_the_beginning(neighbour: Any, data: Database, said: Said) -> None:
    ada = neighbour("ada")
    assert "Il reste 60 places" in said(ada.get(f"/demarches/{SLUG}")).replace("\u00a0", " ")
    step = ada.post(f"/demarches/{SLUG}").location
    page = said(ada.get(step)).replace("\u00a0", " ")
    assert "Votre place est gardée jusqu’à 10 h 20" in page
    assert taken(data) == 1
    ada.post(f"/demandes/{step.split('/')[2]}/annuler")
    assert taken(data) == 0


def test_when_none_is_left_it_is_said_before_anything_is_typed(
    neighbour: Any, places: Any, data: Database, said: Said
) -> None:
    places(1)
    ada, boris = neighbour("ada"), neighbour("boris")
    boris.get(f"/demarches/{SLUG}")
    assert ada.post(f"/demarches/{SLUG}").status_code == 303
    answer = boris.post(f"/demarches/{SLUG}")
    assert answer.status_code == 409
    for page in (answer, boris.get(f"/demarches/{SLUG}")):
        assert "Le nombre de demandes prévu est atteint" in said(page)
        assert "Commencer" not in said(page)
    assert taken(data) == 1


def test_the_waiting_list_offers_the_place_that_comes_back(
    neighbour: Any, places: Any, data: Database, said: Said
) -> None:
    places(1)
    ada, boris, chloe = neighbour("ada"), neighbour("boris"), neighbour("chloe")
    draft = ada.post(f"/demarches/{SLUG}").location
    assert 'value="boris@exemple.fr"' in boris.get(f"/demarches/{SLUG}").text
    for who, name in ((boris, "boris"), (chloe, "chloe")):
        assert who.post(f"/demarches/{SLUG}/liste-d-attente", {"courriel": f"{name}@exemple.fr"}).status_code == 303
    assert "Votre numéro est le 1" in said(boris.get(f"/demarches/{SLUG}")).replace("\u00a0", " ")
    assert "1 personne est avant vous" in said(chloe.get(f"/demarches/{SLUG}")).replace("\u00a0", " ")
    ada.post(f"/demandes/{draft.split('/')[2]}/annuler")
    assert "Une place vous est proposée" in said(boris.get(f"/demarches/{SLUG}"))
    space = boris.get("/mon-espace")
    assert "Prendre cette place" in said(space)
    assert "Prendre cette place" not in said(chloe.get("/mon-espace"))
    assert chloe.post(f"/demarches/{SLUG}").status_code == 409
    boris.post(f"/demarches/{SLUG}/liste-d-attente/quitter")
    assert "Une place vous est proposée" in said(chloe.get(f"/demarches/{SLUG}"))
    assert chloe.post(f"/demarches/{SLUG}").status_code == 303
    assert taken(data) == 1


def test_an_offer_is_followed_from_its_e_mail(
    neighbour: Any, visitors: Callable[[], Visitor], places: Any, data: Database, said: Said
) -> None:
    places(0)
    ada = neighbour("ada")
    ada.post(f"/demarches/{SLUG}/liste-d-attente", {"courriel": "autre@exemple.fr"})
    places(1)
    with data.reading() as session:
        (text,) = [one.text for one in session.scalars(select(mail.Mail)) if one.name == "liste-attente-offre"]
    link = re.search(r"/demarches/\S+", text)
    assert link is not None
    assert "Une place vous est proposée" in said(visitors().get(link[0]))
    assert "Le nombre de demandes prévu est atteint" in said(visitors().get(f"/demarches/{SLUG}?place=autre"))


def test_a_wrong_address_brings_the_form_again(neighbour: Any, places: Any, said: Said) -> None:
    places(0)
    answer = neighbour("ada").post(f"/demarches/{SLUG}/liste-d-attente", {"courriel": "ada@"})
    assert answer.status_code == 422
    assert 'value="ada@"' in answer.text
    assert "adresse de courriel valide" in said(answer)


def test_waiting_asks_for_the_account_that_the_procedure_asks_for(visitor: Visitor, places: Any) -> None:
    places(0)
    answer = visitor.post(f"/demarches/{SLUG}/liste-d-attente", {"courriel": "ada@exemple.fr"})
    assert answer.status_code == 303
    assert "/connexion" in answer.location


def test_procedures_without_a_quota_have_no_list(visitor: Visitor, data: Database) -> None:
    answer = visitor.post("/demarches/signalement/liste-d-attente", {"courriel": "ada@exemple.fr"})
    assert answer.location.endswith("/demarches/signalement")
    with data.reading() as session:
        assert session.scalars(select(mail.Mail)).all() == []


def test_a_place_that_ran_out_and_was_taken_is_told_at_filing(
    neighbour: Any, places: Any, data: Database, clock_at: Callable[[str], datetime], said: Said
) -> None:
    """A6, A7: the draft is kept, and the page of the procedure says why it can't be filed now."""
    places(1)
    ada = neighbour("ada")
    step = ada.post(f"/demarches/{SLUG}").location
    step = ada.post(step, {"sexe": "F", "prenoms": "Ada", "nom_naissance": "Martin", "courriel": "ada@exemple.fr",
        "date_naissance-day": "1", "date_naissance-month": "2", "date_naissance-year": "1980",
        "adresse.voie": "1 rue", "adresse.code_postal": "95999", "adresse.commune": "Valmont-sur-Seine",
        "contact_prefere": "courriel"}).location  # fmt: skip
    summary = ada.post(step, {"modele": "jardin", "quartier": "tilleuls", "foyer": "2"}).location
    assert summary.endswith("/recapitulatif")
    clock_at("2026-03-02 10:21")
    with data.reading() as session:
        due = [(job.id, job.due_at) for job in session.scalars(select(jobs.Job)) if job.kind == "release_place"]
    assert len(due) == 2
    assert all(at <= clock.now() for _, at in due)
    for job_id, _ in due:
        assert jobs.run(data, job_id, HANDLERS)
    assert "Votre place n’est plus gardée" in said(ada.get(summary))
    assert neighbour("boris").post(f"/demarches/{SLUG}").status_code == 303
    answer = ada.post(summary, {"certification": "true"})
    assert answer.location.endswith(f"/demarches/{SLUG}")
    page = said(ada.get(answer.location))
    assert "Votre saisie est conservée" in page
    assert "Le nombre de demandes prévu est atteint" in page
    assert "Reprendre" in page
    places(2)
    assert ada.post(summary, {"certification": "true"}).location.endswith("/confirmation")
    with data.reading() as session:
        kept = [place for place in session.scalars(select(QuotaPlace)) if place.status == quotas.KEPT]
    assert len(kept) == 2


def test_signing_in_for_a_procedure_that_is_full_leads_to_its_page(visitor: Visitor, account: Any, places: Any) -> None:
    account("ada@exemple.fr")
    places(0)
    answer = visitor.sign_in("ada@exemple.fr", demarche=SLUG)
    assert answer.location.endswith(f"/demarches/{SLUG}")


def test_who_made_their_one_request_is_told_before_anything_is_typed(
    neighbour: Any, data: Database, said: Said
) -> None:
    ada = neighbour("ada")
    step = ada.post(f"/demarches/{SLUG}").location
    reference = step.split("/")[2]

    def file(session: Session) -> None:
        case = session.scalars(select(cases.Case).where(cases.Case.reference == reference)).one()
        case.status, case.filed_at = "filed", clock.now()

    data.run(file)
    page = ada.get(f"/demarches/{SLUG}")
    assert "Vous avez déjà fait cette démarche" in said(page)
    assert f'href="/demandes/{reference}/suivi"' in page.text
    assert "Commencer" not in said(page)
    again = ada.post(f"/demarches/{SLUG}")
    assert (again.status_code, "Vous avez déjà fait cette démarche" in said(again)) == (409, True)
    joined = ada.post(f"/demarches/{SLUG}/liste-d-attente", {"courriel": "ada@exemple.fr"})
    assert joined.status_code == 303
    with data.reading() as session:
        assert session.scalars(select(quotas.QuotaWaiting)).first() is None
    assert "Commencer" in said(neighbour("boris").get(f"/demarches/{SLUG}"))
