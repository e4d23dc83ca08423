"""What a process does to the account of who made the request: coordinates, codes, identities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.errors import Conflict
from engine.people import accounts, codes, identities
from engine.procedures.operations.registry import OperationContext, Parameter, operation


@operation(
    "accounts/update_address",
    "Remplace l’adresse postale du compte.",
    account=True,
    adresse=Parameter("record", "voie, complement, code_postal, commune"),
)
def _update_address(context: OperationContext, adresse: Mapping[str, Any]) -> None:
    accounts.update_address(
        context.session,
        context.account(),
        street=adresse.get("voie") or "",
        more=adresse.get("complement"),
        postcode=adresse.get("code_postal") or "",
        town=adresse.get("commune") or "",
    )


@operation(
    "accounts/update_phone",
    "Remplace les numéros de téléphone du compte ; un numéro vide est retiré.",
    account=True,
    mobile=Parameter("text", "téléphone mobile", required=False),
    fixe=Parameter("text", "téléphone fixe", required=False),
)
def _update_phone(context: OperationContext, mobile: str | None = None, fixe: str | None = None) -> None:
    accounts.update_phones(context.session, context.account(), mobile=mobile, landline=fixe)


@operation(
    "accounts/update_email",
    "Remplace le courriel de contact ou le courriel de connexion du compte.",
    account=True,
    returns={"applied": "faux quand un autre compte se connecte déjà avec cette adresse"},
    courriel=Parameter("text", "nouvelle adresse"),
    usage=Parameter("text", "« contact » ou « connexion »", choices=frozenset({"contact", "connexion"})),
)
def _update_email(context: OperationContext, courriel: str, usage: str) -> dict[str, bool]:
    change = {"contact_email": courriel} if usage == "contact" else {"login": courriel}
    try:
        accounts.update_emails(context.session, context.account(), **change)
    except Conflict:
        return {"applied": False}
    return {"applied": True}


@operation(
    "accounts/unlink_franceconnect",
    "Délie le compte de FranceConnect : son identité n’est plus certifiée, et son titulaire peut la modifier.",
    account=True,
    returns={"unlinked": "faux quand le compte n’était pas lié"},
)
def _unlink_franceconnect(context: OperationContext) -> dict[str, bool]:
    return {"unlinked": identities.unlink(context.session, context.account(), actor=context.actor)}


@operation(
    "codes/send",
    "Envoie un code à quatre chiffres à une adresse de courriel ; le code précédent ne vaut plus rien.",
    returns={"sent": "faux quand trop de codes ont été demandés aujourd’hui"},
    to=Parameter("text", "adresse à prouver"),
)
def _send_code(context: OperationContext, to: str) -> dict[str, bool]:
    sent = codes.issue(context.session, purpose="case", subject=str(context.case.id), to=to, case_id=context.case.id)
    if sent:
        context.note("notified", context.element_id, name="code")
    return {"sent": sent}


@operation(
    "codes/verify",
    "Vérifie le code que l’usager a reçu : dix minutes, trois essais.",
    returns={
        "valid": "le code est le bon",
        "tries_left": "essais qui restent avec ce code",
        "expired": "le code n’est plus valable",
    },
    code=Parameter("text", "code saisi"),
)
def _verify_code(context: OperationContext, code: str) -> dict[str, Any]:
    found = codes.verify(context.session, purpose="case", subject=str(context.case.id), code=code)
    return {"valid": found.valid, "tries_left": found.tries_left, "expired": found.expired}
