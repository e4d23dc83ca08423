"""Cleaning: only what is asked, in its one writing (A3, A8)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import InvalidAnswers
from engine.procedures import forms

TEXT = {"title": "Texte", "type": "string"}
YES = {"title": "Oui ou non", "type": "boolean"}


def when(key: str, value: Any, then: dict[str, Any], otherwise: dict[str, Any] | None = None) -> dict[str, Any]:
    branch = {"if": {"required": [key], "properties": {key: {"const": value}}}, "then": then}
    return branch | ({"else": otherwise} if otherwise else {})


def test_unknown_and_empty_answers_go(make: Any) -> None:
    form = make({"nom": TEXT, "mot": TEXT, "choix": {"title": "C", "type": "array", "items": {"enum": ["a", "b"]}}})
    assert forms.clean(form, {"nom": " Zoé ", "mot": "  ", "choix": [], "autre": 1, "_action": "next"}) == {
        "nom": "Zoé"
    }


def test_the_other_branch_goes(make: Any) -> None:
    form = make(
        {"marie": YES},
        allOf=[when("marie", True, {"properties": {"conjoint": TEXT}}, {"properties": {"parent": TEXT}})],
    )
    typed = {"conjoint": "Jo", "parent": "Al"}
    assert forms.clean(form, {"marie": True} | typed) == {"marie": True, "conjoint": "Jo"}
    assert forms.clean(form, {"marie": False} | typed) == {"marie": False, "parent": "Al"}
    assert forms.clean(form, typed) == {"parent": "Al"}


def test_a_branch_inside_a_branch(make: Any) -> None:
    inner = when("vehicule", True, {"properties": {"plaque": TEXT}})
    form = make({"permis": YES}, allOf=[when("permis", True, {"properties": {"vehicule": YES}, "allOf": [inner]})])
    assert forms.clean(form, {"permis": True, "vehicule": True, "plaque": "x"}) == {
        "permis": True,
        "vehicule": True,
        "plaque": "x",
    }
    assert forms.clean(form, {"permis": False, "vehicule": True, "plaque": "x"}) == {"permis": False}


def test_what_a_dropped_answer_opened_goes_too_and_what_it_closed_comes_back(make: Any) -> None:
    form = make(
        {"a": YES},
        allOf=[
            when("a", True, {"properties": {"b": YES}}),
            when("b", True, {"properties": {"c": TEXT}}, {"properties": {"d": TEXT}}),
        ],
    )
    assert forms.clean(form, {"a": False, "b": True, "c": "c", "d": "d"}) == {"a": False, "d": "d"}


def test_a_condition_on_another_block(make: Any) -> None:
    block = {
        "title": "Logement",
        "type": "object",
        "properties": {"type": {"title": "Type", "enum": ["maison", "appartement"]}},
    }
    form = make(
        {"logement": block, "acces": {"title": "Accès", "type": "object", "properties": {"code": TEXT}}},
        allOf=[
            {
                "if": {
                    "required": ["logement"],
                    "properties": {
                        "logement": {"required": ["type"], "properties": {"type": {"const": "appartement"}}}
                    },
                },
                "then": {"properties": {"acces": {"properties": {"etage": {"title": "Étage", "type": "integer"}}}}},
            }
        ],
    )
    answers = {"logement": {"type": "appartement"}, "acces": {"code": "12", "etage": 3}}
    assert forms.clean(form, answers) == answers
    assert forms.clean(form, answers | {"logement": {"type": "maison"}})["acces"] == {"code": "12"}


def test_conditions_inside_repeated_blocks_look_at_their_own_block(make: Any) -> None:
    child = {
        "type": "object",
        "properties": {"prenom": TEXT, "cantine": YES},
        **when("cantine", True, {"properties": {"regime": TEXT}}),
    }
    form = make({"enfants": {"title": "Enfants", "type": "array", "items": child}})
    given_ = {"enfants": [{"cantine": True, "regime": "x"}, {"cantine": False, "regime": "y"}, "pas un bloc"]}
    assert forms.clean(form, given_) == {"enfants": [{"cantine": True, "regime": "x"}, {"cantine": False}, {}]}


def test_a_condition_outside_on_fields_inside_repeated_blocks(make: Any) -> None:
    items = {"type": "object", "properties": {"prenom": TEXT}}
    form = make(
        {"sport": YES, "enfants": {"title": "Enfants", "type": "array", "items": items}},
        allOf=[when("sport", True, {"properties": {"enfants": {"items": {"properties": {"club": TEXT}}}}})],
    )
    given_ = {"sport": True, "enfants": [{"prenom": "A", "club": "judo"}]}
    assert forms.clean(form, given_) == given_
    assert forms.clean(form, given_ | {"sport": False})["enfants"] == [{"prenom": "A"}]


def test_a_property_refused_by_a_branch_is_not_asked(make: Any) -> None:
    form = make(
        {"gratuit": YES, "montant": {"title": "M", "type": "number"}},
        **when("gratuit", True, {"properties": {"montant": False}}),
    )
    assert forms.clean(form, {"gratuit": True, "montant": 3}) == {"gratuit": True}
    assert forms.clean(form, {"gratuit": False, "montant": 3}) == {"gratuit": False, "montant": 3}


def test_one_name_for_two_questions_of_different_branches(make: Any) -> None:
    form = make(
        {"pro": YES},
        allOf=[
            when(
                "pro",
                True,
                {"properties": {"motif": {"title": "Motif", "enum": ["travaux", "livraison"]}}},
                {"properties": {"motif": {"title": "Motif", "enum": ["visite"]}}},
            )
        ],
    )
    assert forms.clean(form, {"pro": True, "motif": "travaux"}) == {"pro": True, "motif": "travaux"}
    assert [field.variant for field in forms.fields(form, {}) if field.key == "motif"] == [0, 1]
    assert [field.active for field in forms.fields(form, {"pro": True}) if field.key == "motif"] == [True, False]


def test_a_schema_for_dependants_opens_with_its_answer(make: Any) -> None:
    form = make({"tel": TEXT}, dependentSchemas={"tel": {"properties": {"horaire": TEXT}, "required": ["horaire"]}})
    assert forms.clean(form, {"horaire": "matin"}) == {}
    assert forms.clean(form, {"tel": "1", "horaire": "matin"}) == {"tel": "1", "horaire": "matin"}


def test_required_groups_stay_and_optional_empty_ones_go(make: Any) -> None:
    group = {"title": "G", "type": "object", "properties": {"x": TEXT}, "required": ["x"]}
    form = make({"un": group, "deux": group}, required=["un"])
    assert forms.clean(form, {}) == {"un": {}}
    assert forms.clean(form, {"deux": {"x": "1"}}) == {"un": {}, "deux": {"x": "1"}}


def test_conditions_that_chase_one_another_come_to_an_end(make: Any) -> None:
    absent = {"not": {"required": ["a"]}}
    form = make(
        {},
        allOf=[
            {"if": absent, "then": {"properties": {"b": TEXT}}},
            {"if": {"required": ["b"]}, "then": {"properties": {"a": TEXT}}},
        ],
    )
    once = forms.clean(form, {"a": "1", "b": "2"})
    assert forms.clean(form, once) == once


def test_what_cannot_be_stored_is_taken_out(make: Any) -> None:
    form = make({"nom": TEXT, "n": {"title": "N", "type": "number"}})
    assert forms.clean(form, {"nom": "a\0b\ud800", "n": float("nan")}) == {"nom": "ab"}


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(["a", "b", True])
)
ANSWERS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "g", "l", "m", "x"]),
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["x", "y", "a"]), inner, max_size=3)
        ),
        max_leaves=6,
    ),
)


@pytest.fixture(scope="module")
def everything() -> forms.Form:
    items = {"type": "object", "properties": {"x": YES, "y": TEXT}, **when("x", True, {"properties": {"z": TEXT}})}
    schema = {
        "type": "object",
        "required": ["a", "g"],
        "properties": {
            "a": {"title": "A", "enum": ["a", "b"]},
            "b": YES,
            "g": {
                "title": "G",
                "type": "object",
                "properties": {"x": TEXT, "y": {"title": "Y", "type": "string", "format": "fr-plate"}},
            },
            "l": {"title": "L", "type": "array", "items": items},
            "m": {"title": "M", "type": "array", "items": {"enum": ["a", "b"]}},
        },
        "allOf": [
            when("a", "a", {"properties": {"c": TEXT, "g": {"properties": {"a": YES}}}}),
            {"if": {"required": ["c"]}, "then": {"properties": {"b": False}}},
        ],
    }
    return forms.load("f.json", {"f.json": json.dumps(schema).encode()})


@settings(max_examples=300)
@given(answers=ANSWERS)
def test_cleaning_never_fails_twice_changes_nothing_and_can_be_stored(
    everything: forms.Form, answers: dict[str, Any]
) -> None:
    once = forms.clean(everything, answers)
    assert forms.clean(everything, once) == once
    assert "\\u0000" not in json.dumps(once, allow_nan=False)
    json.dumps(once, ensure_ascii=False).encode()


@settings(max_examples=300)
@given(answers=ANSWERS)
def test_what_is_validated_is_what_was_cleaned(everything: forms.Form, answers: dict[str, Any]) -> None:
    found, errors = None, {}
    try:
        found = forms.validate(everything, answers)
    except InvalidAnswers as error:
        errors = error.errors
    if found is None:
        known = {path.replace(".*", "") for path in forms.field_paths(everything)}
        assert errors
        assert all(".".join(part for part in path.split(".") if not part.isdigit()) in known for path in errors)
    else:
        assert found == forms.clean(everything, answers)
        assert everything.validator.is_valid(found)
