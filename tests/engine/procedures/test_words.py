"""Searching ignores accents, case and plurals (A4)."""

import pytest

from engine.procedures import words


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Été", "ete"), ("ŒUVRE", "oeuvre"), ("ex æquo", "ex aequo"), ("Straße", "strasse"), ("c\u0327a", "ca"), ("", "")],
)
def test_plain_text_has_no_accent_case_or_ligature(text: str, plain: str) -> None:
    assert words.plain(text) == plain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pièce", "pieces"),
        ("véhicule", "VÉHICULES"),
        ("travail", "travaux"),
        ("journal", "journaux"),
        ("eau", "eaux"),
        ("bureau", "bureaux"),
        ("cheveu", "cheveux"),
        ("prix", "prix"),
        ("aide", "aides"),
        ("nuisance", "nuisances"),
    ],
)
def test_singular_and_plural_meet(one: str, other: str) -> None:
    assert words.stems(one) == words.stems(other) != []


@pytest.mark.parametrize(("one", "other"), [("bail", "balle"), ("mois", "moins"), ("gaz", "gare"), ("bus", "but")])
def test_different_words_stay_different(one: str, other: str) -> None:
    assert words.stems(one) != words.stems(other)


def test_empty_words_tell_nothing() -> None:
    assert words.stems("Demande de carte pour l’aide à la personne") == ["demande", "carte", "aide", "personne"]
    assert words.stems("le de à l’ d’ 1") == []


def test_punctuation_separates() -> None:
    assert words.stems("stationnement/résident(e) : n°12") == ["stationnement", "resident", "12"]
