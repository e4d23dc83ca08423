"""Operations: what a service task of a process can ask for.

Each is declared once, with its parameters and its meaning; the checker knows them, `./parvis operations` lists them.
Those of this file touch only the database, or promise a job for what talks to the outside: they run in the transaction
of the step. A procedure that seems to need Python of its own is a missing operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.bpmn import expressions
from engine.bpmn.check.declarations import Declarations, OperationSignature, ParameterSignature
from engine.bpmn.workflow import OperationFault
from engine.contact import appointments, exchanges, replies
from engine.core.clock import PARIS
from engine.core.db import Session
from engine.core.errors import Conflict, DefinitionError, OperationFailed, QuotaExhausted
from engine.people import accounts, codes, consents, identities
from engine.people.actors import SYSTEM, Actor
from engine.procedures import forms, notifications, quotas
from engine.rights import care_plans, entitlements

if TYPE_CHECKING:
    from engine.procedures.cases import Case
    from engine.procedures.catalogue import Definition


class Note(Protocol):
    """How an operation writes in the history of its request."""

    def __call__(self, kind: str, element_id: str | None = None, **data: Any) -> None: ...


@dataclass(frozen=True)
class OperationContext:
    """Where an operation runs: the transaction, the request, the element of its process, and who moved it."""

    session: Session
    case: Case
    definition: Definition
    element_id: str
    actor: Actor
    names: Mapping[str, Any]
    note: Note
    # The address at which the person follows the request (or one tab of it), made when it is asked for: it may be a new
    # private link.
    tracking: Callable[..., str]

    def account(self) -> accounts.Account:
        """The resident's account, or `OperationFailed` when the request was made without one."""
        if self.case.account_id is None:
            raise OperationFailed("This operation needs a request made with an account.")
        return accounts.find(self.session, self.case.account_id)


@dataclass(frozen=True)
class Parameter:
    """A parameter: its kind (text, template, message, answer, number, flag, date, list, record, any), and its meaning."""

    kind: str
    meaning: str
    required: bool = True
    choices: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Operation:
    """A declared operation. An idempotent one may run before filing, where going back runs it again."""

    name: str
    meaning: str
    function: Callable[..., Any]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    returns: Mapping[str, str] = field(default_factory=dict)
    idempotent: bool = False
    account: bool = False


REGISTRY: dict[str, Operation] = {}


def operation(
    name: str,
    meaning: str,
    *,
    returns: Mapping[str, str] | None = None,
    idempotent: bool = False,
    account: bool = False,
    **parameters: Parameter,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the function as operation `name`. `account` says that it needs a request made with an account."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        REGISTRY[name] = Operation(name, meaning, function, parameters, returns or {}, idempotent, account)
        return function

    return declare


def listing() -> list[Operation]:
    """Every operation, by name."""
    return [REGISTRY[name] for name in sorted(REGISTRY)]


def declarations(files: Mapping[str, bytes], messages: Mapping[str, Sequence[str]] | None = None) -> Declarations:
    """What the checker has to know of the platform to judge a procedure whose forms are `files`.

    `messages` are the texts of those that it may send by name (None: not known, so not checked).
    """

    def fields(name: str) -> Set[str] | None:
        try:
            return forms.field_paths(forms.load(name, files))
        except DefinitionError:
            return None  # the form's own problems are reported; what it would have asked isn't known

    return Declarations(
        operations={one.name: _signature(one) for one in REGISTRY.values()},
        form_problems=lambda name: forms.problems(name, files),
        form_fields=fields,
        messages=messages,
    )


def _signature(one: Operation) -> OperationSignature:
    return OperationSignature(
        name=one.name,
        parameters={
            key: ParameterSignature(parameter.required, parameter.kind, parameter.choices)
            for key, parameter in one.parameters.items()
        },
        returns=frozenset(one.returns) or None,
        idempotent=one.idempotent,
        account=one.account,
    )


def call(context: OperationContext, name: str, parameters: Mapping[str, Any]) -> Any:
    """Run an operation for a process, its parameters checked; what it returns is JSON."""
    found = REGISTRY.get(name)
    if found is None:
        raise OperationFailed(f"There is no operation {name}.")
    missing = [key for key, one in found.parameters.items() if one.required and key not in parameters]
    unknown = [key for key in parameters if key not in found.parameters]
    if missing or unknown:
        raise OperationFailed(f"{name}: parameters missing {missing}, unknown {unknown}.")
    return found.function(
        context, **{key: _accepted(name, key, found.parameters[key], parameters[key]) for key in parameters}
    )


def _accepted(name: str, key: str, parameter: Parameter, value: Any) -> Any:
    expected: dict[str, tuple[type, ...]] = {
        "text": (str,),
        "template": (str,),
        "message": (str,),
        "answer": (str,),
        "number": (int, float),
        "flag": (bool,),
        "date": (str,),
        "list": (list,),
        "record": (dict,),
    }
    kinds = expected.get(parameter.kind)
    if value is None and not parameter.required:
        return None
    if kinds and (not isinstance(value, kinds) or (parameter.kind == "number" and isinstance(value, bool))):
        # The kind and never the value: this ends in an operator's log.
        raise OperationFailed(f"{name}: parameter {key} should be a {parameter.kind}, not {type(value).__name__}.")
    if parameter.choices and value not in parameter.choices:
        raise OperationFailed(f"{name}: parameter {key} should be one of {sorted(parameter.choices)}.")
    return value


# --- the operations ----------------------------------------


@operation(
    "notifications/send",
    "Écrit à l’usager, par le moyen de contact qu’il préfère ; le message reste visible dans le suivi de la demande.",
    message=Parameter("message", "nom du message, tel que les scénarios le lisent (« refus »)"),
    subject=Parameter("template", "objet, s’il n’est pas dans le fichier de messages de la démarche", required=False),
    body=Parameter("template", "texte, s’il n’est pas dans le fichier de messages de la démarche", required=False),
    short=Parameter("template", "texte du SMS (à défaut, l’objet)", required=False),
    urgent=Parameter("flag", "vrai : part aussitôt, sans attendre les messages voisins", required=False),
)
def _send(
    context: OperationContext,
    message: str,
    subject: str | None = None,
    body: str | None = None,
    short: str | None = None,
    urgent: bool | None = None,
) -> None:
    notifications.tell(
        context.session,
        context.case,
        context.definition,
        message,
        names=context.names,
        follow=context.tracking,
        subject=subject,
        body=body,
        short=short,
        urgent=urgent,
    )
    context.note("notified", context.element_id, name=message)


@operation(
    "exchanges/ask",
    "Pose une question à l’usager dans les échanges de la demande ; le processus attend sa réponse (événement de message).",
    returns={"echange": "identifiant de l’échange"},
    subject=Parameter("template", "objet ; {expression} est remplacé par sa valeur"),
    body=Parameter("template", "question ; {expression} est remplacé par sa valeur"),
    answer=Parameter("answer", "nom du message BPMN que la réponse délivre, avec « texte » et « pieces »"),
    thread=Parameter("text", "nom du fil (à défaut, un fil par tâche)", required=False),
)
def _ask(context: OperationContext, subject: str, body: str, answer: str, thread: str | None = None) -> dict[str, str]:
    return _write(context, subject, body, answer, thread, asked=True)


@operation(
    "exchanges/write",
    "Écrit à l’usager dans les échanges de la demande ; s’il répond, le processus peut l’apprendre par un message.",
    returns={"echange": "identifiant de l’échange"},
    subject=Parameter("template", "objet ; {expression} est remplacé par sa valeur"),
    body=Parameter("template", "texte ; {expression} est remplacé par sa valeur"),
    answer=Parameter("answer", "nom du message BPMN qu’une réponse délivre", required=False),
    thread=Parameter("text", "nom du fil (à défaut, un fil par tâche)", required=False),
)
def _write_to(
    context: OperationContext, subject: str, body: str, answer: str | None = None, thread: str | None = None
) -> dict[str, str]:
    return _write(context, subject, body, answer, thread, asked=False)


def _write(
    context: OperationContext, subject: str, body: str, answer: str | None, thread: str | None, *, asked: bool
) -> dict[str, str]:
    group = notifications.in_charge(context.session, context.case, context.definition)
    if group is None:
        raise OperationFailed("No agents' group could read the answer.")
    exchange = exchanges.begin(
        context.session,
        case_id=context.case.id,
        subject=expressions.template(subject, context.names),
        group=group,
        thread=thread or context.element_id,
    )
    author = context.actor if context.actor.kind == "agent" else SYSTEM
    said = expressions.template(body, context.names)
    message = exchanges.write(context.session, exchange, side=exchanges.SERVICE, body=said, author=author)
    if answer:
        exchanges.await_answer(exchange, answer, asked=asked)
    context.note("exchange_sent", context.element_id, exchange=str(exchange.id), message=str(message.id), group=group)
    name = "question" if asked else "echange"
    notifications.tell(
        context.session,
        context.case,
        context.definition,
        name,
        names=context.names,
        follow=lambda: context.tracking("echanges"),
        reply_to=replies.address(exchange),
    )
    context.note("notified", context.element_id, name=name)
    return {"echange": str(exchange.id)}


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


def _held(context: OperationContext, numero: str) -> entitlements.Entitlement:
    right = entitlements.held(context.session, context.account().id, numero)
    if right is None:
        raise OperationFailed("The resident holds no such right.")
    return right


def _dates(right: entitlements.Entitlement) -> dict[str, Any]:
    return {"numero": right.numero, "debut": right.starts_on.isoformat(), "fin": right.ends_on.isoformat()}
