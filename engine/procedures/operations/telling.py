"""Telling people, and talking with them: notifications and exchanges."""

from __future__ import annotations

from engine.bpmn import expressions
from engine.contact import exchanges, replies
from engine.core.errors import OperationFailed
from engine.people.actors import SYSTEM
from engine.procedures import notifications
from engine.procedures.operations.registry import OperationContext, Parameter, operation


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
