"""Agents see who is expected and decide hours and places; the other services see nothing of it (A6, D1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from engine.contact import appointments
from engine.contact.appointments import Agenda
from engine.core import audit
from engine.core.db import Database
from engine.people import groups
from engine.people.accounts import Account
from engine.procedures import demo, quotas
from engine.procedures.quotas import Quota, Rule
from tests.portal.conftest import Visitor
from tests.portal.test_appointments import filed

GROUPS = ("Titres d’identité", "Composteurs")
Said = Callable[..., str]


@pytest.fixture(autouse=True)
def monday(data: Database, clock_at: Callable[[str], datetime]) -> None:
    clock_at("2026-03-02 10:00")
    data.run(demo.add_agendas)


@pytest.fixture
def clerk(account: Callable[..., Account], signed_in: Callable[[Account], Visitor]) -> Visitor:
    """Somebody at the desk."""
    return signed_in(account("jeanne@valmont.example", kind="agent", first_names="Jeanne", groups_=GROUPS))


@pytest.fixture
def head(data: Database, account: Callable[..., Account], signed_in: Callable[[Account], Visitor]) -> Visitor:
    """Who supervises the service."""
    made = account("odile@valmont.example", kind="agent", first_names="Odile", groups_=GROUPS)
    data.run(groups.supervise, made, GROUPS)
    return signed_in(made)


def agenda(data: Database, code: str = "mairie-annexe") -> Agenda:
    with data.reading() as session:
        return appointments.find(session, code)


SETTINGS = {
    "lieu": "Mairie annexe",
    "adresse": "48 avenue de la République",
    "duree": "20",
    "pas": "20",
    "delai": "24",
    "horizon": "60",
    "actif": "oui",
    "jour-2-0-de": "14:00",
    "jour-2-0-a": "18:00",
    "jour-2-0-guichets": "2",
}


def test_the_day_says_who_comes(clerk: Visitor, visitor: Visitor, said: Said) -> None:
    reference = filed(visitor)
    assert ">1<" in clerk.get("/agents/agendas").text
    page = clerk.get("/agents/agendas/mairie-centrale?jour=2026-03-03")
    assert "PETIT Nadia" in said(page)
    assert reference in said(page)
    assert "1 rendez-vous prévu." in said(page)
    assert "Régler les horaires" not in said(page)
    visitor.post(f"/demandes/{reference}/rendez-vous/annuler")
    assert "Annulé" in said(clerk.get("/agents/agendas/mairie-centrale?jour=2026-03-03"))
    for odd in ("hier", "9999-99-99", "0001-01-01"):
        assert clerk.get(f"/agents/agendas/mairie-centrale?jour={odd}").status_code == 200


def test_other_services_see_nothing(account: Any, signed_in: Any, visitor: Visitor) -> None:
    stranger = signed_in(account("zoe@valmont.example", kind="agent", first_names="Zoé", groups_=("Autonomie",)))
    assert "Vos services n’ont pas d’agenda" in stranger.get("/agents/agendas").text
    for path in ("/agents/agendas/mairie-centrale", "/agents/agendas/mairie-centrale/reglages", "/agents/agendas/rien"):
        assert stranger.get(path).status_code == 404
    assert visitor.get("/agents/agendas").status_code == 303


def test_supervisors_decide_hours_and_closures(head: Visitor, data: Database, said: Said) -> None:
    page = head.get("/agents/agendas/mairie-annexe/reglages")
    assert 'value="14:00"' in page.text
    answer = head.post(
        "/agents/agendas/mairie-annexe/reglages",
        {**SETTINGS, "ferme-0-du": "2026-12-24", "ferme-0-au": "", "ferme-0-motif": "pont"},
    )
    assert answer.status_code == 303
    kept = agenda(data)
    assert [(one.weekday, one.opens, one.desks) for one in kept.hours] == [(2, 14 * 60, 2)]
    with data.reading() as session:
        assert [one.object_id for one in audit.listing(session) if one.action == "agenda.changed"] == ["mairie-annexe"]
    assert [(one.first.isoformat(), one.reason) for one in kept.closed] == [("2026-12-24", "pont")]


def test_the_desk_sees_and_does_not_decide(clerk: Visitor, data: Database) -> None:
    assert clerk.get("/agents/agendas/mairie-annexe/reglages").status_code == 403
    assert clerk.post("/agents/agendas/mairie-annexe/reglages", SETTINGS).status_code == 403
    assert agenda(data).place == "Mairie annexe des Tilleuls"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jour-2-0-de": "midi"}, "Les heures du mardi"),
        ({"jour-2-0-a": "13:00"}, "mardi"),
        ({"jour-2-0-guichets": "beaucoup"}, "guichets du mardi"),
        ({"duree": "7"}, "multiple de 5"),
        ({"horizon": ""}, "jours d’horizon"),
        ({"delai": "deux"}, "Le nombre d’heures de délai s’écrit en chiffres."),
        ({"pas": "0"}, "5 minutes au moins"),
        ({"lieu": ""}, "Le lieu est nécessaire."),
        ({"adresse": "x" * 201}, "L’adresse a 200 caractères au plus."),
        ({"ferme-0-motif": "x" * 101, "ferme-0-du": "2026-12-24", "ferme-0-au": ""}, "100 caractères au plus"),
        ({"ferme-0-du": "2026-12-24", "ferme-0-au": "hier", "ferme-0-motif": ""}, "fermeture"),
    ],
)
def test_wrong_settings_are_said_and_shown_again(
    head: Visitor, data: Database, said: Said, change: dict[str, str], message: str
) -> None:
    answer = head.post("/agents/agendas/mairie-annexe/reglages", {**SETTINGS, **change})
    assert answer.status_code == 422
    assert message in said(answer)
    assert next(iter(change.values())) in answer.text
    # The summary leads to the field, which says itself what is wrong with it.
    field = re.findall(r'href="#([a-z0-9-]+)">', answer.text)[-1]
    assert re.search(rf'<input[^>]+id="{field}"[^>]+aria-describedby="{field}-erreur" aria-invalid="true"', answer.text)
    assert f'id="{field}-erreur"' in answer.text
    assert agenda(data).place == "Mairie annexe des Tilleuls"


def test_everything_wrong_is_said_at_once(head: Visitor) -> None:
    wrong = {"pas": "0", "delai": "deux", "jour-2-0-de": "midi", "lieu": "", "ferme-0-du": "hier"}
    answer = head.post("/agents/agendas/mairie-annexe/reglages", {**SETTINGS, **wrong})
    assert set(re.findall(r'href="#([a-z0-9-]+)">', answer.text)) >= set(wrong)


def test_who_is_expected_outside_the_new_hours_is_told_of(head: Visitor, visitor: Visitor, said: Said) -> None:
    reference = filed(visitor)
    visitor.post(f"/demandes/{reference}/rendez-vous", {"creneau": "2026-03-05T14:00@mairie-annexe"})
    answer = head.follow(head.post("/agents/agendas/mairie-annexe/reglages", SETTINGS))
    assert "1 rendez-vous déjà pris ne tient plus dans ces horaires." in said(answer)
    assert f'href="/agents/demandes/{reference}"' in answer.text


def test_two_who_change_the_settings_at_once_lose_nothing(
    head: Visitor, data: Database, said: Said, clock_at: Callable[[str], datetime]
) -> None:
    address = "/agents/agendas/mairie-annexe/reglages"

    def seen(page: str) -> dict[str, str]:
        return dict(re.findall(r'name="(_vu)" value="([^"]+)"', page))

    first = seen(head.get(address).text)
    clock_at("2026-03-02 10:05")
    assert head.post(address, {**SETTINGS, **first, "conseil": "Entrée par la cour"}).status_code == 303
    refused = head.post(address, {**SETTINGS, **first, "adresse": "50 avenue de la République"})
    assert refused.status_code == 409
    assert "Quelqu’un d’autre a enregistré ces réglages le 2 mars 2026" in said(refused)
    assert 'value="50 avenue de la République"' in refused.text
    assert agenda(data).advice == "Entrée par la cour"
    assert head.post(address, {**SETTINGS, **seen(refused.text), "adresse": "50 avenue"}).status_code == 303
    assert agenda(data).address == "50 avenue"


def test_settings_outlive_the_session(head: Visitor, data: Database) -> None:
    address = "/agents/agendas/mairie-annexe/reglages"
    page = head.get(address).text
    seen = dict(re.findall(r'name="(_vu)" value="([^"]+)"', page))
    head.client.delete_cookie("parvis_connexion")
    lost = head.post(address, {**SETTINGS, **seen, "conseil": "Entrée par la cour"})
    assert lost.location.startswith("/connexion?")
    head.sign_in("odile@valmont.example", suite=address)
    back = head.get(address)
    assert "Entrée par la cour" in back.text
    assert seen["_vu"] in back.text
    assert agenda(data).advice != "Entrée par la cour"


# --- quotas ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def quota(data: Database) -> Quota:
    data.run(quotas.hold, Rule("composteur", 60, period="year"), uuid4())
    with data.reading() as session:
        return session.scalars(select(Quota)).one()


def test_supervisors_decide_how_many_places_there_are(head: Visitor, data: Database, quota: Quota, said: Said) -> None:
    assert "59" in said(head.get("/agents/quotas"))
    for places, told in (
        ("1", "1 place, dont 0 libre."),
        ("0", "0 place, dont 0 libre."),
        ("3", "3 places, dont 2 libres."),
    ):
        done = head.post(f"/agents/quotas/{quota.id}", {"places": places})
        assert f"Il y a maintenant {told}" in said(head.follow(done))
    assert "la démarche en prévoit 60" in said(head.get("/agents/quotas"))
    answer = head.post(f"/agents/quotas/{quota.id}", {"places": "beaucoup"})
    assert answer.status_code == 422
    assert 'value="beaucoup"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    for odd in ("-5", "99999999999999999999", "1000001"):
        assert "de 0 à 1000000." in said(head.post(f"/agents/quotas/{quota.id}", {"places": odd})), odd
    head.post(f"/agents/quotas/{quota.id}", {"places": ""})
    with data.reading() as session:
        assert session.scalars(select(Quota.wanted)).one() is None


def test_places_that_a_colleague_decided_meanwhile_are_not_undone(
    head: Visitor, data: Database, quota: Quota, said: Said
) -> None:
    mark = re.findall(r'name="_vu" value="(\w+)"', head.get("/agents/quotas").text)[0]
    data.run(quotas.decide, quota.id, 12)
    refused = head.post(f"/agents/quotas/{quota.id}", {"places": "3", "_vu": mark})
    assert refused.status_code == 409
    assert "Quelqu’un d’autre a enregistré" in said(refused)
    assert 'value="3"' in refused.text
    mark = re.findall(r'name="_vu" value="(\w+)"', refused.text)[0]
    done = head.post(f"/agents/quotas/{quota.id}", {"places": "3", "_vu": mark})
    assert "3 places, dont 2 libres" in said(head.follow(done))


def test_quotas_are_those_of_ones_service(
    clerk: Visitor, account: Any, signed_in: Any, quota: Quota, said: Said
) -> None:
    assert "Demander un composteur" in said(clerk.get("/agents/quotas"))
    assert clerk.post(f"/agents/quotas/{quota.id}", {"places": "3"}).status_code == 403
    stranger = signed_in(account("zoe@valmont.example", kind="agent", first_names="Zoé", groups_=("Autonomie",)))
    assert "Demander un composteur" not in said(stranger.get("/agents/quotas"))
    assert stranger.post(f"/agents/quotas/{quota.id}", {"places": "3"}).status_code == 404


def test_a_share_is_called_as_its_form_calls_it(head: Visitor, data: Database, said: Said) -> None:
    for share in ("tilleuls", "ailleurs"):
        data.run(quotas.hold, Rule("composteur", 20, name="quartier", share=share, period="year"), uuid4())
    page = said(head.get("/agents/quotas"))
    assert "Demander un composteur, quartier : Les Tilleuls (2026)" in page
    assert "quartier : ailleurs (2026)" in page


def test_a_number_of_places_outlives_the_session(head: Visitor, data: Database, quota: Quota) -> None:
    address = f"/agents/quotas/{quota.id}"
    head.get("/agents/quotas")
    head.client.delete_cookie("parvis_connexion")
    assert head.post(address, {"places": "37"}).location.startswith("/connexion?")
    head.sign_in("odile@valmont.example", suite=address)
    assert 'value="37"' in head.get(address).text
    assert 'value="37"' not in head.get(address).text
