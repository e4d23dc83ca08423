"""«Mon espace»: the rights held, the requests and where they stand, new requests, coordinates, consent (A14, B7, C1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.people import accounts, consents
from engine.procedures import cases, catalogue, tasks, words
from engine.procedures.cases import Case
from engine.procedures.tasks import HumanTask
from engine.rights import entitlements
from portal import access
from portal.access import current_actor, reading, transactional
from portal.residents import blueprint
from portal.residents.presentation import RIGHT_STATES, standing

LATEST = 4
COORDINATES = ("coordonnees-adresse", "coordonnees-telephone", "coordonnees-courriel")
_PARKING = "stationnement"


@dataclass(frozen=True)
class Row:
    """A request in a list."""

    reference: str
    title: str
    status: str
    colour: str
    at: datetime
    address: str
    draft: bool
    waiting: bool
    tasks: Sequence[HumanTask]


@blueprint.get("/mon-espace")
@access.resident
@reading
def show_space(session: Session) -> str:
    """The space, in the order in which people come for: rights and requests first, the consent last."""
    return _space(session)


@blueprint.get("/mon-espace/demandes")
@access.resident
@reading
def show_cases(session: Session) -> str:
    """«Voir toutes mes demandes»."""
    return render_template("residents/cases.html", rows=_rows(session, cases.of_account(session, _account_id())))


@blueprint.post("/mon-espace/consentement")
@access.resident
@access.in_phases
def choose_consent() -> Response:
    """Record the choice on mobile payment; it holds at once (C1)."""
    choice = request.form.get("choix")
    if choice not in ("oui", "non"):
        return make_response(_space_with_error(), 422)
    _record_consent(granted=choice == "oui")
    flash("Votre choix est enregistré. Il prend effet immédiatement.", "success")
    return redirect(url_for(".show_space") + "#consentement", 303)


@transactional
def _record_consent(session: Session, granted: bool) -> None:
    consents.record(session, _account_id(), consents.MOBILE_PAYMENT, granted=granted)


@reading
def _space_with_error(session: Session) -> str:
    return _space(session, {"choix": "Choisissez une des deux options."})


def _space(session: Session, errors: dict[str, str] | None = None) -> str:
    account = accounts.find(session, _account_id())
    published = {procedure.slug: procedure for procedure in catalogue.published(session)}
    rows = _rows(session, cases.of_account(session, account.id))
    return render_template(
        "residents/space.html",
        errors=errors or {},
        usager=accounts.usager(account),
        login=account.login,
        rights=[
            (right, *RIGHT_STATES[entitlements.state(right)]) for right in entitlements.of_account(session, account.id)
        ],
        waiting=[(row, task) for row in rows for task in row.tasks],
        drafts=[row for row in rows if row.draft],
        rows=[row for row in rows if not row.draft][:LATEST],
        total=sum(not row.draft for row in rows),
        parking=[one for one in published.values() if words.plain(one.trade) == _PARKING],
        coordinates=[published[slug] for slug in COORDINATES if slug in published],
        purpose=consents.PURPOSES[consents.MOBILE_PAYMENT],
        consent=consents.current(session, account.id, consents.MOBILE_PAYMENT),
    )


def _rows(session: Session, found: list[Case]) -> list[Row]:
    waiting = tasks.waiting(session, [case.id for case in found if case.status == "filed"])
    rows = []
    for case in found:
        definition = catalogue.definition(session, case.version_id)
        status, colour = standing(case, definition, waiting=case.id in waiting)
        rows.append(
            Row(
                reference=case.reference,
                title=definition.title,
                status=status,
                colour=colour,
                at=case.filed_at or case.opened_at,
                address=url_for("residents.show_case", reference=case.reference),
                draft=case.draft,
                waiting=case.id in waiting,
                tasks=waiting.get(case.id, ()),
            )
        )
    return rows


def _account_id() -> UUID:
    account_id = current_actor().account_id
    assert account_id is not None  # the policy lets residents in only
    return account_id
