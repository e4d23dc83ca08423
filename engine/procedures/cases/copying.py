"""A past request made again: a new draft that begins with what was answered then (A11).

Answers come as typed and not validated: each step is looked at again, by the form of today. Files aren't copied: a proof of
last year is rarely one of this year, and «Mes pièces» gives back those that still are. Nor is a consent: it is given anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.db import Session
from engine.core.errors import Conflict
from engine.people.actors import Actor
from engine.procedures import catalogue, forms
from engine.procedures.cases.case import Case
from engine.procedures.cases.finding import held
from engine.procedures.cases.moves import open_draft
from engine.procedures.forms.layout import Spot

# What is certified, and the slot that was free then.
_ANEW = ("summary", "appointment")


def duplicate(session: Session, case: Case, actor: Actor) -> tuple[Case, str | None]:
    """A draft of the published version that begins with the answers of `case`; and, without an account, its link's token.

    `Conflict` when this person has a draft of the procedure already, `NotFound` when it isn't proposed any more.
    """
    if held(session, actor, case.procedure) is not None:
        raise Conflict("Vous avez déjà un brouillon de cette démarche.", procedure=case.procedure)
    draft, token = open_draft(session, case.procedure, actor)
    draft.made_from = case.id
    draft.typed = _answers(session, case, draft) or None
    session.flush()
    return draft, token


def _answers(session: Session, case: Case, draft: Case) -> dict[str, Any]:
    definition = catalogue.definition(session, draft.version_id)
    found: dict[str, Any] = {}
    for node in definition.steps:
        form, stored = definition.form_of(node.id), case.document.get(node.id)
        if form is None or not isinstance(stored, dict) or node.step in _ANEW:
            continue
        # What the account says of the person today wins over what they said then.
        answers = _merged(_without(form.spots, stored), forms.prefill(form, draft.usager))
        found[node.id] = forms.clean(form, answers, locked=forms.locks(form, draft.usager))
    return found


def _without(spots: Sequence[Spot], answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers without files and without consents."""
    kept = dict(answers)
    for spot in spots:
        value = kept.get(spot.key)
        if spot.kind == "files" or spot.schema.get("x-widget") == "consent":
            kept.pop(spot.key, None)
        elif spot.kind == "blocks" and isinstance(value, list):
            kept[spot.key] = [_without(spot.spots, one) for one in value if isinstance(one, Mapping)]
        elif spot.spots and isinstance(value, Mapping):
            kept[spot.key] = _without(spot.spots, value)
    return kept


def _merged(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(then)
    for name, value in now.items():
        before = merged.get(name)
        merged[name] = _merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return merged
