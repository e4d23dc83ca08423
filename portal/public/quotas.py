"""Quotas on the page of a procedure: places left, none left, the waiting list and its offers (A6)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import Invalid, SignInRequired
from engine.people import accounts, throttle
from engine.procedures import cases, catalogue, quotas
from engine.procedures.catalogue import Definition
from engine.procedures.quotas import QuotaWaiting
from portal import access
from portal.access import current_actor, reading, transactional
from portal.public import blueprint

# Each name on a list is an e-mail sent: enough for a public computer, not for a flood.
JOINING = throttle.Limit("waiting-list", burst=10, every=throttle.SIGN_IN_ADDRESS.every * 12)


@dataclass(frozen=True)
class Standing:
    """Where a quota stands for this visitor. `token` is that of the link they came by."""

    left: int
    waiting: QuotaWaiting | None
    rank: int
    token: str
    email: str

    @property
    def offered(self) -> bool:
        """Whether a place is theirs for a while."""
        return self.waiting is not None and self.waiting.status == quotas.OFFERED

    @property
    def full(self) -> bool:
        """Whether they can't start."""
        return self.left <= 0 and not self.offered


def standing(session: Session, definition: Definition) -> Standing | None:
    """Where the quota of a procedure stands; None when it has none, and then nothing is looked up."""
    rule = quotas.rule_of(definition)
    if rule is None:
        return None
    actor, token = current_actor(), _token()
    account_id = actor.account_id if actor.kind == "resident" else None
    waiting = quotas.find(session, definition.slug, account_id=account_id, token=token)
    account = accounts.find(session, account_id) if account_id is not None else None
    return Standing(
        left=quotas.left(session, rule),
        waiting=waiting,
        rank=quotas.rank(session, waiting) if waiting is not None and waiting.status == quotas.WAITING else 0,
        token=token,
        email=(account.contact_email or account.login) if account is not None else "",
    )


@blueprint.post("/demarches/<slug>/liste-d-attente")
@access.anyone
@access.in_phases
def join_waiting_list(slug: str) -> Response:
    """Wait for a place, told by e-mail; a wrong address brings the form again."""
    try:
        return _join(slug=slug)
    except Invalid as error:
        return make_response(_draw(slug=slug, error=error.message), 422)


@transactional
def _join(session: Session, slug: str) -> Response:
    procedure = catalogue.find(session, slug)
    assert procedure.version_id is not None  # find() gives published ones only
    definition = catalogue.definition(session, procedure.version_id)
    rule = quotas.rule_of(definition)
    actor = current_actor()
    resident = actor.kind == "resident"
    if procedure.locked and not resident:
        raise SignInRequired(slug=slug)
    if rule is None or cases.former(session, actor.account_id, definition) is not None:
        return redirect(url_for(".show_procedure", slug=slug), 303)
    email = accounts.email(request.form.get("courriel", ""))
    throttle.take(JOINING, throttle.network(request.remote_addr or ""))
    quotas.join(session, rule, email=email, account_id=actor.account_id if resident else None)
    # The same words whether or not the address was on the list already.
    flash(f"C’est noté\u00a0: nous vous écrivons à {email} pour vous dire où vous en êtes.", "success")
    return redirect(url_for(".show_procedure", slug=slug), 303)


@blueprint.post("/demarches/<slug>/liste-d-attente/quitter")
@access.anyone
@transactional
def leave_waiting_list(session: Session, slug: str) -> Response:
    """Wait no longer; an offered place goes to the next."""
    actor = current_actor()
    account_id = actor.account_id if actor.kind == "resident" else None
    waiting = quotas.find(session, slug, account_id=account_id, token=_token())
    if waiting is not None:
        quotas.give_up_offer(session, waiting)
        flash("Vous n’êtes plus sur la liste d’attente.", "success")
    return redirect(url_for(".show_procedure", slug=slug), 303)


@reading
def _draw(session: Session, slug: str, error: str) -> str:
    procedure = catalogue.find(session, slug)
    assert procedure.version_id is not None  # find() gives published ones only
    definition = catalogue.definition(session, procedure.version_id)
    return render_template(
        "public/waiting_list.html",
        procedure=procedure,
        quota=standing(session, definition),
        typed=request.form.get("courriel", ""),
        errors={"courriel": error},
        error_list=[{"text": error, "href": "#courriel"}],
    )


def _token() -> str:
    return (request.form.get("place") or request.args.get("place") or "")[:100]
