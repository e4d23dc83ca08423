"""The appointment of a request: held at its step, planned as it is filed, then moved, cancelled or added (D1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engine.contact import appointments
from engine.contact.appointments import Agenda, Appointment, Slot
from engine.core import clock, logs
from engine.core.db import Session
from engine.core.errors import InvalidAnswers, SlotTaken, StaleStep
from engine.procedures import quotas
from engine.procedures.cases.case import Case
from engine.procedures.cases.finding import locked
from engine.procedures.cases.telling import told
from engine.procedures.catalogue import Definition

if TYPE_CHECKING:
    from engine.procedures.cases.run import Run

STEP = "appointment"
TAB = "rendez-vous"
CONFIRMED, MOVED, GIVEN_UP, REMINDER = (
    "rendez-vous-confirme",
    "rendez-vous-deplace",
    "rendez-vous-annule",
    "rappel-rendez-vous",
)
"""The messages to the person. The process hears of the first three under the same names, where it waits for them."""
IN_VAIN = ("refused", "abandoned")
"""The outcomes after which nobody is received."""


def offered(definition: Definition) -> bool:
    """Whether the procedure gives appointments."""
    return definition.properties.get("appointment", "none") != "none"


def required(definition: Definition) -> bool:
    """Whether nobody files without one."""
    return definition.properties.get("appointment") == "required"


def service(definition: Definition) -> str:
    """The service whose agendas are offered."""
    return definition.properties.get("agenda", "")


def step_of(definition: Definition) -> str | None:
    """The step of the wizard where it is taken."""
    return next((node.id for node in definition.steps if node.step == STEP), None)


# --- while filling in ----------------------------------------


def answered(session: Session, case: Case, definition: Definition, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Hold the slot that was chosen for as long as the procedure may take; what the step then knows of it.

    `InvalidAnswers` when none is chosen where one is required, or when somebody else was quicker.
    """
    chosen = answers.get(appointments.FIELD)
    if not chosen:
        if required(definition):
            raise InvalidAnswers({appointments.FIELD: "Choisissez une date et une heure de rendez-vous."})
        appointments.release(session, case.id)
        return {}
    slot = Slot.read(chosen)
    try:
        if slot is None:
            raise SlotTaken
        _take(session, case, definition, slot, held=True)
    except SlotTaken as error:
        raise InvalidAnswers({appointments.FIELD: error.message}) from error
    return appointments.facts(*_current(session, case))


def keep(run: Run) -> None:
    """What is held is planned, as the request is filed. A hold that ran out is taken again, or `SlotTaken`."""
    session, case = run.session, run.case
    step = step_of(run.definition)
    chosen = Slot.read((run.scope.document.get(step or "") or {}).get(appointments.FIELD))
    if chosen is None:
        appointments.release(session, case.id)  # left on a way that was not gone to its end
        return
    planned = appointments.plan(session, case.id) or _take(session, case, run.definition, chosen, held=False)
    run.note("appointment_planned", appointment=str(planned.id))
    _tell(run, CONFIRMED, planned)


def _take(session: Session, case: Case, definition: Definition, slot: Slot, *, held: bool) -> Appointment:
    return appointments.take(
        session,
        slot,
        service(definition),
        case_id=case.id,
        procedure=definition.slug,
        held_until=quotas.until(definition) if held else None,
    )


def _current(session: Session, case: Case) -> tuple[Appointment, Agenda]:
    found = appointments.current(session, case.id)
    assert found is not None  # taken in this transaction
    return found


# --- once filed ----------------------------------------


def book(run: Run, slot: Slot | None) -> Appointment:
    """Plan an appointment for a filed request, or move the one it has; the process is told where it waits for that.

    `InvalidAnswers` when no slot is given or it isn't free any more; `StaleStep` when the one planned has begun.
    """
    session, case = run.session, run.case
    if not may_book(session, case, run.definition):
        raise StaleStep("Ce rendez-vous ne peut plus être modifié.")
    before = appointments.current(session, case.id)
    try:
        if slot is None:
            raise InvalidAnswers({appointments.FIELD: "Choisissez une date et une heure de rendez-vous."})
        if before is not None and before[0].slot(before[1]) == slot:
            return before[0]
        taken = _take(session, case, run.definition, slot, held=False)
    except SlotTaken as error:
        raise InvalidAnswers({appointments.FIELD: error.message}) from error
    name = MOVED if before is not None else CONFIRMED
    run.note("appointment_moved" if before is not None else "appointment_planned", appointment=str(taken.id))
    _tell(run, name, taken)
    _hear(run, name, appointments.facts(*_current(session, case)))
    return taken


def give_up(run: Run) -> None:
    """Cancel the planned appointment; the process is told where it waits for that. `StaleStep` when there is none to come."""
    found = appointments.current(run.session, run.case.id)
    if found is None or not found[0].ahead:
        raise StaleStep("Ce rendez-vous ne peut plus être annulé.")
    appointment, agenda = found
    _cancel(run, appointment)
    _hear(run, GIVEN_UP, appointments.facts(appointment, agenda))


def give_up_all(run: Run) -> None:
    """The request is cancelled, or ends in vain: what it holds is given back, what it planned is cancelled."""
    if not offered(run.definition):
        return
    appointments.release(run.session, run.case.id)
    found = appointments.current(run.session, run.case.id)
    if found is not None and found[0].ahead:
        _cancel(run, found[0])


def end(run: Run) -> None:
    """The process has ended: refused or abandoned, nobody is expected any more; else the appointment stands, as what comes of it
    or what it is for."""
    reached = run.workflow.end_element
    if reached and run.definition.node(reached).properties.get("outcome") in IN_VAIN:
        give_up_all(run)


def may_book(session: Session, case: Case, definition: Definition) -> bool:
    """Whether an appointment may be added to the request, or the planned one moved."""
    if case.status != "filed" or not offered(definition):
        return False
    found = appointments.current(session, case.id)
    if found is not None:
        return found[0].ahead
    # Who was received, or expected and didn't come, has had their appointment.
    return not any(one.status == appointments.PLANNED for one in appointments.of_case(session, case.id))


def _cancel(run: Run, appointment: Appointment) -> None:
    appointments.cancel(run.session, appointment)
    run.note("appointment_cancelled", appointment=str(appointment.id))
    _tell(run, GIVEN_UP, appointment)


def _hear(run: Run, message: str, said: Mapping[str, Any]) -> None:
    step = step_of(run.definition)
    if step is not None and step in run.scope.document:
        run.scope.document[step] = dict(said) if message != GIVEN_UP else {}
    if message in run.workflow.waiting_messages():
        run.note("message_received", name=message)
        with run.guard():
            run.workflow.deliver(message, dict(said))


def _tell(run: Run, name: str, appointment: Appointment) -> None:
    agenda = run.session.get_one(Agenda, appointment.agenda_id)
    run.tell(name, {"rendez_vous": appointments.facts(appointment, agenda)}, key=_key(name, appointment), tab=TAB)


def _key(name: str, appointment: Appointment) -> str:
    """Under which a message about an appointment is told: once, until the appointment moves."""
    return f"{name}:{appointment.id}:{appointment.sequence}"


def told_of(key: str) -> UUID:
    """The appointment that a message told under this key is about."""
    return UUID(key.split(":")[1])


# --- reminding ----------------------------------------


def remind(session: Session, appointment_id: UUID) -> bool:
    """Tell of an appointment that comes near: once, and neither after it has begun nor when it was cancelled or moved further.

    False when nothing is told.
    """
    case_id = appointments.case_of(session, appointment_id)
    case = locked(session, case_id) if case_id is not None else None
    found = appointments.current(session, case.id) if case is not None else None
    if case is None or found is None or found[0].id != appointment_id or not found[0].ahead:
        return False
    appointment, agenda = found
    if appointment.starts_at - appointments.REMINDED_BEFORE > clock.now():
        return False
    logs.about(case.reference)
    values = {"rendez_vous": appointments.facts(appointment, agenda)}
    return told(session, case, REMINDER, values=values, key=_key(REMINDER, appointment), tab=TAB)
