"""The floor: the least that a step could cost on the same server, one bare transaction, and a count of SQL statements.

Only the benches serve it: `create_app` here is the portal with one more route and one more header.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from flask import Flask, Response, request
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text, event, func, insert, select, update

import portal.app  # first: it decides in which order its rooms are imported
from engine.core.config import Settings
from engine.core.db import Database
from portal import access, public

_metadata = MetaData()
CASE = Table("bench_case", _metadata, Column("id", Integer, primary_key=True), Column("state", LargeBinary))
HISTORY = Table(
    "bench_history",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", Integer),
    Column("what", Text),
)
ROWS = 64
STATE = b"x" * 5_000
ENTRY = "x" * 200


def create_app(settings: Settings | None = None) -> Flask:
    """The portal with `POST /floor/<n>`; answers say how many statements they took (`X-Statements`) and, to who asks
    (`X-Measure`), how many seconds of processor this process has spent so far (`X-Processor`)."""
    # One machine plays a whole city: what keeps one visitor from opening thousands of drafts would stop the bench.
    public.catalogue.DRAFTS = replace(public.catalogue.DRAFTS, burst=1_000_000)
    app = portal.app.create_app(settings)
    database: Database = app.extensions["database"]
    with database.transaction() as session:
        if database.engine.dialect.name == "postgresql":
            session.execute(select(func.pg_advisory_xact_lock(7_204_772)))
        _metadata.create_all(session.connection())
        # Several processes may serve the same database.
        if session.scalar(select(CASE.c.id).limit(1)) is None:
            session.execute(insert(CASE), [{"id": number, "state": STATE} for number in range(ROWS)])

    count = threading.local()

    def counted(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        count.statements = getattr(count, "statements", 0) + 1

    event.listen(database.engine, "before_cursor_execute", counted)

    @app.before_request
    def start() -> None:
        count.statements = 0

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Statements"] = str(count.statements)
        # On a virtual machine the clock of a busy process of many threads can take half a millisecond to read.
        if "X-Measure" in request.headers:
            response.headers["X-Processor"] = str(time.process_time())
        return response

    @access.anyone
    def floor(number: int) -> Response:
        with database.transaction() as session:
            session.execute(update(CASE).where(CASE.c.id == number % ROWS).values(state=STATE))
            session.execute(insert(HISTORY).values(case_id=number, what=ENTRY))
        return Response(status=204)

    app.extensions["csrf"].exempt(floor)
    app.add_url_rule("/floor/<int:number>", "floor", floor, methods=["POST"])
    return app
