"""Timers: due to the second, on the calendar of Paris, fired by the host alone (A16)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.bpmn import timers
from engine.core import clock
from engine.core.errors import ExpressionError, ProcessStuck

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "text", "due"),
    [
        ("2026-01-05T09:00Z", "P10D", "2026-01-15T09:00Z"),
        ("2026-01-31T09:00Z", "P1M", "2026-02-28T09:00Z"),
        ("2028-02-29T09:00Z", "P1Y", "2029-02-28T09:00Z"),
        ("2026-01-05T09:00Z", "P2W", "2026-01-19T09:00Z"),
        ("2026-01-05T09:00Z", "P1Y2M3DT4H5M6S", "2027-03-08T13:05:06Z"),
        ("2026-01-05T09:00Z", "PT36H", "2026-01-06T21:00Z"),
        ("2026-01-05T09:00Z", "P0.5D", "2026-01-05T21:00Z"),
        ("2026-01-05T09:00Z", "PT0,5S", "2026-01-05T09:00:00.5Z"),
        ("2026-01-05T09:00Z", "PT0S", "2026-01-05T09:00Z"),
        # The hour changes on 29 March and 25 October: a day keeps the hour of the wall, 24 hours don't.
        ("2026-03-28T09:00Z", "P1D", "2026-03-29T08:00Z"),
        ("2026-03-28T09:00Z", "PT24H", "2026-03-29T09:00Z"),
        ("2026-10-24T09:00Z", "P1D", "2026-10-25T10:00Z"),
        # 02:30 doesn't exist in Paris on 29 March.
        ("2026-03-28T01:30Z", "P1D", "2026-03-29T01:30Z"),
    ],
)
def test_durations(start: str, text: str, due: str) -> None:
    assert timers.duration(text).after(at(start)) == at(due)


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "10D", "P1.5M", "P-1D", "P1D2M", "P1H", "PT1D", "P1DT", "P9999Y", "p1d2", 3, None, "P1000000D"],
)
def test_what_is_not_a_duration(text: object) -> None:
    with pytest.raises(ExpressionError):
        timers.duration(text)
    assert timers.check_value("duration", text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01", "2026-02-28T23:00Z"),
        ("2026-07-01", "2026-06-30T22:00Z"),
        ("2026-07-01T12:00", "2026-07-01T10:00Z"),
        ("2026-12-01T12:00:30", "2026-12-01T11:00:30Z"),
        ("2026-12-01T12:00:00+05:00", "2026-12-01T07:00Z"),
        ("2026-12-01T12:00Z", "2026-12-01T12:00Z"),
    ],
)
def test_dates_are_those_of_paris(text: str, instant: str) -> None:
    assert timers.instant(text) == at(instant)


@pytest.mark.parametrize(
    "text", ["", "demain", "2026-13-01", "2026-02-30", "20260301", "2026-W10-1", "01/03/2026", 20260301, None]
)
def test_what_is_not_a_date(text: object) -> None:
    with pytest.raises(ExpressionError):
        timers.instant(text)


@pytest.mark.parametrize(
    "text", ["", "R3", "3/P1D", "R3/P1D/P1D", "R/P1D/2026-01-01", "R3/PT0S", "R-1/P1D", "R3/demain/P1D", "R99999/P1D"]
)
def test_what_is_not_a_cycle(text: str) -> None:
    with pytest.raises(ExpressionError):
        timers.cycle(text)


def reminder(draw, timer, *, interrupting=True):
    return draw.process(
        draw.user("a"),
        draw.user("u"),
        draw.boundary("t", "u", timer, interrupting=interrupting),
        draw.script("r", "rappels = get(compte, 'n', 0) + 1\ncompte = {'n': rappels}"),
        draw.end("fin"),
        flows="s>a; a>u; u>e; t>r; r>fin",
    )


@pytest.mark.parametrize(
    ("kind", "text", "due"),
    [
        ("duration", "P10D", MONDAY + timedelta(days=10)),
        ("duration", '"P10D"', MONDAY + timedelta(days=10)),
        ("duration", "duration(days=a.jours)", MONDAY + timedelta(days=3)),
        ("date", "2026-02-01", datetime(2026, 1, 31, 23, tzinfo=UTC)),
        ("date", "add_days(a.le, 1)", datetime(2026, 1, 20, 23, tzinfo=UTC)),
        ("cycle", "R3/P7D", MONDAY + timedelta(days=7)),
    ],
)
def test_a_timer_fires_exactly_when_it_is_due(draw, walk, kind, text, due):
    case = walk(reminder(draw, draw.timer(kind, text)), {"compte": {}})
    assert case.due() == {}
    case.do("a", jours=3, le="2026-01-20")
    assert case.due() == {"t": due}
    (timer,) = case.workflow.timers()
    with clock.frozen(due - timedelta(microseconds=1)):
        assert not case.workflow.fire(timer.key)
    assert case.open == ["u"]
    with clock.frozen(due):
        assert case.workflow.fire(timer.key)
        assert not case.workflow.fire(timer.key)
    case.step()
    assert case.open == []
    assert case.end == "fin"
    assert case.finished


def test_a_key_stays_the_same_until_the_timer_fires(draw, walk):
    case = walk(reminder(draw, draw.timer("cycle", "R2/P7D"), interrupting=False), {"compte": {}})
    case.do("a")
    (first,) = case.workflow.timers()
    case.sleep(days=1)
    case.step()
    assert case.workflow.timers() == [first]
    case.sleep(days=6)
    case.fire_what_is_due()
    (second,) = case.workflow.timers()
    assert second.key != first.key
    with case.clock():
        assert not case.workflow.fire(first.key)
        assert not case.workflow.fire("nimporte.quoi")


def test_a_timer_is_forgotten_when_its_activity_is_over(draw, walk):
    case = walk(reminder(draw, draw.timer("duration", "P1D")), {"compte": {}})
    case.do("a")
    (timer,) = case.workflow.timers()
    case.do("u")
    assert case.finished
    case.sleep(days=2)
    with case.clock():
        assert not case.workflow.fire(timer.key)
    assert case.end == "e"


def test_a_reminder_beside_the_activity(draw, walk):
    case = walk(reminder(draw, draw.timer("duration", "P1D"), interrupting=False), {"compte": {}})
    case.do("a")
    case.advance(days=1)
    assert case.open == ["u"]
    assert case.document["rappels"] == 1
    assert case.due() == {}
    case.do("u")
    assert case.finished
    assert case.end == "e"


def test_a_cycle_fires_as_often_as_it_says(draw, walk):
    case = walk(reminder(draw, draw.timer("cycle", "R3/P7D"), interrupting=False), {"compte": {}})
    case.do("a")
    case.advance(days=100)
    assert case.fired == ["t", "t", "t"]
    assert case.document["rappels"] == 3
    assert case.open == ["u"]
    case.do("u")
    assert case.finished


def test_a_cycle_without_end_stops_with_its_activity(draw, walk):
    case = walk(
        reminder(draw, draw.timer("cycle", "R/P1M"), interrupting=False),
        {"compte": {}},
        at=at("2026-01-31T09:00+00:00"),
    )
    case.do("a")
    dues = []
    for _ in range(4):
        dues.append(case.due()["t"].date().isoformat())
        case.now = case.due()["t"]
        case.fire_what_is_due()
    assert dues == ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]
    case.do("u")
    assert case.finished


@pytest.mark.parametrize(
    ("days", "fired", "following"), [(8, 1, 14), (15, 1, 21), (22, 1, 28), (36, 1, None), (300, 1, None)]
)
def test_turns_missed_while_nothing_ran_are_made_up_for_by_one(draw, walk, days, fired, following):
    case = walk(reminder(draw, draw.timer("cycle", "R5/P7D"), interrupting=False), {"compte": {}})
    case.do("a")
    case.sleep(days=days)
    case.fire_what_is_due()
    case.fire_what_is_due()
    assert len(case.fired) == fired
    assert case.document["rappels"] == fired
    assert case.due() == ({"t": MONDAY + timedelta(days=following)} if following else {})


def test_a_fast_cycle_catches_up_at_once(draw, walk_saved):
    case = walk_saved(reminder(draw, draw.timer("cycle", "R/PT1S"), interrupting=False), {"compte": {}})
    case.do("a")
    case.sleep(days=3000, seconds=0.5)
    case.fire_what_is_due()
    assert case.due() == {"t": MONDAY + timedelta(days=3000, seconds=1)}


@pytest.mark.parametrize(
    ("text", "dues"),
    [
        ("R2/2026-02-01/P7D", ["2026-01-31T23:00Z", "2026-02-07T23:00Z"]),
        ("R2/P7D/2026-02-08", ["2026-01-31T23:00Z", "2026-02-07T23:00Z"]),
        ("R0/P7D", []),
    ],
)
def test_cycles_with_dates(draw, walk, text, dues):
    case = walk(reminder(draw, draw.timer("cycle", text), interrupting=False), {"compte": {}})
    case.do("a")
    seen = []
    while case.due():
        seen.append(case.due()["t"])
        case.now = seen[-1]
        case.fire_what_is_due()
    assert seen == [at(due) for due in dues]


def test_an_intermediate_timer(draw, walk):
    case = walk(draw.process(draw.catch("c", draw.timer("duration", "P2M")), draw.user("u"), flows="s>c; c>u; u>e"))
    assert case.open == []
    assert not case.finished
    case.advance(days=58)
    assert case.open == []
    case.advance(days=1)
    assert case.open == ["u"]


def test_several_timers_on_one_activity(draw, walk):
    case = walk(
        draw.process(
            draw.user("u"),
            draw.boundary("t1", "u", draw.timer("duration", "P1D"), interrupting=False),
            draw.boundary("t2", "u", draw.timer("duration", "P2D")),
            draw.user("r"),
            draw.user("late"),
            flows="s>u; u>e; t1>r; t2>late; r>e; late>e",
        )
    )
    assert set(case.due()) == {"t1", "t2"}
    case.advance(days=1)
    assert case.open == ["r", "u"]
    case.advance(days=1)
    assert case.open == ["late", "r"]
    case.do("r")
    case.do("late")
    assert case.finished


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("duration", "a.n"),
        ("duration", "'demain'"),
        ("date", "a.rien"),
        ("cycle", "'P1D'"),
        ("date", "inconnue"),
        ("duration", "'P99Y' + 1"),
    ],
)
def test_a_timer_without_a_sense_is_stuck(draw, walk, kind, text):
    case = walk(reminder(draw, draw.timer(kind, text)), {"compte": {}})
    with pytest.raises(ProcessStuck) as caught:
        case.do("a", n=3)
    assert caught.value.element_id == "t"


def test_the_end_of_the_calendar(draw, walk_saved):
    case = walk_saved(reminder(draw, draw.timer("cycle", "R9/9999-10-30/P1M"), interrupting=False), {"compte": {}})
    case.do("a")
    while case.due():
        case.now = case.due()["t"]
        case.fire_what_is_due()
    assert case.fired == ["t", "t"]
    assert case.open == ["u"]
    case = walk_saved(reminder(draw, draw.timer("duration", "P99Y")), {"compte": {}}, at=at("9950-01-01T00:00+00:00"))
    with pytest.raises(ProcessStuck, match="calendrier"):
        case.do("a")
