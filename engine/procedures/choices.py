"""What a form asks of the platform: choices that only it can compute (`x-options`), values that it knows already
(`x-other-than`), and the files that may be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.contact import documents
from engine.core import clock
from engine.core.db import Session
from engine.people import accounts
from engine.procedures.forms import Choice, Form
from engine.procedures.forms.form import walk
from engine.procedures.forms.layout import options_of
from engine.procedures.forms.wording import long_date
from engine.rights import entitlements

if TYPE_CHECKING:
    from engine.procedures.cases import Case


def held_entitlements(session: Session, case: Case) -> tuple[Choice, ...]:
    """The parking rights that the resident holds, by number; one that was ended can't be asked anything of."""
    if case.account_id is None:
        return ()
    today = clock.today()
    return tuple(
        Choice(
            right.numero,
            f"{right.numero}\N{NO-BREAK SPACE}: zone {right.zone}, véhicule {right.plate}",
            f"{'Valable jusqu’au' if right.ends_on >= today else 'A pris fin le'} {long_date(right.ends_on.isoformat())}",
        )
        for right in entitlements.of_account(session, case.account_id)
        if entitlements.state(right) != "resilie"
    )


OPTIONS: dict[str, Callable[[Session, Case], tuple[Choice, ...]]] = {"entitlements": held_entitlements}
"""The values of `x-options`, each with what computes its choices."""


def own_emails(session: Session, case: Case) -> dict[str, str]:
    """The e-mails of the account, by their use."""
    if case.account_id is None:
        return {}
    account = accounts.find(session, case.account_id)
    return {"contact": account.contact_email or "", "connexion": account.login}


KNOWN: dict[str, Callable[[Session, Case], dict[str, str]]] = {"emails": own_emails}
"""What an `x-other-than` may be about, each with what looks it up."""


def context(session: Session, case: Case, form: Form) -> dict[str, Any]:
    """What validating and drawing this form needs of the platform; nothing is looked up that the form doesn't use."""
    found: dict[str, Any] = {}
    for _, spot in walk(form.spots):
        name = options_of(spot)
        if name is not None and name not in found:
            found[name] = OPTIONS[name](session, case)
        about = str(spot.schema.get("x-other-than", "")).partition(".")[0]
        if about in KNOWN and about not in found:
            found[about] = KNOWN[about](session, case)
        if spot.kind == "files" and "files" not in found:
            # A file that the scan refused answers nothing: it has to be replaced.
            found["files"] = {
                str(file.id) for file in documents.of_case(session, case.id) if file.scan != documents.INFECTED
            }
    return found
