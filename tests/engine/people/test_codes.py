"""Codes that prove an address: B4, A15."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select

from engine.core import mail
from engine.core.db import Database, Session
from engine.core.errors import Invalid
from engine.people import codes
from engine.people.codes import Verdict, VerificationCode

Clock = Callable[[str], datetime]
TO = "claire@exemple.fr"


def latest(session: Session) -> str:
    """The code in the latest message."""
    message = mail.outbox(session, limit=1)[0]
    (code,) = re.findall(r"^\d{4}$", message.text, re.MULTILINE)
    return str(code)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10_000:04}"


def test_the_right_code_proves_the_address_once(session: Session) -> None:
    assert codes.issue(session, "connexion", "dossier-1", "Claire@Exemple.fr")
    code = latest(session)
    assert codes.verify(session, "connexion", "dossier-1", f" {code[:2]} {code[2:]} ") == Verdict(
        valid=True, tries_left=0, expired=False, proved=TO
    )
    assert not codes.verify(session, "connexion", "dossier-1", code).valid


def test_three_tries_and_no_more(session: Session) -> None:
    codes.issue(session, "connexion", "dossier-1", TO)
    code = latest(session)
    left = [codes.verify(session, "connexion", "dossier-1", wrong(code)).tries_left for _ in range(3)]
    assert left == [2, 1, 0]
    assert codes.verify(session, "connexion", "dossier-1", code) == Verdict(valid=False, tries_left=0, expired=False)


def test_a_code_lasts_ten_minutes(session: Session, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    codes.issue(session, "connexion", "dossier-1", TO)
    code = latest(session)
    clock_at("2027-01-31 10:09:59")
    assert not codes.verify(session, "connexion", "dossier-1", wrong(code)).expired
    clock_at("2027-01-31 10:10")
    assert codes.verify(session, "connexion", "dossier-1", code) == Verdict(valid=False, tries_left=0, expired=True)


def test_no_code_was_ever_sent(session: Session) -> None:
    assert codes.verify(session, "connexion", "dossier-1", "0000").expired


def test_a_new_code_kills_the_one_before(session: Session, clock_at: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even sent within the same instant."""
    clock_at("2027-01-31 10:00")
    drawn = iter([822, 7])
    monkeypatch.setattr("engine.people.codes.secrets.randbelow", lambda _: next(drawn))
    codes.issue(session, "connexion", "dossier-1", TO)
    codes.issue(session, "connexion", "dossier-1", TO)
    assert not codes.verify(session, "connexion", "dossier-1", "0822").valid
    assert codes.verify(session, "connexion", "dossier-1", "0007").valid


@pytest.mark.parametrize(
    ("purpose", "subject", "to"),
    [("connexion", "dossier-2", None), ("creation", "dossier-1", None), ("connexion", "dossier-1", "autre@exemple.fr")],
)
def test_a_code_is_good_for_nothing_else(session: Session, purpose: str, subject: str, to: str | None) -> None:
    codes.issue(session, "connexion", "dossier-1", TO)
    code = latest(session)
    assert not codes.verify(session, purpose, subject, code, to=to).valid
    assert codes.verify(session, "connexion", "dossier-1", code, to="CLAIRE@exemple.fr").valid


def test_leading_zeros_are_kept(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.people.codes.secrets.randbelow", lambda _: 822)
    codes.issue(session, "connexion", "dossier-1", TO)
    assert latest(session) == "0822"
    assert not codes.verify(session, "connexion", "dossier-1", "822").valid
    assert codes.verify(session, "connexion", "dossier-1", "0822").valid


@pytest.mark.parametrize("typed", ["", "\x00", "\ud800", "٠٨٢٢", "1" * 100_000])
def test_whatever_is_typed_is_only_a_wrong_code(session: Session, typed: str) -> None:
    codes.issue(session, "connexion", "dossier-1", TO)
    assert codes.verify(session, "connexion", "dossier-1", typed).tries_left == 2


def test_five_codes_a_day_whatever_they_are_for(session: Session, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    sent = [codes.issue(session, "connexion", f"dossier-{number}", TO) for number in range(6)]
    assert sent == [True] * 5 + [False]
    assert len(mail.outbox(session)) == 5
    assert codes.issue(session, "connexion", "dossier-9", "autre@exemple.fr")
    clock_at("2027-02-01 10:01")
    assert codes.issue(session, "connexion", "dossier-1", TO)


def test_five_codes_a_day_for_one_thing_whatever_the_addresses(session: Session) -> None:
    sent = [codes.issue(session, "connexion", "dossier-1", f"a{number}@exemple.fr") for number in range(6)]
    assert sent == [True] * 5 + [False]


def test_what_is_no_address_receives_nothing(session: Session) -> None:
    with pytest.raises(Invalid):
        codes.issue(session, "connexion", "dossier-1", "claire")
    assert mail.outbox(session) == []


def test_the_table_does_not_tell_the_code(session: Session) -> None:
    codes.issue(session, "connexion", "dossier-1", TO)
    row = session.scalars(select(VerificationCode)).one()
    assert re.fullmatch(r"[0-9a-f]{64}", row.digest)


def test_the_message_says_what_the_seed_says(session: Session) -> None:
    codes.issue(session, "connexion", "dossier-1", TO)
    message = mail.outbox(session)[0]
    assert message.recipient == TO
    assert "vous devez utiliser le code de validation à 4 chiffres ci-dessous" in message.text
    assert "Ce code est valable pendant 10 minutes." in message.text
    assert not re.search(r"\d", message.subject)


def test_a_wrong_try_is_paid_once_committed(database: Database) -> None:
    database.run(codes.issue, "connexion", "dossier-1", TO)
    with database.reading() as session:
        code = latest(session)
    tries = [database.run(codes.verify, "connexion", "dossier-1", wrong(code)).tries_left for _ in range(3)]
    assert tries == [2, 1, 0]
    assert not database.run(codes.verify, "connexion", "dossier-1", code).valid


def test_no_code_is_right_for_a_decoy(session: Session) -> None:
    """Who asks may not learn that the address can't be proved: everything counts as for a wrong code (B4)."""
    tries = iter(range(10_000))
    codes.issue(
        session,
        "connexion",
        "dossier-1",
        TO,
        letter=lambda code: codes.Letter("Sujet", f"<{code}>", "leurre"),
        decoy=True,
    )
    assert mail.outbox(session)[0].text == "<>"
    assert [codes.verify(session, "connexion", "dossier-1", f"{next(tries):04}").tries_left for _ in range(4)] == [
        2,
        1,
        0,
        0,
    ]
    sent = session.scalars(select(VerificationCode)).one()
    digests = {codes._digest("connexion", "dossier-1", f"{number:04}") for number in tries}
    assert sent.digest not in {*digests, codes._digest("connexion", "dossier-1", "")}
