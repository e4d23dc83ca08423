"""Settings that two people may change at once: who saves second is told so, loses nothing, and decides knowing (E5, E7).

The form carries the mark of what was shown (`FIELD`); saving compares it with what is there by then, and a page that told of
another's change carries the mark of that change: saving again replaces it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from flask import request

from engine.core.errors import Conflict

FIELD = "_vu"


class ChangedMeanwhile(Conflict):
    """Somebody else saved these settings since the page was shown."""

    default = (
        "Quelqu’un d’autre a enregistré ces réglages entre-temps\u00a0: rien n’a été enregistré. Ce que vous aviez choisi est "
        "ci-dessous\u00a0; l’enregistrer maintenant remplacera ses réglages."
    )


def mark(*settings: object) -> str:
    """What tells these settings from others, whatever the order of what has none."""
    told = [
        sorted(map(str, one)) if isinstance(one, Collection) and not isinstance(one, str) else one for one in settings
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:20]


def check(present: str) -> None:
    """`ChangedMeanwhile` when the form was shown with another mark."""
    if request.form.get(FIELD, present) != present:
        raise ChangedMeanwhile


def carried(present: str, posted: Mapping[str, Any] | None, *, told: bool) -> str:
    """The mark that the page carries: the present one when it is shown anew or tells of a change (`told`), else what it had."""
    return present if posted is None or told else str(posted.get(FIELD, present))
