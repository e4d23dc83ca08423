"""Agents who leave, the house or some of their groups: what they held goes back to the queues for colleagues to find (E2, E7)."""

from __future__ import annotations

from engine.core import audit
from engine.core.db import Session
from engine.people import agents, groups, places
from engine.people.accounts import Account
from engine.people.actors import SYSTEM, Actor
from engine.people.places import Place
from engine.procedures import tasks


def close(session: Session, account: Account, *, who: audit.Who) -> int:
    """Close an account (`agents.suspend`) and give every task that it held back to its queue; how many there were."""
    agents.suspend(session, account, who=who)
    return tasks.release_all(session, account.id, _actor(who))


def put(session: Session, account: Account, place: Place, *, who: audit.Who) -> int:
    """Give an agent's account exactly this place (`places.put`), and the tasks that it held in groups which it leaves back to
    their queues; how many there were."""
    places.put(session, account, place, who=who)
    return tasks.release_all(session, account.id, _actor(who), but_of=groups.of(session, account.id))


def _actor(who: audit.Who) -> Actor:
    # The history of a request knows no operators: what they do from the terminal is the platform's doing.
    return Actor("agent", who.account_id) if who.account_id else SYSTEM
