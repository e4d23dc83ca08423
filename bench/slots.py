"""Free slots of fifty agendas over ninety days, half of them taken; and no slot given twice to people who race for it.

The search is what the page of an appointment asks: every day on which somebody can still be received, in each place.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select

from bench.reporting import percentile, print_report
from commands import CommandFailed, postgresql
from engine.contact import appointments
from engine.contact.appointments import Appointment, Opening, Slot, Wish
from engine.contact.appointments.slots import AgendaDay
from engine.core import clock, db
from engine.core.db import Database, Session
from engine.core.errors import SlotTaken

AGENDAS = 50
DAYS = 90
DESKS = 3
TURNS = 40
RACERS = 64
RACES = 6
SERVICE = "banc"
_HOURS = tuple(Opening(day, opens, closes, DESKS) for day in range(1, 7) for opens, closes in ((540, 720), (810, 1020)))


def main(as_json: bool = False) -> None:
    """Measure on SQLite, then on PostgreSQL when there is one, and print the figures."""
    with tempfile.TemporaryDirectory(prefix="parvis-bench-") as folder:
        report = measure(f"sqlite:///{Path(folder) / 'bench.sqlite3'}")
    try:
        with postgresql.server(durable=True) as url:
            report["postgresql"] = measure(url)
    except CommandFailed as missing:
        report["postgresql"] = f"not measured: {missing}"
    print_report(f"Free slots of {AGENDAS} agendas over {DAYS} days", report, as_json)


def measure(url: str) -> dict[str, Any]:
    """The figures of one database."""
    db.migrate(url)
    database = Database(url)
    try:
        database.run(_fill)
        took, found = [], 0
        for _ in range(TURNS):
            began = time.perf_counter()
            found = len(database.read(_search))
            took.append((time.perf_counter() - began) * 1000)
        booked, doubles, errors = _race(database)
    finally:
        database.close()
    if errors:
        raise RuntimeError(f"people met errors: {errors[:3]}")
    return {
        "agendas": AGENDAS,
        "days": DAYS,
        "free_days_found": found,
        "p50_ms": round(statistics.median(took), 1),
        "p95_ms": round(percentile(took, 95), 1),
        "racers": RACERS,
        "booked": booked,
        "double_bookings": doubles,
    }


def _fill(session: Session) -> None:
    """Fifty agendas, about half of what they offer taken."""
    chance = random.Random(7)
    for number in range(AGENDAS):
        agenda = appointments.save(
            session,
            Wish(
                f"lieu-{number}", SERVICE, "Banc", f"Lieu {number}", "1 place", _HOURS, horizon_days=DAYS, lead_hours=0
            ),
        )
        rows = []
        for offset in range(DAYS):
            bits = 0
            for unit in range(0, DESKS * 288, 4):
                bits |= (15 << unit) * (chance.random() < 0.5)
            day = clock.today() + timedelta(days=offset)
            rows.append({"agenda_id": agenda.id, "day": day, "taken": bits.to_bytes(DESKS * 36, "little")})
        session.execute(insert(AgendaDay), rows)


def _search(session: Session) -> list[appointments.FreeDay]:
    agendas = appointments.of_service(session, SERVICE)
    return appointments.search(session, agendas, "banc", days=DAYS)


def _race(database: Database) -> tuple[int, int, list[str]]:
    """Several times, everybody wants one of the same few slots: how many were booked, how many at a desk that was taken."""
    free = [slot for one in database.read(_search)[:RACES] for slot in list(one.slots())[:1]]
    start = threading.Barrier(RACERS)
    errors: list[str] = []

    def run(number: int) -> None:
        for slot in free:
            start.wait()
            try:
                database.run(_take, slot)
            except SlotTaken:
                pass
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        rows = list(session.scalars(select(Appointment)))
    # Each minute of a desk is somebody's once at most.
    minutes: Counter[tuple[object, date, int, int]] = Counter(
        (row.agenda_id, row.day, row.desk, unit) for row in rows for unit in range(row.unit, row.unit + row.units)
    )
    return len(rows), sum(count - 1 for count in minutes.values() if count > 1), errors


def _take(session: Session, slot: Slot) -> None:
    appointments.take(session, slot, SERVICE, case_id=uuid4(), procedure="banc", held_until=None)
