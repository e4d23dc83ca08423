"""What people and jobs wait for with few requests and with many, in one run: nothing may depend on how many there are.

Two databases of one PostgreSQL server, with 10,000 requests and with `--cases`. Every measure is taken on both in turn, so that
the noise of the machine falls on both alike; figures are medians.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from bench import filling
from bench.reporting import print_report
from commands import postgresql
from engine.core import config, jobs
from engine.core.config import Settings
from engine.core.db import Database
from engine.handlers import HANDLERS, KINDS
from engine.people import consents
from engine.people.actors import Actor
from engine.procedures import cases, catalogue, exports, tasks
from engine.rights import entitlements

FEW = 10_000
ROUNDS = 60
BATCHES = 7
BATCH = 100
EXPORTED = 100_000
DONE = {"suite": "intervenir", "equipe": "voirie"}


@dataclass
class Filled:
    """One of the two databases, and who works on it. What a measure uses up (tasks to claim) is drawn once."""

    url: str
    database: Database
    agent: Actor
    cases: int
    free: Iterator[UUID]
    unqualified: Iterator[tuple[UUID, UUID]]
    accounts: list[UUID]
    references: list[str]


Measure = Callable[[Filled], Any]


def main(as_json: bool = False, cases_wanted: int = 1_000_000) -> None:
    """Fill, measure, print."""
    print_report("With 10,000 requests and with many", measure(cases_wanted), as_json)


def measure(cases_wanted: int) -> dict[str, Any]:
    """The figures: `ratios` by name, the milliseconds behind them, and the bytes of a request."""
    with postgresql.server(durable=True) as url:
        config.use(Settings(data=config.current().data, database_url=url, secret_key="of a bench that keeps nothing"))
        few, many = (_filled(url, name, number) for name, number in (("few", FEW), ("many", cases_wanted)))
        report: dict[str, Any] = {"cases": {"few": FEW, "many": cases_wanted}, "ratios": {}, "ms": {}}
        for name, (act, rounds) in _MEASURES.items():
            _note(f"measuring {name}")
            times = _in_turn(act, rounds, few, many)
            report["ratios"][name] = round(times[1] / times[0], 2)
            report["ms"][name] = {"few": round(times[0], 2), "many": round(times[1], 2)}
        for name, figures in _exports(few, many).items():
            report[name] = figures
        report["ratios"]["export"] = report["export"]["ratio"]
        report["worst_ratio"] = max(report["ratios"].values())
        report["bytes_per_case"] = {"few": _bytes(few), "many": _bytes(many)}
        few.database.close()
        many.database.close()
    return report


def _filled(url: str, name: str, number: int) -> Filled:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    own = url.replace("/postgres?", f"/{name}?")
    begin = time.monotonic()
    made = filling.fill(own, number, say=lambda text: _note(f"{name}: {text}"))
    _note(f"{name}: filled in {time.monotonic() - begin:.0f} s")
    agent: Actor = made["agent"]
    with psycopg.connect(own) as connection:

        def drawn(query: str, *values: Any) -> list[tuple[Any, ...]]:
            # The same few everywhere in the tables, whatever their size.
            return connection.execute(query.encode(), values).fetchall()

        visible = sorted(agent.groups)
        free = drawn(
            'SELECT id FROM human_task WHERE claimed_by IS NULL AND "group" = ANY(%s) '
            "AND element_id = 'intervention' ORDER BY id LIMIT 2000",
            visible,
        )
        todo = drawn(
            'SELECT id, case_id FROM human_task WHERE claimed_by IS NULL AND "group" = ANY(%s) '
            "AND element_id = 'qualification' ORDER BY id LIMIT 1000",
            visible,
        )
        accounts = drawn("SELECT id FROM account WHERE kind = 'resident' ORDER BY id LIMIT 500")
        references = drawn('SELECT reference FROM human_task WHERE "group" = ANY(%s) ORDER BY id LIMIT 500', visible)
    return Filled(
        own,
        Database(own),
        agent,
        number,
        iter([row[0] for row in free]),
        iter([(row[0], row[1]) for row in todo]),
        [row[0] for row in accounts],
        [row[0] for row in references],
    )


def _in_turn(act: Measure, rounds: int, few: Filled, many: Filled) -> tuple[float, float]:
    taken: dict[int, list[float]] = {0: [], 1: []}
    order = [(0, few), (1, many)]
    for number in range(rounds + rounds // 4):
        random.shuffle(order)
        for place, filled in order:
            with _undisturbed():
                begin = time.perf_counter()
                act(filled)
                took = (time.perf_counter() - begin) * 1000
            if number >= rounds // 4:  # what comes first warms up
                taken[place].append(took)
    return statistics.median(taken[0]), statistics.median(taken[1])


@contextmanager
def _undisturbed() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


# --- what is measured --------------------------------------------------------------------------------------------------


def _queue_page(filled: Filled) -> None:
    with filled.database.reading() as session:
        tasks.counts(session, filled.agent)
        page = tasks.queue(session, filled.agent, group=filling.GROUP)
    assert len(page.tasks) == tasks.PAGE


def _whole_queue_page(filled: Filled) -> None:
    with filled.database.reading() as session:
        tasks.counts(session, filled.agent)
        page = tasks.queue(session, filled.agent)
    assert len(page.tasks) == tasks.PAGE


def _queue_page_by_procedure(filled: Filled) -> None:
    with filled.database.reading() as session:
        tasks.queue(session, filled.agent, sort="procedure")


def _queue_page_twenty(filled: Filled) -> None:
    with filled.database.reading() as session:
        page = tasks.queue(session, filled.agent, page=20)
    assert page.tasks


def _own_tasks(filled: Filled) -> None:
    with filled.database.reading() as session:
        page = tasks.queue(session, filled.agent, mine=True)
    assert page.tasks


def _search_reference(filled: Filled) -> None:
    with filled.database.reading() as session:
        page = tasks.queue(session, filled.agent, words=random.choice(filled.references))
    assert page.tasks


def _search_name(filled: Filled) -> None:
    with filled.database.reading() as session:
        tasks.queue(session, filled.agent, words=filling.RARE_NAME[:5])


def _search_common_name(filled: Filled) -> None:
    with filled.database.reading() as session:
        page = tasks.queue(session, filled.agent, words=filling.COMMON_NAME)
    assert page.tasks


def _search_all_name(filled: Filled) -> None:
    with filled.database.reading() as session:
        found = cases.search(session, filled.agent, filling.RARE_NAME[:5])
    assert found.cases
    assert not found.more


def _search_all_common_name(filled: Filled) -> None:
    with filled.database.reading() as session:
        found = cases.search(session, filled.agent, filling.COMMON_NAME)
    assert found.more


def _dashboard(filled: Filled) -> None:
    account = random.choice(filled.accounts)
    with filled.database.reading() as session:
        catalogue.published(session)
        found = cases.latest(session, account, filling.CASES_AN_ACCOUNT)
        cases.waiting_for(session, account)
        entitlements.of_account(session, account)
        consents.current(session, account, consents.MOBILE_PAYMENT)
    assert len(found) == filling.CASES_AN_ACCOUNT


def _claim(filled: Filled) -> None:
    filled.database.run(tasks.claim, next(filled.free), filled.agent)


def _submit(filled: Filled) -> None:
    task_id, case_id = next(filled.unqualified)
    with filled.database.transaction() as session:
        case = cases.locked(session, case_id)
        assert case is not None
        cases.complete_task(session, case, task_id, DONE, filled.agent)


def _tick(filled: Filled) -> None:
    with filled.database.reading() as session:
        ids = jobs.due(session, BATCH)
    assert len(ids) == BATCH
    done = sum(jobs.run(filled.database, job_id, HANDLERS) for job_id in ids)
    assert done == BATCH


def _look(filled: Filled) -> None:
    assert filled.database.read(jobs.waiting, KINDS, 5 * BATCH) == {"fire_timer": 5 * BATCH}


def _take(filled: Filled) -> None:
    with filled.database.transaction() as session:
        taken = [jobs.take_next(session, "fire_timer") for _ in range(10)]
        session.rollback()
    assert None not in taken


_MEASURES: dict[str, tuple[Measure, int]] = {
    "queue_page": (_queue_page, ROUNDS),
    "queue_page_all_groups": (_whole_queue_page, ROUNDS),
    "queue_page_by_procedure": (_queue_page_by_procedure, ROUNDS),
    "queue_page_20": (_queue_page_twenty, ROUNDS),
    "own_tasks": (_own_tasks, ROUNDS),
    "search_reference": (_search_reference, ROUNDS),
    "search_name": (_search_name, ROUNDS),
    "search_common_name": (_search_common_name, ROUNDS),
    "search_all_name": (_search_all_name, ROUNDS),
    "search_all_common_name": (_search_all_common_name, ROUNDS),
    "dashboard": (_dashboard, ROUNDS),
    "claim": (_claim, ROUNDS),
    "submit": (_submit, ROUNDS),
    "look": (_look, ROUNDS),
    "take": (_take, ROUNDS),
    "tick": (_tick, BATCHES),
}


def _exports(few: Filled, many: Filled) -> dict[str, dict[str, Any]]:
    """An export of up to `EXPORTED` rows: time a thousand rows, and the most memory that Python held for it."""
    rates: dict[int, list[float]] = {0: [], 1: []}
    rows = {}
    for _ in range(5):
        for place, filled in enumerate((few, many)):
            begin = time.perf_counter()
            rows[place] = _export(filled, EXPORTED)
            rates[place].append((time.perf_counter() - begin) * 1000 / rows[place] * 1000)
    peaks = {}
    for name, number in (("10000_rows", 10_000), (f"{EXPORTED}_rows", EXPORTED)):
        tracemalloc.start()
        _export(many, number)
        peaks[name] = round(tracemalloc.get_traced_memory()[1] / 1024)
        tracemalloc.stop()
    few_ms, many_ms = statistics.median(rates[0]), statistics.median(rates[1])
    return {
        "export": {
            "ratio": round(many_ms / few_ms, 2),
            "ms_a_1000_rows": {"few": round(few_ms, 2), "many": round(many_ms, 2)},
            "rows": {"few": rows[0], "many": rows[1]},
            "peak_kb": peaks,
        }
    }


def _export(filled: Filled, most: int) -> int:
    rows = 0
    everybody = Actor("agent", filled.agent.account_id, groups=frozenset(filling.GROUPS))
    with filled.database.reading(streamed=True) as session:
        for piece in exports.queue_csv(session, everybody):
            rows += piece.count("\r\n")
            if rows >= most:
                break
    return rows


def _bytes(filled: Filled) -> int:
    with psycopg.connect(filled.url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int((row[0] - _EMPTY) / (filled.cases + filling.DUE))


# A PostgreSQL database with the tables and nothing in them.
_EMPTY = 9_000_000


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main("--json" in sys.argv, int(os.environ.get("CASES", "1000000")))
