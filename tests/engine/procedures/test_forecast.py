"""When the next step and the end are expected, from requests that went the same way (A18)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from engine.core import clock
from engine.core.db import Session
from engine.core.jobs import Job
from engine.handlers import HANDLERS
from engine.people.actors import Actor
from engine.procedures import cases, catalogue, forecast, history, tasks
from engine.procedures.cases import Case
from engine.procedures.forecast import Forecast, MeasuredDelay
from tests.engine.procedures.conftest import file

START = "2026-03-02 09:00"
DAY = timedelta(days=1)


@pytest.fixture
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three requests make a forecast: what is at stake isn't their number."""
    monkeypatch.setattr(forecast, "ENOUGH", 3)


def filed_request(session: Session, slug: str, resident: Actor) -> Case:
    case = cases.open_draft(session, slug, resident)[0]
    file(session, case, resident)
    return case


def measure(session: Session) -> None:
    for version_id in forecast.to_measure(session):
        forecast.measure(session, version_id)


def decide(session: Session, case: Case, agent: Actor, decision: str) -> None:
    [task] = tasks.of_case(session, case.id)
    cases.complete_task(session, case, task.id, {"decision": decision, "motif": "Parce que."}, agent)


def past(session: Session, slug: str, resident: Actor, agent: Actor, days: int) -> None:
    """Requests that were accepted after 1 day, 2 days, and so on."""
    for number in range(1, days + 1):
        case = filed_request(session, slug, resident)
        with clock.moved(number * DAY):
            decide(session, case, agent, "accepter")


def expected(session: Session, case: Case) -> Forecast | None:
    definition = catalogue.definition(session, case.version_id)
    return forecast.of_case(session, case, definition, history.of_case(session, case.id, public=True))


def test_the_end_is_the_median_and_the_ninth_tenth_of_the_same_way(
    session: Session, essai: str, resident: Actor, agent: Actor, clock_at: Callable[[str], datetime]
) -> None:
    clock_at(START)
    past(session, essai, resident, agent, 31)
    measure(session)
    now = clock_at("2026-06-01 09:00")
    found = expected(session, filed_request(session, essai, resident))
    assert found is not None
    assert found.end is not None
    assert found.requests == 31
    assert (found.end.median - now) == 16 * DAY
    assert (found.end.late - now) == 28 * DAY
    assert found.next_step == found.end  # after the decision comes the end
    assert not found.end.overdue


@pytest.mark.usefixtures("few_are_enough")
def test_a_request_that_takes_longer_than_nine_in_ten_is_overdue(
    session: Session, essai: str, resident: Actor, agent: Actor, clock_at: Callable[[str], datetime]
) -> None:
    clock_at(START)
    past(session, essai, resident, agent, 3)
    measure(session)
    case = filed_request(session, essai, resident)
    with clock.moved(40 * DAY):
        found = expected(session, case)
        assert found is not None
        assert found.end is not None
        assert found.end.overdue


@pytest.mark.usefixtures("few_are_enough")
def test_another_way_has_a_forecast_of_its_own(
    session: Session, essai: str, resident: Actor, agent: Actor, clock_at: Callable[[str], datetime]
) -> None:
    """What is measured of requests that were examined at once says nothing of one that was sent back for more."""
    clock_at(START)
    past(session, essai, resident, agent, 3)
    measure(session)
    case = filed_request(session, essai, resident)
    decide(session, case, agent, "completer")
    found = expected(session, case)
    assert found is not None
    assert (found.end, found.requests) == (None, 0)


def test_fewer_than_thirty_requests_leave_the_delay_of_the_procedure(
    session: Session, essai: str, resident: Actor, agent: Actor, clock_at: Callable[[str], datetime]
) -> None:
    now = clock_at(START)
    past(session, essai, resident, agent, 29)
    measure(session)
    case = filed_request(session, essai, resident)
    found = expected(session, case)
    assert found is not None
    assert (found.end, found.requests) == (None, 0)
    assert found.usual == now + 7 * DAY


def test_what_is_not_running_has_no_forecast(
    session: Session, filed: Case, resident: Actor, essai: str, agent: Actor
) -> None:
    assert expected(session, cases.open_draft(session, essai, resident)[0]) is None
    decide(session, filed, agent, "accepter")
    assert expected(session, filed) is None


@pytest.mark.usefixtures("few_are_enough")
def test_measuring_looks_at_so_many_requests_and_only_when_there_are_new_ones(
    session: Session,
    essai: str,
    resident: Actor,
    agent: Actor,
    clock_at: Callable[[str], datetime],
    statements: Callable[[], list[str]],
) -> None:
    clock_at(START)
    past(session, essai, resident, agent, 3)
    clock_at("2026-06-01 09:00")
    measure(session)
    measured = session.scalar(select(func.max(MeasuredDelay.measured_at)))
    before = len(statements())
    clock_at("2026-06-02 09:00")
    measure(session)
    assert len(statements()) == before + 1
    assert session.scalar(select(func.max(MeasuredDelay.measured_at))) == measured


@pytest.mark.usefixtures("few_are_enough")
def test_the_nightly_job_has_each_version_measured_apart(
    session: Session, essai: str, resident: Actor, agent: Actor
) -> None:
    past(session, essai, resident, agent, 3)
    HANDLERS["measure_delays"](session, {})
    [job] = session.scalars(select(Job).where(Job.kind == "measure_version"))
    HANDLERS["measure_version"](session, job.payload)
    assert session.scalar(select(func.count()).select_from(MeasuredDelay)) == 2  # filed, then examined
    assert session.scalar(select(Job.key).where(Job.kind == "measure_delays")) == "daily:measure_delays"
