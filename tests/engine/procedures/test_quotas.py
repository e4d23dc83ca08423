"""Quotas: never one place too many, holds given back, a fair waiting list (A6)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from engine.core import clock, jobs, mail
from engine.core.clock import PARIS
from engine.core.db import Database, Session
from engine.core.errors import Invalid, NotFound, QuotaExhausted
from engine.procedures import quotas
from engine.procedures.quotas import Quota, QuotaPlace, QuotaWaiting, Rule

RULE = Rule("composteur", 2)
ClockAt = Callable[[str], datetime]


@pytest.fixture(autouse=True)
def monday(clock_at: ClockAt) -> None:
    clock_at("2026-03-02 10:00")


def hold(session: Session, rule: Rule = RULE, case_id: UUID | None = None, element: str = "") -> QuotaPlace:
    return quotas.hold(session, rule, case_id or uuid4(), element, until=clock.now() + timedelta(minutes=20))


def standing(session: Session) -> list[tuple[str, str, int, int]]:
    return [
        (one.quota.period, one.quota.share, one.quota.taken, one.waiting)
        for one in quotas.standings(session, ["composteur"])
    ]


def test_places_are_counted_and_never_one_too_many(session: Session) -> None:
    assert quotas.left(session, RULE) == 2
    hold(session)
    hold(session)
    with pytest.raises(QuotaExhausted):
        hold(session)
    assert quotas.left(session, RULE) == 0


def test_asking_twice_takes_one_place(session: Session) -> None:
    case_id = uuid4()
    first, second = hold(session, case_id=case_id), hold(session, case_id=case_id)
    assert first.id == second.id
    assert quotas.left(session, RULE) == 1


def test_each_answer_and_each_period_has_its_places(session: Session, clock_at: ClockAt) -> None:
    for share in ("centre", "tilleuls"):
        rule = Rule("composteur", 1, "quartier", share, "month")
        hold(session, rule)
        with pytest.raises(QuotaExhausted):
            hold(session, rule)
    clock_at("2026-04-01 00:01")
    hold(session, Rule("composteur", 1, "quartier", "centre", "month"))
    assert standing(session) == [
        ("2026-04", "centre", 1, 0),
        ("2026-03", "centre", 1, 0),
        ("2026-03", "tilleuls", 1, 0),
    ]


@pytest.mark.parametrize(
    ("kind", "name"), [("day", "2026-12-31"), ("week", "2026-W53"), ("month", "2026-12"), ("year", "2026"), ("", "")]
)
def test_periods_are_those_of_the_calendar(kind: str, name: str) -> None:
    assert quotas.period_of(kind, date(2026, 12, 31)) == name


def test_another_answer_moves_the_place(session: Session) -> None:
    case_id = uuid4()
    centre, tilleuls = (Rule("composteur", 1, "quartier", share) for share in ("centre", "tilleuls"))
    hold(session, centre, case_id, "reserver")
    hold(session, tilleuls, case_id, "reserver")
    assert (quotas.left(session, centre), quotas.left(session, tilleuls)) == (1, 0)
    with pytest.raises(QuotaExhausted):
        hold(session, tilleuls)


def test_a_place_is_given_back_by_its_job_and_taken_again(session: Session, clock_at: ClockAt) -> None:
    case_id = uuid4()
    place = hold(session, case_id=case_id)
    quotas.release_late(session, place.id)
    assert quotas.left(session, RULE) == 1
    clock_at("2026-03-02 10:20")
    quotas.release_late(session, place.id)
    quotas.release_late(session, place.id)
    assert quotas.left(session, RULE) == 2
    quotas.renew(session, case_id, clock.now() + timedelta(minutes=20))
    assert quotas.left(session, RULE) == 1
    quotas.keep(session, case_id)
    assert [one.status for one in quotas.places_of(session, case_id)] == [quotas.KEPT]
    assert list(session.scalars(select(jobs.Job))) == []


def test_what_lapsed_and_was_sold_is_not_kept(session: Session, clock_at: ClockAt) -> None:
    case_id = uuid4()
    place = hold(session, case_id=case_id)
    clock_at("2026-03-02 10:20")
    quotas.release_late(session, place.id)
    hold(session)
    hold(session)
    with pytest.raises(QuotaExhausted):
        quotas.keep(session, case_id)


def test_giving_back_counts_each_place_once(session: Session, clock_at: ClockAt) -> None:
    case_id = uuid4()
    place = hold(session, case_id=case_id)
    clock_at("2026-03-02 10:20")
    quotas.release_late(session, place.id)
    assert quotas.release(session, case_id) == 0
    assert quotas.left(session, RULE) == 2
    hold(session, case_id=case_id)
    assert quotas.release(session, case_id) == 1
    assert quotas.left(session, RULE) == 2


# --- what agents decide ----------------------------------------


def test_agents_decide_how_many_places_there_are(session: Session) -> None:
    hold(session)
    quota = session.scalars(select(Quota)).one()
    assert quotas.decide(session, quota.id, 1).left == 0
    with pytest.raises(QuotaExhausted):
        hold(session)
    assert quotas.decide(session, quota.id, 0).left == 0
    assert quotas.decide(session, quota.id, None).left == 1
    with pytest.raises(Invalid):
        quotas.decide(session, quota.id, -1)
    with pytest.raises(NotFound):
        quotas.decide(session, uuid4(), 3)


def test_a_new_version_says_another_number_unless_agents_did(session: Session) -> None:
    hold(session)
    assert hold(session, Rule("composteur", 5))
    assert quotas.left(session, Rule("composteur", 5)) == 3
    quotas.decide(session, session.scalars(select(Quota)).one().id, 2)
    with pytest.raises(QuotaExhausted):
        hold(session, Rule("composteur", 9))


# --- the waiting list ----------------------------------------


def letters(session: Session) -> list[tuple[str, str]]:
    return [(one.name, one.recipient) for one in session.scalars(select(mail.Mail).order_by(mail.Mail.written_at))]


def join(session: Session, name: str) -> QuotaWaiting:
    return quotas.join(session, RULE, email=f"{name}@exemple.fr", account_id=None)[0]


def test_each_place_that_comes_back_is_offered_to_the_next(session: Session, clock_at: ClockAt) -> None:
    """Ada is first: her offer runs out and passes to Boris, who takes it."""
    case_id = uuid4()
    hold(session, case_id=case_id)
    hold(session)
    ada, boris = join(session, "ada"), join(session, "boris")
    assert (ada.number, boris.number, quotas.rank(session, boris)) == (1, 2, 2)
    quotas.release(session, case_id)
    session.refresh(ada)
    assert ada.status == quotas.OFFERED
    assert quotas.left(session, RULE) == 0
    with pytest.raises(QuotaExhausted):  # nobody passes before them
        hold(session)
    clock_at("2026-03-04 10:00")
    (offered,) = session.scalars(select(QuotaPlace).where(QuotaPlace.waiting_id.is_not(None)))
    quotas.release_late(session, offered.id)
    session.refresh(boris)
    session.refresh(ada)
    assert (ada.status, boris.status) == ("expired", quotas.OFFERED)
    assert quotas.accept(session, boris, uuid4(), clock.now() + timedelta(minutes=20))
    assert not quotas.accept(session, boris, uuid4(), clock.now())
    assert [name for name, _ in letters(session)] == ["liste-attente"] * 2 + ["liste-attente-offre"] * 2
    assert quotas.left(session, RULE) == 0


def test_an_offer_is_found_by_its_link(session: Session) -> None:
    quotas.hold(session, RULE, uuid4())
    quotas.hold(session, RULE, uuid4())
    waiting, token = quotas.join(session, RULE, email="ada@exemple.fr", account_id=None)
    found = quotas.find(session, "composteur", account_id=None, token=token)
    assert found is not None
    assert found.id == waiting.id
    for wrong in ("", "autre"):
        assert quotas.find(session, "composteur", account_id=None, token=wrong) is None
    assert quotas.find(session, "autre", account_id=None, token=token) is None
    quotas.decide(session, waiting.quota_id, 3)
    (text,) = [one.text for one in session.scalars(select(mail.Mail)) if one.name == "liste-attente-offre"]
    link = re.search(r"place=(\S+)", text)
    assert link is not None
    offered = quotas.find(session, "composteur", account_id=None, token=link[1])
    assert offered is not None
    assert offered.status == quotas.OFFERED


def test_joining_twice_keeps_the_number(session: Session) -> None:
    hold(session)
    hold(session)
    assert join(session, "ada").id == join(session, "Ada").id
    assert quotas.rank(session, join(session, "boris")) == 2


def test_joining_when_a_place_came_back_is_offered_at_once(session: Session) -> None:
    assert join(session, "ada").status == quotas.OFFERED


def test_leaving_gives_the_offer_to_the_next(session: Session) -> None:
    case_id = uuid4()
    hold(session, case_id=case_id)
    hold(session)
    ada, boris = join(session, "ada"), join(session, "boris")
    quotas.release(session, case_id)
    session.refresh(ada)
    quotas.give_up_offer(session, ada)
    session.refresh(boris)
    assert (ada.status, boris.status) == ("left", quotas.OFFERED)


# --- under race ----------------------------------------


def test_the_last_places_are_sold_once_under_race(database: Database) -> None:
    """A6: twenty people, five places; the count and the places agree, and nobody was told yes before the commit."""
    rule = Rule("composteur", 5, period="year")
    moment = datetime(2026, 3, 2, 10, tzinfo=PARIS)
    start = threading.Barrier(20)
    won: list[UUID] = []
    errors: list[BaseException] = []

    def race() -> None:
        case_id = uuid4()
        start.wait()
        try:
            with clock.frozen(moment):
                database.run(quotas.hold, rule, case_id)
            won.append(case_id)
        except QuotaExhausted:
            pass
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=race) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.reading() as session:
        assert session.scalars(select(Quota)).one().taken == 5
        assert set(session.scalars(select(QuotaPlace.case_id))) == set(won)
    assert len(won) == 5


def test_places_given_back_at_once_go_to_as_many_who_wait(database: Database) -> None:
    """Two requests are cancelled while a third person comes: those who wait have both places."""
    moment = datetime(2026, 3, 2, 10, tzinfo=PARIS)
    ids = [uuid4(), uuid4()]
    with clock.frozen(moment):
        for case_id in ids:
            database.run(quotas.hold, RULE, case_id)
        for name in ("ada", "boris"):
            database.run(join, name)
    start = threading.Barrier(3)
    outcome: list[object] = []

    def act(work: Callable[[], object]) -> None:
        start.wait()
        try:
            with clock.frozen(moment):
                outcome.append(work())
        except QuotaExhausted:
            outcome.append("full")

    works: list[Callable[[], object]] = [
        lambda: database.run(quotas.release, ids[0]),
        lambda: database.run(quotas.release, ids[1]),
        lambda: database.run(quotas.hold, RULE, uuid4()),
    ]
    threads = [threading.Thread(target=act, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcome)) == ["1", "1", "full"]
    with database.reading() as session:
        assert session.scalars(select(Quota)).one().taken == 2
        assert set(session.scalars(select(QuotaWaiting.status))) == {quotas.OFFERED}


def test_who_waits_no_longer_is_forgotten(session: Session) -> None:
    """B16: who took their place, let it pass or left; whoever still waits, or has an offer, stays where they are."""
    first = uuid4()
    hold(session, case_id=first)
    hold(session)
    ada, boris, carla, dora, emil = (join(session, name) for name in ("ada", "boris", "carla", "dora", "emil"))
    quotas.release(session, first)
    session.refresh(ada)
    assert quotas.accept(session, ada, uuid4(), clock.now() + timedelta(minutes=20))
    quotas.leave(session, boris)
    quotas.decide(session, carla.quota_id, 3)
    session.refresh(carla)
    assert carla.status == quotas.OFFERED
    assert not quotas.forget_over(session, 10)
    assert set(session.scalars(select(QuotaWaiting.email))) == {carla.email, dora.email, emil.email}
    assert quotas.rank(session, emil) == 2
    assert join(session, "ada").number > emil.number


@pytest.mark.parametrize(
    ("period", "still", "over"),
    [
        ("day", "2026-03-09 23:59", "2026-03-10 00:00"),
        ("week", "2026-03-15 23:59", "2026-03-16 00:00"),
        ("month", "2026-04-07 23:59", "2026-04-08 00:00"),
        ("year", "2027-01-07 23:59", "2027-01-08 00:00"),
        ("", "2029-01-01 10:00", ""),
    ],
)
def test_who_waits_for_a_time_that_is_over_is_forgotten_a_week_later(
    session: Session, clock_at: ClockAt, period: str, still: str, over: str
) -> None:
    rule = Rule("composteur", 0, period=period)
    quotas.join(session, rule, email="ada@exemple.fr", account_id=None)
    clock_at(still)
    quotas.forget_over(session, 10)
    assert session.scalars(select(QuotaWaiting)).one()
    if over:
        clock_at(over)
        quotas.forget_over(session, 10)
        assert not session.scalars(select(QuotaWaiting)).all()
