"""The queues: what waits for an agent's groups, the most urgent first (E1)."""

from __future__ import annotations

from dataclasses import replace

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import NotFound
from engine.procedures import cases, references, tasks
from engine.procedures.cases import Case
from engine.procedures.tasks import Counts, HumanTask
from portal import access
from portal.access import current_actor, reading
from portal.agents import blueprint, filters
from portal.agents.due import due
from portal.agents.filters import SORTS, Filters
from portal.public.sign_in import destination

COLUMNS = (
    ("echeance", "Échéance"),
    ("", "Référence"),
    ("demarche", "Démarche et tâche"),
    ("usager", "Usager"),
    ("depot", "Dépôt"),
    ("", "Prise en charge"),
)
"""The columns, and the order that the heading of each gives."""


@blueprint.get("/agents")
@access.anyone
def enter() -> Response:
    """Agents begin with their queues, and those whose work is elsewhere with that."""
    actor = current_actor()
    return redirect(destination(actor, slug="", suite="") if actor.kind == "agent" else url_for(".show_queues"), 303)


@blueprint.get("/agents/corbeilles")
@access.agent
@reading
def show_queues(session: Session) -> str:
    """The open tasks of the agent's groups, chosen, ordered and paged by the address."""
    actor = current_actor()
    chosen = filters.read(request.args)
    counts = tasks.counts(session, actor)
    if chosen.group not in counts.groups:
        chosen = replace(chosen, group="")
    page = tasks.queue(
        session,
        actor,
        group=chosen.group or None,
        words=chosen.words,
        mine=chosen.mine,
        late=chosen.late,
        sort=SORTS[chosen.sort],
        down=chosen.down,
        page=chosen.page,
    )
    return render_template(
        "agents/queues.html",
        chosen=chosen,
        counts=counts,
        page=page,
        pages=_pages(chosen, counts),
        columns=COLUMNS,
        rows=[(task, due(task.due_at)) for task in page.tasks],
        following=next((task for task in page.tasks if _free(task)), None),
        elsewhere=None if page.tasks else _elsewhere(session, chosen),
        me=actor.account_id,
    )


@blueprint.app_template_filter()
def counted(number: int) -> str:
    """A number of tasks as it is shown: «12», or «999+»."""
    return str(number) if number <= tasks.COUNTED else f"{tasks.COUNTED}+"


def _pages(chosen: Filters, counts: Counts) -> str:
    """Of how many pages this is one: «3», «20 ou plus»; empty where only counting anew would tell."""
    if chosen.words or (chosen.mine and (chosen.late or chosen.group)):
        return ""
    total, late = counts.groups.get(chosen.group, (counts.open, counts.late))
    number = counts.mine if chosen.mine else late if chosen.late else total
    pages = -(-min(number, tasks.COUNTED + 1) // tasks.PAGE)
    return f"{pages} ou plus" if number > tasks.COUNTED else str(pages)


def _free(task: HumanTask) -> bool:
    return task.claimed_by is None or task.claimed_by == current_actor().account_id


def _elsewhere(session: Session, chosen: Filters) -> Case | None:
    """The request whose reference was typed, when it waits for nobody here."""
    if references.read(chosen.words) is None:
        return None
    try:
        return cases.find_for_agent(session, chosen.words, current_actor())
    except NotFound:
        return None
