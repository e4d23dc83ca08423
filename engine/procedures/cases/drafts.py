"""Drafts don't wait for ever: who left one is told before it goes, and then it goes with its files (A9).

The days are counted from the last time that something was saved: `PARVIS_DRAFT_DAYS`, and `PARVIS_DRAFT_NOTICE_DAYS` before the
end for the message. A draft without an address has nobody to tell.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, literal, or_, select

from engine.core import clock, config, mail
from engine.core.clock import PARIS
from engine.core.db import Session
from engine.people.actors import SYSTEM
from engine.procedures import catalogue
from engine.procedures.cases.case import Case
from engine.procedures.cases.finding import make_link
from engine.procedures.cases.moves import cancel
from engine.procedures.forms.wording import long_date

HELPING = 200
"""Drafts in one transaction: a job that finds more comes back for the rest."""
NAME = "brouillon-bientot-efface"


def draft_ends_at(case: Case) -> datetime:
    """When a draft goes if nothing is saved in it any more: never before its author was told in time."""
    settings = config.current()
    end = case.changed_at + timedelta(days=settings.draft_days)
    if case.warned_at is not None and case.warned_at >= case.changed_at:
        return max(end, case.warned_at + timedelta(days=settings.draft_notice_days))
    return end


def warn_of_drafts(session: Session) -> bool:
    """Tell the authors of drafts that are about to go; whether there may be more to tell."""
    settings = config.current()
    before = clock.now() - timedelta(days=settings.draft_days - settings.draft_notice_days)
    untold = or_(Case.warned_at.is_(None), Case.warned_at < Case.changed_at)
    found = session.scalars(
        select(Case)
        .where(*_untouched_since(before), untold)
        .order_by(Case.changed_at)
        .limit(HELPING)
        .with_for_update(skip_locked=True)
    ).all()
    for case in found:
        case.warned_at = clock.now()
        _write(session, case)
    return len(found) == HELPING


def expire_drafts(session: Session) -> bool:
    """Throw away the drafts whose time is over, with what was typed and their files; whether there may be more."""
    settings = config.current()
    now = clock.now()
    told = now - timedelta(days=settings.draft_notice_days)
    found = session.scalars(
        select(Case)
        .where(
            *_untouched_since(now - timedelta(days=settings.draft_days)),
            Case.warned_at >= Case.changed_at,
            Case.warned_at <= told,
        )
        .order_by(Case.changed_at)
        .limit(HELPING)
        .with_for_update(skip_locked=True)
    ).all()
    for case in found:
        cancel(session, case, SYSTEM)
    return len(found) == HELPING


def _untouched_since(at: datetime) -> tuple[ColumnElement[bool], ...]:
    # Opened before, too: so says the index.
    draft = Case.status == literal("draft", literal_execute=True)
    return draft, Case.opened_at <= at, Case.changed_at <= at


def _write(session: Session, case: Case) -> None:
    to = case.usager.get("courriel")
    if not to:
        return
    settings = config.current()
    title = catalogue.definition(session, case.version_id).title
    if case.account_id is not None:
        link = f"{settings.public_url}/demandes/{case.reference}"
    else:
        link = f"{settings.public_url}/suivi/{make_link(session, case)}"
    day = long_date(draft_ends_at(case).astimezone(PARIS).date().isoformat())
    mail.write(
        session,
        to=to,
        subject=f"Votre brouillon {case.reference} sera bientôt effacé",
        text=f"""Bonjour,

Vous avez commencé la démarche «\u00a0{title}\u00a0» sans la déposer.
Ce brouillon et les fichiers qui y sont joints seront effacés le {day}.

Pour le garder, reprenez-le et validez ou enregistrez une étape\u00a0:
{link}

Si vous n’en avez plus besoin, vous n’avez rien à faire.

{settings.city.name}

Ceci est un courriel automatisé, merci de ne pas y répondre.
""",
        case_id=case.id,
        name=NAME,
    )
