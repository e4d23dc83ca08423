"""«Plan d’aide»: the hours granted, from when until when, and for what; a file tied to the account (C2, B18)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.core import clock
from engine.core.db import Session
from engine.rights import beneficiaries, care_plans
from engine.rights.beneficiaries import Claim
from portal import access, sections
from portal.access import current_actor, reading, transactional
from portal.public.beneficiaries import claim_of
from portal.residents import blueprint
from portal.words import NBSP

NO_FILE = (
    "Ces informations ne correspondent pas à un dossier que nous pouvons rattacher. Vérifiez-les sur le courrier de la ville, "
    "ou appelez-nous."
)


@blueprint.get("/mon-espace/plan-d-aide")
@access.resident
@reading
def show_care_plan(session: Session) -> str:
    """The plan in force first, then the others."""
    today = clock.today()
    plans = care_plans.of_account(session, _account_id())
    plans.sort(key=lambda plan: not plan.starts_on <= today <= plan.ends_on)
    return render_template(
        "residents/care_plan.html", plans=[(plan, _hours(plan.hours_per_month)) for plan in plans], today=today
    )


@blueprint.get("/mon-espace/plan-d-aide/dossier")
@access.resident
@reading
def show_join_file(_session: Session) -> str:
    """Where somebody with an account ties their file to it."""
    return _join_page(None)


@blueprint.post("/mon-espace/plan-d-aide/dossier")
@access.resident
@access.in_phases
def join_file() -> Response:
    """Tie the file to the account; what was wrong isn't told apart."""
    answers, errors = sections.read((sections.FILE,))
    if not errors and not _join(claim=claim_of(answers)):
        errors = {"dossier": NO_FILE}
    if errors:
        return make_response(_join_again(errors=errors), 422)
    flash("Votre dossier est rattaché à votre compte.", "success")
    return redirect(url_for(".show_care_plan"), 303)


@transactional
def _join(session: Session, claim: Claim) -> bool:
    return beneficiaries.join(session, _account_id(), claim, current_actor(), address=request.remote_addr or "")


@reading
def _join_again(_session: Session, errors: Mapping[str, str]) -> str:
    return _join_page(request.form, errors)


def _join_page(posted: MultiDict[str, str] | None, errors: Mapping[str, str] | None = None) -> str:
    drawn, listed = sections.drawn((sections.FILE,), posted, errors or {})
    return render_template("residents/join_file.html", parts=drawn, errors=errors or {}, error_list=listed)


def _hours(hours: Decimal) -> str:
    """«18 h 30»."""
    whole, minutes = divmod(round(hours * 60), 60)
    return f"{whole}{NBSP}h{NBSP}{minutes:02}" if minutes else f"{whole}{NBSP}heures"


def _account_id() -> UUID:
    account_id = current_actor().account_id
    assert account_id is not None  # the policy lets residents in only
    return account_id
