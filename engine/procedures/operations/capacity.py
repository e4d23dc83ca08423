"""What a process takes of what is limited: places of a quota, appointments."""

from __future__ import annotations

from typing import Any

from engine.contact import appointments
from engine.core.clock import PARIS
from engine.core.errors import QuotaExhausted
from engine.procedures import quotas
from engine.procedures.operations.registry import OperationContext, Parameter, operation


@operation(
    "quotas/hold",
    "Prend une place d’un quota, gardée pendant la saisie puis acquise au dépôt ; rien n’est pris quand il n’en reste pas.",
    idempotent=True,
    returns={"held": "vrai quand la place est prise", "left": "places qui restent"},
    quota=Parameter("text", "nom du quota dans la démarche (« quartier »)"),
    capacity=Parameter("number", "nombre de places"),
    share=Parameter(
        "any", "réponse comptée à part (quartier, tranche d’âge) : chacune a ce nombre de places", required=False
    ),
    period=Parameter(
        "text",
        "« day », « week », « month » ou « year » : le nombre de places de chaque période",
        required=False,
        choices=frozenset(quotas.PERIODS),
    ),
)
def _hold_place(
    context: OperationContext, quota: str, capacity: float, share: Any = None, period: str | None = None
) -> dict[str, Any]:
    said = "" if share is None else str(share)
    rule = quotas.Rule(context.case.procedure, int(capacity), quota, said, period or "")
    until = quotas.until(context.definition) if context.case.draft else None
    held = True
    try:
        quotas.hold(context.session, rule, context.case.id, context.element_id, until=until)
    except QuotaExhausted:
        held = False
        quotas.release(context.session, context.case.id, quota)  # what was held for another answer
    return {"held": held, "left": quotas.left(context.session, rule)}


@operation(
    "quotas/release",
    "Rend les places que la demande a prises, par exemple quand elle est refusée ; elles vont à la liste d’attente.",
    returns={"released": "nombre de places rendues"},
    quota=Parameter("text", "nom du quota ; sans lui, toutes les places de la demande", required=False),
)
def _release_places(context: OperationContext, quota: str | None = None) -> dict[str, int]:
    return {"released": quotas.release(context.session, context.case.id, quota)}


@operation(
    "appointments/facts",
    "Lit le rendez-vous de la demande, tel qu’il est à cet instant.",
    idempotent=True,
    returns={
        "planned": "vrai quand un rendez-vous est pris",
        "date": "jour, comme 2026-12-03",
        "jour": "jour en toutes lettres",
        "heure": "heure, comme 9 h 30",
        "lieu": "lieu",
        "adresse": "adresse du lieu",
        "fin": "instant de la fin, pour un minuteur",
    },
)
def _appointment_facts(context: OperationContext) -> dict[str, Any]:
    found = appointments.current(context.session, context.case.id)
    if found is None:
        return {"planned": False}
    told = appointments.facts(*found)
    return {**told, "planned": True, "fin": found[0].ends_at.astimezone(PARIS).isoformat()}


@operation(
    "appointments/cancel",
    "Annule le rendez-vous de la demande s’il n’a pas commencé, par exemple quand elle est refusée ; la place est rendue.",
    returns={"cancelled": "vrai quand un rendez-vous était prévu"},
)
def _cancel_appointment(context: OperationContext) -> dict[str, bool]:
    found = appointments.current(context.session, context.case.id)
    if found is None or not found[0].ahead:
        return {"cancelled": False}
    appointments.cancel(context.session, found[0])
    context.note("appointment_cancelled", context.element_id, appointment=str(found[0].id))
    return {"cancelled": True}
