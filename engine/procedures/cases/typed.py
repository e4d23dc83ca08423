"""What was typed at a step of the wizard and not validated: kept with the draft, so that who leaves finds it again (A3, A9)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine.core import clock
from engine.procedures.cases.case import Case

CHARACTERS_MAX = 200_000


def keep_typed(case: Case, element_id: str, answers: Mapping[str, Any]) -> bool:
    """Keep the answers of a step of a draft, or of a task (`element_id` is then its id), as typed, right or wrong; False, and
    nothing is kept, when they are too long or the request is over."""
    kept = {**(case.typed or {}), element_id: dict(answers)}
    if not case.running or len(json.dumps(kept)) > CHARACTERS_MAX:
        return False
    case.typed = kept
    case.changed_at = clock.now()
    return True


def typed_at(case: Case, element_id: str) -> dict[str, Any] | None:
    """What was typed at a step since it was last validated; None when there is nothing."""
    return (case.typed or {}).get(element_id)


def without(case: Case, element_id: str) -> dict[str, Any] | None:
    """What was typed at the other steps."""
    return {name: answers for name, answers in (case.typed or {}).items() if name != element_id} or None
