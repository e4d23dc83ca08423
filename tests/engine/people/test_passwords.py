"""Passwords: B2."""

from __future__ import annotations

import unicodedata

import pytest
from argon2 import PasswordHasher, extract_parameters

from engine.people import passwords

GOOD = "Tr0mpette-Jaune"


@pytest.mark.parametrize("password", [GOOD, "xK7!mnQ2", "Riz€au7lait", "Mot de passe: 4 chats", "Aa1!" + "xyzt" * 31])
def test_a_password_that_keeps_every_rule_is_taken(password: str) -> None:
    assert passwords.unmet(password) == []


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("xK7!mnQ", "au moins 8 caractères"),
        ("XK7!MNQ2", "une minuscule"),
        ("xk7!mnq2", "une majuscule"),
        ("xKz!mnQz", "un chiffre"),
        ("xK7zmnQ2", "caractère spécial"),
        ("xK7 mnQ2", "caractère spécial"),
        ("xK7!mn\x00Q2", "invisibles"),
        ("Aa1!" + "x7yz" * 32, "128 caractères"),
        ("Azerty1!", "trop courant"),
        ("Password1!", "trop courant"),
        ("Motdepasse2026!", "trop courant"),
        ("!!Bonjour75", "trop courant"),
        ("Aa1!Aa1!Aa1!", "trop courant"),
    ],
)
def test_each_broken_rule_is_said(password: str, rule: str) -> None:
    (said,) = passwords.unmet(password)
    assert rule in said


@pytest.mark.parametrize("sign", list("&é\"'èçà~\\ù<>µ£¤§"))
def test_the_signs_of_the_seed_are_refused(sign: str) -> None:
    (said,) = passwords.unmet(f"xK7!mnQ2{sign}")
    assert said.endswith(f": {sign}")


def test_a_refused_sign_typed_in_two_parts_is_refused_too() -> None:
    assert passwords.unmet("xK7!mnQ2" + unicodedata.normalize("NFD", "é"))


def test_every_broken_rule_is_said_at_once() -> None:
    assert len(passwords.unmet("é")) == 5


@pytest.mark.parametrize("password", ["Valmont2026!", "Martin-1987", "Claire!2024"])
def test_what_is_known_of_the_person_and_the_city_makes_no_password(password: str) -> None:
    assert passwords.unmet(password, about=["claire.martin@exemple.fr", "Valmont-sur-Seine"])


def test_a_proposal_keeps_every_rule_and_is_never_the_same() -> None:
    made = {passwords.proposal() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        assert passwords.unmet(password) == []
        assert len(password) == 16
        assert not set(password) & set("lIO01o")


def test_a_password_is_checked_against_its_hash() -> None:
    stored = passwords.hashed(GOOD)
    assert GOOD not in stored
    assert passwords.check(GOOD, stored)
    assert not passwords.check(GOOD + "x", stored)
    assert passwords.hashed(GOOD) != stored


def test_the_same_password_typed_on_another_device_is_right() -> None:
    stored = passwords.hashed("Pâté-Croûte7")
    assert passwords.check(unicodedata.normalize("NFD", "Pâté-Croûte7"), stored)


def test_the_hash_is_argon2id_as_owasp_asks() -> None:
    found = extract_parameters(passwords.hashed(GOOD))
    assert (found.type.name, found.memory_cost, found.time_cost, found.parallelism) == ("ID", 19 * 1024, 2, 1)


def test_an_unknown_user_takes_the_same_work_and_has_no_right_password(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    verify = PasswordHasher.verify

    def spy(self: PasswordHasher, stored: str, password: str) -> bool:
        seen.append(stored)
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", spy)
    assert not passwords.check(GOOD, None)
    (stored,) = seen
    assert extract_parameters(stored) == extract_parameters(passwords.hashed(GOOD))


def test_a_hash_that_cannot_be_read_is_nobodys() -> None:
    assert not passwords.check(GOOD, "not a hash")


def test_a_password_of_megabytes_is_not_hashed() -> None:
    """Nobody's password is that long: it is as wrong as an empty one."""
    assert not passwords.check("a" * 5_000_000, passwords.hashed(GOOD))


def test_a_hash_of_older_parameters_is_outdated() -> None:
    assert passwords.outdated(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD))
    assert not passwords.outdated(passwords.hashed(GOOD))


@pytest.mark.parametrize(
    "password",
    [
        "Claire-Martin-1!",
        "Martin1987!claire",
        "Bonjour!Claire99",
        "ClaireMartin1!",
        "Martinclaire1!",
        "MartinLeaclaire-1975",
    ],
)
def test_words_of_the_person_put_together_are_still_refused(password: str) -> None:
    assert any("facile" in rule for rule in passwords.unmet(password, about=["Claire Léa", "Martin"]))
