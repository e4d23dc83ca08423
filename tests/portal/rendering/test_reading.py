"""What was posted, read as answers; buttons that act on blocks and files."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import FileStorage, MultiDict

from engine.core.errors import BadRequest, InvalidAnswers
from engine.procedures import forms
from portal import rendering
from portal.rendering import Action


def read(form: forms.Form, *pairs: tuple[str, str]) -> dict[str, Any]:
    return rendering.read(form, MultiDict(pairs))


def test_texts_become_what_the_form_expects(form: forms.Form) -> None:
    found = read(
        form,
        ("age", " 1 234 "),
        ("surface", "12,5"),
        ("marie", "false"),
        ("couleur", "3"),
        ("taille", "2"),
        ("certifie", "true"),
    )
    assert found | {"jours": [], "pieces": [], "enfants": [], "adresse": {}} == found
    assert {key: found[key] for key in ("age", "surface", "marie", "couleur", "taille", "certifie")} == {
        "age": 1234,
        "surface": 12.5,
        "marie": False,
        "couleur": 3,
        "taille": 2,
        "certifie": True,
    }


def test_what_is_wrong_stays_as_typed(form: forms.Form) -> None:
    found = read(
        form, ("age", "douze"), ("surface", "1,2,3"), ("marie", "peut-être"), ("couleur", "bleu"), ("age", "9" * 5000)
    )
    assert (found["age"], found["surface"], found["marie"], found["couleur"]) == ("douze", "1,2,3", "peut-être", "bleu")
    assert read(form, ("age", "9" * 5000))["age"] == "9" * 5000
    assert read(form, ("age", "٣"))["age"] == "٣"


def test_names_that_the_form_does_not_know_are_left_out(form: forms.Form) -> None:
    found = read(
        form,
        ("csrf_token", "x"),
        ("_action", "next"),
        ("enfants", "x"),
        ("enfants.a.prenom", "x"),
        ("adresse", "x"),
        ("nom.x", "y"),
    )
    assert "nom" not in found
    assert (found["enfants"], found["adresse"]) == ([], {})
    assert set(found) <= set(form.schema["properties"]) | {"conjoint", "lien"}


def test_blocks_close_up_and_cannot_be_made_endless(form: forms.Form) -> None:
    found = read(form, ("enfants.7.prenom", "B"), ("enfants.2.prenom", "A"), ("enfants.4._", "1"))
    assert [one.get("prenom") for one in found["enfants"]] == ["A", None, "B"]
    many = read(form, *((f"enfants.{index}.prenom", "x") for index in range(5000)))
    assert len(many["enfants"]) == 4


def test_of_two_questions_under_one_name_the_one_that_was_answered_counts(form: forms.Form) -> None:
    assert read(form, ("lien", "c"))["lien"] == "c"
    assert read(form, ("nom", ""), ("nom", "Zoé"))["nom"] == "Zoé"


def _subjects(widget: str, *lists: str) -> forms.Form:
    """A question under one name whose choices depend on another one, as the contact form has it."""
    ways = [
        {
            "if": {"required": ["domaine"], "properties": {"domaine": {"const": domain}}},
            "then": {
                "required": ["sujet"],
                "properties": {"sujet": {"title": "Sujet", "x-widget": widget, "enum": choices.split()}},
            },
        }
        for domain, choices in zip("pqr", lists, strict=True)
    ]
    schema = {"type": "object", "properties": {"domaine": {"enum": ["p", "q", "r"]}}, "allOf": ways}
    return forms.load("sujets.json", {"sujets.json": json.dumps(schema).encode()})


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (["a", "", "y"], "y"),  # the first list was touched before
        (["a", "", ""], ""),  # only a list that isn't asked for
        (["autre", "", ""], ""),
        (["", "", "autre"], "autre"),
        (["z"], "z"),  # with JavaScript, only the list that shows is sent
    ],
)
def test_of_the_lists_under_one_name_the_one_that_is_asked_for_counts(sent: list[str], meant: str) -> None:
    form = _subjects("select", "a b autre", "c d autre", "y z autre")
    found = read(form, ("domaine", "r"), *(("sujet", one) for one in sent))
    assert found["sujet"] == meant
    if not meant:
        with pytest.raises(InvalidAnswers) as refused:
            forms.validate(form, found)
        assert list(refused.value.errors) == ["sujet"]
        assert "Choisissez" in refused.value.errors["sujet"]


def test_a_choice_of_a_question_that_is_not_asked_for_is_none() -> None:
    form = _subjects("radios", "a b", "c d", "y z")
    assert read(form, ("domaine", "r"), ("sujet", "a"))["sujet"] == ""
    assert read(form, ("domaine", "r"), ("sujet", "y"))["sujet"] == "y"
    assert read(form, ("domaine", "r"), ("sujet", "tout autre"))["sujet"] == "tout autre"
    assert read(form, ("sujet", "a"))["sujet"] == "a"


def test_dates_are_read_from_their_boxes(form: forms.Form) -> None:
    assert read(form, ("jour-day", " 3"), ("jour-month", "05 "), ("jour-year", "2026"))["jour"] == "2026-05-03"
    assert "jour" not in read(form, ("jour-day", ""), ("jour-month", ""), ("jour-year", ""))
    assert read(form, ("jour-day", "3/4"), ("jour-month", "5"), ("jour-year", ""))["jour"] == "34/5/"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "nom",
                    "jour-day",
                    "enfants.0.prenom",
                    "enfants.00.jouets.1.quoi",
                    "adresse.voie",
                    "pieces",
                    "a.b",
                    "_",
                ]
            ),
            st.text(max_size=9),
        )
    )
)
def test_nothing_posted_makes_reading_fail(form: forms.Form, pairs: list[tuple[str, str]]) -> None:
    forms.clean(form, read(form, *pairs))


def test_uploads_go_by_field(form: forms.Form) -> None:
    def file(name: str) -> FileStorage:
        return FileStorage(BytesIO(b"x"), filename=name)

    sent = MultiDict(
        [
            ("pieces-files", file("a.pdf")),
            ("pieces-files", file("")),
            ("nom-files", file("b.pdf")),
            ("pieces", file("c.pdf")),
        ]
    )
    assert {path: [one.filename for one in files] for path, files in rendering.uploads(form, sent).items()} == {
        "pieces": ["a.pdf"]
    }


@pytest.mark.parametrize(
    ("value", "action"),
    [
        ("", Action("next")),
        ("next", Action("next")),
        ("save", Action("save")),
        ("add:enfants", Action("add", "enfants")),
        ("remove:enfants.0.jouets.1", Action("remove", "enfants.0.jouets.1")),
        ("attach:pieces", Action("attach", "pieces")),
        ("remove-file:pieces:abc", Action("remove-file", "pieces", "abc")),
    ],
)
def test_the_pressed_button_says_what_to_do(value: str, action: Action) -> None:
    assert rendering.action(MultiDict({"_action": value})) == action


@pytest.mark.parametrize("value", ["add", "remove:", "remove-file:pieces", "x:y", "NEXT", "é", "add:"])
def test_a_button_that_no_page_has_is_refused(value: str) -> None:
    with pytest.raises(BadRequest):
        rendering.action(MultiDict({"_action": value}))


def test_blocks_come_and_go(form: forms.Form) -> None:
    one = {"enfants": [{"prenom": "A"}]}
    two = rendering.act(form, one, Action("add", "enfants"))
    assert two == {"enfants": [{"prenom": "A"}, {}]}
    assert rendering.act(form, two, Action("remove", "enfants.0")) == {"enfants": [{}]}
    assert rendering.act(form, two, Action("remove", "enfants.7")) == two
    nested = rendering.act(form, two, Action("add", "enfants.1.jouets"))
    assert nested == {"enfants": [{"prenom": "A"}, {"jouets": [{}]}]}
    assert rendering.act(form, nested, Action("remove", "enfants.1.jouets.0")) == {
        "enfants": [{"prenom": "A"}, {"jouets": []}]
    }
    assert one == {"enfants": [{"prenom": "A"}]}


def test_no_more_blocks_than_allowed(form: forms.Form) -> None:
    full = {"enfants": [{}, {}, {}]}
    assert rendering.act(form, full, Action("add", "enfants")) == full


def test_a_file_is_taken_away(form: forms.Form) -> None:
    assert rendering.act(form, {"pieces": ["a", "b"]}, Action("remove-file", "pieces", "a")) == {"pieces": ["b"]}
    assert rendering.act(form, {"pieces": ["a"]}, Action("remove-file", "pieces", "z")) == {"pieces": ["a"]}


@pytest.mark.parametrize(
    "action",
    [
        Action("add", "nom"),
        Action("add", "enfants.0"),
        Action("remove", "enfants"),
        Action("add", "inconnu"),
        Action("attach", "nom"),
        Action("remove-file", "nom", "a"),
        Action("add", "enfants.9.jouets"),
    ],
)
def test_a_place_that_does_not_exist_is_refused(form: forms.Form, action: Action) -> None:
    with pytest.raises(BadRequest):
        rendering.act(form, {"enfants": [{}], "nom": "x"}, action)
