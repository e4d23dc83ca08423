"""Answers read back in French."""

from __future__ import annotations

from typing import Any

import pytest

from engine.procedures import forms
from engine.procedures.forms import Line, Section
from engine.procedures.forms.wording import long_date, number, phone

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"type": "string"}, " Zoé ", "Zoé"),
        ({"type": "boolean"}, True, "Oui"),
        ({"type": "boolean"}, False, "Non"),
        ({"type": "string", "format": "date"}, "2026-05-01", f"1er{NBSP}mai{NBSP}2026"),
        ({"type": "string", "format": "fr-phone"}, "+33612345678", NBSP.join(["06", "12", "34", "56", "78"])),
        ({"type": "number"}, 12345.5, "12\u202f345,5"),
        ({"type": "string", "oneOf": [{"const": "a", "title": "Première"}]}, "a", "Première"),
        (
            {"type": "array", "items": {"oneOf": [{"const": "a", "title": "A1"}, {"const": "b", "title": "B1"}]}},
            ["a", "b"],
            "A1, B1",
        ),
        ({"type": "string"}, "", "Non renseigné"),
        ({"type": "boolean"}, None, "Non renseigné"),
    ],
)
def test_each_answer_in_words(make: Any, schema: dict[str, Any], value: Any, text: str) -> None:
    (line,) = forms.summary(make({"q": {"title": "Q", **schema}}), {"q": value})
    assert (line.label, line.text, line.path) == ("Q", text, "q")
    assert line.given is (text != "Non renseigné")


def test_only_what_is_asked_is_read_back_in_sections(make: Any) -> None:
    text = {"title": "T", "type": "string", "x-summary": "Dit court"}
    items = {"type": "object", "properties": {"x": text}}
    form = make(
        {
            "a": {"title": "A", "type": "boolean"},
            "g": {"title": "Groupe", "type": "object", "properties": {"x": text}},
            "l": {"title": "Liste", "type": "array", "x-itemTitle": "Élément", "items": items},
            "f": {"title": "F", "type": "array", "x-widget": "files", "items": {"type": "string"}},
        },
        **{"if": {"required": ["a"], "properties": {"a": {"const": True}}}, "then": {"properties": {"b": text}}},
    )
    found = forms.summary(
        form, {"a": False, "b": "non", "g": {"x": "1"}, "l": [{"x": "2"}, {"x": "3"}], "f": ["id1", "id2"]}
    )
    assert found == [
        Line("A", "Non", "a"),
        Section("Groupe", (Line("Dit court", "1", "g.x"),), "g"),
        Section(f"Élément{NBSP}1", (Line("Dit court", "2", "l.0.x"),), "l.0"),
        Section(f"Élément{NBSP}2", (Line("Dit court", "3", "l.1.x"),), "l.1"),
        Line("F", f"2{NBSP}fichiers", "f", ("id1", "id2")),
    ]


def test_choices_of_the_platform_are_read_back_by_their_label(make: Any) -> None:
    form = make({"d": {"title": "D", "type": "string", "x-options": "entitlements"}})
    context = {"entitlements": (forms.Choice("D1", "Zone 1"),)}
    assert [line.text for line in forms.summary(form, {"d": "D1"}, context=context)] == ["Zone 1"]
    assert [line.text for line in forms.summary(form, {"d": "D1"})] == ["D1"]


@pytest.mark.parametrize(
    ("iso", "text"),
    [
        ("2026-12-31", "31 décembre 2026"),
        ("1950-00-00", "1950"),
        ("1950-02-00", "février 1950"),
        ("bientôt", "bientôt"),
        ("2026-02-31", "2026-02-31"),
    ],
)
def test_days_in_words(iso: str, text: str) -> None:
    assert long_date(iso).replace(NBSP, " ") == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (-1234567, "-1\u202f234\u202f567"), (2.0, "2"), (1e-7, "0,0000001"), (999, "999")]
)
def test_numbers_in_french(value: float, text: str) -> None:
    assert number(value) == text


def test_a_number_that_is_not_french_stays() -> None:
    assert phone("112") == "112"
