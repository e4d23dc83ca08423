"""Validation: French sentences by path, for each keyword (A3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.core import clock
from engine.core.errors import InvalidAnswers
from engine.procedures import forms

NBSP = "\u00a0"


def errors(form: forms.Form, answers: dict[str, Any], **options: Any) -> dict[str, str]:
    with pytest.raises(InvalidAnswers) as caught:
        forms.validate(form, answers, **options)
    return {path: message.replace(NBSP, " ") for path, message in caught.value.errors.items()}


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "string", "minLength": 3}, "ab", "« Q » doit comporter au moins 3 caractères."),
        ({"type": "string", "maxLength": 1}, "ab", "« Q » doit comporter au plus 1 caractère."),
        ({"type": "string", "pattern": "^[0-9]+$"}, "ab", "« Q » n’a pas la forme attendue."),
        (
            {"type": "string", "format": "email"},
            "a@",
            "« Q » doit être une adresse électronique, comme nom@exemple.fr.",
        ),
        (
            {"type": "string", "format": "fr-phone"},
            "12",
            "« Q » doit être un numéro de téléphone à 10 chiffres, comme 01 23 45 67 89.",
        ),
        (
            {"type": "string", "format": "fr-mobile"},
            "01 23 45 67 89",
            "« Q » doit être un numéro de mobile, qui commence par 06 ou 07, comme 06 39 98 12 07.",
        ),
        (
            {"type": "string", "format": "fr-landline"},
            "06 39 98 12 07",
            "« Q » doit être un numéro de téléphone fixe, qui ne commence ni par 06 ni par 07.",
        ),
        (
            {"type": "string", "format": "fr-plate"},
            "12",
            "« Q » doit être une immatriculation, comme AB-123-CD ou 1234-AB-75.",
        ),
        ({"type": "string", "format": "fr-postcode"}, "12", "« Q » doit être un code postal à 5 chiffres."),
        ({"type": "string", "format": "uuid"}, "12", "« Q » n’a pas la forme attendue."),
        ({"type": "string", "format": "date"}, "31/2/2026", "« Q » doit être une date réelle, par exemple 27 3 1985."),
        ({"type": "string", "format": "date"}, "/2/2026", "« Q » : il manque le jour."),
        ({"type": "string", "format": "date"}, "3//", "« Q » : il manque le mois et l’année."),
        ({"type": "integer"}, "douze", "« Q » doit être un nombre entier."),
        ({"type": "integer"}, 1.5, "« Q » doit être un nombre entier."),
        ({"type": "number"}, "x", "« Q » doit être un nombre."),
        ({"type": "number", "minimum": 1000}, 3, "« Q » doit être supérieur ou égal à 1\u202f000."),
        ({"type": "number", "maximum": 2.5}, 3, "« Q » doit être inférieur ou égal à 2,5."),
        ({"type": "number", "exclusiveMinimum": 3}, 3, "« Q » doit être supérieur à 3."),
        ({"type": "number", "exclusiveMaximum": 3}, 3, "« Q » doit être inférieur à 3."),
        ({"type": "integer", "multipleOf": 5}, 3, "« Q » doit être un multiple de 5."),
        ({"type": "string", "enum": ["a", "b"]}, "c", "« Q » n’admet que les réponses de la liste."),
        (
            {"type": "string", "oneOf": [{"const": "a", "title": "A"}]},
            "c",
            "« Q » n’admet que les réponses de la liste.",
        ),
        ({"type": "boolean"}, "peut-être", "« Q » doit être « Oui » ou « Non »."),
        ({"type": "boolean", "const": True}, False, "Cochez « Q » pour continuer."),
        (
            {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2},
            ["a"],
            "« Q » doit comporter au moins 2 éléments.",
        ),
        (
            {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 1},
            ["a", "b"],
            "« Q » doit comporter au plus 1 élément.",
        ),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, ["z"], "« Q » n’admet que les réponses de la liste."),
        (
            {"type": "array", "items": {"enum": ["a", "b"]}, "contains": {"const": "a"}},
            ["b"],
            "« Q » ne comporte pas la réponse attendue.",
        ),
        ({"type": "string"}, "a\0", "« Q » contient des caractères qui ne peuvent pas être enregistrés."),
        ({"type": "string"}, "\ud800", "« Q » contient des caractères qui ne peuvent pas être enregistrés."),
        ({"type": "string"}, "x" * 501, "« Q » doit comporter au plus 500 caractères."),
        ({"type": "string", "x-widget": "textarea"}, "x" * 5001, "« Q » doit comporter au plus 5\u202f000 caractères."),
        ({"type": "string"}, {"a": 1}, "« Q » n’est pas valide."),
        ({"type": "string"}, 3, "« Q » n’est pas valide."),
        ({"type": "number"}, float("inf"), "« Q » doit être un nombre."),
        ({"type": "object", "properties": {"x": {"title": "X", "type": "string"}}}, "x", "« Q » n’est pas valide."),
        (
            {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}},
            {},
            "« Q » n’est pas valide.",
        ),
    ],
)
def test_each_keyword_has_its_sentence(make: Any, schema: dict[str, Any], value: Any, message: str) -> None:
    assert errors(make({"q": {"title": "Q", **schema}}), {"q": value}) == {"q": message}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "string"}, "Renseignez « Q »."),
        ({"type": "string", "enum": ["a"]}, "Choisissez une réponse à « Q »."),
        ({"type": "boolean"}, "Choisissez une réponse à « Q »."),
        ({"type": "boolean", "const": True}, "Cochez « Q » pour continuer."),
        ({"type": "array", "items": {"enum": ["a"]}}, "Choisissez au moins une réponse à « Q »."),
        ({"type": "array", "items": {"type": "string"}, "x-widget": "files"}, "Joignez au moins un fichier à « Q »."),
        (
            {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}},
            "Ajoutez au moins un élément à « Q ».",
        ),
    ],
)
def test_a_missing_answer_is_asked_for_in_the_words_of_its_kind(
    make: Any, schema: dict[str, Any], message: str
) -> None:
    form = make({"q": {"title": "Q", **schema}}, required=["q"])
    assert errors(form, {}) == {"q": message}
    assert errors(form, {"q": ""}) == {"q": message}


def test_analysts_words_come_first(make: Any) -> None:
    form = make(
        {
            "q": {
                "title": "Q",
                "type": "string",
                "minLength": 2,
                "x-messages": {"required": "Dites-le.", "minLength": "Trop court."},
            }
        },
        required=["q"],
    )
    assert errors(form, {}) == {"q": "Dites-le."}
    assert errors(form, {"q": "a"}) == {"q": "Trop court."}


def test_a_rule_on_several_fields_speaks_for_the_form(make: Any) -> None:
    text = {"title": "T", "type": "string"}
    words = {"anyOf": "Donnez l’un des deux."}
    form = make({"a": text, "b": text}, anyOf=[{"required": ["a"]}, {"required": ["b"]}], **{"x-messages": words})
    assert errors(form, {}) == {"": "Donnez l’un des deux."}
    assert forms.validate(form, {"b": "1"}) == {"b": "1"}


def test_one_answer_makes_another_compulsory(make: Any) -> None:
    text = {"title": "T", "type": "string"}
    form = make({"tel": text, "heure": text}, dependentRequired={"tel": ["heure"]})
    assert errors(form, {"tel": "1"}) == {"heure": "Renseignez « T »."}
    assert forms.validate(form, {"heure": "1"}) == {"heure": "1"}


def test_errors_come_in_the_order_of_the_page_with_paths_into_blocks(make: Any) -> None:
    text = {"title": "T", "type": "string", "minLength": 2}
    items = {"type": "object", "properties": {"a": text, "b": text}, "required": ["b", "a"]}
    form = make(
        {"fin": text, "liste": {"title": "L", "type": "array", "items": items}, "debut": text},
        required=["debut", "fin"],
        **{"x-order": ["debut", "liste", "fin"]},
    )
    found = errors(form, {"liste": [{"a": "x"}, {"b": "x"}]})
    assert list(found) == ["debut", "liste.0.a", "liste.0.b", "liste.1.a", "liste.1.b", "fin"]


def test_a_hidden_field_is_never_at_fault(make: Any) -> None:
    form = make(
        {"oui": {"title": "O", "type": "boolean"}},
        **{
            "if": {"required": ["oui"], "properties": {"oui": {"const": True}}},
            "then": {"properties": {"n": {"title": "N", "type": "integer"}}, "required": ["n"]},
        },
    )
    assert forms.validate(form, {"oui": False, "n": "abc"}) == {"oui": False}
    assert errors(form, {"oui": True, "n": "abc"}) == {"n": "« N » doit être un nombre entier."}


def test_locked_values_win_over_what_was_posted_and_are_never_at_fault(make: Any) -> None:
    form = make(
        {
            "nom": {"title": "Nom", "type": "string", "minLength": 9},
            "adresse": {"title": "A", "type": "object", "properties": {"voie": {"title": "V", "type": "string"}}},
        },
        required=["nom"],
    )
    posted = {"nom": "Pirate", "adresse": {"voie": "ailleurs"}}
    locked = {"nom": "Diallo", "adresse.voie": "1 rue"}
    assert forms.validate(form, posted, locked=locked) == {"nom": "Diallo", "adresse": {"voie": "1 rue"}}
    assert forms.validate(form, posted, locked={"nom": None}) == {"adresse": {"voie": "ailleurs"}}
    assert posted == {"nom": "Pirate", "adresse": {"voie": "ailleurs"}}


def test_choices_of_the_platform_are_checked_and_none_are_open_without_them(make: Any) -> None:
    form = make({"droit": {"title": "Droit", "type": "string", "x-options": "entitlements"}})
    context = {"entitlements": (forms.Choice("D1", "Zone 1"),)}
    assert forms.validate(form, {"droit": "D1"}, context=context) == {"droit": "D1"}
    assert errors(form, {"droit": "D2"}, context=context)
    assert errors(form, {"droit": "D1"})


def test_only_files_that_may_be_given_are_taken(make: Any) -> None:
    mine, theirs = "6a7cf8a0-0000-4000-8000-000000000001", "6a7cf8a0-0000-4000-8000-000000000002"
    files = {
        "title": "F",
        "type": "array",
        "x-widget": "files",
        "items": {"type": "string", "format": "uuid"},
        "maxItems": 4,
    }
    form = make({"f": files})
    assert forms.validate(form, {"f": [mine]}, context={"files": {mine}}) == {"f": [mine]}
    assert errors(form, {"f": [theirs]}, context={"files": {mine}}) == {
        "f": "« F » contient un fichier qui n’est plus disponible."
    }
    assert errors(form, {"f": ["../secret"]}) == {"f": "« F » n’a pas la forme attendue."}
    assert forms.file_ids(form, {"f": [mine, theirs]}) == {"f": [mine, theirs]}


def test_days_before_and_after_another(make: Any) -> None:
    form = make({"d": {"title": "D", "type": "string", "format": "date", "x-min": "2026-01-01", "x-max": "aujourdhui"}})
    with clock.frozen(datetime(2026, 5, 4, 12, tzinfo=UTC)):
        assert forms.validate(form, {"d": "2026-05-04"}) == {"d": "2026-05-04"}
        assert errors(form, {"d": "2026-05-05"}) == {"d": "« D » ne peut pas être après le 4 mai 2026."}
        assert errors(form, {"d": "2025-12-31"}) == {"d": "« D » ne peut pas être avant le 1er janvier 2026."}


def test_a_day_so_long_after_today(make: Any) -> None:
    form = make({"d": {"title": "D", "type": "string", "format": "date", "x-max": "aujourdhui+P1Y"}})
    with clock.frozen(datetime(2026, 5, 4, 12, tzinfo=UTC)):
        assert forms.validate(form, {"d": "2027-05-04"}) == {"d": "2027-05-04"}
        assert errors(form, {"d": "2999-01-01"}) == {"d": "« D » ne peut pas être après le 4 mai 2027."}


def test_an_answer_other_than_what_is_known(make: Any) -> None:
    """The one known value that another answer names; without knowledge nothing is refused."""
    which = {"title": "Lequel ?", "enum": ["contact", "connexion"]}
    told = {"x-messages": {"x-other-than": "C’est déjà la vôtre."}}
    address = {"title": "Adresse", "type": "string", "format": "email", "x-other-than": "emails.usage"}
    form = make({"usage": which, "a": {**address, **told}})
    context = {"emails": {"contact": "Ada@exemple.fr", "connexion": "lovelace@exemple.fr"}}
    mine = {"usage": "contact", "a": "ada@EXEMPLE.fr"}
    with pytest.raises(InvalidAnswers) as refused:
        forms.validate(form, mine, context=context)
    assert refused.value.errors == {"a": "C’est déjà la vôtre."}
    for other in ({**mine, "usage": "connexion"}, {**mine, "a": "grace@exemple.fr"}):
        assert forms.validate(form, other, context=context) == forms.clean(form, other)
    assert forms.validate(form, mine)
    plain = make({"usage": which, "a": address})
    with pytest.raises(InvalidAnswers) as refused:
        forms.validate(plain, mine, context=context)
    assert refused.value.errors["a"].replace("\u00a0", " ") == "« Adresse » est la même que celle d’aujourd’hui."


def test_an_endless_text_never_reaches_a_pattern(make: Any) -> None:
    form = make({"q": {"title": "Q", "type": "string", "pattern": "^(a|aa)+$"}})
    assert "500" in errors(form, {"q": "a" * 100_000 + "!"})["q"]


def test_deep_and_foreign_input_is_refused_without_a_crash(make: Any) -> None:
    deep: Any = "fond"
    for _ in range(5000):
        deep = [deep]
    form = make({"q": {"title": "Q", "type": "string"}, "l": {"title": "L", "type": "array", "items": {"enum": ["a"]}}})
    assert set(errors(form, {"q": deep, "l": deep, "inconnu": deep})) == {"q", "l"}
    assert errors(form, {"l": ["a"] * 500}) == {"l": "« L » doit comporter au plus 100 éléments."}
