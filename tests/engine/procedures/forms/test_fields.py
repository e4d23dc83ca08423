"""Fields: what a page is told to draw."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.procedures import forms

NBSP = "\u00a0"
TEXT = {"title": "Texte", "type": "string"}


def kinds(form: forms.Form) -> dict[str, str]:
    return {field.path: field.kind for field in forms.every_field(forms.fields(form, {}))}


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": ["string", "null"]}, "text"),
        ({"type": "string", "maxLength": 300}, "textarea"),
        ({"type": "string", "x-widget": "textarea"}, "textarea"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "email"}, "email"),
        ({"type": "string", "format": "fr-phone"}, "phone"),
        ({"type": "string", "x-widget": "phone"}, "phone"),
        ({"type": "string", "format": "fr-plate"}, "plate"),
        ({"type": "string", "format": "fr-postcode"}, "postcode"),
        ({"type": "integer"}, "integer"),
        ({"type": "number"}, "number"),
        ({"type": "boolean"}, "yesno"),
        ({"type": "boolean", "const": True}, "consent"),
        ({"enum": ["a", "b"]}, "radios"),
        ({"enum": list("abcdefgh")}, "select"),
        ({"enum": ["a", "b"], "x-widget": "select"}, "select"),
        ({"type": "string", "oneOf": [{"const": "a", "title": "A"}]}, "radios"),
        ({"type": "string", "x-options": "entitlements"}, "radios"),
        ({"type": "array", "items": {"enum": ["a"]}}, "checkboxes"),
        ({"type": "array", "items": {"type": "string"}, "x-widget": "files"}, "files"),
        ({"type": "array", "items": {"type": "object", "properties": {"x": TEXT}}}, "blocks"),
        ({"type": "object", "properties": {"x": TEXT}}, "group"),
        ({"type": "object", "x-widget": "address", "properties": {"x": TEXT}}, "address"),
    ],
)
def test_each_schema_has_its_kind(make: Any, schema: dict[str, Any], kind: str) -> None:
    assert kinds(make({"q": {"title": "Q", **schema}}))["q"] == kind


def test_conditional_questions_come_under_the_one_that_calls_for_them(make: Any) -> None:
    def when(key: str, *names: str) -> dict[str, Any]:
        return {"if": {"required": [key]}, "then": {"properties": dict.fromkeys(names, TEXT)}}

    form = make({"a": TEXT, "b": TEXT, "c": TEXT}, allOf=[when("a", "a1", "a2"), when("b", "b1"), when("a", "a3")])
    assert [field.key for field in forms.fields(form, {})] == ["a", "a1", "a2", "a3", "b", "b1", "c"]


def test_the_analysts_order_wins(make: Any) -> None:
    form = make({"a": TEXT, "b": TEXT, "c": TEXT}, **{"x-order": ["c", "a"]})
    assert [field.key for field in forms.fields(form, {})] == ["c", "a", "b"]


def test_rules_name_their_fields_by_full_path(make: Any) -> None:
    child = {
        "type": "object",
        "properties": {"ecole": {"title": "École", "type": "boolean"}},
        "if": {"required": ["ecole"], "properties": {"ecole": {"const": False}}},
        "then": {"properties": {"garde": TEXT}},
    }
    form = make({"enfants": {"title": "E", "type": "array", "items": child}})
    (field,) = [
        one
        for one in forms.every_field(forms.fields(form, {"enfants": [{}, {"ecole": False}]}))
        if one.path == "enfants.1.garde"
    ]
    assert field.shown_if == {"path": "enfants.1.ecole", "in": ["false"]}
    assert field.active
    assert field.when == f"À remplir si vous avez répondu «{NBSP}Non{NBSP}» à «{NBSP}École{NBSP}»."


@pytest.mark.parametrize(
    ("condition", "rule"),
    [
        ({"required": ["a"], "properties": {"a": {"const": "x"}}}, {"path": "a", "in": ["x"]}),
        ({"required": ["a"], "properties": {"a": {"enum": ["x", True, 3]}}}, {"path": "a", "in": ["x", "true", "3"]}),
        (
            {"properties": {"a": {"const": "x"}}},
            {"any": [{"not": {"path": "a", "given": True}}, {"path": "a", "in": ["x"]}]},
        ),
        ({"required": ["a"], "properties": {"a": {"contains": {"const": "x"}}}}, {"path": "a", "in": ["x"]}),
        (
            {"required": ["a"], "properties": {"a": {"not": {"const": "x"}}}},
            {"all": [{"not": {"path": "a", "in": ["x"]}}, {"path": "a", "given": True}]},
        ),
        ({"required": ["a"], "properties": {"a": {"type": "integer", "minimum": 18}}}, {"path": "a", "min": 18}),
        ({"required": ["a", "b"]}, {"all": [{"path": "a", "given": True}, {"path": "b", "given": True}]}),
        (
            {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {"any": [{"path": "a", "given": True}, {"path": "b", "given": True}]},
        ),
        (
            {"required": ["g"], "properties": {"g": {"required": ["x"], "properties": {"x": {"const": 1}}}}},
            {"path": "g.x", "in": ["1"]},
        ),
        ({"properties": {"a": {"format": "date"}}}, None),
    ],
)
def test_conditions_become_rules_that_a_page_can_follow(make: Any, condition: dict[str, Any], rule: Any) -> None:
    form = make({"a": TEXT, "b": TEXT}, **{"if": condition, "then": {"properties": {"c": TEXT}}})
    (field,) = [one for one in forms.fields(form, {}) if one.key == "c"]
    found = field.shown_if
    if found is not None and "all" in found:
        found, rule = {"all": sorted(found["all"], key=json.dumps)}, {"all": sorted(rule["all"], key=json.dumps)}
    assert found == rule
    assert field.when


def test_required_is_said_when_it_holds_wherever_the_field_shows(make: Any) -> None:
    branch = {"if": {"required": ["a"]}, "then": {"properties": {"b": TEXT}, "required": ["b", "c"]}}
    form = make({"a": TEXT, "c": TEXT}, **branch)
    (b,) = [one for one in forms.fields(form, {}) if one.key == "b"]
    (c,) = [one for one in forms.fields(form, {}) if one.key == "c"]
    assert (b.required, b.required_if) == (True, None)
    assert (c.required, c.required_if) == (False, {"path": "a", "given": True})
    assert [one.required for one in forms.fields(form, {"a": "x"}) if one.key == "c"] == [True]


def test_one_empty_block_shows_where_one_is_required(make: Any) -> None:
    items = {"type": "object", "properties": {"x": TEXT}}
    blocks = {"title": "B", "type": "array", "items": items}
    form = make({"un": blocks, "deux": blocks, "trois": {**blocks, "minItems": 2}}, required=["un"])
    assert [len(field.blocks) for field in forms.fields(form, {})] == [1, 0, 2]


def test_values_are_shown_as_typed_even_in_closed_branches(make: Any) -> None:
    form = make(
        {"a": TEXT, "n": {"title": "N", "type": "integer"}},
        **{"if": {"required": ["a"]}, "then": {"properties": {"b": TEXT}}},
    )
    found = {field.key: field for field in forms.fields(form, {"n": "douze", "b": "gardé"})}
    assert (found["n"].value, found["b"].value, found["b"].active) == ("douze", "gardé", False)


def test_paths_for_the_checker(make: Any) -> None:
    items = {"type": "object", "properties": {"x": TEXT}}
    form = make(
        {
            "a": TEXT,
            "g": {"title": "G", "type": "object", "properties": {"y": TEXT}},
            "l": {"title": "L", "type": "array", "items": items},
        },
        **{"if": {"required": ["a"]}, "then": {"properties": {"b": TEXT}}},
    )
    assert forms.field_paths(form) == {"a", "b", "g", "g.y", "l", "l.*.x"}
