"""Who may do what, and to what: one question, asked of one table, and «no» unless a rule says yes.

    if not can(actor, "case.work", Thing(groups=definition.groups, filed=True)):
        raise NotFound

The web's policies (`portal/access.py`) and the verbs that find something for somebody stand on it. Lists are filtered by the
database, with what these rules are made of (`worked_groups`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from engine.people.actors import Actor
from engine.people.groups import RESIDENTS_LANE


@dataclass(frozen=True, slots=True)
class Thing:
    """What access to something depends on.

    `owner` is the account that it belongs to, `links` the hashes of the private links that lead to it, `groups` the groups of
    agents that work on it. A request isn't the agents' business before it is `filed`.
    """

    owner: UUID | None = None
    links: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    filed: bool = False


NOTHING = Thing()
"""For acts that aren't done to anything in particular."""

Condition = Callable[[Actor, Thing], bool]


def worked_groups(actor: Actor) -> frozenset[str]:
    """The groups whose work is this agent's. One that bears the name of the residents' lane gives nobody a resident's task."""
    return actor.groups - {RESIDENTS_LANE} if actor.kind == "agent" else frozenset()


# --- conditions ------------------------------------------------------------------------------------------------------------


def resident(actor: Actor, _thing: Thing) -> bool:
    return actor.signed_in and actor.kind == "resident"


def staff(actor: Actor, _thing: Thing) -> bool:
    return actor.signed_in and actor.kind == "agent"


def working(actor: Actor, _thing: Thing) -> bool:
    # Who only administers accounts, or authors procedures, has no work in the queues.
    return actor.signed_in and actor.kind == "agent" and (not actor.roles or "agent" in actor.roles)


def supervisor(actor: Actor, _thing: Thing) -> bool:
    return actor.signed_in and actor.kind == "agent" and "supervisor" in actor.roles


def analyst(actor: Actor, _thing: Thing) -> bool:
    return actor.signed_in and actor.kind == "agent" and "analyst" in actor.roles


def administrator(actor: Actor, _thing: Thing) -> bool:
    return actor.signed_in and actor.kind == "agent" and "administrator" in actor.roles


def owner(actor: Actor, thing: Thing) -> bool:
    return thing.owner is not None and actor.account_id == thing.owner


def bearer(actor: Actor, thing: Thing) -> bool:
    return bool(actor.links & thing.links)


def unowned(_actor: Actor, thing: Thing) -> bool:
    return thing.owner is None


def of_its_groups(actor: Actor, thing: Thing) -> bool:
    return bool(worked_groups(actor) & thing.groups)


def of_its_supervisors(actor: Actor, thing: Thing) -> bool:
    return bool(actor.supervises & worked_groups(actor) & thing.groups)


def filed(_actor: Actor, thing: Thing) -> bool:
    return thing.filed


# --- rules -----------------------------------------------------------------------------------------------------------------

RULES: dict[str, tuple[tuple[Condition, ...], ...]] = {
    # Whoever comes.
    "public.read": ((),),
    # A resident's own space.
    "space.use": ((resident,),),
    # A request, for whom it belongs to: fill it in, follow it, answer, cancel. A link is the key only of what has no account.
    "case.hold": ((owner,), (bearer, unowned)),
    # The agents' side: queues, a filed request of their groups, a task of theirs.
    "staff.enter": ((staff,),),
    "queues.use": ((working,),),
    "case.work": ((working, of_its_groups, filed),),
    "task.do": ((working, of_its_groups),),
    # Who works on what is shared out by whoever supervises the group.
    "task.assign": ((supervisor, of_its_supervisors),),
    # Agendas and quotas: a service sees its own, and whoever supervises it decides of them.
    "capacity.see": ((working, of_its_groups),),
    "capacity.decide": ((supervisor, of_its_supervisors),),
    # The work of a service as a whole.
    "services.oversee": ((supervisor,),),
    # Neither of these reads what residents confide.
    "procedures.author": ((analyst,),),
    "accounts.administer": ((administrator,),),
    # Programs that watch the platform: no person.
    "platform.watch": (),
}
"""Each act with its ways in: one of them is enough, and it takes all its conditions."""


def can(actor: Actor, action: str, thing: Thing = NOTHING) -> bool:
    """Whether `actor` may do `action` to `thing`. An act without a rule is nobody's."""
    return any(all(condition(actor, thing) for condition in way) for way in RULES.get(action, ()))
