"""What every page of a resident's space carries: the side menu with its sectors, and the services at hand (B7, B9, B10)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from flask import g

from engine.core.db import Session
from engine.core.errors import ParvisError
from engine.people import favourites
from engine.procedures import catalogue, words
from engine.procedures.catalogue import Procedure
from portal import access

IN_SIGN_IN_MENU = 4
"""The favourites that the sign-in menu shows, of all those that the resident has (B10)."""


@dataclass(frozen=True)
class Sector:
    """A sector (rubrique): its name, its address, and the procedures that belong to it."""

    name: str
    slug: str
    procedures: tuple[Procedure, ...]


def sectors(procedures: Iterable[Procedure]) -> list[Sector]:
    """The sectors of these procedures, in alphabetical order."""
    found: dict[str, list[Procedure]] = {}
    for procedure in procedures:
        if procedure.sector:
            found.setdefault(procedure.sector, []).append(procedure)
    names = sorted(found, key=words.plain)
    return [Sector(name, address(name), tuple(found[name])) for name in names]


def address(name: str) -> str:
    """A sector in an address: «Vie sociale» is `vie-sociale`."""
    return re.sub(r"[^a-z0-9]+", "-", words.plain(name)).strip("-")


def shown(session: Session, account_id: UUID, everything: Iterable[Procedure]) -> list[Sector]:
    """The sectors of the side menu, of all procedures: those that the resident didn't take out of it.

    The favourites are looked up with them, for the sign-in menu of the page.
    """
    procedures = list(everything)
    slugs, hidden = favourites.preferences(session, account_id)
    published = {one.slug: one for one in procedures if one.version_id is not None}
    g.at_hand = [published[slug] for slug in slugs if slug in published]
    return [sector for sector in sectors(procedures) if sector.name not in hidden]


def at_hand() -> list[Procedure]:
    """The favourites of who is signed in, looked up once a page; nobody's when the database doesn't answer."""
    actor = access.current_actor()
    if actor.kind != "resident" or actor.account_id is None:
        return []
    if "at_hand" not in g:
        g.at_hand = []
        account_id = actor.account_id
        with suppress(ParvisError):
            g.at_hand = access.look_up(lambda session: catalogue.favoured(session, account_id))
    found: list[Procedure] = g.at_hand
    return found


def menu_sectors() -> list[Sector]:
    """The sectors in the side menu of who is signed in."""
    account_id = access.current_actor().account_id
    if account_id is None:
        return []
    return access.look_up(lambda session: shown(session, account_id, catalogue.everything(session)))
