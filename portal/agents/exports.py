"""A queue as a file for a spreadsheet, for who supervises its group (E5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flask import request
from werkzeug.wrappers import Response

from engine.core import audit, clock
from engine.core.db import Session
from engine.core.errors import NotFound
from engine.people.actors import Actor
from engine.procedures import exports
from portal import access
from portal.access import current_actor, database, transactional
from portal.agents import blueprint, filters


@blueprint.post("/agents/corbeilles/export")
@access.supervisor
@access.in_phases
def export_queue() -> Response:
    """The tasks chosen by the address, of the groups that the person supervises and of no other, sent as they are read."""
    chosen = filters.read(request.args)
    actor = _recorded(group=chosen.group)
    opened = database()

    def pieces() -> Iterator[str]:
        with opened.reading(streamed=True) as session:
            yield from exports.queue_csv(
                session, actor, group=chosen.group or None, words=chosen.words, mine=chosen.mine, late=chosen.late
            )

    name = f"corbeille-{clock.today():%Y-%m-%d}.csv"
    return Response(
        pieces(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@transactional
def _recorded(session: Session, group: str) -> Actor:
    """Who exports, kept to the groups that they supervise. Recorded before anything leaves."""
    actor = current_actor()
    if group and group not in actor.supervises:
        raise NotFound
    audit.record(session, actor, "case.exported", format="csv", groups=1 if group else len(actor.supervises))
    return replace(actor, groups=actor.supervises & actor.groups)
