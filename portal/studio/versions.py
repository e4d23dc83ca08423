"""A version as analysts look at it: its diagram, forms as people will see them, what the check says, delays, files (F1)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, render_template, url_for

from engine.bpmn.model import Node
from engine.core.db import Session
from engine.core.errors import NotFound
from engine.people import groups
from engine.procedures import catalogue, durations, forecast, forms, publications
from engine.procedures.catalogue import Definition
from engine.procedures.forecast import MeasuredDelay
from engine.procedures.forms import Choice, Form
from engine.procedures.forms.form import walk
from engine.procedures.forms.layout import options_of
from portal import access, diagram, headers
from portal.access import reading
from portal.studio import blueprint
from portal.words import NBSP, count

# What stands for the choices that only a resident's own account has.
_EXAMPLE = Choice("exemple", "Exemple d’un choix qui vient du compte de l’usager")
_RESIDENT = "Usager"
# A date that a zip has to carry and that means nothing here: the same version is the same file.
_UNDATED = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Task:
    """Something that people do in the process: who, and the form that they fill in."""

    id: str
    name: str
    lane: str
    when: str
    form: str
    title: str


def found(session: Session, slug: str, number: int) -> Definition:
    """The version, or `NotFound`."""
    return catalogue.definition(session, publications.find(session, slug, number))


@blueprint.get("/demarches/<slug>/versions/<int:number>")
@access.analyst
@reading
def show_version(session: Session, slug: str, number: int) -> str:
    """The version, to read before it is published or withdrawn."""
    definition = found(session, slug, number)
    headers.allow_inline_styles()
    return render_template(
        "studio/version.html",
        definition=definition,
        offered=publications.offer(session, slug).number == number,
        tasks=list(_tasks(definition)),
        idle=groups.without_agents(session, definition.groups),
        delays=_delays(definition, forecast.from_filing(session, definition.version_id)),
        source=url_for(".show_source", slug=slug, number=number),
    )


@blueprint.get("/demarches/<slug>/versions/<int:number>/schema.bpmn")
@access.analyst
@reading
def show_source(session: Session, slug: str, number: int) -> Response:
    """The BPMN file of the version."""
    return diagram.source_of(found(session, slug, number))


@blueprint.get("/demarches/<slug>/versions/<int:number>/fichiers.zip")
@access.analyst
@reading
def download_files(session: Session, slug: str, number: int) -> Response:
    """All the files of the version, as they can be deposited again once changed."""
    definition, content = found(session, slug, number), io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in sorted(definition.files.items()):
            folder = "forms" if name.endswith(".json") else "processes"
            packed.writestr(zipfile.ZipInfo(f"{folder}/{name}", _UNDATED), text, zipfile.ZIP_DEFLATED)
    answer = Response(content.getvalue(), mimetype="application/zip")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{slug}-version-{number}.zip")
    return answer


@blueprint.get("/demarches/<slug>/versions/<int:number>/etapes/<element_id>")
@access.analyst
@reading
def show_form(session: Session, slug: str, number: int, element_id: str) -> str:
    """The form of a step or task as whoever fills it in will see it; nothing is sent from there."""
    definition = found(session, slug, number)
    node = definition.process.elements.get(element_id)
    form = definition.form_of(element_id) if node is not None else None
    if node is None or form is None:
        raise NotFound
    return render_template(
        "studio/form.html",
        definition=definition,
        task=_task(node, form),
        form=form,
        fields=forms.fields(form, _begun(form), context=_examples(form)),
    )


def _tasks(definition: Definition) -> Iterator[Task]:
    """What people do: the steps of the wizard in their order, then the tasks as they stand in the file."""
    steps = definition.steps
    others = [node for node in definition.process.elements.values() if node.is_human and node not in steps]
    for node in (*steps, *sorted(others, key=lambda node: node.line)):
        yield _task(node, definition.form_of(node.id))


def _task(node: Node, form: Form | None) -> Task:
    when = "avant le dépôt" if node.step else "après le dépôt"
    lane = _RESIDENT if node.is_resident else node.lane or ""
    return Task(node.id, node.name or node.id, lane, when, node.form or "", form.title if form else "")


def _begun(form: Form) -> dict[str, Any]:
    """What the preview begins with: the values that the form gives by itself, and one block where several may be added."""
    answers = forms.prefill(form, {})
    for path, spot in walk(form.spots):
        if spot.kind == "blocks" and "*" not in path and not forms.at(answers, path):
            forms.put(answers, path, [{}])
    return answers


def _examples(form: Form) -> Mapping[str, Any]:
    return {name: (_EXAMPLE,) for _, spot in walk(form.spots) if (name := options_of(spot)) is not None}


def _delays(definition: Definition, measured: MeasuredDelay | None) -> list[tuple[str, str]]:
    """What is announced and what was measured, in words."""
    announced = (("maxDuration", "Temps de saisie annoncé"), ("expectedDelay", "Délai annoncé"))
    told = [
        (label, durations.say(definition.properties[name]))
        for name, label in announced
        if name in definition.properties
    ]
    if measured is not None:
        half, most = _length(measured.end_median), _length(measured.end_late)
        on = count(measured.requests, "demande terminée", "demandes terminées")
        told.append(("Délai mesuré", f"la moitié en {half}, neuf sur dix en {most} ({on})"))
    return told


def _length(seconds: int) -> str:
    for size, one, many in ((86_400, "jour", "jours"), (3_600, "heure", "heures"), (60, "minute", "minutes")):
        if seconds >= size:
            return count(round(seconds / size), one, many)
    return f"moins d’une{NBSP}minute"
