"""«Profil et préférences»: each section apart (B4, B5, B6, B11)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from engine.core import mail
from engine.core.db import Database
from engine.people import accounts, groups
from engine.people.accounts import Account
from tests.portal.conftest import PASSWORD, Visitor

Said = Callable[[TestResponse], str]
PROFILE = "/mon-espace/profil"
CLAIRE = "claire.martin@exemple.fr"
OTHER = "Platane-2031!"
COORDINATES = {
    "voie": "4 rue du Four",
    "complement": "Bâtiment B",
    "code_postal": "95999",
    "commune": "Valmont-sur-Seine",
    "telephone_mobile": "06 39 98 00 11",
    "telephone_fixe": "",
    "contact_prefere": "telephone",
}
IDENTITY = {
    "sexe": "F",
    "prenoms": "Claire Léa",
    "nom_naissance": "Martin",
    "nom_usage": "Petit",
    "date_naissance-day": "14",
    "date_naissance-month": "3",
    "date_naissance-year": "1987",
}


@pytest.fixture
def claire(visitor: Visitor, account: Callable[..., Any]) -> Visitor:
    """Claire, signed in."""
    account()
    visitor.sign_in(CLAIRE)
    return visitor


def stored(data: Database) -> Account:
    with data.reading() as session:
        return session.query(Account).one()


def letters(data: Database) -> list[mail.Mail]:
    with data.reading() as session:
        return mail.outbox(session)


def code_in(data: Database) -> str:
    return re.findall(r"^\d{4}$", next(one.text for one in letters(data) if one.name == "courriel-code"), re.M)[0]


def test_the_page_has_its_sections(claire: Visitor, said: Said) -> None:
    page = claire.get(PROFILE)
    for title in ("Connexion à votre compte", "Coordonnées", "Informations d’identité"):
        assert title in said(page)
    assert CLAIRE in said(page)
    assert "Modifier mon profil" in said(claire.get("/mon-espace"))


@pytest.mark.parametrize(
    "path",
    ["", "/identite", "/coordonnees", "/mot-de-passe", "/nom-utilisateur", "/courriel/connexion", "/courriel/contact"],
)
def test_it_is_the_residents_own(
    visitors: Callable[[], Visitor], account: Callable[..., Any], data: Database, path: str
) -> None:
    account()
    account("jeanne@valmont.example", kind="agent", first_names="Jeanne", birth_name="Instruit")
    data.run(lambda session: groups.ensure(session, "Ailleurs"))
    nobody, claire, agent = visitors(), visitors(), visitors()
    claire.sign_in(CLAIRE)
    agent.sign_in("jeanne@valmont.example")
    codes = [one.get(PROFILE + path).status_code for one in (nobody, claire, agent)]
    assert codes == [303, 200, 403]
    assert nobody.get(PROFILE + path).location.startswith("/connexion")


def test_an_unknown_kind_of_address_is_no_page(claire: Visitor) -> None:
    assert claire.get(f"{PROFILE}/courriel/autre").status_code == 404
    assert claire.post(f"{PROFILE}/courriel/autre", {"courriel": "x@exemple.fr"}).status_code == 404


def test_coordinates_are_replaced(claire: Visitor, data: Database, said: Said) -> None:
    page = claire.get(f"{PROFILE}/coordonnees")
    assert 'value="12 rue des Tilleuls"' in page.text
    page = claire.follow(claire.post(f"{PROFILE}/coordonnees", COORDINATES))
    assert "Vos informations sont enregistrées." in said(page)
    account = stored(data)
    assert (account.street, account.address_more, account.postcode) == ("4 rue du Four", "Bâtiment B", "95999")
    assert (account.mobile_phone, account.preferred_contact) == ("06 39 98 00 11", "telephone")
    emptied = dict.fromkeys(COORDINATES, "")
    assert claire.post(f"{PROFILE}/coordonnees", {**emptied, "contact_prefere": "courriel"}).status_code == 303
    assert stored(data).street is None


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"commune": ""}, "f-commune"),
        ({"telephone_mobile": "12"}, "f-telephone_mobile"),
        ({"telephone_mobile": ""}, "f-telephone_mobile"),
        ({"contact_prefere": ""}, "f-contact_prefere"),
        ({"voie": "", "complement": "", "code_postal": "", "commune": "", "contact_prefere": "courrier"}, "f-voie"),
    ],
)
def test_wrong_coordinates_are_shown_again(claire: Visitor, data: Database, typed: dict[str, str], wrong: str) -> None:
    page = claire.post(f"{PROFILE}/coordonnees", {**COORDINATES, **typed})
    assert page.status_code == 422
    assert f'href="#{wrong}"' in page.text
    assert stored(data).street == "12 rue des Tilleuls"


def test_the_identity_is_replaced(claire: Visitor, data: Database) -> None:
    assert claire.post(f"{PROFILE}/identite", IDENTITY).location == PROFILE
    assert stored(data).display_name == "Claire Petit"
    assert claire.post(f"{PROFILE}/identite", {**IDENTITY, "prenoms": ""}).status_code == 422


def test_a_certified_identity_is_locked(
    visitor: Visitor, account: Callable[..., Any], data: Database, said: Said
) -> None:
    account(certified=True)
    visitor.sign_in(CLAIRE)
    assert "certifiée" in said(visitor.get(PROFILE))
    page = visitor.get(f"{PROFILE}/identite")
    assert 'name="prenoms"' not in page.text
    assert 'name="nom_usage"' in page.text
    assert "fournisseur d’identité" in said(page)
    visitor.post(f"{PROFILE}/identite", {**IDENTITY, "prenoms": "Zoé", "nom_naissance": "Autre"})
    found = stored(data)
    assert (found.first_names, found.birth_name, found.usage_name) == ("Claire", "Martin", "Petit")


def test_what_was_typed_outlives_the_session(claire: Visitor, account: Callable[..., Any]) -> None:
    former = claire.client.get_cookie("parvis_connexion")
    claire.get(PROFILE)
    claire.client.delete_cookie("parvis_connexion")
    answer = claire.post(f"{PROFILE}/coordonnees", {**COORDINATES, "voie": "9 quai Neuf"})
    assert former is not None
    assert answer.location.startswith("/connexion?suite=")
    answer = claire.sign_in(CLAIRE, suite=f"{PROFILE}/coordonnees")
    assert 'value="9 quai Neuf"' in claire.get(answer.location).text


def test_a_new_password_signs_the_others_out(
    visitors: Callable[[], Visitor], account: Callable[..., Any], data: Database, said: Said
) -> None:
    account()
    here, there = visitors(), visitors()
    for one in (here, there):
        one.sign_in(CLAIRE)
    former = here.client.get_cookie("parvis_connexion")
    answer = here.post(
        f"{PROFILE}/mot-de-passe",
        {"mot_de_passe_actuel": PASSWORD, "mot_de_passe": OTHER, "mot_de_passe_confirmation": OTHER},
    )
    assert "Votre mot de passe est modifié." in said(here.follow(answer))
    assert there.get("/mon-espace").status_code == 303
    assert here.get("/mon-espace").status_code == 200
    now = here.client.get_cookie("parvis_connexion")
    assert former is not None
    assert now is not None
    assert now.value != former.value
    assert [one.name for one in letters(data)] == ["mot-de-passe-modifie"]
    assert there.sign_in(CLAIRE, mot_de_passe=OTHER).location == "/mon-espace"


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"mot_de_passe_actuel": ""}, "mot_de_passe_actuel"),
        ({"mot_de_passe_actuel": "Faux-1987!"}, "mot_de_passe_actuel"),
        ({"mot_de_passe": "court"}, "mot_de_passe"),
        ({"mot_de_passe_confirmation": "Autre-2031!"}, "mot_de_passe_confirmation"),
    ],
)
def test_a_password_change_says_what_is_wrong(
    claire: Visitor, data: Database, typed: dict[str, str], wrong: str
) -> None:
    fields = {"mot_de_passe_actuel": PASSWORD, "mot_de_passe": OTHER, "mot_de_passe_confirmation": OTHER, **typed}
    before = stored(data).password_hash
    page = claire.post(f"{PROFILE}/mot-de-passe", fields)
    assert page.status_code == 422
    assert f'href="#{wrong}"' in page.text
    assert stored(data).password_hash == before


def test_a_password_is_proposed(claire: Visitor) -> None:
    page = claire.post(f"{PROFILE}/mot-de-passe", {"_action": "proposer"})
    assert page.status_code == 200
    assert re.search(r"data-proposed>[^<]{12,}</strong>", page.text)


def test_the_sign_in_address_changes_by_password_and_code(claire: Visitor, data: Database, said: Said) -> None:
    path = f"{PROFILE}/courriel/connexion"
    refused = claire.post(path, {"courriel": "claire@nouveau.example", "mot_de_passe_actuel": "Faux-1987!"})
    assert refused.status_code == 422
    assert letters(data) == []
    answer = claire.post(path, {"courriel": "claire@nouveau.example", "mot_de_passe_actuel": PASSWORD})
    assert answer.location == f"{PROFILE}/code"
    assert "claire@nouveau.example" in said(claire.get(answer.location))
    code = code_in(data)
    wrong = f"{(int(code) + 1) % 10_000:04}"
    assert "reste 2 essais" in said(claire.post(f"{PROFILE}/code", {"code": wrong}))
    assert claire.post(f"{PROFILE}/code", {"code": "x"}).status_code == 422
    claire.post(f"{PROFILE}/code/renvoi")
    page = claire.follow(claire.post(f"{PROFILE}/code", {"code": code_in(data)}))
    assert "Votre courriel de connexion est modifié." in said(page)
    account = stored(data)
    assert (account.login, account.contact_email) == ("claire@nouveau.example", CLAIRE)
    assert {one.recipient for one in letters(data) if one.name == "courriel-modifie"} == {CLAIRE}


def test_the_contact_address_changes_by_code(claire: Visitor, data: Database) -> None:
    answer = claire.post(f"{PROFILE}/courriel/contact", {"courriel": "famille@exemple.fr"})
    assert answer.location == f"{PROFILE}/code"
    assert claire.post(f"{PROFILE}/code", {"code": code_in(data)}).location == PROFILE
    assert (stored(data).login, stored(data).contact_email) == (CLAIRE, "famille@exemple.fr")


@pytest.mark.parametrize("use", ["connexion", "contact"])
def test_one_s_own_address_gets_no_code(claire: Visitor, data: Database, said: Said, use: str) -> None:
    typed = {"courriel": f" {CLAIRE} ", "mot_de_passe_actuel": PASSWORD}
    page = claire.post(f"{PROFILE}/courriel/{use}", typed)
    assert page.status_code == 422
    assert "C’est déjà votre adresse" in said(page)
    assert letters(data) == []


def test_a_wrong_address_gets_no_code(claire: Visitor, data: Database) -> None:
    page = claire.post(f"{PROFILE}/courriel/contact", {"courriel": "famille@"})
    assert page.status_code == 422
    assert 'value="famille@"' in page.text
    assert letters(data) == []


@pytest.mark.parametrize("path", ["/code", "/code/renvoi"])
def test_without_a_new_address_there_is_no_code(claire: Visitor, path: str) -> None:
    assert claire.get(f"{PROFILE}/code").location == PROFILE
    assert claire.post(PROFILE + path, {"code": "1234"}).location == PROFILE


def test_the_user_name_is_chosen_changed_and_taken_away(
    claire: Visitor, account: Callable[..., Any], data: Database, said: Said
) -> None:
    account("karim@exemple.fr", first_names="Karim", birth_name="Benali", username="karim")
    path = f"{PROFILE}/nom-utilisateur"
    assert claire.post(path, {"nom_utilisateur": "Claire.M"}).location == PROFILE
    assert "claire.m" in said(claire.get(PROFILE))
    for name in ("karim", "é", "a@b.fr"):
        assert claire.post(path, {"nom_utilisateur": name}).status_code == 422
    assert "Votre nom d’utilisateur est retiré." in said(claire.follow(claire.post(path, {"nom_utilisateur": ""})))
    with data.reading() as session:
        assert accounts.by_login(session, "claire.m") is None


def test_browsers_are_listed_and_signed_out(
    visitors: Callable[[], Visitor], account: Callable[..., Any], said: Said
) -> None:
    account()
    here, phone, library = visitors(), visitors(), visitors()
    here.sign_in(CLAIRE)
    for one, name in ((phone, "Mozilla/5.0 (iPhone) Safari/604"), (library, "Mozilla/5.0 (Windows NT) Firefox/140")):
        one.post("/connexion", {"identifiant": CLAIRE, "mot_de_passe": PASSWORD}, headers={"User-Agent": name})
    page = here.get(PROFILE)
    assert "Safari sur iPhone" in said(page)
    assert "Firefox sur Windows" in said(page)
    assert said(page).count("Cet appareil") == 1
    closing = re.findall(r'action="(/mon-espace/profil/appareils/[0-9a-f-]{36}/deconnexion)"', page.text)
    assert len(closing) == 2
    here.post(closing[0])
    assert sorted(one.get("/mon-espace").status_code for one in (phone, library)) == [200, 303]
    here.post(f"{PROFILE}/appareils/deconnexion")
    assert [one.get("/mon-espace").status_code for one in (here, phone, library)] == [200, 303, 303]


def test_nobody_signs_somebody_elses_browser_out(
    claire: Visitor, visitors: Callable[[], Visitor], account: Callable[..., Any]
) -> None:
    account("karim@exemple.fr", first_names="Karim", birth_name="Benali")
    karim, again = visitors(), visitors()
    for one in (karim, again):
        one.sign_in("karim@exemple.fr")
    (closing,) = re.findall(
        r'action="(/mon-espace/profil/appareils/[0-9a-f-]{36}/deconnexion)"', karim.get(PROFILE).text
    )
    claire.post(closing)
    assert again.get("/mon-espace").status_code == 200
