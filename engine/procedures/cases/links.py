"""Private links once they are sent: which lead to a request, ending them, sending another to who has lost theirs (A9, A11)."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from sqlalchemy import delete, select

from engine.contact import letters
from engine.core import audit, clock, mail
from engine.core.db import Session
from engine.core.errors import Throttled
from engine.people import throttle
from engine.people.actors import Actor
from engine.procedures import catalogue, references
from engine.procedures.cases.case import Case
from engine.procedures.cases.finding import CaseLink, tracking_address

NAME = "nouveau-lien"
# Whoever knows a reference and an address fills nobody's mailbox.
_SENT = throttle.Limit("lost-link", burst=3, every=timedelta(hours=8))


def links(session: Session, case: Case) -> list[CaseLink]:
    """The private links that lead to the request, the latest first."""
    return list(
        session.scalars(
            select(CaseLink)
            .where(CaseLink.case_id == case.id, CaseLink.expires_at > clock.now())
            .order_by(CaseLink.made_at.desc(), CaseLink.token_hash)
        )
    )


def end_links(session: Session, case: Case, actor: Actor) -> None:
    """End all the private links to the request; again, it changes nothing."""
    ended = session.execute(delete(CaseLink).where(CaseLink.case_id == case.id).returning(CaseLink.token_hash)).all()
    if ended:
        audit.record(session, actor, "case.links_ended", "case", case.id, links=len(ended))


def send_link(session: Session, reference: str, email: str) -> None:
    """Send the way to the request of this reference, if it names this e-mail address; nothing tells whether it was sent.

    It is a new link, or where the request belongs to an account, the address that asks to sign in.
    """
    case = session.scalar(select(Case).where(Case.reference == references.read(reference)))
    to = case.usager.get("courriel") if case is not None else None
    if case is None or not to or to.casefold() != email.strip().casefold():
        return
    with suppress(Throttled):
        throttle.take(_SENT, case.reference)
        _write(session, case, to)


def _write(session: Session, case: Case, to: str) -> None:
    title = catalogue.definition(session, case.version_id).title
    subject = f"Le lien vers votre demande {case.reference}"
    body = (
        f"Bonjour,\n\nVous avez demandé à retrouver votre demande «\u00a0{title}\u00a0». Suivez ce lien pour la voir.\n\n"
        "Si ce n’est pas vous, ne tenez pas compte de ce message\u00a0: rien n’a été modifié."
    )
    link = tracking_address(session, case)
    mail.write(
        session,
        to=to,
        subject=subject,
        text=letters.text(body, reference=case.reference, link=link),
        html=letters.html(subject, [("", body)], reference=case.reference, link=link),
        case_id=case.id,
        name=NAME,
    )
