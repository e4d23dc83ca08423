"""What travels through Redis: `tick` looks for kinds of which jobs are due, `do_due` does the jobs of a kind.

Both may be lost, late or doubled without harm: the row of a job says what is to be done, its lock who does it.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from functools import cache
from typing import Any

from celery import signals
from sqlalchemy.exc import SQLAlchemyError

from engine.core import config, jobs, traces
from engine.core.db import Database
from engine.core.errors import ParvisError
from engine.handlers import HANDLERS, KINDS
from workers.app import GRACE, TURN, app
from workers.sending import send

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_PARENT = os.getpid()

AT_ONCE = {name: kind.at_once for name, kind in KINDS.items() if kind.at_once}
# No kind needs more messages at a time than these are worth.
_MOST = 512


@cache
def database() -> Database:
    """The database of this process; each of a worker's processes opens its own."""
    return Database(config.current().database_url)


@app.task(soft_time_limit=60, time_limit=60 + GRACE)  # type: ignore[untyped-decorator]
def tick() -> int:
    """Have the jobs that are due done by the workers; how many messages were sent.

    It is for timers, and for what was lost on the way: jobs that are due at once are told of by who promised them.
    """
    try:
        due = database().read(jobs.waiting, KINDS, _MOST)
        return send(app, due, always=True)
    except Exception as error:  # Redis's client has errors of its own
        log.warning("no look for jobs: %s", type(error).__name__)
        return 0


@app.task  # type: ignore[untyped-decorator]
def do_due(name: str) -> None:
    """Do the due jobs of a kind; when there are more than a turn's, the rest comes after what else waits."""
    if name not in KINDS:
        return  # a kind of another release: its own workers do these jobs
    try:
        if jobs.do_due(database(), name, HANDLERS, AT_ONCE, TURN):
            jobs.wake({name: 1})
    except (ParvisError, SQLAlchemyError) as error:
        # The database is away, so the failure can't be noted either. The job may be taken again.
        log.warning("jobs of the kind %s could not be done now: %s", name, type(error).__name__)


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
