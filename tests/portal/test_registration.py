"""Creating an account as visitors do, without JavaScript (B1 to B4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from engine.core import mail
from engine.core.db import Database
from engine.people import accounts, captcha, passwords, registration, terms
from engine.people.kept import KeptForm
from tests.portal.conftest import PASSWORD, Visitor

Said = Callable[[TestResponse], str]
FORM = "/compte/creation"
CODE = "/compte/creation/code"
TYPED = {
    "sexe": "F",
    "prenoms": "Inès",
    "nom_naissance": "Roche",
    "date_naissance-day": "2",
    "date_naissance-month": "5",
    "date_naissance-year": "1990",
    "voie": "4 rue du Four",
    "code_postal": "95999",
    "commune": "Valmont-sur-Seine",
    "telephone_mobile": "06 39 98 00 11",
    "courriel": "ines.roche@exemple.fr",
    "contact_prefere": "courriel",
    "nom_utilisateur": "ines.roche",
    "mot_de_passe": PASSWORD,
    "mot_de_passe_confirmation": PASSWORD,
    "conditions": "oui",
}


def hidden(page: TestResponse, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    return found[1] if found else ""


def send(visitor: Visitor, page: TestResponse | None = None, **typed: str) -> TestResponse:
    """Fill in the form that is on the page, digits included, and send it."""
    page = page or visitor.get(FORM)
    fields = {name: hidden(page, name) for name in ("suite", "demarche", "textes", "verification", "verification_cle")}
    digits = captcha.digits(fields["verification_cle"]) or ""
    return visitor.post(FORM, {**fields, "verification_chiffres": digits, **TYPED, **typed})


def letters(data: Database) -> list[mail.Mail]:
    with data.reading() as session:
        return mail.outbox(session)


def code_in(data: Database) -> str:
    return re.findall(r"^\d{4}$", next(one.text for one in letters(data) if "code" in one.name), re.MULTILINE)[0]


def test_an_account_is_made_signed_in_and_led_back(visitor: Visitor, data: Database, said: Said) -> None:
    """From a locked procedure to its first step, the answers of the account filled in."""
    procedure = visitor.get("/demarches/stationnement-renouvellement")
    assert "Créer mon compte" in said(procedure)
    page = visitor.get("/compte/creation?demarche=stationnement-renouvellement")
    for title in ("Identité", "Adresse", "Moyens de contact", "Authentification"):
        assert f">{title}</h2>" in page.text
    assert send(visitor, page).location == CODE
    page = visitor.get(CODE)
    assert "ines.roche@exemple.fr" in said(page)
    assert "courriels indésirables (spam)" in said(page)
    answer = visitor.post(CODE, {"code": code_in(data)})
    assert "/demandes/" in answer.location
    step = visitor.follow(answer)
    assert 'value="Inès"' in step.text
    assert "Votre compte a bien été créé." in said(step)
    with data.reading() as session:
        account = accounts.by_login(session, "ines.roche")
        assert account is not None
        assert account.birth_date == "1990-05-02"
        assert len(terms.accepted(session, account.id)) == 2
    assert letters(data)[0].name == "creation-compte-confirmation"
    assert visitor.get(FORM).location == "/mon-espace"


def test_it_leads_back_to_a_page_and_nowhere_else(visitors: Callable[[], Visitor], data: Database) -> None:
    for number, (suite, where) in enumerate(
        {"/demarches?q=x": "/demarches?q=x", "//ailleurs.example": "/mon-espace"}.items()
    ):
        visitor = visitors()
        page = visitor.get(FORM, query_string={"suite": suite})
        send(visitor, page, courriel=f"ines{number}@exemple.fr", nom_utilisateur="")
        assert visitor.post(CODE, {"code": code_in(data)}).location == where


def test_a_refused_form_keeps_what_was_typed_but_for_the_password(visitor: Visitor, said: Said) -> None:
    page = send(visitor, prenoms="", code_postal="", contact_prefere="telephone", telephone_mobile="")
    assert page.status_code == 422
    assert "<title>Erreur" in page.text
    text = said(page)
    assert "Saisissez votre ou vos prénoms." in text
    assert "Saisissez de nouveau votre mot de passe" in text
    assert "Indiquez un numéro de téléphone" in text
    for value in ("Roche", "4 rue du Four", "ines.roche@exemple.fr", "ines.roche"):
        assert f'value="{value}"' in page.text
    assert PASSWORD not in page.text
    # The digits were right: they aren't asked for again, and what they gave serves once.
    assert hidden(page, "verification")
    assert "verification_chiffres" not in page.text
    assert send(visitor, page).location == CODE
    assert send(visitor, page, courriel="autre@exemple.fr", nom_utilisateur="").status_code == 422


@pytest.mark.parametrize(
    ("typed", "wrong", "message"),
    [
        ({"sexe": ""}, "f-sexe", "Choisissez le sexe"),
        ({"nom_naissance": " "}, "f-nom_naissance", "Saisissez votre nom de naissance."),
        ({"courriel": "ines@"}, "f-courriel", ""),
        ({"courriel": ""}, "f-courriel", "Saisissez votre adresse de courriel"),
        ({"date_naissance-year": "2990"}, "f-date_naissance-day", ""),
        ({"telephone_mobile": "12"}, "f-telephone_mobile", ""),
        (
            {"voie": "", "code_postal": "", "commune": "", "contact_prefere": "courrier"},
            "f-voie",
            "Indiquez votre adresse",
        ),
        ({"nom_utilisateur": "é"}, "nom_utilisateur", "de 3 à 50 caractères"),
        ({"mot_de_passe": "court"}, "mot_de_passe", "au moins 8 caractères"),
        (
            {"mot_de_passe": "Tilleul-1987&", "mot_de_passe_confirmation": "Tilleul-1987&"},
            "mot_de_passe",
            "ne sont pas acceptés",
        ),
        (
            {"mot_de_passe": "Ines-Roche-1!", "mot_de_passe_confirmation": "Ines-Roche-1!"},
            "mot_de_passe",
            "trop facile",
        ),
        ({"mot_de_passe_confirmation": "Autre-1987!"}, "mot_de_passe_confirmation", "différents"),
        ({"mot_de_passe_confirmation": ""}, "mot_de_passe_confirmation", "une seconde fois"),
        ({"conditions": ""}, "conditions", "Acceptez les conditions"),
        ({"textes": "conditions-generales:0"}, "conditions", "viennent de changer"),
        ({"verification_chiffres": "x"}, "verification", "Recopiez les chiffres"),
    ],
)
def test_each_mistake_is_said_beside_its_field(
    visitor: Visitor, data: Database, said: Said, typed: dict[str, str], wrong: str, message: str
) -> None:
    page = send(visitor, **typed)
    assert page.status_code == 422
    assert f'href="#{wrong}"' in page.text
    assert f'id="{wrong}"' in page.text
    assert message in said(page)
    assert letters(data) == []


def test_a_password_is_proposed_by_the_button(visitor: Visitor, said: Said) -> None:
    page = visitor.post(FORM, {**TYPED, "_action": "proposer", "mot_de_passe": "", "mot_de_passe_confirmation": ""})
    assert page.status_code == 200
    found = re.search(r"data-proposed>([^<]+)</strong>", page.text)
    assert found
    proposed = found[1].replace("&amp;", "&")
    assert passwords.unmet(proposed) == []
    assert page.text.count(f'value="{found[1]}"') == 2
    assert 'value="Roche"' in page.text
    assert send(visitor, page, mot_de_passe=proposed, mot_de_passe_confirmation=proposed).location == CODE


def test_the_script_gets_proposals_and_challenges(visitor: Visitor) -> None:
    answer = visitor.get("/compte/mot-de-passe-propose")
    assert passwords.unmet(answer.get_json()["mot_de_passe"]) == []
    assert answer.headers["Cache-Control"] == "no-store"
    challenge = visitor.get("/compte/verification").get_json()
    assert set(challenge) == {"parameters", "signature"}


def test_the_digits_are_seen_and_changed(visitor: Visitor) -> None:
    page = visitor.get(FORM)
    key = hidden(page, "verification_cle")
    picture = visitor.get(f"/compte/verification/{key}.png")
    assert (picture.status_code, picture.mimetype) == (200, "image/png")
    assert visitor.get("/compte/verification/nonsense.png").status_code == 404
    assert visitor.get("/compte/verification/nonsense.wav").status_code == 404
    other = visitor.post(FORM, {**TYPED, "_action": "autres-chiffres"})
    assert other.status_code == 200
    assert hidden(other, "verification_cle") not in ("", key)


def test_a_stranger_learns_nothing_of_an_address(
    visitors: Callable[[], Visitor], data: Database, account: Callable[..., Any], said: Said
) -> None:
    """The same pages, the same counts, the same letters but to its owner (notes on enumeration)."""
    account()
    pages: list[list[str]] = []
    for login in ("claire.martin@exemple.fr", "ines.roche@exemple.fr"):
        visitor = visitors()
        answers = [send(visitor, courriel=login, nom_utilisateur=""), visitor.get(CODE)]
        # Wrong for both, whatever was drawn.
        drawn = re.findall(r"^\d{4}$", letters(data)[0].text, re.MULTILINE)
        wrong = "1234" if drawn != ["1234"] else "4321"
        answers += [visitor.post(CODE, {"code": wrong}) for _ in range(4)]
        answers += [visitor.post(f"{FORM}/renvoi"), visitor.get(CODE)]
        pages.append([f"{one.status_code} {one.location} {said(one).replace(login, '…')}" for one in answers])
    assert pages[0] == pages[1]
    assert {one.recipient: one.name for one in letters(data)} == {
        "claire.martin@exemple.fr": "creation-compte-existant",
        "ines.roche@exemple.fr": "creation-compte-code",
    }


def test_a_taken_user_name_is_said_to_people_only(visitor: Visitor, account: Callable[..., Any], said: Said) -> None:
    account(username="claire")
    page = visitor.get(FORM)
    assert "déjà pris" not in said(send(visitor, page, nom_utilisateur="Claire", verification_chiffres="x"))
    assert "déjà pris" in said(send(visitor, nom_utilisateur="Claire"))


def test_wrong_codes_say_how_many_tries_are_left(visitor: Visitor, data: Database, said: Said) -> None:
    send(visitor)
    code = code_in(data)
    wrong = f"{(int(code) + 1) % 10_000:04}"
    assert "Saisissez les 4 chiffres" in said(visitor.post(CODE, {"code": "12a4"}))
    texts = [said(visitor.post(CODE, {"code": wrong})) for _ in range(3)]
    assert ["reste 2 essais" in texts[0], "reste un essai" in texts[1], "plus d’essai" in texts[2]] == [True] * 3
    assert visitor.post(CODE, {"code": code}).status_code == 422
    page = visitor.follow(visitor.post(f"{FORM}/renvoi"))
    assert "Un nouveau code vient de vous être envoyé." in said(page)
    assert visitor.post(CODE, {"code": f" {code_in(data)} "}).location == "/mon-espace"


def test_asking_for_too_many_codes_is_said(visitor: Visitor, said: Said) -> None:
    send(visitor)
    for _ in range(4):
        assert "vient de vous être envoyé" in said(visitor.follow(visitor.post(f"{FORM}/renvoi")))
    assert "trop de codes" in said(visitor.follow(visitor.post(f"{FORM}/renvoi")))


def test_giving_up_forgets_everything(visitor: Visitor, data: Database, said: Said) -> None:
    send(visitor)
    code = code_in(data)
    page = visitor.follow(visitor.post(f"{FORM}/annulation"))
    assert "annulée" in said(page)
    assert visitor.post(CODE, {"code": code}).location == FORM
    with data.reading() as session:
        assert accounts.by_login(session, "ines.roche@exemple.fr") is None


@pytest.mark.parametrize("path", [CODE, f"{FORM}/renvoi"])
def test_without_a_registration_there_is_no_code(visitor: Visitor, path: str) -> None:
    assert visitor.get(CODE).location == FORM
    assert visitor.post(path, {"code": "1234"}).location == FORM


def test_another_browser_cannot_use_the_code(visitors: Callable[[], Visitor], data: Database) -> None:
    send(visitors())
    assert visitors().post(CODE, {"code": code_in(data)}).location == FORM


def test_an_account_made_in_another_tab_leads_to_signing_in(visitors: Callable[[], Visitor], data: Database) -> None:
    one, two = visitors(), visitors()
    send(one, nom_utilisateur="")
    first = code_in(data)
    send(two, nom_utilisateur="")
    second = code_in(data)
    assert one.post(CODE, {"code": first}).location == "/mon-espace"
    assert two.post(CODE, {"code": second}).location == "/connexion"


def test_many_codes_in_a_day_are_too_many(visitor: Visitor, said: Said) -> None:
    for _ in range(5):
        send(visitor, nom_utilisateur="")
    assert "trop de codes" in said(visitor.follow(send(visitor, nom_utilisateur="")))


def test_registering_takes_the_forms_token(visitor: Visitor, data: Database) -> None:
    assert visitor.post(FORM, TYPED, token=False).location == FORM
    foreign = visitor.post(FORM, TYPED, token=False, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 400
    assert letters(data) == []


def test_a_form_of_another_time_is_given_back_without_its_password(
    visitor: Visitor, data: Database, said: Said
) -> None:
    page = visitor.get(f"{FORM}?demarche=stationnement-renouvellement")
    visitor.client.delete_cookie("parvis")
    visitor.token = ""
    answer = visitor.post(FORM, {**TYPED, "demarche": hidden(page, "demarche")}, token=False)
    assert answer.location == FORM
    page = visitor.follow(answer)
    assert 'value="Roche"' in page.text
    assert hidden(page, "demarche") == "stationnement-renouvellement"
    with data.reading() as session:
        assert PASSWORD not in str(session.query(KeptForm.fields).all())
    assert send(visitor, page).location == CODE


def test_the_sign_in_page_offers_an_account_and_help(visitor: Visitor, said: Said) -> None:
    page = visitor.get("/connexion?demarche=stationnement-renouvellement")
    text = said(page)
    for words in (
        "Déjà enregistré",
        "Identifiant",
        "Mot de passe",
        "Se connecter",
        "Créer mon compte",
        "Problèmes de connexion",
    ):
        assert words in text
    assert 'href="/compte/creation?demarche=stationnement-renouvellement"' in page.text
    assert 'href="/mot-de-passe/oubli?demarche=stationnement-renouvellement"' in page.text


def test_nothing_waits_once_the_account_is_made(visitor: Visitor, data: Database) -> None:
    send(visitor)
    visitor.post(CODE, {"code": code_in(data)})
    with data.reading() as session:
        assert session.query(registration.PendingRegistration).count() == 0
