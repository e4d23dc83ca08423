"""Rehearsal: a procedure's scenarios walked on a throw-away database, with a clock that is moved (F3).

Nothing of it is real: the people are those of the demonstration, mail stays in the throw-away database, and no file is
written but that database. What is walked is the platform's own code, from opening a draft to firing timers.
"""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from engine.bpmn.model import Document
from engine.contact import appointments, documents
from engine.contact.appointments import Slot
from engine.core import clock, jobs
from engine.core.config import Settings
from engine.core.db import Base, Database, Session
from engine.core.errors import ExpressionError, InvalidAnswers, NotFound, ParvisError, ProcessStuck, StaleStep
from engine.core.mail import Mail
from engine.people import accounts, consents
from engine.people.actors import ANONYMOUS, SYSTEM, Actor
from engine.procedures import cases, catalogue, demo, durations, forms, history, instructions, quotas, scenarios, tasks
from engine.procedures.cases import Case
from engine.procedures.catalogue import SourceSet
from engine.procedures.forms.layout import Spot
from engine.procedures.scenarios import Scenario, Step
from engine.rights import care_plans, entitlements

_TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}
# What happens to a request as time goes by.
_IN_TIME: Mapping[str, Callable[[Session, Mapping[str, Any]], object]] = {
    "fire_timer": lambda session, said: cases.fire_timer(session, UUID(said["case_id"]), said["key"]),
    "remind_of_appointment": lambda session, said: cases.remind_of_appointment(session, UUID(said["appointment_id"])),
    "release_slot": lambda session, said: appointments.release_late(session, UUID(said["appointment_id"])),
    "release_place": lambda session, said: quotas.release_late(session, UUID(said["place_id"])),
}
_CODE = re.compile(r"^\d{4}$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """How a scenario went: what went wrong, in French, and what it passed through."""

    scenario: Scenario
    faults: tuple[str, ...]
    elements: frozenset[str]
    flows: frozenset[str]

    @property
    def passed(self) -> bool:
        return not self.faults


@dataclass(frozen=True)
class Report:
    """How the scenarios of a procedure went, and how much of its diagram they passed through together."""

    slug: str
    outcomes: tuple[Outcome, ...]
    elements: frozenset[str]
    flows: frozenset[str]
    missed_elements: tuple[str, ...]
    missed_flows: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return all(outcome.passed for outcome in self.outcomes)

    @property
    def coverage(self) -> float:
        """The share of elements and flows passed through, from 0 to 1."""
        missed = len(self.missed_elements) + len(self.missed_flows)
        return 1 - missed / max(len(self.elements) + len(self.flows), 1)


def settings() -> Settings:
    """Settings for a process that only rehearses: no real folder, no real key, no mail that leaves."""
    folder = Path(tempfile.gettempdir()) / "parvis-rehearsal"
    return Settings(data=folder, database_url="sqlite:///", secret_key=secrets.token_urlsafe(32))


def rehearse(sources: SourceSet, walks: Sequence[Scenario]) -> Report:
    """Walk every scenario, each on a database of its own; the folder that holds them is gone afterwards.

    `DefinitionError` when the procedure itself can't be deployed.
    """
    with tempfile.TemporaryDirectory(prefix="parvis-rehearsal-") as folder:
        template = Path(folder) / "template.sqlite3"
        database = Database(f"sqlite:///{template}")
        try:
            Base.metadata.create_all(database.engine.execution_options(parvis_writes=True))
            with database.transaction() as session:
                version = catalogue.deploy(session, sources)
                document = catalogue.definition(session, version.id).process.document
        finally:
            database.close()
        outcomes = []
        for number, scenario in enumerate(walks):
            copy = Path(folder) / f"{number}.sqlite3"
            shutil.copyfile(template, copy)
            outcomes.append(_walk(f"sqlite:///{copy}", sources.slug, document, scenario))
            copy.unlink()
    elements = frozenset(node.id for node in document.nodes)
    flows = frozenset(flow.id for flow in document.flows)
    seen_elements = frozenset().union(*(outcome.elements for outcome in outcomes))
    seen_flows = frozenset().union(*(outcome.flows for outcome in outcomes))
    return Report(
        sources.slug,
        tuple(outcomes),
        elements,
        flows,
        tuple(node.id for node in document.nodes if node.id not in seen_elements),
        tuple(flow.id for flow in document.flows if flow.id not in seen_flows),
    )


def _walk(url: str, slug: str, document: Document, scenario: Scenario) -> Outcome:
    database = Database(url)
    try:
        return _Walk(database, slug, document, scenario).outcome()
    finally:
        database.close()


class _Fault(Exception):
    """The scenario can't go on; the message, in French, says why."""


@dataclass
class _Walk:
    """One scenario under way. `at` is the time it is there."""

    database: Database
    slug: str
    document: Document
    scenario: Scenario
    at: datetime = field(init=False)
    actor: Actor = field(init=False)
    case_id: UUID | None = None

    def outcome(self) -> Outcome:
        self.at = self.scenario.at
        faults = []
        place = "à l’ouverture"
        try:
            self.open()
            for number, step in enumerate(self.scenario.steps, 1):
                place = f"étape {number} ({step.verb} : {step.target})"
                self.take(step)
        except _Fault as fault:
            faults.append(f"{place} : {fault}")
        except ParvisError as error:
            faults.append(f"{place} : {self.said(error)}")
        else:
            faults += self.compare()
        path = self.path()
        return Outcome(self.scenario, tuple(faults), frozenset(path), frozenset(flows_of(self.document, path)))

    # --- opening and moving ----------------------------------------

    def open(self) -> None:
        """The people of the demonstration come, and one of them opens a draft."""
        with clock.frozen(self.at), self.database.transaction() as session:
            residents = {person.name for person in demo.people() if person.kind == "resident"}
            if self.scenario.person not in {*residents, scenarios.ANONYMOUS}:
                known = ", ".join(sorted({*residents, scenarios.ANONYMOUS}))
                raise _Fault(f"personne ne s’appelle « {self.scenario.person} » ; on connaît {known}.")
            people = {name: demo.add(session, name) for name in sorted(residents)}
            demo.add_agendas(session)
            self.actor = ANONYMOUS
            if self.scenario.person in people:
                account = people[self.scenario.person]
                self.actor = Actor("resident", account.id, account.display_name)
            case, token = cases.open_draft(session, self.slug, self.actor)
            if token:
                self.actor = self.actor.holding(frozenset({cases.link_hash(token)}))
            self.case_id = case.id

    def take(self, step: Step) -> None:
        if step.verb == "advance":
            self.advance(step.target)
            return
        with clock.frozen(self.at), self.database.transaction() as session:
            case = self.case(session)
            if step.verb == "cancel":
                cases.cancel(session, case, self.actor)
            elif step.verb == "appointment":
                self.meet(session, case, step.target)
            elif step.verb == "message":
                cases.deliver(session, case, step.target, step.answers, SYSTEM)
            else:
                self.complete(session, case, step)
        # What was due at once (a date already behind) happens now.
        self.fire_until(self.at)

    def advance(self, text: str) -> None:
        """Let time pass: every timer that falls due on the way fires at its own time."""
        try:
            until = durations.after(self.at, text)
        except ExpressionError as error:
            raise _Fault(error.message) from error
        self.fire_until(until)
        self.at = until

    def fire_until(self, until: datetime) -> None:
        while True:
            with self.database.reading() as session:
                job = session.scalar(
                    select(jobs.Job)
                    .where(jobs.Job.kind.in_(_IN_TIME), jobs.Job.due_at <= until)
                    .order_by(jobs.Job.due_at, jobs.Job.promised_at)
                    .limit(1)
                )
            if job is None:
                return
            with clock.frozen(max(job.due_at, self.at)), self.database.transaction() as session:
                jobs.forget(session, [job.key] if job.key else [])
                _IN_TIME[job.kind](session, job.payload)

    def meet(self, session: Session, case: Case, target: str) -> None:
        """What residents do from the tracking: take or move an appointment (a slot), or cancel it."""
        if target == "cancel":
            cases.cancel_appointment(session, case, self.actor)
        else:
            cases.book_appointment(session, case, Slot.read(target), self.actor)

    def complete(self, session: Session, case: Case, step: Step) -> None:
        """Answer an open task: the resident's, or an agent's of the group that the task belongs to."""
        definition = catalogue.definition(session, case.version_id)
        node = definition.process.elements.get(step.target)
        if node is None or not node.is_human:
            raise _Fault(f"la démarche n’a pas de tâche « {step.target} ».")
        if node.is_resident is not (step.verb == "resident"):
            raise _Fault(f"« {step.target} » est une tâche du couloir « {node.lane} ».")
        actor = self.actor
        if not node.is_resident:
            actor = Actor("agent", None, "Agent", frozenset({node.lane or ""}))
        instructions.worked_out(case, definition, step.target)
        answers = self.answers(session, case, step, definition.form_of(step.target), actor)
        if case.draft:
            cases.submit_step(session, case, step.target, answers, actor)
            return
        task = next((task for task in tasks.of_case(session, case.id) if task.element_id == step.target), None)
        if task is None:
            raise StaleStep
        cases.complete_task(session, case, task.id, answers, actor)

    def case(self, session: Session) -> Case:
        case = cases.locked(session, self.case_id) if self.case_id else None
        if case is None:
            raise NotFound
        return case

    # --- answers ----------------------------------------

    def answers(
        self, session: Session, case: Case, step: Step, form: forms.Form | None, actor: Actor
    ) -> dict[str, Any]:
        """The answers of a step: what the person finds in the form, and what the scenario types over it."""
        if form is None:
            return dict(step.answers)
        found = case.document.get(step.target) if case.draft else None
        given = {**(found or forms.prefill(form, case.usager)), **step.answers}
        given = {name: self.typed(session, value) for name, value in given.items()}
        return self.with_files(session, case, actor, step, form.spots, given)

    def typed(self, session: Session, value: Any) -> Any:
        """`$code` is the code that was sent last; `$wrong_code` is another."""
        if value not in ("$code", "$wrong_code"):
            return value
        sent = session.scalars(
            select(Mail.text)
            .where(Mail.case_id == self.case_id, Mail.name == "code-validation")
            .order_by(Mail.written_at)
        ).all()
        codes = _CODE.findall(sent[-1]) if sent else []
        if not codes:
            raise _Fault("aucun code n’a été envoyé.")
        return codes[0] if value == "$code" else f"{(int(codes[0]) + 1) % 10_000:04}"

    def with_files(
        self, session: Session, case: Case, actor: Actor, step: Step, spots: Sequence[Spot], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The answers with each file's name replaced by the id of a file of that name."""
        done = dict(given)
        for spot in spots:
            value = done.get(spot.key)
            if spot.kind == "files" and isinstance(value, list):
                done[spot.key] = [self.stored(session, case, actor, f"{step.target}.{spot.key}", one) for one in value]
            elif spot.kind in ("group", "address") and isinstance(value, Mapping):
                done[spot.key] = self.with_files(session, case, actor, step, spot.spots, value)
            elif spot.kind == "blocks" and isinstance(value, list):
                done[spot.key] = [
                    self.with_files(session, case, actor, step, spot.spots, one) if isinstance(one, Mapping) else one
                    for one in value
                ]
        return done

    def stored(self, session: Session, case: Case, actor: Actor, name_of_field: str, name: str) -> str:
        """The id of a file of the request, added as if it had been sent: only its content is missing."""
        if any(str(file.id) == name for file in documents.of_case(session, case.id)):
            return name
        media_type = _TYPES.get(name.rpartition(".")[2].lower())
        if media_type is None:
            raise _Fault(f"« {name} » n’est pas un nom de fichier PDF, JPEG ou PNG.")
        received = documents.Received(name, media_type, 1, "0" * 64, f"rehearsal/{uuid4().hex}")
        return str(documents.add(session, received, case_id=case.id, field=name_of_field, actor=actor).id)

    # --- what happened ----------------------------------------

    def compare(self) -> list[str]:
        """Every expectation that isn't met, in French."""
        expect = self.scenario.expect
        with self.database.reading() as session:
            case = self.case(session)
            notified = [entry.data["name"] for entry in history.of_case(session, case.id) if entry.kind == "notified"]
            waiting = sorted(task.element_id for task in tasks.of_case(session, case.id)) if case.running else []
            with clock.frozen(self.at):
                held = self.held(session, case)
        faults = []
        if "end" in expect and case.end_element != expect["end"]:
            reached = f"finit à « {case.end_element} »" if case.end_element else self.where(case, waiting)
            faults.append(f"la demande devait finir à « {expect['end']} » et {reached}.")
        if "status" in expect and case.status != expect["status"]:
            faults.append(f"l’état devait être « {expect['status']} », il est « {case.status} ».")
        if "open" in expect and waiting != sorted(expect["open"]):
            faults.append(
                f"les tâches ouvertes devaient être {_listed(sorted(expect['open']))}, ce sont {_listed(waiting)}."
            )
        if "notified" in expect and [name for name in notified if name != "code"] != expect["notified"]:
            faults.append(f"les messages devaient être {_listed(expect['notified'])}, ce sont {_listed(notified)}.")
        found = {"data": case.document, **held}
        for name in found:
            if name in expect:
                faults += _differences(name if name != "data" else "", expect[name], found[name])
        return faults

    def held(self, session: Session, case: Case) -> dict[str, Any]:
        """What the resident has in the end: `account`, `rights`, `plans` and `consents`; nothing without an account."""
        if case.account_id is None:
            return {"account": {}, "rights": [], "plans": [], "consents": {}}
        account = accounts.find(session, case.account_id)
        return {
            "account": {**accounts.usager(account), "connexion": account.login},
            "rights": [entitlements.facts(right) for right in entitlements.of_account(session, account.id)],
            "plans": [care_plans.facts(plan) for plan in care_plans.of_account(session, account.id)],
            "consents": {name: consents.granted(session, account.id, name) for name in consents.PURPOSES},
        }

    def where(self, case: Case, waiting: Sequence[str]) -> str:
        if not case.running:
            return f"son état est « {case.status} »"
        return f"attend encore {_listed(waiting)}" if waiting else "attend une échéance"

    def said(self, error: ParvisError) -> str:
        """An error as the analyst needs it: which field, which element, what is open instead."""
        if isinstance(error, InvalidAnswers):
            return "réponses refusées : " + " ; ".join(
                f"{path or 'formulaire'} : {why}" for path, why in error.errors.items()
            )
        if isinstance(error, ProcessStuck):
            return f"le processus est arrêté à « {error.element_id} » : {error.reason}"
        if isinstance(error, StaleStep) and self.case_id:
            with self.database.reading() as session:
                case = self.case(session)
                waiting = [task.element_id for task in tasks.of_case(session, case.id)]
            why = "cette tâche n’est pas ouverte." if error.message == StaleStep.default else error.message
            return f"{why} La demande {self.where(case, waiting)}."
        return error.message

    def path(self) -> list[str]:
        """The elements passed through, in order."""
        if self.case_id is None:
            return []
        with self.database.reading() as session:
            return [element for entry in history.of_case(session, self.case_id) for element in entry.path]


def flows_of(document: Document, path: Sequence[str]) -> set[str]:
    """The flows taken by a path of elements: each element was reached from the nearest of those that lead to it.

    A parallel gateway that joins was reached from all of them.
    """
    into: dict[str, list[tuple[str, str]]] = {}
    for flow in document.flows:
        into.setdefault(flow.target, []).append((flow.source, flow.id))
    last_seen: dict[str, int] = {}
    taken: set[str] = set()
    for index, element in enumerate(path):
        reached = [(last_seen[source], flow) for source, flow in into.get(element, ()) if source in last_seen]
        if reached:
            node = document.node_by_id[element]
            chosen = reached if node.kind in ("parallelGateway", "inclusiveGateway") else [max(reached)]
            taken.update(flow for _, flow in chosen)
        last_seen[element] = index
    return taken


def _differences(path: str, wanted: Any, found: Any) -> list[str]:
    """What of `wanted` isn't so in `found`, in French; only what is named counts, and keys may be dotted."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        inner = [(f"{path}.{key}" if path else key, value, _at(found, key)) for key, value in wanted.items()]
        return [fault for one in inner for fault in _differences(*one)]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [
            fault
            for number, (one, other) in enumerate(zip(wanted, found, strict=True))
            for fault in _differences(f"{path}.{number}", one, other)
        ]
    return [] if wanted == found else [f"« {path} » devait valoir {wanted!r} et vaut {found!r}."]


def _at(document: Mapping[str, Any], path: str) -> Any:
    found: Any = document
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "aucun"
