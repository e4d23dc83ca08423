"""What travels through Redis: `tick` looks for jobs whose time has come, `run_job` does one.

Both may be lost, late or doubled without harm: the row of the job says what is to be done, its lock who does it.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from functools import cache
from typing import Any
from uuid import UUID

from celery import signals
from sqlalchemy.exc import SQLAlchemyError

from engine.core import config, jobs, traces
from engine.core.db import Database
from engine.core.errors import ParvisError
from engine.handlers import HANDLERS, KINDS
from workers.app import GRACE, app

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_PARENT = os.getpid()

# How many jobs of a kind may be on their way at a time. More would only fill Redis; a kind with few places is served in
# small helpings, since who finds no place goes back and waits.
_ON_THEIR_WAY = 400
_HELPING = 5
OUTSTANDING = {name: kind.at_once * _HELPING if kind.at_once else _ON_THEIR_WAY for name, kind in KINDS.items()}
AT_ONCE = {name: kind.at_once for name, kind in KINDS.items() if kind.at_once}


@cache
def database() -> Database:
    """The database of this process; each of a worker's processes opens its own."""
    return Database(config.current().database_url)


@app.task(soft_time_limit=60, time_limit=60 + GRACE)  # type: ignore[untyped-decorator]
def tick() -> int:
    """Send the jobs that are due to the workers; how many were sent.

    Two at once send different jobs. What can't be sent is taken back, for a tick that follows as soon as Redis takes it.
    """
    try:
        handed = database().run(jobs.hand_over, OUTSTANDING)
    except (ParvisError, SQLAlchemyError) as error:
        log.warning("no look for jobs: %s", error)
        return 0
    sent = 0
    try:
        with app.producer_pool.acquire(block=True, timeout=5) as producer:
            for job_id, name in handed:
                kind = KINDS[name]
                run_job.apply_async(
                    (str(job_id), name),
                    producer=producer,
                    queue=kind.queue,
                    soft_time_limit=kind.seconds,
                    time_limit=kind.seconds + GRACE,
                )
                sent += 1
    except Exception as error:  # Redis's client has errors of its own
        log.warning("Redis took %s of %s jobs: %s", sent, len(handed), type(error).__name__)
        database().run(jobs.let_go, [job_id for job_id, _ in handed[sent:]])
        jobs.wake()
    return sent


@app.task  # type: ignore[untyped-decorator]
def run_job(job_id: str, name: str) -> bool:
    """Do one job; False when there was nothing to do."""
    try:
        done = jobs.run(database(), UUID(job_id), HANDLERS, AT_ONCE)
    except (ParvisError, SQLAlchemyError) as error:
        # The database is away, so the failure can't be noted either. The job is handed out again.
        log.warning("job %s (%s) could not be done now: %s", job_id, name, type(error).__name__)
        return False
    if done and name in AT_ONCE:
        # A place is free: those who wait for it needn't wait for the next tick.
        jobs.wake()
    return done


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]
def _start_process(**_: Any) -> None:
    """In each of the worker's processes, once: its own database, its own waker, and the same end as the worker."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != _PARENT:
            os._exit(1)
    database.cache_clear()
    traces.start(config.current().traces_url)
    jobs.use_waker(config.current().waker)


@signals.worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _end_process(**_: Any) -> None:
    traces.stop()
