"""«Suivi de la demande»: where a request stands, in tabs, for its account and for the bearer of its link (A11, A12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from engine.contact import documents as stored_files
from engine.contact import exchanges as stored_exchanges
from engine.contact import notifications
from engine.core import mail
from engine.core.db import Session
from engine.core.errors import NotCancellable, NotFound
from engine.procedures import cases, catalogue, exchanges, history, receipts, tasks
from engine.procedures import forecast as delays
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from portal import access, attachments
from portal.access import current_actor, reading, transactional
from portal.exchanges import rows
from portal.residents import appointments, blueprint, filling, forecast, joined, steps, timeline
from portal.residents.exchanges import named
from portal.residents.presentation import applicant, standing, step_title

TABS = {
    "demandeur": "Le demandeur",
    "demande": "La demande",
    "historique": "Historique",
    "echanges": "Échanges",
    "pieces": "Pièces jointes",
    appointments.TAB: "Rendez-vous",
}
"""The tabs and their addresses; «Historique» opens first."""
FIRST = "historique"


@blueprint.get("/demandes/<reference>/suivi")
@access.case_holder
@reading
def show_tracking(session: Session, case: Case) -> str:
    """The tracking, open on the history."""
    return page(session, case, FIRST)


@blueprint.get("/demandes/<reference>/suivi/<tab>")
@access.case_holder
@reading
def show_tab(session: Session, case: Case, tab: str) -> Response | str:
    """The tracking, open on another tab."""
    if tab == FIRST:
        return redirect(url_for(".show_tracking", reference=case.reference), 303)
    if tab not in _tabs(session, case, catalogue.definition(session, case.version_id)):
        raise NotFound
    return page(session, case, tab)


@blueprint.get("/mon-espace/demandes/<reference>")
@access.case_holder
@reading
def show_own_case(session: Session, case: Case) -> Response:
    """The same request seen from one's space: its draft, or its tracking."""
    return redirect(steps.current_address(session, case), 303)


def _tabs(session: Session, case: Case, definition: Definition) -> dict[str, str]:
    """The tabs that this request has."""
    absent = set() if exchanges.enabled(case, definition) else {"echanges"}
    absent |= set() if appointments.has_tab(session, case, definition) else {appointments.TAB}
    return {name: label for name, label in TABS.items() if name not in absent}


def page(session: Session, case: Case, tab: str, errors: Mapping[str, str] | None = None) -> str:
    """The tracking, open on a tab."""
    definition = catalogue.definition(session, case.version_id)
    tabs = _tabs(session, case, definition)
    threads = stored_exchanges.of_case(session, case.id) if "echanges" in tabs else []
    asked = [one for one in threads if one.asked]
    open_tasks = tasks.of_case(session, case.id)
    waiting = [task for task in open_tasks if task.group == tasks.RESIDENT and not case.draft]
    # A message that is being written shows nothing yet.
    files = [one for one in stored_files.of_case(session, case.id) if not stored_exchanges.is_composed(one.field)]
    status, colour = standing(case, definition, waiting=bool(waiting or asked))
    content: dict[str, Any] = {}
    if tab == "historique":
        letters = notifications.of_case(session, case.id)
        entries = history.of_case(session, case.id, public=True)
        content["events"] = timeline.told(entries, definition, letters)
        expected = delays.of_case(session, case, definition, entries)
        questions = [one.subject for one in asked]
        # Letters sent before carry links, which the person may want to end.
        content["joined"] = any(entry.kind == "attached" for entry in entries)
        answered = forecast.answered(entries)
        content["forecast"] = (
            forecast.told(expected, open_tasks, questions, answered=answered) if expected is not None else None
        )
        if case.filed_at is not None:
            awaited = forecast.awaited(open_tasks, questions, answered=answered)
            content["receipt"] = receipts.receipt(case, definition, awaited=awaited)
        content["letters"] = letters[::-1]
    elif tab == "demandeur":
        content["applicant"] = applicant(case)
    elif tab == "demande":
        content["parts"] = _answers(session, case, definition)
        content["files"] = attachments.described(session, case)
    elif tab == "pieces":
        content |= joined.tab(session, case, definition, open_tasks, files, errors or {})
    elif tab == "echanges":
        content["exchange_rows"] = rows(session, case, stored_exchanges.RESIDENT, named)
        content["exchanges_writable"] = exchanges.writable(case)
    elif tab == appointments.TAB:
        content |= appointments.tab(session, case, definition)
    counts = {"pieces": len(files), "echanges": sum(one.unread_by_resident for one in threads) or None}
    return render_template(
        "residents/tracking.html",
        case=case,
        definition=definition,
        tab=tab,
        tab_title=TABS[tab],
        tabs=[
            {
                "label": label,
                "href": url_for(".show_tracking", reference=case.reference)
                if name == FIRST
                else url_for(".show_tab", reference=case.reference, tab=name),
                "current": name == tab,
                "count": counts.get(name),
            }
            for name, label in tabs.items()
        ],
        status=status,
        colour=colour,
        waiting=waiting,
        asked=asked,
        undeliverable=mail.undeliverable(session, [case.usager.get("courriel")]) if case.running else [],
        resume=steps.current_address(session, case) if case.draft else None,
        cancellable=case.running and cases.cancellable(case, definition, open_tasks),
        bearer=case.account_id is None,
        **content,
    )


def _answers(session: Session, case: Case, definition: Definition) -> list[tuple[str, Any]]:
    """What the resident answered, step by step, then what was answered to the service afterwards."""
    asked = list(definition.steps)
    asked += [
        node
        for node in definition.process.elements.values()
        if node.is_human and node.lane == tasks.RESIDENT and not node.step
    ]
    return [
        (node.name or step_title(node), filling.answered(session, case, definition, node.id))
        for node in asked
        if node.id in case.document
    ]


# --- cancelling ------------------------------------------------------------------------------------------------------------


@blueprint.get("/demandes/<reference>/annuler")
@access.case_holder
@reading
def ask_to_cancel(session: Session, case: Case) -> Response | str:
    """Say what cancelling does, and ask to confirm."""
    definition = catalogue.definition(session, case.version_id)
    if not case.running or not cases.cancellable(case, definition, tasks.of_case(session, case.id)):
        flash(NotCancellable.default, "info")
        return redirect(url_for(".show_tracking", reference=case.reference), 303)
    return render_template("residents/cancel.html", case=case, definition=definition)


@blueprint.post("/demandes/<reference>/annuler")
@access.case_holder
@transactional
def cancel(session: Session, case: Case) -> Response:
    """Cancel the request, or throw the draft away."""
    if case.status == "cancelled":  # the second click
        return redirect(url_for("public.show_catalogue"), 303)
    was_draft = case.draft
    cases.cancel(session, case, current_actor())
    if was_draft:
        flash("Votre brouillon est supprimé.", "success")
        return redirect(url_for("public.show_procedure", slug=case.procedure), 303)
    flash("Votre demande est annulée.", "success")
    return redirect(url_for(".show_tracking", reference=case.reference), 303)
