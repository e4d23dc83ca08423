"""Queues as files for spreadsheets (E1)."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from engine.core.db import Session
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import exports, tasks
from engine.procedures.cases import Case

Clock = Callable[[str], datetime]


@pytest.fixture
def open_tasks(session: Session, draft: Case, clock_at: Clock) -> Callable[..., None]:
    """Open so many tasks of the group «Instruction», due one day after the other."""
    now = clock_at("2027-03-01 10:00")

    def make(number: int = 1, **changes: Any) -> None:
        rows = [
            {
                "id": uuid4(),
                "case_id": draft.id,
                "element_id": "instruction",
                "group": "Instruction",
                "title": "Instruire la demande",
                "opened_at": now,
                "due_at": now + timedelta(days=day),
                "claimed_by": None,
                "claimed_name": None,
                "claimed_at": None,
                "reference": draft.reference,
                "procedure": "essai",
                "procedure_title": "Démarche d’essai",
                "applicant": "LOVELACE Ada",
                "search_name": "lovelace ada",
                "filed_at": now,
                **changes,
            }
            for day in range(number)
        ]
        tasks.open_all(session, rows)

    return make


def read(pieces: Any) -> list[list[str]]:
    text = "".join(pieces)
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))


def test_every_task_of_ones_groups_and_nothing_more(
    session: Session, open_tasks: Callable[..., None], agent: Actor, draft: Case
) -> None:
    open_tasks(claimed_name="Paul Aussi", claimed_by=uuid4())
    open_tasks(due_at=None, filed_at=None)
    open_tasks(group="Ailleurs")
    assert read(exports.queue_csv(session, agent)) == [
        list(exports.COLUMNS),
        [
            draft.reference,
            "Démarche d’essai",
            "Instruire la demande",
            "Instruction",
            "LOVELACE Ada",
            "2027-03-01 10:00",
            "2027-03-01 10:00",
            "Paul Aussi",
        ],
        [draft.reference, "Démarche d’essai", "Instruire la demande", "Instruction", "LOVELACE Ada", "", "", ""],
    ]
    assert read(exports.queue_csv(session, ANONYMOUS)) == [list(exports.COLUMNS)]


def test_the_choice_is_the_queues(session: Session, open_tasks: Callable[..., None], agent: Actor) -> None:
    open_tasks(2)
    open_tasks(applicant="HOPPER Grace", search_name="hopper grace", due_at=datetime.fromisoformat("2027-01-01T00Z"))
    assert [row[4] for row in read(exports.queue_csv(session, agent, words="hop"))[1:]] == ["HOPPER Grace"]
    assert [row[4] for row in read(exports.queue_csv(session, agent, late=True))[1:]] == ["HOPPER Grace"]
    assert read(exports.queue_csv(session, agent, mine=True))[1:] == []
    assert read(exports.queue_csv(session, agent, group="Ailleurs"))[1:] == []


@pytest.mark.parametrize("name", ['=HYPERLINK("x")', "+1", "-1", "@a", "\tb"])
def test_no_cell_is_a_formula(session: Session, open_tasks: Callable[..., None], agent: Actor, name: str) -> None:
    open_tasks(applicant=name)
    assert read(exports.queue_csv(session, agent))[1][4] == f"'{name}"


def test_many_rows_take_no_more_memory_than_few(
    session: Session, open_tasks: Callable[..., None], agent: Actor
) -> None:
    open_tasks(6_000)
    assert sum(piece.count("\r\n") for piece in exports.queue_csv(session, agent)) == 6_001

    def peak(rows: int) -> int:
        tracemalloc.start()
        seen = 0
        for piece in exports.queue_csv(session, agent):
            seen += piece.count("\r\n")
            if seen >= rows:
                break
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(6_000) < peak(1_500) * 1.5
