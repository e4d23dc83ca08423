"""Requests: opened as drafts, walked step by step, filed, decided, closed (A2, A7–A11, A13).

The case row is the only lock: who changes a request has read its row FOR UPDATE. State, answers, open tasks, timers
and history are written in the transaction of the person's action, so a crash at any instant loses nothing that was
acknowledged and does nothing twice.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    Select,
    Table,
    Text,
    Uuid,
    bindparam,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.attributes import set_committed_value

from engine.bpmn.model import Node
from engine.bpmn.workflow import OperationFault, Scope, Workflow
from engine.core import clock, jobs
from engine.core.clock import PARIS
from engine.core.db import Base, Json, Session, UtcDateTime, new_id
from engine.core.errors import (
    AlreadyClaimed,
    CaseClosed,
    Forbidden,
    InvalidAnswers,
    NotCancellable,
    NotFound,
    ParvisError,
    ProcessStuck,
    SignInRequired,
    StaleStep,
)
from engine.people import accounts
from engine.people.actors import SYSTEM, Actor
from engine.procedures import catalogue, choices, durations, forms, history, operations, receipts, references, tasks
from engine.procedures.catalogue import Definition
from engine.procedures.tasks import RESIDENT, HumanTask

log = logging.getLogger(__name__)

LINK_KEPT = timedelta(days=730)

# Answers that say who the resident is, under whichever step they are asked.
_WHO = (
    "sexe",
    "prenoms",
    "nom_naissance",
    "nom_usage",
    "date_naissance",
    "courriel",
    "telephone_mobile",
    "telephone_fixe",
    "contact_prefere",
    "adresse",
)


# What a person whose identity is certified may still give anew for one request.
_CHANGEABLE = ("courriel", "telephone_mobile", "telephone_fixe", "contact_prefere", "adresse")


class Case(Base):
    """A request. `status`: draft, filed, closed, cancelled.

    `document` holds the answers and the process's variables.
    """

    __tablename__ = "case"
    __table_args__ = (
        Index("uq_case_reference", "reference", unique=True),
        Index("ix_case_account_id_opened_at", "account_id", "opened_at"),
        # One draft a person and procedure: opening it again offers the existing one (A9).
        Index(
            "uq_case_draft",
            "account_id",
            "procedure",
            unique=True,
            sqlite_where=text("status = 'draft'"),
            postgresql_where=text("status = 'draft'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    reference: Mapped[str] = mapped_column(Text)
    procedure: Mapped[str] = mapped_column(Text)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("version.id"))
    status: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    channel: Mapped[str] = mapped_column(Text, default="portail")
    applicant: Mapped[dict[str, Any]] = mapped_column(Json)
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[bytes] = mapped_column(LargeBinary)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    filed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_element: Mapped[str | None] = mapped_column(Text)

    @property
    def draft(self) -> bool:
        return self.status == "draft"

    @property
    def running(self) -> bool:
        """Whether its process can still move."""
        return self.status in ("draft", "filed")

    @property
    def usager(self) -> dict[str, Any]:
        """Who asks, as processes and forms read it: the account's identity, and what the request's own steps say."""
        said: dict[str, Any] = {}
        for answers in self.document.values():
            if isinstance(answers, dict) and "nom_naissance" in answers:
                said.update({name: answers[name] for name in _WHO if answers.get(name) not in (None, "", {})})
        if self.applicant.get("certifie"):
            said = {name: value for name, value in said.items() if name in _CHANGEABLE}
        return {**self.applicant, **said}

    @property
    def applicant_name(self) -> str:
        """The name that agents read in their queues."""
        who = self.usager
        first = (who.get("prenoms") or "").replace(",", " ").split(" ")[0]
        last = who.get("nom_usage") or who.get("nom_naissance") or ""
        return " ".join(part for part in (last.upper(), first) if part) or "Anonyme"


_TABLE: Table = Case.__table__  # type: ignore[assignment]
_SAVE = update(_TABLE).where(_TABLE.c.id == bindparam("case_id"))


class CaseLink(Base):
    """A private link to a request, for who has no account. Only the hash of its token is kept."""

    __tablename__ = "case_link"
    __table_args__ = (Index("ix_case_link_case_id", "case_id"),)

    token_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Attempt:
    """What somebody tried: enough to do it again once the cause of an incident is mended."""

    case_id: UUID
    verb: str
    target: str
    answers: Mapping[str, Any]
    actor: Actor


@dataclass(frozen=True)
class Progress:
    """Where a request stands after a step: the next step of the wizard, or the whole wizard done."""

    next_step: str | None
    filed: bool


# --- private links ----------------------------------------


def make_link(session: Session, case: Case) -> str:
    """A new private link's token: 256 bits, shown once, kept as a hash."""
    token = secrets.token_urlsafe(32)
    now = clock.now()
    session.execute(
        insert(CaseLink).values(token_hash=link_hash(token), case_id=case.id, made_at=now, expires_at=now + LINK_KEPT)
    )
    return token


def link_hash(token: str) -> str:
    """What is kept of a private link's token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def of_link(session: Session, token: str) -> Case:
    """The request behind a private link. Unknown, expired or malformed: the same `NotFound`."""
    case = session.scalar(
        select(Case)
        .join(CaseLink, CaseLink.case_id == Case.id)
        .where(CaseLink.token_hash == link_hash(token), CaseLink.expires_at > clock.now())
    )
    if case is None:
        raise NotFound("Ce lien n’existe pas ou n’est plus valable.")
    return case


# --- finding ----------------------------------------


def find(session: Session, reference: str, actor: Actor, *, lock: bool = False) -> Case:
    """The request, for its holder: the account it belongs to, or who holds a private link to it.

    Otherwise `NotFound`.
    """
    canonical = references.read(reference)
    if canonical is None or not (actor.signed_in or actor.links):
        raise NotFound("Cette demande n’existe pas ou n’est pas accessible avec ce compte.")
    values: dict[str, Any] = {"reference": canonical}
    if actor.signed_in:
        values["account"] = actor.account_id
    if actor.links:
        values |= {"links": sorted(actor.links), "now": clock.now()}
    case = session.scalar(_finding(actor.signed_in, bool(actor.links), lock), values)
    if case is None:
        raise NotFound("Cette demande n’existe pas ou n’est pas accessible avec ce compte.")
    return case


@cache
def _finding(by_account: bool, by_link: bool, lock: bool) -> Select[tuple[Case]]:
    # Built once: on the hot path, building a statement costs as much as running it.
    ways: list[ColumnElement[bool]] = []
    if by_account:
        ways.append(Case.account_id == bindparam("account", type_=Uuid()))
    if by_link:
        held = select(CaseLink.case_id).where(
            CaseLink.token_hash.in_(bindparam("links", expanding=True)),
            CaseLink.expires_at > bindparam("now", type_=UtcDateTime()),
        )
        ways.append(Case.id.in_(held))
    query = select(Case).where(Case.reference == bindparam("reference"), or_(*ways))
    return query.with_for_update(of=Case) if lock else query


def find_for_agent(session: Session, reference: str, actor: Actor) -> Case:
    """The filed request, for an agent of one of the groups that its procedure names. Otherwise `NotFound`."""
    canonical = references.read(reference)
    case = session.scalar(select(Case).where(Case.reference == canonical, Case.filed_at.is_not(None)))
    if case is not None:
        definition = catalogue.definition(session, case.version_id)
        if actor.groups & groups_of(definition):
            return case
    raise NotFound("Cette demande n’existe pas ou n’est pas de votre service.")


def groups_of(definition: Definition) -> frozenset[str]:
    """The agents' groups that a procedure gives work to."""
    return frozenset(
        node.lane
        for node in definition.process.elements.values()
        if node.is_human and node.lane not in (None, RESIDENT)
    )


def of_account(session: Session, account_id: UUID, *, limit: int = 200) -> list[Case]:
    """A resident's requests, the latest first; discarded drafts left out."""
    return list(
        session.scalars(
            select(Case)
            .where(Case.account_id == account_id, or_(Case.status != "cancelled", Case.filed_at.is_not(None)))
            .order_by(Case.opened_at.desc(), Case.id)
            .limit(limit)
        )
    )


def held(session: Session, actor: Actor, procedure: str) -> Case | None:
    """The draft that this person already has of a procedure, if any (A9)."""
    ways = []
    if actor.account_id is not None:
        ways.append(Case.account_id == actor.account_id)
    elif actor.links:
        ways.append(Case.id.in_(select(CaseLink.case_id).where(CaseLink.token_hash.in_(sorted(actor.links)))))
    if not ways:
        return None
    return session.scalar(
        select(Case)
        .where(Case.procedure == procedure, Case.status == "draft", or_(*ways))
        .order_by(Case.opened_at.desc())
        .limit(1)
    )


# --- opening ----------------------------------------


def open_draft(session: Session, slug: str, actor: Actor) -> tuple[Case, str | None]:
    """Open a draft of the published version, or give back the one this person already has.

    Without an account, the second value is the token of the draft's private link. `SignInRequired` when the procedure
    is locked.
    """
    procedure = catalogue.find(session, slug)
    if procedure.locked and actor.kind != "resident":
        raise SignInRequired("Cette démarche demande un compte : connectez-vous ou créez-en un.", slug=slug)
    assert procedure.version_id is not None  # find() gives published ones only
    if actor.account_id is not None:
        # Serialises two clicks of one person: the second finds the draft of the first.
        session.execute(select(accounts.Account.id).where(accounts.Account.id == actor.account_id).with_for_update())
    existing = held(session, actor, slug)
    if existing is not None:
        return existing, None
    account = accounts.find(session, actor.account_id) if actor.kind == "resident" and actor.account_id else None
    now = clock.now()
    definition = catalogue.definition(session, procedure.version_id)
    case = Case(
        id=new_id(),
        reference=references.mint(),
        procedure=slug,
        version_id=procedure.version_id,
        status="draft",
        account_id=account.id if account else None,
        channel="portail",
        applicant=accounts.usager(account) if account else {"compte": False, "certifie": False},
        document={},
        state=b"",
        opened_at=now,
        changed_at=now,
        filed_at=None,
        closed_at=None,
        end_element=None,
    )
    session.add(case)
    session.flush()
    token = None if account else make_link(session, case)
    run = _Run(session, case, definition, actor)
    run.note("opened")
    run.workflow = Workflow.start(definition.process, run.scope)
    run.settle()
    return case, token


# --- moving ----------------------------------------


def submit_step(session: Session, case: Case, element_id: str, answers: Mapping[str, Any], actor: Actor) -> Progress:
    """Take the answers of a step of the wizard: the open one, or one already passed (going back).

    After going back, the later answers are kept as long as they are valid and still asked for. Raises
    `InvalidAnswers`, or `StaleStep` when the step isn't on the way any more. Submitting the same step twice changes
    nothing the second time.
    """
    if not case.draft:
        raise CaseClosed("Cette demande a déjà été déposée.", reference=case.reference)
    definition = catalogue.definition(session, case.version_id)
    node = definition.process.elements.get(element_id)
    if node is None or node.step is None:
        raise StaleStep(element=element_id)
    run = _Run(session, case, definition, actor)
    run.load()
    current = next((task for task in run.workflow.open_tasks() if task.element_id == element_id), None)
    if current is None and (element_id not in run.workflow.steps_done or node.step == "summary"):
        raise StaleStep(element=element_id)
    taken = _validated(session, case, definition, element_id, answers)
    run.attempt = Attempt(case.id, "submit_step", element_id, taken, actor)

    def valid(later: str, stored: Mapping[str, Any]) -> bool:
        try:
            _validated(session, case, definition, later, stored)
        except InvalidAnswers:
            return False
        return True

    if node.step == "summary":
        run.file()
    else:
        run.note("step_completed" if current else "step_revised", element_id)
    with run.guard():
        if current is None:
            run.workflow.revise(element_id, taken, valid)
        else:
            run.workflow.complete(current.id, taken)
            if case.draft:
                run.workflow.replay(valid)
    run.settle()
    following = next((task.element_id for task in run.workflow.open_tasks() if task.lane == RESIDENT), None)
    return Progress(following if case.draft else None, not case.draft)


def complete_task(session: Session, case: Case, task_id: UUID, answers: Mapping[str, Any], actor: Actor) -> None:
    """Complete an open task after filing: an agent's, or one that waits for the resident.

    Raises `StaleStep` when it isn't open any more, `AlreadyClaimed` when a colleague holds it, `Forbidden` when it is
    another group's, `InvalidAnswers` when the answers are wrong; nothing is changed then.
    """
    # Locked and read anew: a colleague who claims it at this very moment either was first, or finds it gone.
    task = session.scalar(
        select(HumanTask)
        .where(HumanTask.id == task_id, HumanTask.case_id == case.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if task is None or not case.running:
        raise StaleStep("Cette tâche a déjà été traitée.", task_id=str(task_id))
    if task.group == RESIDENT:
        if actor.kind == "agent":
            raise Forbidden("Cette étape est celle de l’usager.")
    elif task.group not in actor.groups:
        raise Forbidden("Cette tâche est celle d’un autre service.")
    elif task.claimed_by is not None and task.claimed_by != actor.account_id:
        raise AlreadyClaimed(f"{task.claimed_name} a déjà pris cette tâche en charge.", task_id=str(task_id))
    definition = catalogue.definition(session, case.version_id)
    taken = _validated(session, case, definition, task.element_id, answers)
    run = _Run(session, case, definition, actor, Attempt(case.id, "complete_task", str(task_id), taken, actor))
    run.load()
    run.note(
        "resident_answered" if task.group == RESIDENT else "task_completed",
        task.element_id,
        group=task.group,
        task=str(task_id),
    )
    with run.guard():
        run.workflow.complete(task_id, taken)
    run.settle()


def cancel(session: Session, case: Case, actor: Actor) -> None:
    """Cancel a request, or throw a draft away with what was typed.

    `NotCancellable` when its process doesn't allow it now.
    """
    definition = catalogue.definition(session, case.version_id)
    if not cancellable(case, definition, tasks.of_case(session, case.id)):
        raise NotCancellable(reference=case.reference)
    run = _Run(session, case, definition, actor)
    run.load()
    run.note("discarded" if case.draft else "cancelled")
    run.workflow.cancel()
    if case.draft:
        run.scope.document = {}
        jobs.promise_all(
            session,
            [jobs.Promise("discard_files", {"case_id": str(case.id)}, key=f"discard:{case.id}", case_id=case.id)],
        )
    run.change(status="cancelled", closed_at=clock.now())
    run.settle()


def cancellable(case: Case, definition: Definition, open_tasks: list[HumanTask]) -> bool:
    """Whether the resident may cancel now: the procedure allows it, and no open task forbids it (`cancel` = no)."""
    if case.draft:
        return True
    return (
        case.status == "filed"
        and definition.is_yes("cancel", default=True)
        and all(definition.node(task.element_id).properties.get("cancel") != "no" for task in open_tasks)
    )


def fire_timer(session: Session, case_id: UUID, key: str) -> None:
    """What a timer's job does when its time has come. A timer that the process no longer has does nothing."""
    case = locked(session, case_id)
    if case is None or not case.running:
        return
    definition = catalogue.definition(session, case.version_id)
    run = _Run(session, case, definition, SYSTEM, Attempt(case.id, "fire_timer", key, {}, SYSTEM))
    run.load()
    timer = next((timer for timer in run.workflow.timers() if timer.key == key), None)
    if timer is None or timer.due_at > clock.now():
        return
    run.note("timer_fired", timer.element_id)
    with run.guard():
        run.workflow.fire(key)
    run.settle()


def deliver(session: Session, case: Case, message: str, payload: Mapping[str, Any], actor: Actor) -> None:
    """Hand a BPMN message to the request; `StaleStep` when its process isn't waiting for it."""
    definition = catalogue.definition(session, case.version_id)
    run = _Run(session, case, definition, actor, Attempt(case.id, "deliver", message, payload, actor))
    run.load()
    if not case.running or message not in run.workflow.waiting_messages():
        raise StaleStep("La demande n’attend pas ce message.", message_name=message)
    run.note("message_received", name=message)
    with run.guard():
        run.workflow.deliver(message, dict(payload))
    run.settle()


def try_again(session: Session, attempt: Attempt) -> None:
    """Do what an incident stopped."""
    case = locked(session, attempt.case_id)
    if case is None:
        raise NotFound(case_id=str(attempt.case_id))
    if attempt.verb == "submit_step":
        submit_step(session, case, attempt.target, attempt.answers, attempt.actor)
    elif attempt.verb == "complete_task":
        complete_task(session, case, UUID(attempt.target), attempt.answers, attempt.actor)
    elif attempt.verb == "fire_timer":
        fire_timer(session, case.id, attempt.target)
    else:
        deliver(session, case, attempt.target, attempt.answers, attempt.actor)


def locked(session: Session, case_id: UUID) -> Case | None:
    """The request by id, its row locked."""
    return session.scalar(select(Case).where(Case.id == case_id).with_for_update())


# --- forms ----------------------------------------


def _validated(
    session: Session, case: Case, definition: Definition, element_id: str, answers: Mapping[str, Any]
) -> dict[str, Any]:
    form = definition.form_of(element_id)
    if form is None:
        return {}
    # Read-only values, and a certified identity, are ours whatever was posted (A8).
    locked = forms.locks(form, case.usager)
    return forms.validate(form, answers, context=choices.context(session, case, form), locked=locked)


# --- names ----------------------------------------


def reserved(case: Case) -> dict[str, Any]:
    """What the platform lends to the expressions of a request: `usager`, `demande` and `aujourdhui`."""
    return {
        "usager": case.usager,
        "demande": {
            "reference": case.reference,
            "procedure": case.procedure,
            "ouverte_le": _day(case.opened_at),
            "deposee_le": _day(case.filed_at),
            "canal": case.channel,
        },
        "aujourdhui": clock.today().isoformat(),
    }


# --- one move ----------------------------------------


@dataclass
class _Run:
    """A request being moved: its workflow while it moves, and what has to be written when it rests."""

    session: Session
    case: Case
    definition: Definition
    actor: Actor
    attempt: Attempt | None = None
    workflow: Workflow = field(init=False)
    scope: Scope = field(init=False)
    entries: list[dict[str, Any]] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    tasks_before: dict[UUID, str] = field(default_factory=dict)
    timers_before: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scope = Scope(document=self.case.document, reserved=reserved(self.case), operation=self._operation)

    def load(self) -> None:
        """Bring the workflow back as it was saved."""
        self.workflow = Workflow.load(self.definition.process, self.case.state, self.scope)
        self.tasks_before = {task.id: task.element_id for task in self.workflow.open_tasks()}
        self.timers_before = {timer.key: timer.due_at for timer in self.workflow.timers()}

    def change(self, **values: Any) -> None:
        """Change columns of the request; `settle` writes them all in one statement."""
        for name, value in values.items():
            # Not by assignment: the unit of work would write the row a second time, and costs more than the database.
            set_committed_value(self.case, name, value)
        self.changes |= values

    def note(self, kind: str, element_id: str | None = None, **data: Any) -> None:
        self.entries.append(history.row(self.case.id, kind, self.actor, element_id=element_id, data=data))

    def file(self) -> None:
        """The draft becomes a request: dated, acknowledged, open to agents."""
        case = self.case
        self.change(status="filed", filed_at=clock.now())
        self.scope.reserved = reserved(self.case)
        self.note("filed")
        if receipts.acknowledge(self.session, case, self.definition, make_link(self.session, case)):
            self.note("notified", name=receipts.NAME)

    def guard(self) -> _Guard:
        """Give whatever stops the process the attempt that it stopped."""
        return _Guard(self.attempt)

    def _operation(self, element_id: str, name: str, parameters: Mapping[str, Any]) -> Any:
        names = {**self.scope.document, **self.scope.reserved}
        context = operations.OperationContext(
            self.session, self.case, self.definition, element_id, self.actor, names, self.note
        )
        try:
            return operations.call(context, name, parameters)
        except (ProcessStuck, OperationFault):
            raise
        except ParvisError as error:
            raise ProcessStuck(element_id, f"{name}: {error}") from error

    def settle(self) -> None:
        """Write what the move changed: tasks, timers, history and the request itself."""
        case, workflow = self.case, self.workflow
        now = clock.now()
        if workflow.finished and case.running:
            self.change(status="closed", closed_at=now, end_element=workflow.end_element)
        if not case.draft:
            workflow.compact()
        opened = {task.id: task for task in workflow.open_tasks()} if case.running else {}
        tasks.close_all(self.session, [task_id for task_id in self.tasks_before if task_id not in opened])
        fresh = [task for task in opened.values() if task.id not in self.tasks_before]
        if fresh:
            applicant = case.applicant_name
            tasks.open_all(self.session, [self._row(task.id, task.element_id, applicant, now) for task in fresh])
        self._keep_timers()
        if not case.draft:
            for task in fresh:
                self.note(
                    "resident_asked" if task.lane == RESIDENT else "task_opened", task.element_id, group=task.lane
                )
        for event in workflow.events:
            if event.kind == "decision":
                self.note("decided", event.element_id, **event.facts)
        if case.status == "closed":
            self.note("closed", case.end_element)
        path = [event.element_id for event in workflow.events if event.kind == "completed"]
        if path:
            if not self.entries:
                self.note("moved")
            self.entries[0]["path"] = path
        history.record(self.session, self.entries)
        self.change(state=workflow.dump(), document=self.scope.document, changed_at=now)
        self.session.execute(_SAVE, {"case_id": case.id, **self.changes})

    def _row(self, task_id: UUID, element_id: str, applicant: str, now: datetime) -> dict[str, Any]:
        node: Node = self.definition.node(element_id)
        due_in = node.properties.get("dueIn")
        return {
            "id": task_id,
            "case_id": self.case.id,
            "element_id": element_id,
            "group": node.lane or RESIDENT,
            "title": node.name or element_id,
            "opened_at": now,
            "due_at": durations.after(now, due_in) if due_in else None,
            "claimed_by": None,
            "claimed_name": None,
            "claimed_at": None,
            "reference": self.case.reference,
            "procedure": self.case.procedure,
            "procedure_title": self.definition.title,
            "applicant": applicant,
            "search_name": tasks.searchable(applicant),
            "filed_at": self.case.filed_at,
        }

    def _keep_timers(self) -> None:
        after = {timer.key: timer.due_at for timer in self.workflow.timers()} if self.case.running else {}
        jobs.forget(self.session, [_timer_job(self.case, key) for key in self.timers_before if key not in after])
        jobs.promise_all(
            self.session,
            [
                jobs.Promise(
                    "fire_timer",
                    {"case_id": str(self.case.id), "key": key},
                    due_at=due_at,
                    key=_timer_job(self.case, key),
                    case_id=self.case.id,
                )
                for key, due_at in after.items()
                if self.timers_before.get(key) != due_at
            ],
        )


class _Guard:
    """Says of what stops a process what was being tried."""

    def __init__(self, attempt: Attempt | None) -> None:
        self._attempt = attempt

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ProcessStuck):
            error.attempt = self._attempt


def _timer_job(case: Case, key: str) -> str:
    return f"timer:{case.id}:{key}"


def _day(at: datetime | None) -> str | None:
    return at.astimezone(PARIS).date().isoformat() if at else None
