"""Accounts: A8, A15, B1."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import pytest

from engine.core.db import Database, Session
from engine.core.errors import Conflict, Invalid, NotFound
from engine.people import accounts
from engine.people.accounts import Account


def test_usager_has_the_keys_that_expressions_read(claire: Account) -> None:
    assert accounts.usager(claire) == {
        "identifiant": str(claire.id),
        "sexe": "F",
        "prenoms": "Claire Léa",
        "nom_naissance": "Martin",
        "nom_usage": None,
        "date_naissance": "1987-03-14",
        "courriel": "claire.martin@exemple.fr",
        "telephone_mobile": "06 39 98 12 07",
        "telephone_fixe": None,
        "contact_prefere": "courriel",
        "adresse": {
            "voie": "12 rue des Tilleuls",
            "complement": None,
            "code_postal": "95999",
            "commune": "Valmont-sur-Seine",
        },
        "certifie": False,
        "compte": True,
    }


def test_an_account_is_found_by_its_id_its_login_and_its_user_name(session: Session, claire: Account) -> None:
    assert accounts.find(session, claire.id) is claire
    assert accounts.by_login(session, "  Claire.MARTIN@exemple.fr ") is claire
    assert accounts.by_login(session, "Claire.Martin") is claire
    assert accounts.by_login(session, "claire") is None
    assert accounts.by_login(session, "claire.martin\x00") is None
    assert accounts.by_login(session, "claire.martin\ud800") is None
    with pytest.raises(NotFound):
        accounts.find(session, uuid4())


@pytest.mark.parametrize(
    ("login", "username", "field"),
    [("CLAIRE.martin@exemple.fr", "autre", "login"), ("autre@exemple.fr", "Claire.Martin", "username")],
)
def test_a_name_that_is_taken_is_a_conflict_and_leaves_the_transaction_usable(
    session: Session, claire: Account, login: str, username: str, field: str
) -> None:
    with pytest.raises(Conflict) as caught:
        accounts.create(session, login=login, username=username, first_names="C", birth_name="M")
    assert caught.value.facts == {"field": field}
    accounts.create(session, login="libre@exemple.fr", first_names="C", birth_name="M")
    assert len(accounts.search(session, "")) == 2


def test_several_accounts_may_have_no_user_name(session: Session) -> None:
    for login in ("a@exemple.fr", "b@exemple.fr"):
        accounts.create(session, login=login, first_names="A", birth_name="B")
    assert len(accounts.search(session, "exemple")) == 2


@pytest.mark.parametrize(
    "login",
    ["", "claire", "claire@", "@exemple.fr", "claire@exemple", "a b@exemple.fr", "a@b@exemple.fr", "a\n@exemple.fr",
     "a@exemple.fr\r\nBcc: b@exemple.fr", "a\x00@exemple.fr", "a,b@exemple.fr", f"{'a' * 250}@exemple.fr"],
)  # fmt: skip
def test_what_is_no_address_is_refused(session: Session, login: str) -> None:
    with pytest.raises(Invalid):
        accounts.create(session, login=login, first_names="A", birth_name="B")


@pytest.mark.parametrize("username", ["ab", "été", "a b c", "nom@exemple.fr", "-abc", "a" * 51])
def test_what_is_no_user_name_is_refused(session: Session, username: str) -> None:
    with pytest.raises(Invalid):
        accounts.create(session, login="a@exemple.fr", username=username, first_names="A", birth_name="B")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("0639981207", "06 39 98 12 07"),
        ("06.39.98.12.07", "06 39 98 12 07"),
        ("06-39-98-12-07", "06 39 98 12 07"),
        ("+33 (0)6 39 98 12 07", "06 39 98 12 07"),
        ("0033639981207", "06 39 98 12 07"),
        ("06\u202f39\u00a098 12 07", "06 39 98 12 07"),
        ("+32 470 12 34 56", "+32470123456"),
        ("0044 20 7946 0018", "+442079460018"),
        ("", None),
        ("   ", None),
        (None, None),
    ],
)
def test_a_telephone_number_has_one_written_form(typed: str | None, stored: str | None) -> None:
    assert accounts.phone(typed) == stored


@pytest.mark.parametrize("typed", ["1234", "00 00 98 12 07", "06 39 98 12 0", "abc", "06 39 98 12 07 08", "+0612"])
def test_what_is_no_telephone_number_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        accounts.phone(typed)


def test_the_sign_in_address_and_the_contact_address_are_two_things(session: Session, claire: Account) -> None:
    """A15."""
    accounts.update_emails(session, claire, contact_email="Famille@Exemple.FR")
    assert (claire.login, claire.contact_email) == ("claire.martin@exemple.fr", "Famille@exemple.fr")
    accounts.update_emails(session, claire, login="Claire@exemple.fr")
    assert (claire.login, claire.contact_email) == ("claire@exemple.fr", "Famille@exemple.fr")
    assert accounts.by_login(session, "claire@exemple.fr") is claire
    assert accounts.by_login(session, "claire.martin@exemple.fr") is None
    assert accounts.search(session, "claire@exemple.fr") == [claire]


def test_a_login_that_another_account_has_is_refused_and_changes_nothing(
    session: Session, claire: Account, sonia: Account
) -> None:
    with pytest.raises(Conflict):
        accounts.update_emails(session, claire, login="Sonia.Lefevre@exemple.fr", contact_email="autre@exemple.fr")
    session.refresh(claire)
    assert (claire.login, claire.contact_email) == ("claire.martin@exemple.fr", "claire.martin@exemple.fr")


def test_a_family_may_share_a_contact_address(session: Session, claire: Account, sonia: Account) -> None:
    accounts.update_emails(session, sonia, contact_email=claire.contact_email)
    assert sonia.contact_email == claire.contact_email


def test_address_and_phones_are_replaced(
    session: Session, claire: Account, clock_at: Callable[[str], datetime]
) -> None:
    moment = clock_at("2027-01-31 10:00")
    accounts.update_address(
        session, claire, street=" 3  quai\nde la Tournelle ", postcode="95999", town="Valmont", more=""
    )
    accounts.update_phones(session, claire, mobile=None, landline="01 99 00 12 34")
    usager = accounts.usager(claire)
    assert usager["adresse"] == {
        "voie": "3 quai de la Tournelle", "complement": None, "code_postal": "95999", "commune": "Valmont",
    }  # fmt: skip
    assert (usager["telephone_mobile"], usager["telephone_fixe"]) == (None, "01 99 00 12 34")
    assert claire.updated_at == moment


def test_who_has_no_telephone_left_is_no_longer_called(session: Session, claire: Account) -> None:
    accounts.update_preferred_contact(session, claire, "telephone")
    accounts.update_phones(session, claire, mobile=None, landline=None)
    assert claire.preferred_contact == "courriel"
    with pytest.raises(Invalid):
        accounts.update_preferred_contact(session, claire, "pigeon")


def test_a_certified_identity_stays_as_it_is(session: Session, claire: Account) -> None:
    """B5."""
    identity = {"sex": "F", "first_names": "Clara", "birth_name": "Martin", "usage_name": None, "birth_date": None}
    accounts.update_identity(session, claire, **identity)
    assert claire.display_name == "Clara Martin"
    claire.certified = True
    with pytest.raises(Conflict):
        accounts.update_identity(session, claire, **{**identity, "first_names": "Claire"})
    assert claire.first_names == "Clara"
    accounts.update_identity(session, claire, **{**identity, "usage_name": "Petit"})
    assert claire.usage_name == "Petit"


@pytest.mark.parametrize("words", ["lefevre", "LEFÈVRE sonia", "sonia.lefevre@", "fèv"])
def test_accounts_are_searched_without_accents_or_case(
    session: Session, claire: Account, sonia: Account, words: str
) -> None:
    assert accounts.search(session, words) == [sonia]
    assert accounts.search(session, words, kind="resident") == []


def test_a_percent_sign_is_searched_as_itself(session: Session, claire: Account) -> None:
    assert accounts.search(session, "%") == []


@pytest.mark.parametrize(
    ("first_names", "usage_name", "shown"),
    [("Huguette Marie", "Lambert", "Huguette Lambert"), ("Jean-Pierre", None, "Jean-Pierre Perrin"),
     ("Karim, Amine", "", "Karim Perrin"), ("", None, "Perrin")],
)  # fmt: skip
def test_the_name_shown_is_the_first_one_and_the_one_in_use(
    first_names: str, usage_name: str | None, shown: str
) -> None:
    assert accounts.display_name(first_names, "Perrin", usage_name) == shown


def test_two_people_racing_for_a_login_cannot_both_have_it(database: Database) -> None:
    def create(session: Session) -> None:
        accounts.create(session, login="a@exemple.fr", first_names="A", birth_name="B")

    database.run(create)
    with pytest.raises(Conflict):
        database.run(create)
    with database.reading() as session:
        assert len(accounts.search(session, "")) == 1
