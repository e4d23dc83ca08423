"""Telling the workers which kinds of jobs are due: a message names a kind, and whoever receives it does jobs of that kind.

Which jobs is decided in the database, by who does them: a message may be lost, late or doubled.
"""

from __future__ import annotations

from collections.abc import Mapping

from celery import Celery

from engine.handlers import KINDS
from workers.app import GRACE, TURN

# So many due jobs of a kind are worth one message: one after the other, they take a worker less than they would apart.
A_MESSAGE = 16
# A queue as long as that gets no more: whoever is through with a kind's jobs looks for the next ones by themselves.
_LONG = 32
# What waited so long is forgotten: a tick has said it again since.
EXPIRES = 10.0


def send(app: Celery, due: Mapping[str, int], *, always: bool = False) -> int:
    """Send what is worth it for so many due jobs of these kinds, or raise; how many messages were sent.

    With `always`, each kind gets one message whatever waits already, so that a long queue of one kind hides no other.
    """
    sent = 0
    with app.producer_pool.acquire(block=True, timeout=5) as producer:
        for name, jobs in due.items():
            kind = KINDS.get(name)
            if kind is None:
                continue  # a job of another release, for its workers
            wanted = min(-(-jobs // A_MESSAGE), kind.at_once or _LONG)
            room = _LONG - producer.channel.client.llen(kind.queue)
            for _ in range(min(wanted, max(room, int(always)))):
                app.send_task(
                    "workers.tasks.do_due",
                    (name,),
                    producer=producer,
                    queue=kind.queue,
                    expires=EXPIRES,
                    # The last job of a turn has its whole time too.
                    soft_time_limit=kind.seconds + TURN,
                    time_limit=kind.seconds + TURN + GRACE,
                    retry=False,
                )
                sent += 1
    return sent
