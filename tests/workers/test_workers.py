"""Jobs on Celery, with a real Redis and a real worker: nothing lost, nothing twice, whatever ends (G4)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from redis import Redis

from engine.core import clock, jobs
from engine.core.jobs import Job

LATE = 6.0  # a second for the tick, and what a machine takes that does other things


@contextmanager
def without_ticks(site: Any) -> Iterator[None]:
    """Beat stands still: what is done meanwhile was done because somebody rang."""
    for beat in site.cluster.beats:
        os.kill(beat.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for beat in site.cluster.beats:
            os.kill(beat.pid, signal.SIGCONT)


def numbers(site: Any) -> Counter[int]:
    return Counter(int(line.split()[0]) for line in site.lines())


def errors(site: Any, kind: str, state: str) -> list[str]:
    with site.database.reading() as session:
        return [job.error or "" for job in jobs.listing(session, state=state) if job.kind == kind and job.error]


def children(pid: int) -> list[int]:
    said = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(line) for line in said.split()]


def test_a_job_is_done_once_it_is_committed_and_what_it_promises_too(site: Any) -> None:
    """Each of twelve jobs promises the next one: web processes wake workers, and workers wake workers."""
    with without_ticks(site):
        site.promise("test_chain", last=11)
        assert site.waits_for(lambda: len(site.lines()) == 12)
    assert numbers(site) == Counter(range(12))


def test_a_timer_fires_at_its_time(site: Any) -> None:
    due = clock.now() + timedelta(seconds=1.2)
    site.promise("test_write", due_at=due)
    assert site.waits_for(lambda: bool(site.lines()))
    assert 0 <= float(site.lines()[0].split()[1]) - due.timestamp() < LATE


def test_a_redis_that_forgets_everything_loses_nothing(site: Any) -> None:
    with site.database.transaction() as session:
        jobs.promise_all(session, [jobs.Promise("test_write", {"n": n, "file": str(site.file)}) for n in range(600)])
    with Redis(unix_socket_path=site.cluster.redis_url.removeprefix("unix://")) as redis:
        assert site.waits_for(lambda: bool(site.lines()))
        redis.flushall()
    assert site.waits_for(lambda: len(site.lines()) >= 600)
    assert numbers(site) == Counter(range(600))


def test_a_redis_that_is_down_holds_nobody_up(site: Any) -> None:
    site.cluster.redis.kill()
    began = time.monotonic()
    for number in range(20):
        site.promise("test_write", n=number)
    # Had each waited for Redis: seconds a promise.
    assert time.monotonic() - began < 6
    site.cluster.redis.start()
    assert site.waits_for(lambda: len(site.lines()) >= 20)
    # As before: whoever waited for Redis has found it again.
    with without_ticks(site):
        site.promise("test_chain", n=20, last=25)
        assert site.waits_for(lambda: len(site.lines()) >= 26)
    assert numbers(site) == Counter(range(26))


def test_what_a_killed_worker_was_doing_is_done_by_the_next_one(site: Any) -> None:
    (worker,) = site.cluster.workers
    for _ in range(2):
        site.promise("test_wait", seconds=1.5)
    assert site.waits_for(lambda: len(site.lines("begin")) == 2)
    processes = children(worker.pid)
    worker.kill()
    assert site.waits_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in processes), 5)
    assert site.lines("end") == []
    worker.start()
    assert site.waits_for(lambda: len(site.lines("end")) == 2)
    assert len(site.lines("begin")) == 4


def test_a_job_that_kills_its_worker_is_set_aside_and_shown(site: Any) -> None:
    site.promise("test_die")
    site.promise("test_write", n=7)
    assert site.waits_for(lambda: bool(errors(site, "test_die", "failed")))
    assert len(set(site.lines()) - set(site.lines("7 "))) == jobs.LAST_START
    assert len(site.lines("7 ")) == 1, "the others go on"
    shown = site.cluster.command("jobs", "--failed").stdout
    assert re.search(r"failed +test_die .* set aside: the process that did it ended 5 times", shown), shown


def test_a_kind_with_one_place_runs_one_at_a_time(site: Any) -> None:
    for _ in range(3):
        site.promise("test_few", seconds=0.2)
    site.promise("test_write", n=7)
    assert site.waits_for(lambda: len(site.lines("end")) == 3)
    assert [line.split()[0] for line in site.lines() if not line.startswith("7")] == ["begin", "end"] * 3
    with site.database.reading() as session:
        assert session.query(Job).filter(Job.kind == "test_few").all() == []


def test_a_job_that_takes_too_long_fails_and_waits(site: Any) -> None:
    site.promise("test_long", seconds=20)
    assert site.waits_for(lambda: bool(errors(site, "test_long", "waiting")))
    assert errors(site, "test_long", "waiting")[0].startswith("SoftTimeLimitExceeded")
    assert site.lines("end") == []


def test_postgresql_that_restarts_costs_a_moment(site: Any) -> None:
    site.cluster.postgresql.kill()
    site.cluster.postgresql.start()
    site.database.run(lambda session: jobs.promise(session, "test_write", n=1, file=str(site.file)))
    assert site.waits_for(lambda: bool(site.lines()))
    assert numbers(site) == Counter([1])
