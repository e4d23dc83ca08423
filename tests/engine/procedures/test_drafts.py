"""Drafts end: their authors are told, then they go with their files (A9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import select

from engine.core import config, jobs, mail
from engine.core.db import Session
from engine.handlers import HANDLERS
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases
from engine.procedures.cases import Case
from engine.procedures.cases.drafts import NAME
from tests.engine.procedures.conftest import WHO, bearer

Clock = Callable[[str], datetime]


@pytest.fixture
def old(session: Session, essai: str, resident: Actor, clock_at: Clock) -> Case:
    """A draft that was last touched on the 2nd of March at 9."""
    clock_at("2026-03-02 09:00")
    return cases.open_draft(session, essai, resident)[0]


def tidy(session: Session, times: int = 1) -> None:
    for _ in range(times):
        HANDLERS["expire_drafts"](session, {})


def letters(session: Session) -> list[mail.Mail]:
    return list(session.scalars(select(mail.Mail).where(mail.Mail.name == NAME)))


def test_its_author_is_told_once_a_week_before(session: Session, old: Case, clock_at: Clock) -> None:
    clock_at("2026-04-24 08:00")
    tidy(session)
    assert letters(session) == []
    clock_at("2026-04-24 10:00")
    tidy(session, 2)
    [letter] = letters(session)
    assert letter.recipient == "ada@exemple.fr"
    assert "1er\u00a0mai\u00a02026" in letter.text
    assert f"/demandes/{old.reference}" in letter.text
    assert old.draft


def test_it_goes_when_its_time_is_over_with_what_was_typed_and_its_files(
    session: Session, old: Case, clock_at: Clock
) -> None:
    cases.keep_typed(old, "ma_demande", {"objet": "Un banc"})
    clock_at("2026-04-24 10:00")
    tidy(session)
    clock_at("2026-05-01 08:00")
    tidy(session)
    assert old.draft
    clock_at("2026-05-01 10:00")
    tidy(session)
    assert (old.status, old.typed, old.document) == ("cancelled", None, {})
    assert session.scalars(select(jobs.Job.key).where(jobs.Job.kind == "discard_files")).all() == [f"discard:{old.id}"]


def test_saving_something_gives_it_all_its_time_again(session: Session, old: Case, clock_at: Clock) -> None:
    clock_at("2026-04-24 10:00")
    tidy(session)
    clock_at("2026-04-30 09:00")
    cases.keep_typed(old, "ma_demande", {"objet": "Un banc"})
    session.flush()
    clock_at("2026-05-01 10:00")
    tidy(session)
    assert old.draft
    clock_at("2026-06-22 10:00")
    tidy(session)
    assert len(letters(session)) == 2


def test_nobody_loses_a_draft_before_they_were_told_in_time(session: Session, old: Case, clock_at: Clock) -> None:
    """The jobs stood still for months: the message comes first, and a week after it."""
    clock_at("2026-09-01 10:00")
    tidy(session, 2)
    assert old.draft
    assert "8\u00a0septembre\u00a02026" in letters(session)[0].text
    assert cases.draft_ends_at(old) == clock_at("2026-09-08 10:00")
    clock_at("2026-09-08 11:00")
    tidy(session)
    assert not old.draft


def test_who_has_no_account_gets_a_link_and_who_gave_no_address_nothing(
    session: Session, essai: str, clock_at: Clock
) -> None:
    clock_at("2026-03-02 09:00")
    case, token = cases.open_draft(session, essai, ANONYMOUS)
    assert token is not None
    silent, _ = cases.open_draft(session, essai, ANONYMOUS)
    cases.submit_step(session, case, "mes_informations", WHO, bearer(token))
    clock_at("2026-05-02 10:00")
    tidy(session)
    [letter] = letters(session)
    link = letter.text.partition("/suivi/")[2].split()[0]
    assert cases.of_link(session, link) is case
    clock_at("2026-05-12 10:00")
    tidy(session)
    assert {case.status, silent.status} == {"cancelled"}


def test_more_than_a_helping_is_left_to_another_transaction(
    session: Session, old: Case, essai: str, clock_at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.procedures.cases.drafts.HELPING", 1)
    cases.open_draft(session, essai, ANONYMOUS)
    clock_at("2026-05-02 10:00")
    tidy(session)
    keys = session.scalars(select(jobs.Job.key).where(jobs.Job.kind == "expire_drafts")).all()
    assert sorted(keys, key=str) == [None, "daily:expire_drafts"]


def test_an_operator_sets_the_days(
    session: Session, old: Case, clock_at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(config.current(), draft_days=10, draft_notice_days=3)
    monkeypatch.setattr(config, "_current", settings)
    assert cases.draft_ends_at(old) == clock_at("2026-03-12 09:00")
    clock_at("2026-03-09 10:00")
    tidy(session)
    assert len(letters(session)) == 1
