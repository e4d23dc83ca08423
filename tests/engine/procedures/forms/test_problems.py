"""What the checker says of a form: each mistake by code and line (F2)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import DefinitionError
from engine.procedures import forms

FORMS = Path(__file__).parents[4] / "forms"
TEXT = {"title": "T", "type": "string"}
YES = {"required": ["a"], "properties": {"a": {"const": "x"}}}


def codes(schema: Any, **shared: Any) -> list[str]:
    files = {"f.json": schema, **{f"{name}.json": one for name, one in shared.items()}}
    return [
        one.code for one in forms.problems("f.json", {name: json.dumps(one).encode() for name, one in files.items()})
    ]


def form(properties: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **keywords}


def test_a_good_form_has_none() -> None:
    assert (
        codes(form({"a": TEXT, "b": {"$ref": "autre.json"}}, required=["a"]), autre=form({"x": TEXT}, title="Autre"))
        == []
    )


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (form({"a": {"type": "string"}}), ["missing-title"]),
        (form({}), ["not-a-form"]),
        ([], ["invalid-schema"]),
        (form({"a": {"title": "T", "type": "texte"}}), ["invalid-schema"]),
        (form({"a": {"title": "T", "type": "string", "minLength": "3"}}), ["invalid-schema"]),
        (form({"a": {**TEXT, "requierd": True}}), ["unknown-keyword"]),
        (form({"a": {**TEXT, "x-aide": "?"}}), ["unknown-keyword"]),
        (form({"a": TEXT}, patternProperties={}), ["unknown-keyword"]),
        (form({"a": {**TEXT, "x-widget": "curseur"}}), ["unknown-widget"]),
        (form({"a": {**TEXT, "x-widget": "files"}}), ["bad-widget"]),
        (form({"a": {**TEXT, "x-width": "dix"}}), ["bad-keyword"]),
        (form({"a": {**TEXT, "x-readonly": 1}}), ["bad-keyword"]),
        (form({"a": {**TEXT, "x-messages": {"required": 1}}}), ["bad-keyword"]),
        (form({"a": {**TEXT, "format": "date", "x-max": "demain"}}), ["bad-keyword"]),
        (form({"a": {**TEXT, "x-other-than": "emails"}}), ["bad-keyword"]),
        (form({"a": {**TEXT, "x-other-than": "plates.b"}}), ["bad-keyword"]),
        (form({"a": {**TEXT, "x-prefill": "usager.age"}}), ["unknown-prefill"]),
        (form({"a": {**TEXT, "format": "phone"}}), ["unknown-format"]),
        (form({"a": {**TEXT, "pattern": "(a"}}), ["bad-pattern"]),
        (form({"a": {**TEXT, "pattern": "^(a+)+$"}}), ["dangerous-pattern"]),
        (form({"a": {"title": "T", "$ref": "https://ailleurs.example/x.json"}}), ["remote-ref"]),
        (form({"a": {"title": "T", "$ref": "//ailleurs.example/x.json"}}), ["remote-ref"]),
        (form({"a": {"title": "T", "$ref": "absent.json"}}), ["missing-ref"]),
        (form({"a": {"title": "T", "$ref": "#/$defs/absent"}}), ["missing-ref"]),
        (form({"a": {"title": "T", "$ref": "#"}}), ["recursive-ref"]),
        (form({"Nom": TEXT}), ["bad-name"]),
        (form({"prénom": TEXT}), ["bad-name"]),
        (form({"in": TEXT}), ["reserved-name"]),
        (form({"csrf_token": TEXT}), ["reserved-name"]),
        (form({"a": TEXT}, required=["b"]), ["required-unknown"]),
        (form({"a": TEXT}, **{"x-order": ["b"]}), ["order-unknown"]),
        (form({"a": TEXT}, then={"properties": {"b": TEXT}}), ["then-without-if"]),
        (
            form({"a": TEXT}, **{"if": {"properties": {"a": {"const": "x"}}}, "then": {"properties": {"b": TEXT}}}),
            ["condition-without-required"],
        ),
        (form({"a": TEXT}, **{"if": {"required": ["z"]}, "then": {"properties": {"b": TEXT}}}), ["unknown-condition"]),
        (
            form({"a": {"title": "T", "enum": ["y"]}}, **{"if": YES, "then": {"properties": {"b": TEXT}}}),
            ["never-shown"],
        ),
        (form({"a": TEXT}, **{"if": False, "then": {"properties": {"b": TEXT}}}), ["never-shown"]),
        (form({"a": TEXT, "b": TEXT}, allOf=[{"properties": {"b": False}}]), ["never-shown"]),
        (form({"a": {**TEXT, "default": 3}}), ["bad-default"]),
        (form({"a": {**TEXT, "x-readonly": True}}), ["readonly-empty"]),
        (form({"a": {**TEXT, "x-certified": True}}), ["certified-empty"]),
        (form({"a": {**TEXT, "minLength": 3, "maxLength": 2}}), ["no-answer"]),
        (form({"a": {**TEXT, "x-widget": "radios"}}), ["no-choice"]),
        (form({"a": {"title": "T", "type": "object"}}), ["no-field"]),
        (form({"a": {"title": "T", "oneOf": [{"type": "object"}]}}), ["no-choice", "unsupported-oneof"]),
    ],
)
def test_each_mistake_is_named(schema: Any, expected: list[str]) -> None:
    assert codes(schema) == expected


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ([], "un formulaire est un objet, entre accolades, et non []."),
        (
            {"type": "objet"},
            "« type » vaut \"objet\", mais doit être l’un de array, boolean, integer, null, number, object, string.",
        ),
        ({"properties": []}, "« properties » attend un objet, entre accolades, et non []."),
        (form({"a": []}), "« a » attend un objet, entre accolades, et non []."),
        ({"required": "nom"}, "« required » attend une liste, entre crochets, et non \"nom\"."),
        ({"required": ["a", "a"]}, "« required » nomme deux fois la même chose : [\"a\", \"a\"]."),
        ({"maxLength": "10"}, "« maxLength » attend un nombre entier, et non \"10\"."),
        ({"maxLength": -1}, "« maxLength » vaut -1, mais doit être au moins 0."),
        ({"multipleOf": 0}, "« multipleOf » vaut 0, mais doit être plus grand que 0."),
        ({"uniqueItems": "oui"}, "« uniqueItems » attend « true » ou « false », et non \"oui\"."),
        ({"allOf": []}, "« allOf » est vide : écrivez-y quelque chose, ou retirez-le."),
        ({"title": 3}, "« title » attend un texte, entre guillemets, et non 3."),
        ({"$id": "#" + "x" * 80}, f"\"#{'x' * 58}… n’est pas une valeur possible de « $id »."),
    ],
)  # fmt: skip
def test_what_the_standard_refuses_is_said_in_french(schema: Any, told: str) -> None:
    """The library says it in English."""
    [found] = forms.problems("f.json", {"f.json": json.dumps(schema).encode()})
    assert found.message == f"ce n’est pas du JSON Schema valide : {told}"


def test_nested_branches_that_contradict_one_another_are_never_shown() -> None:
    a = {"title": "A", "enum": ["x", "y"]}
    other = {"required": ["a"], "properties": {"a": {"const": "y"}}}
    inner = {"if": other, "then": {"properties": {"c": TEXT}}}
    schema = form({"a": a}, **{"if": YES, "then": {"properties": {"b": TEXT}, "allOf": [inner]}})
    assert codes(schema) == ["never-shown"]


def test_all_problems_come_at_once_with_their_line_and_file() -> None:
    text = """{
 "type": "object",
 "properties": {
  "a": {"type": "string"},
  "b": {
   "title": "B", "$ref": "c.json",
   "x-rien": 1
  }
 }
}"""
    other = """{
 "type": "object", "title": "C",
 "properties": {"d": {"title": "D", "type": "string",
  "format": "couleur"}}
}"""
    found = forms.problems("f.json", {"f.json": text.encode(), "c.json": other.encode()})
    assert [(one.file, one.line, one.code) for one in found] == [
        ("f.json", 4, "missing-title"),
        ("f.json", 7, "unknown-keyword"),
        ("c.json", 4, "unknown-format"),
    ]
    assert str(found[1]).startswith("f.json:7 : le mot-clé « x-rien » n’existe pas")
    assert found[1].pointer == "/properties/b/x-rien"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"type": "object",', "invalid-json"),
        (b'{"a": NaN}', "invalid-json"),
        (b"\xff\xfe\x00", "invalid-json"),
        (b"[" * 100_000, "invalid-json"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, "invalid-json"),
        (b'{"type": "object", "properties": {"a": {"title": "A", "type": "string", "title": "B"}}}', "duplicate-key"),
    ],
)
def test_unreadable_files(content: bytes, code: str) -> None:
    assert [one.code for one in forms.problems("f.json", {"f.json": content})] == [code]


@pytest.mark.parametrize(
    ("content", "said", "line"),
    [
        (b'{"type": "object",\n}', "ligne 2, colonne 1", 2),
        (b"\xff\xfe\x00", "UTF-8", 1),
        (b'{"a": NaN}', "NaN n’existe pas", 1),
    ],
)
def test_what_cannot_be_read_is_said_in_french(content: bytes, said: str, line: int) -> None:
    (found,) = forms.problems("f.json", {"f.json": content})
    assert said in str(found)
    assert found.line == line
    assert not re.search("expect|codec|column", str(found), re.IGNORECASE)


def test_a_missing_form_is_a_problem_too() -> None:
    assert [one.code for one in forms.problems("f.json", {})] == ["missing-form"]


def test_references_that_multiply_are_stopped() -> None:
    defs = {
        f"n{index}": form({side: {"title": "T", "$ref": f"#/$defs/n{index + 1}"} for side in "ab"})
        for index in range(30)
    }
    schema = form({"a": {"title": "T", "$ref": "#/$defs/n0"}}, **{"$defs": {**defs, "n30": TEXT}})
    assert codes(schema) == ["recursive-ref"]
    with pytest.raises(DefinitionError, match="trop grand"):
        forms.load("f.json", {"f.json": json.dumps(schema).encode()})


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"f.json": {"type": "objet"}},
        {"f.json": {"$ref": "https://ailleurs.example/x.json"}},
        {"f.json": {"$ref": "#"}},
        {"f.json": {"$dynamicRef": "#x"}},
    ],
)
def test_what_cannot_be_used_is_not_loaded(files: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        forms.load("f.json", {name: json.dumps(one).encode() for name, one in files.items()})


def test_the_shipped_forms_have_none() -> None:
    files = {path.name: path.read_bytes() for path in FORMS.glob("*.json")}
    assert len(files) > 3
    assert [str(one) for name in files for one in forms.problems(name, files)] == []
