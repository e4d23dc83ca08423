"""A form being filled in: its fields with what was typed, its errors, its files. The wizard and the tasks share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from engine.contact.appointments import FIELD
from engine.core.db import Session
from engine.core.errors import InvalidAnswers
from engine.procedures import cases, choices, forms, incidents
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from engine.procedures.forms import Field, Form
from portal import attachments, rendering
from portal.rendering.drawing import Own


@dataclass(frozen=True)
class Sheet:
    """What a template draws of a form."""

    form: Form | None
    fields: Sequence[Field]
    errors: Mapping[str, str]
    error_list: Sequence[Mapping[str, str]]
    files: Mapping[str, Mapping[str, Any]]
    focus: str
    own: Own = ()

    @property
    def takes_files(self) -> bool:
        """Whether the form is sent with files."""
        return self.form is not None and self.form.takes_files


def sheet(
    session: Session,
    case: Case,
    form: Form | None,
    answers: Mapping[str, Any],
    errors: Mapping[str, str] | None = None,
) -> Sheet:
    """The form as it stands with these answers, right or wrong."""
    errors = errors or {}
    if form is None:
        return Sheet(None, (), errors, rendering.error_list([], errors), {}, "")
    fields = forms.fields(
        form, answers, context=choices.context(session, case, form), locked=forms.locks(form, case.usager)
    )
    drawn = Sheet(form, fields, errors, rendering.error_list(fields, errors), {}, _focus(answers))
    if not drawn.takes_files:
        return drawn
    return replace(drawn, files=attachments.described(session, case), own=attachments.own(session))


def typed(form: Form, posted: MultiDict[str, str]) -> dict[str, Any]:
    """The answers as typed, the files that came along included, after the button that was pressed did its work."""
    answers = attachments.with_received(rendering.read(form, posted))
    return rendering.act(form, answers, rendering.action(posted)) if "_action" in posted else answers


def problems(session: Session, case: Case, form: Form, answers: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with these answers, by field."""
    try:
        context = choices.context(session, case, form)
        forms.validate(form, answers, context=context, locked=forms.locks(form, case.usager))
    except InvalidAnswers as error:
        return dict(error.errors)
    return {}


def started(
    session: Session, case: Case, form: Form, *, target: str, stored: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a form begins with: what was typed there last, else what an incident kept of it, else what is stored, else what
    the account knows.

    `target` is what an incident names: the step, or the task.
    """
    kept = cases.typed_at(case, target) or incidents.typed(session, case.id, target)
    if kept:
        return kept
    return dict(stored) if stored is not None else forms.prefill(form, case.usager)


def answered(session: Session, case: Case, definition: Definition, element_id: str) -> list[forms.Line | forms.Section]:
    """The stored answers of a step or task, in words."""
    form = definition.form_of(element_id)
    stored = case.document.get(element_id)
    if definition.node(element_id).step == cases.APPOINTMENT_STEP:
        return _appointment_lines(stored or {})
    if form is None or not isinstance(stored, dict):
        return []
    return forms.summary(
        form, stored, context=choices.context(session, case, form), locked=forms.locks(form, case.usager)
    )


def _appointment_lines(stored: Mapping[str, Any]) -> list[forms.Line | forms.Section]:
    if not stored.get(FIELD):
        return [forms.Line("Rendez-vous", "Sans rendez-vous", FIELD, given=False)]
    when = f"{stored['jour']} à {stored['heure']}"
    return [
        forms.Line("Date et heure", when, FIELD),
        forms.Line("Lieu", f"{stored['lieu']}, {stored['adresse']}", "lieu"),
    ]


def _focus(answers: Mapping[str, Any]) -> str:
    """The block to go to after one was added."""
    if request.method != "POST":
        return ""
    action = rendering.action(request.form)
    blocks = forms.at(answers, action.path) if action.name == "add" else None
    return f"{action.path}.{len(blocks) - 1}" if isinstance(blocks, list) and blocks else ""
