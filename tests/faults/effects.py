"""Effects that can be counted: the procedure promises them with an operation, jobs keep the promises with a row each.

Nothing here is idempotent, so that what the platform does twice is there twice: neither table has a unique key.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Column, MetaData, Table, Text, Uuid, insert

from engine import handlers
from engine.core import jobs
from engine.core.db import Database, Session
from engine.procedures import operations
from engine.procedures.operations import OperationContext

_metadata = MetaData()
PROMISE = Table(
    "faults_promise", _metadata, Column("id", Uuid), Column("case_id", Uuid), Column("element_id", Text, nullable=False)
)
EFFECT = Table("faults_effect", _metadata, Column("promise_id", Uuid))
OPERATION = "essai/promettre"
JOB = "faults_effect"
# How many effects each operation promises: the more, the likelier is one to be hit.
EACH = 5
# Long enough for a kill to fall into the middle of some.
PAUSE = 0.05


def install() -> None:
    """Let this process know the operation and the kind of job."""
    operations.operation(OPERATION, "Promet des effets, pour les essais de pannes.")(_promise)
    handlers.KINDS[JOB] = handlers.Kind(_keep)
    handlers.HANDLERS[JOB] = _keep


@contextmanager
def installed() -> Iterator[None]:
    """The same for as long as the block lasts."""
    install()
    try:
        yield
    finally:
        del operations.REGISTRY[OPERATION], handlers.KINDS[JOB], handlers.HANDLERS[JOB]


def create_tables(database: Database) -> None:
    """Make the tables of promises and of effects."""
    with database.transaction() as session:
        _metadata.create_all(session.connection())


def _promise(context: OperationContext) -> None:
    case_id = context.case.id
    for _ in range(EACH):
        promise_id = uuid4()
        context.session.execute(insert(PROMISE).values(id=promise_id, case_id=case_id, element_id=context.element_id))
        jobs.promise(context.session, JOB, key=f"effect:{promise_id}", case_id=case_id, promise_id=str(promise_id))


def _keep(session: Session, payload: Mapping[str, Any]) -> None:
    session.execute(insert(EFFECT).values(promise_id=UUID(payload["promise_id"])))
    time.sleep(PAUSE)
