"""The Celery application. Redis carries names of kinds of jobs, as JSON, and nothing that could be lost.

What Celery offers beyond that stays off: results (the job's row says how it went), events, remote control, chatter between
workers. A message is acknowledged once its job has ended, and sent again when the process that had it dies; in any case
`tick` hands out again what nobody does.
"""

from __future__ import annotations

from celery import Celery
from kombu.entity import Exchange, Queue

from engine.core import config
from engine.core.errors import ConfigurationError
from engine.handlers import KINDS

TICK = "tick"
QUEUES = (TICK, *sorted({kind.queue for kind in KINDS.values()}))
# A job that goes on after its time is up is interrupted; this much later, the process that does it is ended.
GRACE = 10
# For how many seconds a message has the jobs of its kind done, before others have their turn.
TURN = 0.5
# Seconds between looks for timers that are due.
INTERVAL = 1.0

app = Celery("parvis", include=["workers.tasks"], set_as_current=False)
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    result_backend=None,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # Each with an exchange of its own: queues that share one share their messages too.
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in QUEUES],  # type: ignore[no-untyped-call]
    task_default_queue=TICK,  # jobs name theirs
    # The waker and `tick` have a better use of a failure than waiting.
    task_publish_retry=False,
    # No message waits for one process while another one is free.
    worker_prefetch_multiplier=1,
    worker_consumer="workers.patience:Consumer",
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    # Its row's lock is the claim: a job goes on when Redis goes away.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "health_check_interval": 10,
        # Who publishes is told at once that Redis is away; the library would ask again for six seconds first.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
        "visibility_timeout": max(kind.seconds for kind in KINDS.values()) + 2 * GRACE,
        # All messages are alike: one list a queue to look at, and not four.
        "priority_steps": [0],
    },
    beat_scheduler="workers.patience:Scheduler",
    beat_max_loop_interval=INTERVAL,
    # Nobody wants the ticks of an hour in which no worker ran.
    beat_schedule={"tick": {"task": "workers.tasks.tick", "schedule": INTERVAL, "options": {"expires": 10 * INTERVAL}}},
    timezone="UTC",
    enable_utc=True,
)


def connected() -> Celery:
    """The application with the Redis of the process's settings, or `ConfigurationError` when they name none."""
    address = config.current().redis_url
    if address is None:
        raise ConfigurationError("PARVIS_REDIS_URL is not set: it says where the workers are woken")
    app.conf.broker_url = celery_url(address)
    return app


def celery_url(address: str) -> str:
    """`unix://` is what Redis's own client calls a socket of the file system; Celery calls it `redis+socket://`."""
    return address.replace("unix://", "redis+socket://", 1) if address.startswith("unix://") else address
