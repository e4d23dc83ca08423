"""Sharing the work of a group out: its supervisor takes a task back from who holds it, or gives it to somebody (E2)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import or_, update

from engine.core import audit, clock, config, mail
from engine.core.db import Session
from engine.core.errors import AlreadyClaimed, Forbidden, Invalid, NotFound
from engine.people import accounts, agents, groups
from engine.people.access import Thing, can
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.procedures import history, tasks
from engine.procedures.tasks import HumanTask


def may(actor: Actor, task: HumanTask) -> bool:
    """Whether this agent shares the work of the task's group out."""
    return can(actor, "task.assign", Thing(groups=frozenset({task.group})))


def candidates(session: Session, task: HumanTask) -> list[Account]:
    """To whom the task may be given: the active agents of its group, by name."""
    return groups.members(session, task.group)


def assign(session: Session, task_id: UUID, actor: Actor, to: UUID | None, *, seen: UUID | None) -> HumanTask:
    """Give the task to an agent of its group, or with None back to the queue; who held it and who holds it now are written to.

    `seen` is who held it when the supervisor decided: `AlreadyClaimed` when a third one has taken it since. `Invalid` when no
    active agent of the group is `to`, `Forbidden` for who supervises another group, `NotFound` as `tasks.find`.
    """
    task = tasks.find(session, task_id, actor)
    if not may(actor, task):
        raise Forbidden("Les tâches sont réparties par le responsable du service.")
    chosen = _candidate(session, task, to) if to is not None else None
    before = task.claimed_by
    if before == to:
        return task
    # One UPDATE: who claims the task at this very moment either was first, or finds it taken.
    moved = session.scalar(
        update(HumanTask)
        .where(HumanTask.id == task_id, or_(HumanTask.claimed_by.is_(None), HumanTask.claimed_by == seen))
        .values(
            claimed_by=to,
            claimed_name=chosen.display_name if chosen else None,
            claimed_at=clock.now() if chosen else None,
        )
        .returning(HumanTask.id)
        .execution_options(synchronize_session=False)
    )
    session.expire(task)
    if moved is None:
        held = tasks.find(session, task_id, actor)
        raise AlreadyClaimed(f"{held.claimed_name} s’en occupe maintenant.", task_id=str(task_id))
    facts: dict[str, Any] = {name: str(one) for name, one in (("from", before), ("to", to)) if one is not None}
    entry = history.row(
        task.case_id,
        "assigned" if to else "taken_back",
        actor,
        element_id=task.element_id,
        data={"task": str(task_id), **facts},
    )
    history.record(session, [entry])
    audit.record(session, actor, "task.assigned", "task", task_id, **facts)
    if before is not None and before != actor.account_id:
        whither = f"confiée à {chosen.display_name}" if chosen else f"rendue à la corbeille «\u00a0{task.group}\u00a0»"
        _tell(
            session,
            accounts.find(session, before),
            task,
            "tache-reprise",
            f"Une tâche n’est plus à vous\u00a0: demande {task.reference}",
            f"{actor.name} a repris une tâche que vous aviez prise en charge. Elle est maintenant {whither}\u00a0:",
        )
    if chosen is not None and to != actor.account_id:
        _tell(
            session,
            chosen,
            task,
            "tache-confiee",
            f"Une tâche vous est confiée\u00a0: demande {task.reference}",
            f"{actor.name} vous confie une tâche, que vous trouverez parmi les vôtres dans vos corbeilles\u00a0:",
        )
    return task


def _candidate(session: Session, task: HumanTask, to: UUID) -> Account:
    try:
        # Its row locked: an account that is being closed, or leaves the group, gives its tasks back and gets no other.
        account = agents.find(session, to)
    except NotFound:
        account = None
    if account is None or not account.active or task.group not in groups.of(session, account.id):
        raise Invalid("Cette personne n’est pas, ou n’est plus, un agent du service\u00a0: choisissez-en une autre.")
    return account


def _tell(session: Session, account: Account, task: HumanTask, name: str, subject: str, what: str) -> None:
    settings = config.current()
    text = f"""Bonjour,

{what}

{task.title}, demande {task.reference}, {task.procedure_title}
{settings.public_url}/agents/taches/{task.id}

L’équipe {settings.city.space_name}

Ceci est un courriel automatisé, merci de ne pas y répondre.
"""
    mail.write(session, to=account.login, subject=subject, text=text, name=name)
