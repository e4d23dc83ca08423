"""«Mon tableau de bord»: the tiles of the space, and the lists behind those that have no page of their own (B7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import render_template, url_for

from engine.contact import appointments, exchanges
from engine.contact.exchanges import Exchange
from engine.core.db import Session
from engine.procedures import cases, catalogue
from portal import access
from portal.access import reading
from portal.residents import blueprint, menu
from portal.residents.account import account_id


@dataclass(frozen=True)
class Tile:
    """A tile («dalle»); `count` is what waits behind it."""

    title: str
    href: str
    icon: str
    count: int | None
    text: str


def tiles(threads: Sequence[Exchange], planned: int) -> list[Tile]:
    """The tiles: what is to be read in these threads, how many appointments are planned, and the two that count nothing."""
    unread = sum(thread.unread_by_resident for thread in threads)
    return [
        Tile(
            "Échanges à lire",
            url_for(".show_exchanges_to_read"),
            "mail",
            unread,
            "Un message à lire." if unread == 1 else "Des messages à lire." if unread else "Vous avez tout lu.",
        ),
        Tile(
            "Rendez-vous proches",
            url_for(".show_coming_appointments"),
            "calendar",
            planned,
            "Vos prochains rendez-vous." if planned else "Aucun rendez-vous à venir.",
        ),
        Tile(
            "Coordonnées",
            url_for(".show_own_coordinates"),
            "home",
            None,
            "Votre adresse, vos téléphones, vos courriels, et comment en changer.",
        ),
        Tile(
            "Mes pièces",
            url_for(".show_documents"),
            "file",
            None,
            "Vos pièces justificatives, à joindre à vos demandes.",
        ),
    ]


@blueprint.get("/mon-espace/echanges")
@access.resident
@reading
def show_exchanges_to_read(session: Session) -> str:
    """«Échanges à lire»: the requests with something to read, each opening its tab «Échanges»."""
    threads = exchanges.to_read(session, cases.filed_by(account_id()))
    known = cases.references_of(session, {thread.case_id for thread in threads})
    return _listed(
        session,
        "residents/to_read.html",
        threads=[
            (thread, known[thread.case_id][0], _title(session, known, thread.case_id))
            for thread in threads
            if thread.case_id in known
        ],
    )


@blueprint.get("/mon-espace/rendez-vous")
@access.resident
@reading
def show_coming_appointments(session: Session) -> str:
    """«Rendez-vous proches»: the appointments to come, each opening the tab «Rendez-vous» of its request."""
    planned = appointments.coming(session, cases.filed_by(account_id()))
    known = cases.references_of(session, {appointment.case_id for appointment, _ in planned})
    return _listed(
        session,
        "residents/coming.html",
        planned=[
            (appointment, agenda, known[appointment.case_id][0], _title(session, known, appointment.case_id))
            for appointment, agenda in planned
            if appointment.case_id in known
        ],
    )


def _title(session: Session, known: Mapping[UUID, tuple[str, UUID]], case_id: UUID) -> str:
    return catalogue.definition(session, known[case_id][1]).title


def _listed(session: Session, template: str, **content: object) -> str:
    sectors = menu.shown(session, account_id(), catalogue.everything(session))
    return render_template(template, sectors=sectors, **content)
