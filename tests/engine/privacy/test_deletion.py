"""The deletion of an account: at once, or when the last request closes; nothing of the person is left (B16)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from engine.core import clock, jobs, mail
from engine.core.db import Session
from engine.core.errors import Conflict
from engine.core.jobs import Job
from engine.handlers import HANDLERS
from engine.people import accounts, consents, sessions, terms
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.privacy import deletion
from engine.procedures import cases, history, tasks
from engine.procedures.cases import Case
from engine.rights import care_plans, entitlements
from tests.engine.procedures.conftest import WHO

Traces = Callable[[], set[str]]


def letters(session: Session) -> list[str]:
    return [one.name for one in session.scalars(select(mail.Mail).order_by(mail.Mail.written_at))]


def close(session: Session, case: Case, agent: Actor) -> None:
    [task] = tasks.of_case(session, case.id)
    cases.complete_task(session, case, task.id, {"decision": "accepter"}, agent)
    assert case.status == "closed"


def do(session: Session, kind: str) -> None:
    """Do the jobs of this kind that are due, as the jobs' thread does."""
    due = session.scalars(select(Job).where(Job.kind == kind, Job.due_at <= clock.now())).all()
    for job in due:
        session.delete(job)
        session.flush()
        HANDLERS[kind](session, job.payload)


def test_without_an_open_request_all_of_it_goes_at_once(
    session: Session,
    ada: Account,
    resident: Actor,
    draft: Case,
    traces: Traces,
    rows_naming: Callable[[UUID], set[str]],
) -> None:
    """What stays are proofs and traces under ids: consents, accepted texts, history, audit."""
    account_id = ada.id
    cases.submit_step(session, draft, "mes_informations", WHO, resident)
    consents.record(session, ada.id, consents.MOBILE_PAYMENT, True)
    terms.accept(session, ada.id, terms.versions())
    entitlements.add(
        session, ada.id, numero="SR-1", zone="Z1", plate="GA-482-KL",
        starts_on=date(2026, 1, 1), ends_on=date(2027, 1, 1),
    )  # fmt: skip
    assert traces() >= {"account", "case", "entitlement"}

    assert deletion.ask(session, ada, resident).done

    assert traces() == set()
    assert rows_naming(account_id) == {"consent", "terms_acceptance", "history", "audit_entry"}
    assert letters(session) == ["suppression-faite"]
    assert session.get(Account, account_id) is None
    assert not deletion.erase(session, account_id, "asked")


def test_an_open_request_is_waited_for(
    session: Session,
    ada: Account,
    resident: Actor,
    filed: Case,
    agent: Actor,
    traces: Traces,
    clock_at: Callable[[str], datetime],
) -> None:
    """Asked for, waiting, done when the last request closes; the request stays for its time, then is emptied, history whole."""
    clock_at("2027-03-01 10:00")
    account_id = ada.id
    asked = deletion.ask(session, ada, resident)
    assert not asked.done
    assert [case.reference for case in asked.waits_for] == [filed.reference]
    assert deletion.pending(session, ada.id) is not None
    deletion.ask(session, ada, resident)
    assert letters(session).count("suppression-attente") == 1

    clock_at("2027-03-01 11:00")
    do(session, "erase_account")
    assert session.get(Account, account_id) is not None

    close(session, filed, agent)
    clock_at("2027-03-01 12:00")
    do(session, "erase_account")
    session.expire_all()
    assert session.get(Account, account_id) is None
    assert filed.account_id is None
    assert "lovelace" in str(filed.document).lower()
    before = len(history.of_case(session, filed.id))

    clock_at("2029-02-28 12:00")
    do(session, "erase_request")
    assert filed.erased_at is None
    clock_at("2029-03-02 12:00")
    do(session, "erase_request")
    session.expire_all()
    assert filed.erased_at == clock.now()
    assert traces() == set()
    assert len(history.of_case(session, filed.id)) == before
    assert session.scalar(select(Job.kind).where(Job.case_id == filed.id, Job.kind == "discard_files"))


def test_nothing_is_deleted_under_an_open_request(session: Session, ada: Account, filed: Case) -> None:
    """As when a draft is filed in another tab at that very moment."""
    with pytest.raises(Conflict), session.begin_nested():
        deletion.erase(session, ada.id, "asked")
    assert session.get(Account, ada.id) is ada
    assert filed.account_id == ada.id


def test_it_can_be_taken_back(
    session: Session, ada: Account, resident: Actor, filed: Case, agent: Actor, clock_at: Callable[[str], datetime]
) -> None:
    clock_at("2027-03-01 10:00")
    deletion.ask(session, ada, resident)
    assert deletion.withdraw(session, ada, resident)
    assert not deletion.withdraw(session, ada, resident)
    close(session, filed, agent)
    clock_at("2027-03-02 10:00")
    do(session, "erase_account")
    deletion.finish(session, ada.id)
    assert session.get(Account, ada.id) is ada


def test_a_care_plan_stays_with_the_service_that_granted_it(session: Session, ada: Account, resident: Actor) -> None:
    today = clock.today()
    plan = care_plans.add(
        session, account_id=ada.id, first_names="Huguette", name="Lambert", hours_per_month=24, benefits=[],
        starts_on=today, ends_on=today + timedelta(days=30),
    )  # fmt: skip
    deletion.ask(session, ada, resident)
    session.expire_all()
    assert plan.account_id is None


def test_agents_are_closed_by_their_administrators(session: Session, agent: Actor) -> None:
    assert agent.account_id is not None
    account = accounts.find(session, agent.account_id)
    with pytest.raises(Conflict):
        deletion.ask(session, account, agent)
    assert not deletion.erase(session, account.id, "asked")


def test_a_deleted_account_signs_nobody_in(session: Session, ada: Account, resident: Actor) -> None:
    token = sessions.open(session, ada)
    deletion.ask(session, ada, resident)
    assert sessions.resolve(session, token) is None
    assert jobs.depth(session)  # the letter leaves
