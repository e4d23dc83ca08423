"""What is told to the person behind a request: in the words of its procedure, by the way that the person prefers (D3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from engine.bpmn import expressions
from engine.contact import notifications
from engine.contact.notifications import Addressee, Letter, Notification
from engine.core.db import Session
from engine.core.errors import OperationFailed
from engine.people.actors import Actor
from engine.procedures import history, messages
from engine.procedures.history import Entry
from engine.procedures.tasks import RESIDENT, HumanTask

if TYPE_CHECKING:
    from engine.procedures.cases import Case
    from engine.procedures.catalogue import Definition


def tell(
    session: Session,
    case: Case,
    definition: Definition,
    name: str,
    *,
    names: Mapping[str, Any],
    follow: Callable[[], str | None],
    subject: str | None = None,
    body: str | None = None,
    short: str | None = None,
    urgent: bool | None = None,
    key: str | None = None,
    reply_to: str | None = None,
) -> Notification:
    """Tell the message `name`: with the subject and body that are given, else in the words of the procedure or the platform's.

    `names` fill in the placeholders; with `key` it is told once, whoever asks. The caller holds the request's row, and notes it
    in the history. `OperationFailed` when nobody has written such a message.
    """
    template = template_of(definition, name)
    if template is None and (subject is None or body is None):
        raise OperationFailed(f"No message is called {name}.")
    # A text message of the template goes with its text: given another body, the subject says it.
    brief = short or (template.short if template is not None and body is None else None)
    letter = Letter(
        name,
        subject=expressions.template(subject or (template.subject if template else ""), names),
        text=expressions.template(body or (template.text if template else ""), names),
        short=expressions.template(brief, names) if brief else None,
        urgent=urgent if urgent is not None else bool(template and template.urgent),
        reply_to=reply_to,
    )
    return notifications.tell(session, addressee(session, case, definition, follow), letter, key=key)


def leave_now(session: Session, case: Case, definition: Definition, follow: Callable[[], str | None]) -> None:
    """Send what waits for other messages about a request, urged by the latest; the caller holds its row."""
    notifications.leave_together(session, addressee(session, case, definition, follow), urged=True)


def mark_posted(session: Session, letter: Notification, actor: Actor) -> None:
    """Note that a letter was posted (`notifications.mark_posted`), in the history of its request too; once."""
    if letter.state == notifications.TO_POST:
        notifications.mark_posted(session, letter, actor.account_id)
        data = {"name": letter.name, "letter": letter.id}
        history.record(session, [history.row(letter.case_id, "letter_posted", actor, data=data)])


def template_of(definition: Definition, name: str) -> messages.Template | None:
    """The words of a message: the procedure's, else the platform's."""
    return definition.messages.get(name) or messages.defaults().get(name)


def addressee(session: Session, case: Case, definition: Definition, follow: Callable[[], str | None]) -> Addressee:
    """Who asked, and the ways to them that they gave with the request."""
    who = case.usager
    prefers = who.get("contact_prefere") or notifications.MAIL
    postal = _postal(who)
    return Addressee(
        case_id=case.id,
        reference=case.reference,
        email=who.get("courriel"),
        mobile=who.get("telephone_mobile"),
        postal=postal,
        prefers=prefers,
        group=in_charge(session, case, definition) if prefers == "courrier" and postal else None,
        follow=follow,
    )


def in_charge(session: Session, case: Case, definition: Definition) -> str | None:
    """The agents' group that has the request in hand: of an open task, else of the last one done, else the first lane."""
    group = session.scalar(
        select(HumanTask.group)
        .where(HumanTask.case_id == case.id, HumanTask.group != RESIDENT)
        .order_by(HumanTask.opened_at, HumanTask.id)
        .limit(1)
    )
    if group is None:
        done = session.scalar(
            select(Entry.data)
            .where(Entry.case_id == case.id, Entry.kind == "task_completed")
            .order_by(Entry.id.desc())
            .limit(1)
        )
        group = (done or {}).get("group")
    if group in definition.groups:
        return str(group)
    human = (node for node in definition.process.elements.values() if node.is_human and not node.is_resident)
    return next((node.lane for node in human if node.lane), None)


def _postal(who: Mapping[str, Any]) -> tuple[str, ...]:
    """The lines of the address, empty without a street and a town."""
    place = who.get("adresse") or {}
    if not (place.get("voie") and place.get("commune")):
        return ()
    title = {"F": "Madame", "M": "Monsieur"}.get(who.get("sexe") or "", "")
    name = " ".join(
        part for part in (title, who.get("prenoms"), who.get("nom_usage") or who.get("nom_naissance")) if part
    )
    town = f"{place.get('code_postal') or ''} {place['commune']}".strip()
    return tuple(line for line in (name, place["voie"], place.get("complement"), town) if line)
