"""What was typed and not validated, kept with the request, so that who leaves finds it again (A3, A9, E2).

A resident's, at a step of the wizard or at a task of theirs; and an agent's at the task that they hold, which nobody else is
shown: it prepares a decision, and isn't one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from engine.core import clock
from engine.people.actors import Actor
from engine.procedures.cases.case import Case

CHARACTERS_MAX = 200_000
_AGENT = "agent:"


def keep_typed(case: Case, element_id: str, answers: Mapping[str, Any]) -> bool:
    """Keep the answers of a step of a draft, or of a task (`element_id` is then its id), as typed, right or wrong; False, and
    nothing is kept, when they are too long or the request is over."""
    if not _keep(case, element_id, dict(answers)):
        return False
    case.changed_at = clock.now()
    return True


def typed_at(case: Case, element_id: str) -> dict[str, Any] | None:
    """What was typed at a step since it was last validated; None when there is nothing."""
    return (case.typed or {}).get(element_id)


def put_aside(case: Case, task_id: UUID, answers: Mapping[str, Any], actor: Actor) -> bool:
    """Keep what an agent typed at a task until the task is done, right or wrong; False, and nothing is kept, when it is too long
    or the request is over. The resident sees nothing of it, not even that something has changed."""
    return _keep(case, f"{_AGENT}{task_id}", {"by": str(actor.account_id), "answers": dict(answers)})


def aside(case: Case, task_id: UUID, actor: Actor) -> dict[str, Any] | None:
    """What this agent has put aside at the task; None when there is nothing, or it is a colleague's."""
    kept = (case.typed or {}).get(f"{_AGENT}{task_id}")
    return kept["answers"] if kept and kept["by"] == str(actor.account_id) else None


def without(case: Case, *names: str) -> dict[str, Any] | None:
    """What was typed elsewhere than at these steps and tasks, by whomever."""
    gone = {*names, *(f"{_AGENT}{name}" for name in names)}
    return _left((case.typed or {}).items(), gone)


def of_resident(typed: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the resident typed, of what was typed by whomever."""
    found = (typed or {}).items()
    return _left(found, {name for name, _ in found if name.startswith(_AGENT)})


def _left(typed: Iterable[tuple[str, Any]], gone: set[str]) -> dict[str, Any] | None:
    return {name: answers for name, answers in typed if name not in gone} or None


def _keep(case: Case, name: str, what: Mapping[str, Any]) -> bool:
    kept = {**(case.typed or {}), name: what}
    if not case.running or len(json.dumps(kept)) > CHARACTERS_MAX:
        return False
    case.typed = kept
    return True
