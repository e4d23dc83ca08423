"""What a process decides: parking rights, consents, care plans, the documents that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.bpmn.workflow import OperationFault
from engine.core.errors import Conflict, OperationFailed
from engine.people import consents
from engine.procedures.operations.registry import OperationContext, Parameter, operation
from engine.rights import care_plans, entitlements


@operation(
    "entitlements/facts",
    "Lit un droit de stationnement de l’usager.",
    account=True,
    idempotent=True,
    returns={
        "numero": "numéro du droit",
        "zone": "zone de stationnement",
        "immatriculation": "véhicule",
        "debut": "premier jour",
        "fin": "dernier jour",
        "statut": "état du droit",
        "jours_avant_fin": "jours qui restent, négatif quand le droit a pris fin",
    },
    entitlement=Parameter("text", "numéro du droit"),
)
def _facts(context: OperationContext, entitlement: str) -> dict[str, Any]:
    return entitlements.facts(_held(context, entitlement))


@operation(
    "entitlements/renew",
    "Prolonge un droit de stationnement, à partir du plus tardif d’aujourd’hui et de sa fin.",
    account=True,
    returns={"numero": "numéro du droit", "debut": "premier jour", "fin": "nouveau dernier jour"},
    entitlement=Parameter("text", "numéro du droit"),
    months=Parameter("number", "durée en mois"),
    vehicle=Parameter("text", "nouvelle immatriculation", required=False),
)
def _renew(context: OperationContext, entitlement: str, months: int, vehicle: str | None = None) -> dict[str, Any]:
    right = entitlements.renew(
        context.session,
        _held(context, entitlement),
        months=int(months),
        plate=vehicle,
        case_id=context.case.id,
        element_id=context.element_id,
    )
    return _dates(right)


@operation(
    "entitlements/grant",
    "Accorde un premier droit de stationnement ; erreur « droit-existant » quand le véhicule en a déjà un.",
    account=True,
    returns={"numero": "numéro du droit", "debut": "premier jour", "fin": "dernier jour"},
    zone=Parameter("text", "zone de stationnement"),
    plate=Parameter("text", "immatriculation"),
    months=Parameter("number", "durée en mois"),
)
def _grant(context: OperationContext, zone: str, plate: str, months: int) -> dict[str, Any]:
    try:
        right = entitlements.grant(
            context.session,
            context.account().id,
            zone=zone,
            plate=plate,
            months=int(months),
            case_id=context.case.id,
            element_id=context.element_id,
        )
    except Conflict as error:
        raise OperationFault("droit-existant", error.message) from error
    return _dates(right)


@operation(
    "entitlements/change_vehicle",
    "Fait passer un droit de stationnement à un autre véhicule.",
    account=True,
    returns={"numero": "numéro du droit", "debut": "premier jour", "fin": "dernier jour"},
    entitlement=Parameter("text", "numéro du droit"),
    plate=Parameter("text", "nouvelle immatriculation"),
)
def _change_vehicle(context: OperationContext, entitlement: str, plate: str) -> dict[str, Any]:
    right = entitlements.change_vehicle(
        context.session,
        _held(context, entitlement),
        plate=plate,
        case_id=context.case.id,
        element_id=context.element_id,
    )
    return _dates(right)


@operation(
    "consents/record",
    "Enregistre un consentement ou un refus, avec sa date et la version de son texte.",
    account=True,
    purpose=Parameter("text", "finalité (« paiement-mobile »)", choices=frozenset(consents.PURPOSES)),
    granted=Parameter("flag", "vrai : consentement ; faux : refus"),
)
def _consent(context: OperationContext, purpose: str, granted: bool) -> None:
    consents.record(context.session, context.account().id, purpose, granted, case_id=context.case.id)


@operation(
    "care_plans/open",
    "Ouvre un plan d’aide pour l’usager, ou pour la personne qu’il aide.",
    returns={"debut": "premier jour", "fin": "dernier jour"},
    hours_per_month=Parameter("number", "heures accordées par mois"),
    months=Parameter("number", "durée en mois"),
    benefits=Parameter("list", "aides accordées"),
    beneficiary=Parameter("record", "prenoms, nom_naissance, nom_usage de la personne aidée", required=False),
)
def _open_plan(
    context: OperationContext,
    hours_per_month: float,
    months: int,
    benefits: list[str],
    beneficiary: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    plan = care_plans.open_plan(
        context.session,
        case_id=context.case.id,
        # Somebody else's plan doesn't belong to the account of who asked for it.
        account_id=None if beneficiary else context.case.account_id,
        usager=beneficiary or context.case.usager,
        hours_per_month=hours_per_month,
        months=int(months),
        benefits=benefits,
    )
    return {"debut": plan.starts_on.isoformat(), "fin": plan.ends_on.isoformat()}


@operation(
    "documents/require",
    "Inscrit dans le suivi les pièces qui manquent.",
    labels=Parameter("list", "noms des pièces"),
)
def _require(context: OperationContext, labels: list[str]) -> None:
    context.note("documents_required", context.element_id, count=len(labels))


def _held(context: OperationContext, numero: str) -> entitlements.Entitlement:
    right = entitlements.held(context.session, context.account().id, numero)
    if right is None:
        raise OperationFailed("The resident holds no such right.")
    return right


def _dates(right: entitlements.Entitlement) -> dict[str, Any]:
    return {"numero": right.numero, "debut": right.starts_on.isoformat(), "fin": right.ends_on.isoformat()}
