"""Fields as HTML: French, accessible, nothing typed lost (A3, A8)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html

from engine.core.errors import InvalidAnswers
from engine.procedures import forms
from portal import rendering
from portal.rendering import blanks, drawing

FILE = "6a7cf8a0-0000-4000-8000-00000000000"


def page(form: forms.Form, answers: dict[str, Any], errors: dict[str, str] | None = None, **options: Any) -> Any:
    locked = options.pop("locked", None)
    fields = forms.fields(form, answers, locked=locked)
    return html.fromstring(f"<main>{rendering.draw(fields, errors, **options)}</main>")


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
# What ends a line isn't left as it was typed by the macro of dates.
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20)
DATES = st.dates().map(lambda day: day.isoformat())
FILES = st.lists(st.integers(0, 9).map(lambda digit: f"{FILE}{digit}"), unique=True, max_size=2)
CHILD = st.fixed_dictionaries(
    {},
    optional={
        "prenom": TEXT,
        "ecole": st.booleans(),
        "classe": TEXT,
        "jouets": st.lists(st.fixed_dictionaries({}, optional={"quoi": TEXT}), max_size=2),
    },
)
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "nom": TEXT,
        "recit": TEXT,
        "note": st.lists(TEXT, max_size=4).map("\n".join),
        "age": st.integers(-(10**15), 10**15),
        "surface": st.decimals(-9999, 9999, places=2).map(float),
        "jour": DATES,
        "courriel": TEXT,
        "tel": TEXT,
        "plaque": TEXT,
        "couleur": st.sampled_from(["rouge", "vert", 3]),
        "taille": st.sampled_from([1, 2]),
        "jours": st.lists(st.sampled_from(["lundi", "mardi"]), unique=True).map(sorted),
        "marie": st.booleans(),
        "conjoint": TEXT,
        "lien": st.sampled_from(["a", "b", "c", "d"]),
        "adresse": st.fixed_dictionaries({}, optional={"voie": TEXT, "commune": TEXT}),
        "enfants": st.lists(CHILD, min_size=1, max_size=3),
        "pieces": FILES,
        "certifie": st.just(True),
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=ANSWERS)
def test_what_is_drawn_is_read_back(form: forms.Form, posted: Any, answers: dict[str, Any]) -> None:
    """Drawn, posted and read, answers are the same: with every field on the page, as without JavaScript."""
    answers = forms.clean(form, answers)
    if answers.get("lien", "") not in ("ab" if answers.get("marie") else "cd"):
        answers.pop("lien", None)  # a choice of the question that isn't asked is read as none
    drawn = str(rendering.draw(forms.fields(form, answers)))
    assert forms.clean(form, rendering.read(form, posted(drawn))) == forms.clean(
        form, answers | {"enfants": answers.get("enfants") or [{}]}
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=ANSWERS, wrong=st.fixed_dictionaries({}, optional=dict.fromkeys(("nom", "note", "jour", "couleur"), LINE))
)
def test_a_question_drawn_from_its_blank_is_what_the_macros_draw(
    form: forms.Form, answers: dict[str, Any], wrong: dict[str, Any]
) -> None:
    nothing = drawing.Page({}, {}, "", {}, ())

    def lines(drawn: str) -> str:
        return re.sub(r"\s*\n\s*", "\n", drawn)

    for field in forms.every_field(forms.fields(form, answers | wrong)):
        assert lines(blanks.draw(field, nothing, 2)) == lines(drawing.whole(field, nothing, 2))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    typed=st.dictionaries(
        st.sampled_from(["nom", "age", "surface", "courriel", "plaque"]),
        st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=12),
    )
)
def test_what_was_typed_is_shown_again_as_it_was(form: forms.Form, posted: Any, typed: dict[str, str]) -> None:
    again = posted(str(rendering.draw(forms.fields(form, typed))))
    assert {name: again[name] for name in typed} == typed


@pytest.mark.parametrize(
    "boxes", [("31", "2", "2026"), ("", "2", "2026"), ("a", "", ""), ("1", "1", "26"), ("٣", "1", "2026")]
)
def test_a_wrong_date_stays_in_its_boxes(form: forms.Form, posted: Any, boxes: tuple[str, str, str]) -> None:
    sent = posted(
        "".join(
            f'<input name="jour-{part}" value="{text}">'
            for part, text in zip(("day", "month", "year"), boxes, strict=True)
        )
    )
    answers = rendering.read(form, sent)
    with pytest.raises(InvalidAnswers) as caught:
        forms.validate(form, answers)
    errors = {"jour": caught.value.errors["jour"]}
    found = page(form, answers, errors)
    assert (
        tuple(
            found.xpath(f'//input[@name="jour-{part}"]/@value')[0] if text else ""
            for part, text in zip(("day", "month", "year"), boxes, strict=True)
        )
        == boxes
    )
    first_wrong = rendering.error_list(forms.fields(form, answers), errors)[0]["href"]
    assert found.xpath(f'//input[@id="{first_wrong[1:]}"]')


def test_every_control_has_a_label_and_every_id_is_one_of_a_kind(form: forms.Form) -> None:
    found = page(form, {"enfants": [{}, {}], "pieces": [FILE + "1"]}, {"nom": "Non", "enfants.1.prenom": "Non"})
    ids = found.xpath("//@id")
    assert len(ids) == len(set(ids))
    labelled = set(found.xpath("//label/@for"))
    for control in found.xpath('//input[not(@type="hidden")] | //select | //textarea'):
        assert control.get("id") in labelled, html.tostring(control)
    for place in found.xpath("//@aria-describedby | //@aria-labelledby"):
        assert set(place.split()) <= set(ids)


def test_texts_of_analysts_are_escaped(form: forms.Form) -> None:
    found = page(form, {"nom": '"><script>'})
    assert found.xpath('//label[@for="f-nom"]')[0].text_content().strip() == "Nom <b>\u00a0*"
    assert found.xpath('//input[@name="nom"]/@value') == ['"><script>']
    assert not found.xpath("//script | //b")


def test_a_field_in_error_says_so_to_everyone(form: forms.Form) -> None:
    found = page(form, {}, {"nom": "Renseignez « Nom »."})
    (control,) = found.xpath('//input[@name="nom"]')
    assert "f-nom-error" in control.get("aria-describedby")
    (message,) = found.xpath('//*[@id="f-nom-error"]')
    assert "Erreur" in message.text_content()
    assert "Renseignez « Nom »." in message.text_content()


def test_nothing_is_in_english(form: forms.Form) -> None:
    text = page(form, {"recit": "x"}, {"nom": "Non", "jour": "Non"}).text_content()
    for word in ("Error", "Day", "Month", "Year", "You ", "characters", "Choose", "Upload"):
        assert word not in text
    assert {"Jour", "Mois", "Année"} <= {one.text_content().strip() for one in page(form, {}).xpath("//label")}


def test_conditional_fields_carry_their_rule_and_a_hint_without_javascript(form: forms.Form) -> None:
    found = page(form, {"enfants": [{}]})
    (box,) = found.xpath('//div[@data-show-if][.//input[@name="conjoint"]]')
    assert json.loads(box.get("data-show-if")) == {"path": "marie", "in": ["true"]}
    assert (
        box.xpath("./p")[0].text_content() == "À remplir si vous avez répondu «\u00a0Oui\u00a0» à «\u00a0Marié\u00a0»."
    )
    assert "hidden" not in box.attrib
    (inner,) = found.xpath('//div[@data-show-if][.//input[@name="enfants.0.classe"]]')
    assert json.loads(inner.get("data-show-if")) == {"path": "enfants.0.ecole", "in": ["true"]}


def test_the_asterisk_follows_answers_that_call_for_others(form: forms.Form) -> None:
    (star,) = page(form, {}).xpath('//label[@for="f-courriel"]/span[@data-required-if]')
    assert json.loads(star.get("data-required-if")) == {"path": "tel", "given": True}
    assert "hidden" in star.attrib
    (star,) = page(form, {"tel": "0612345678"}).xpath('//label[@for="f-courriel"]/span[@data-required-if]')
    assert "hidden" not in star.attrib


def test_required_fields_are_marked(form: forms.Form) -> None:
    found = page(form, {})
    assert found.xpath('//input[@name="nom"]/@aria-required') == ["true"]
    assert not found.xpath('//input[@name="tel"]/@aria-required')


def test_neighbours_of_a_group_share_a_fieldset(form: forms.Form) -> None:
    (group,) = page(form, {}).xpath('//fieldset[legend="Vous joindre"]')
    assert set(group.xpath(".//input/@name")) == {"courriel", "tel"}


def test_locked_values_are_text_with_the_reason(form: forms.Form) -> None:
    found = page(form, {"nom": "Pirate"}, locked={"nom": "Diallo", "adresse.voie": "1 rue"})
    assert not found.xpath('//input[@name="nom" or @name="adresse.voie"]')
    assert "Diallo" in found.xpath('//*[@id="f-nom"]')[0].text_content()
    assert "ne se modifie pas ici" in found.text_content()
    assert "Pirate" not in found.text_content()


def test_the_reason_is_said_once(form: forms.Form) -> None:
    found = page(form, {}, locked={"nom": "Diallo", "recit": "x", "adresse.voie": "1 rue"})
    assert found.text_content().count("ne se modifie pas ici") == 1


def test_a_stored_phone_number_is_shown_by_pairs(form: forms.Form) -> None:
    assert page(form, {"tel": "0612345678"}).xpath('//input[@name="tel"]/@value') == ["06 12 34 56 78"]
    assert page(form, {"tel": "+32 2"}).xpath('//input[@name="tel"]/@value') == ["+32 2"]


def test_blocks_can_be_added_up_to_their_limit_and_removed_down_to_theirs(form: forms.Form) -> None:
    one, three = page(form, {}), page(form, {"enfants": [{}, {}, {}]})
    assert "add:enfants" in one.xpath("//button/@value")
    assert "remove:enfants.0" not in one.xpath("//button/@value")
    assert "add:enfants" not in three.xpath("//button/@value")
    assert {f"remove:enfants.{index}" for index in range(3)} <= set(three.xpath("//button/@value"))


def test_the_cursor_goes_to_a_new_block(form: forms.Form) -> None:
    found = page(form, {"enfants": [{}, {}]}, focus="enfants.1")
    assert found.xpath("//*[@autofocus]/@id") == ["f-enfants-1"]


def test_given_files_are_listed_kept_and_can_be_taken_away(form: forms.Form) -> None:
    known = {f"{FILE}1": {"name": "facture.pdf", "size": "1,2 Mo", "href": "/pieces/1"}}
    found = page(form, {"pieces": [FILE + "1"]}, files=known)
    assert found.xpath('//a[@href="/pieces/1"]')[0].text == "facture.pdf"
    assert found.xpath('//input[@type="hidden"][@name="pieces"]/@value') == [FILE + "1"]
    assert f"remove-file:pieces:{FILE}1" in found.xpath("//button/@value")
    box, camera = found.xpath('//input[@type="file"]')
    assert (box.get("name"), box.get("accept"), "multiple" in box.attrib) == (
        "pieces-files",
        ".pdf,.jpg,.jpeg,.png",
        True,
    )
    assert (camera.get("name"), camera.get("capture")) == ("pieces-files", "environment")
    full = page(form, {"pieces": [FILE + "1", FILE + "2"]}, {"pieces": "Trop."}, files=known)
    assert not full.xpath('//input[@type="file"]')
    assert "Trop." in full.text_content()


def test_documents_of_ones_space_can_be_chosen(form: forms.Form) -> None:
    """A19: a box for each file, under the name of its document."""
    own = [("Carte d’identité", [{"id": f"{FILE}7", "name": "recto <1>.png", "size": "3 ko"}])]
    found = page(form, {}, own=own)
    (box,) = found.xpath('//input[@name="pieces-pieces"]')
    assert (box.get("type"), box.get("value")) == ("checkbox", f"{FILE}7")
    text = " ".join(found.text_content().split())
    assert "Choisir dans Mes pièces" in text
    assert "Carte d’identité" in text
    assert "recto <1>.png (3 ko)" in text


def test_errors_link_to_their_field_and_say_which_block(form: forms.Form) -> None:
    errors = {
        "nom": "Renseignez.",
        "jour": "Date.",
        "enfants.1.prenom": "Renseignez.",
        "pieces": "Joignez.",
        "": "Ensemble.",
        "autre": "?",
    }
    fields = forms.fields(form, {"enfants": [{}, {}]})
    links = rendering.error_list(fields, errors)
    found = page(form, {"enfants": [{}, {}]}, errors)
    assert [one["text"] for one in links] == [
        "Renseignez.",
        "Date.",
        "Enfant\u00a02\u00a0: Renseignez.",
        "Joignez.",
        "Ensemble.",
        "?",
    ]
    for link in links[:4]:
        assert found.xpath(f'//*[@id="{link["href"][1:]}"]')
    assert all("href" not in link for link in links[4:])
