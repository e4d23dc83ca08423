"""Jobs: one table for the outbox, the timers and the reminders.

A job is written in the transaction that promises it, so nothing is promised that was not committed and nothing
committed is forgotten. It is done in one transaction with its effect: a job run twice finds itself done. Whoever wakes
the jobs (a thread in embedded mode, Celery otherwise) is only told of what kind they are; losing a wake-up loses nothing.

That a job starts is committed before its work: one that ends its process each time (out of memory, out of time) is set
aside instead of ending the next process too.
"""

from engine.core.jobs.doing import LAST_TRY, Handler, ahead, do_due, drain, due, run
from engine.core.jobs.overview import Backlog, backlog, depth, listing, retry
from engine.core.jobs.promises import Job, Promise, forget, promise, promise_all
from engine.core.jobs.runner import Runner
from engine.core.jobs.taking import HOLD, LAST_START, take_next, waiting
from engine.core.jobs.waking import use_waker, wake

__all__ = [
    "HOLD",
    "LAST_START",
    "LAST_TRY",
    "Backlog",
    "Handler",
    "Job",
    "Promise",
    "Runner",
    "ahead",
    "backlog",
    "depth",
    "do_due",
    "drain",
    "due",
    "forget",
    "listing",
    "promise",
    "promise_all",
    "retry",
    "run",
    "take_next",
    "use_waker",
    "waiting",
    "wake",
]
