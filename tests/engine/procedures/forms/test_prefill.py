"""Prefilling from the account, and what may not be changed (A8)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.procedures import forms

FORMS = Path(__file__).parents[4] / "forms"
USAGER = {
    "prenoms": "Awa",
    "nom_naissance": "Diallo",
    "sexe": "F",
    "date_naissance": "1950-00-00",
    "courriel": "awa@ville.example",
    "adresse": {"voie": "1 rue du Pont", "code_postal": "75001", "commune": None},
    "contact_prefere": "pigeon",
    "certifie": True,
}


@pytest.fixture(scope="module")
def shared() -> dict[str, forms.Form]:
    files = {path.name: path.read_bytes() for path in FORMS.glob("commun.*.json")}
    return {name.split(".")[1]: forms.load(name, files) for name in files}


def test_what_the_account_knows_is_filled_in_and_what_it_says_wrong_is_not(shared: dict[str, forms.Form]) -> None:
    assert forms.prefill(shared["identite"], USAGER) == {"prenoms": "Awa", "nom_naissance": "Diallo", "sexe": "F"}
    assert forms.prefill(shared["adresse"], USAGER) == {"voie": "1 rue du Pont", "code_postal": "75001"}
    assert forms.prefill(shared["contact"], USAGER) == {"courriel": "awa@ville.example"}
    assert forms.prefill(shared["contact"], {}) == {}


def test_a_certified_identity_is_locked_and_another_is_not(shared: dict[str, forms.Form]) -> None:
    assert forms.locks(shared["identite"], USAGER) == {
        "sexe": "F",
        "prenoms": "Awa",
        "nom_naissance": "Diallo",
        "date_naissance": "1950-00-00",
    }
    assert forms.locks(shared["identite"], USAGER | {"certifie": False}) == {}


def test_a_certified_identity_passes_even_with_a_date_that_no_calendar_has(shared: dict[str, forms.Form]) -> None:
    form = shared["identite"]
    found = forms.validate(form, {"prenoms": "Pirate", "nom_usage": "Ba"}, locked=forms.locks(form, USAGER))
    assert found == {
        "sexe": "F",
        "prenoms": "Awa",
        "nom_naissance": "Diallo",
        "nom_usage": "Ba",
        "date_naissance": "1950-00-00",
    }


def test_readonly_values_are_locked_even_when_unknown(make: Any) -> None:
    form = make(
        {"mel": {"title": "M", "type": "string", "x-readonly": True, "x-prefill": "usager.courriel"}}, required=["mel"]
    )
    assert forms.locks(form, {}) == {"mel": None}
    assert forms.validate(form, {"mel": "pirate@x.fr"}, locked=forms.locks(form, {})) == {}


def test_defaults_fill_in_where_the_account_knows_nothing(make: Any) -> None:
    form = make(
        {"a": {"title": "A", "type": "boolean", "default": False}, "b": {"title": "B", "enum": ["x"], "default": "z"}}
    )
    assert forms.prefill(form, {}) == {"a": False}


def test_telephone_is_asked_for_by_those_who_prefer_it(shared: dict[str, forms.Form]) -> None:
    from engine.core.errors import InvalidAnswers

    answers = {"courriel": "a@b.fr", "contact_prefere": "telephone"}
    with pytest.raises(InvalidAnswers, match="formulaire") as caught:
        forms.validate(shared["contact"], answers)
    assert "numéro de téléphone" in caught.value.errors[""]
    assert (
        forms.validate(shared["contact"], answers | {"telephone_fixe": "01 99 00 12 34"})["telephone_fixe"]
        == "0199001234"
    )
