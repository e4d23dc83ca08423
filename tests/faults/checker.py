"""Proves from the database, once everything is quiet, that nothing acknowledged is missing and nothing happened twice.

What has to be there follows from what was acknowledged and from the history; the history itself is held against what was
acknowledged, against the rows that each step wrote, and against its own order.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import select

from engine.contact import documents
from engine.contact.documents import StoredFile
from engine.contact.notifications import Notification
from engine.core import clock, config
from engine.core.db import Database, Session
from engine.core.errors import ParvisError
from engine.core.jobs import Job
from engine.core.mail import Mail
from engine.procedures import references
from engine.procedures.cases import Case
from engine.procedures.history import Entry
from engine.procedures.incidents import Incident
from engine.procedures.tasks import HumanTask
from engine.rights.entitlements import EntitlementChange
from tests.faults import talk
from tests.faults.clients import SLUG
from tests.faults.effects import EACH, EFFECT, PROMISE
from tests.faults.record import Acked

_ENDS = {"accepter": "acceptee", "refuser": "refusee"}


@dataclass
class Verdict:
    """What was found, in words; empty lists are good."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    timers: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    timers_fired: int = 0
    effects: int = 0
    mail_sent: int = 0
    mail_doubles: int = 0
    cases: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing at all is wrong."""
        return not (self.lost or self.twice or self.timers or self.history or self.stuck or self.jobs)

    def count(self, what: str, found: int, expected: int) -> None:
        """Fewer than expected are lost, more are there twice."""
        if found < expected:
            self.lost.append(f"{what}: {found} of {expected}")
        elif found > expected:
            self.twice.append(f"{what}: {found} instead of {expected}")


@dataclass
class Facts:
    """What the database holds of a request."""

    case: Case
    entries: list[Entry] = field(default_factory=list)
    notified: Counter[str] = field(default_factory=Counter)
    mails: Counter[str] = field(default_factory=Counter)
    granted: int = 0
    promises: Counter[str] = field(default_factory=Counter)
    tasks: int = 0

    def having(self, kind: str, element: str | None = None, task: str | None = None) -> list[Entry]:
        """The entries of a kind, about an element or a task when told."""
        return [
            one
            for one in self.entries
            if one.kind == kind
            and (element is None or one.element_id == element)
            and (task is None or one.data.get("task") == task)
        ]


SOON = timedelta(hours=1)
"""Jobs due later than that are none that a run waits for."""


def check(database: Database, acked: Sequence[Acked], delivered: Mapping[str, int]) -> Verdict:
    """Hold what was acknowledged and the mail that was delivered (by Message-ID) against the database."""
    verdict = Verdict()
    with database.reading() as session:
        by_id = _facts(session)
        verdict.cases = len(by_id)
        by_reference = {facts.case.reference: facts for facts in by_id.values()}
        _acknowledged(verdict, by_reference, acked)
        for facts in by_id.values():
            _effects_of(verdict, facts)
            _timers_of(verdict, facts)
            _history_of(verdict, facts)
            _standing_of(verdict, facts)
        files(verdict, session, by_reference, acked)
        talk.check(verdict, session, by_id, acked)
        _promises(verdict, session)
        _mail(verdict, session, delivered)
        for incident in session.scalars(select(Incident).where(Incident.solved_at.is_(None))):
            verdict.stuck.append(f"incident at {incident.element_id}: {incident.reason}")
        # What comes back each day, and the sweep of a day's files, wait for their hour.
        for job in session.scalars(select(Job).where(Job.due_at <= clock.now() + SOON)):
            verdict.jobs.append(f"{job.kind} {job.state}, due {job.due_at}, {job.tries} tries: {job.error}")
    return verdict


def _facts(session: Session) -> dict[UUID, Facts]:
    found = {case.id: Facts(case) for case in session.scalars(select(Case).where(Case.procedure == SLUG))}
    # The other procedure, of places and slots, has a checker of its own (capacity.py).
    ours = select(Case.id).where(Case.procedure == SLUG)
    for entry in session.scalars(select(Entry).where(Entry.case_id.in_(ours)).order_by(Entry.id)):
        found[entry.case_id].entries.append(entry)
    for notification in session.scalars(select(Notification).where(Notification.case_id.in_(ours))):
        found[notification.case_id].notified[notification.name] += 1
    for mail in session.scalars(select(Mail).where(Mail.case_id.in_(ours))):
        found[mail.case_id].mails[mail.name] += 1  # type: ignore[index]
    for case_id in session.scalars(select(EntitlementChange.case_id)):
        found[case_id].granted += 1
    for case_id, element_id in session.execute(select(PROMISE.c.case_id, PROMISE.c.element_id)):
        found[case_id].promises[element_id] += 1
    for case_id in session.scalars(select(HumanTask.case_id).where(HumanTask.case_id.in_(ours))):
        found[case_id].tasks += 1
    return found


# --- what was acknowledged -------------------------------------------------------------------------------------------------


def _acknowledged(verdict: Verdict, cases: Mapping[str, Facts], acked: Sequence[Acked]) -> None:
    # A step may be answered twice: what counts is what was acknowledged last.
    said = {(one.reference, one.subject): one.said for one in acked if one.action == "step"}
    for one in acked:
        facts = cases.get(references.read(one.reference) or "")
        if facts is None or not _kept(facts, one):
            verdict.lost.append(f"{one.action} {one.reference} {one.subject} {one.said}".strip())
    for (reference, element), words in said.items():
        facts = cases.get(references.read(reference) or "")
        answers: Mapping[str, Any] = (facts.case.document.get(element) or {}) if facts else {}
        if element == "ma_demande" and answers.get("objet") != words:
            verdict.lost.append(f"the answers of {element} in {reference}: {answers.get('objet')} for {words}")


def _kept(facts: Facts, one: Acked) -> bool:
    match one.action:
        case "message" | "reply" | "read":
            return True  # looked for by `talk.check`
        case "open":
            return bool(facts.having("opened"))
        case "step":
            return bool(facts.having("step_completed", one.subject) + facts.having("step_revised", one.subject))
        case "upload":
            return True  # held against the files below
        case "file":
            return facts.case.filed_at is not None and bool(facts.having("filed"))
        case "claim":
            return bool(facts.having("claimed", task=one.subject))
        case "answer":
            return bool(facts.having("resident_answered", task=one.subject))
        case "decide":
            end = _ENDS.get(one.said)
            return bool(facts.having("task_completed", task=one.subject)) and end in (None, facts.case.end_element)
    raise ValueError(f"nobody knows how to look for {one.action}")


# --- what follows from the history -----------------------------------------------------------------------------------------


def _effects_of(verdict: Verdict, facts: Facts) -> None:
    """Each thing that the process does leaves as many rows as it happened."""
    name = facts.case.reference
    filed, end = len(facts.having("filed")), facts.case.end_element
    reminded = len(facts.having("timer_fired", "rappel"))
    verdict.count(f"{name}: opened", len(facts.having("opened")), 1)
    verdict.count(f"{name}: filed", filed, int(facts.case.filed_at is not None))
    verdict.count(f"{name}: closed", len(facts.having("closed")), int(facts.case.closed_at is not None))
    told = {
        "prise-en-compte": filed,
        "rappel": reminded,
        "sans-reponse": len(facts.having("timer_fired", "sans_reponse")),
        "acceptation": int(end == "acceptee"),
        "refus": int(end == "refusee"),
    }
    for message, expected in told.items():
        verdict.count(f"{name}: notification {message}", facts.notified[message], expected)
        verdict.count(f"{name}: mail {message}", facts.mails[message], expected)
    verdict.count(f"{name}: acknowledgement of receipt", facts.mails["accuse-reception"], filed)
    verdict.count(f"{name}: right", facts.granted, int(end == "acceptee"))
    promised = {"promesse_depot": filed, "promesse_rappel": reminded, "promesse_decision": int(end == "acceptee")}
    for element, expected in promised.items():
        verdict.count(f"{name}: {element}", facts.promises[element], EACH * expected)
    for kind in ("task_completed", "resident_answered", "claimed"):
        _once(verdict, f"{name}: {kind}", (one.data.get("task") for one in facts.having(kind)))
    _once(verdict, f"{name}: step_completed", (one.element_id for one in facts.having("step_completed")))


def _once(verdict: Verdict, what: str, subjects: Iterable[str | None]) -> None:
    verdict.twice += [f"{what} {subject}: {times}" for subject, times in Counter(subjects).items() if times > 1]


def _timers_of(verdict: Verdict, facts: Facts) -> None:
    """A timer that nothing can stop fires once; one that an answer stops fires once or is stopped once."""
    name = facts.case.reference
    verdict.timers_fired += len(facts.having("timer_fired"))
    if facts.case.status != "closed":
        return  # told of as stuck
    waited = len(facts.having("timer_fired", "attente"))
    if waited != 1:
        verdict.timers.append(f"{name}: the timer `attente` fired {waited} times")
    asked, answered = len(facts.having("resident_asked")), len(facts.having("resident_answered"))
    ran_out = len(facts.having("timer_fired", "sans_reponse"))
    if asked != answered + ran_out:
        verdict.timers.append(f"{name}: asked {asked} times, answered {answered}, the timer fired {ran_out}")
    opened = facts.having("task_opened", "instruction")
    done = facts.having("task_completed", "instruction")
    for begin, end in zip(opened, done, strict=False):
        fired = [one for one in facts.having("timer_fired", "rappel") if begin.id < one.id < end.id]
        lasted = (end.at - begin.at).total_seconds()
        # Between four seconds and the worst delay of an outage, both are right.
        if len(fired) > 1 or (fired and lasted < 4) or (not fired and lasted > 90):
            verdict.timers.append(f"{name}: `rappel` fired {len(fired)} times in {lasted:.0f} s")


def _history_of(verdict: Verdict, facts: Facts) -> None:
    """The history begins with the opening, goes on in time, alternates as the process does and ends with the end."""
    name, entries = facts.case.reference, facts.entries
    kinds = [one.kind for one in entries]
    if not entries or kinds[0] != "opened":
        verdict.history.append(f"{name}: begins with {kinds[:1]}")
    # Taking a task locks the task and not the request: it may be written between two entries of a move.
    moves = [one for one in entries if one.kind not in ("claimed", "released", "assigned", "taken_back")]
    for sooner, later in pairwise(moves):
        if later.at < sooner.at:
            verdict.history.append(f"{name}: goes back in time from {sooner.kind} to {later.kind}")
    if facts.case.status == "closed" and "closed" in kinds[:-1]:
        verdict.history.append(f"{name}: goes on after its end: {kinds[kinds.index('closed') :]}")
    opened = [one.id for one in facts.having("task_opened", "instruction")]
    done = [one.id for one in facts.having("task_completed", "instruction")]
    turns = [first for pair in zip(opened, done, strict=False) for first in pair]
    if facts.case.status == "closed" and (len(opened) != len(done) or turns != sorted(turns)):
        verdict.history.append(f"{name}: {len(opened)} tasks were opened and {len(done)} completed, or out of order")
    told = Counter(one.data.get("name") for one in facts.having("notified"))
    rows = facts.notified + Counter({"accuse-reception": facts.mails["accuse-reception"]})
    if told != rows:
        verdict.history.append(f"{name}: tells of {dict(told)}, there are {dict(rows)}")


def _standing_of(verdict: Verdict, facts: Facts) -> None:
    """The process always comes to an end: whoever is open now is stuck."""
    if facts.case.status != "closed":
        last = facts.entries[-1].kind if facts.entries else "nothing"
        verdict.stuck.append(f"{facts.case.reference}: {facts.case.status}, {facts.tasks} open tasks, after {last}")
    elif facts.tasks:
        verdict.stuck.append(f"{facts.case.reference}: closed with {facts.tasks} open tasks")


# --- files -----------------------------------------------------------------------------------------------------------------


def files(verdict: Verdict, session: Session, cases: Mapping[str, Facts], acked: Sequence[Acked]) -> None:
    """A file that a page showed is named by its request's answers, and reads as it was sent; no other is there."""
    settings = config.current()
    sent = {one.subject: one for one in acked if one.action == "upload"}
    for file in session.scalars(select(StoredFile)):
        one = sent.pop(str(file.id), None)
        try:
            content = documents.read(settings, file)
        except ParvisError as error:
            verdict.lost.append(f"the content of file {file.id}: {error}")
            continue
        if one is not None and hashlib.sha256(content).hexdigest() != one.said:
            verdict.lost.append(f"file {file.id} reads otherwise than it was sent")
    for one in sent.values():
        facts = cases.get(references.read(one.reference) or "")
        answers = (facts.case.document.get("ma_demande") or {}) if facts else {}
        # An upload may be acknowledged, and the answers then be sent again with a later one in its place.
        if not facts or facts.case.draft or one.subject in answers.get("preuve", ()):
            verdict.lost.append(f"upload {one.reference} {one.subject}")
    for facts in cases.values():
        if facts.case.filed_at is not None:
            named = set((facts.case.document.get("ma_demande") or {}).get("preuve", ()))
            there = {str(file.id) for file in documents.of_case(session, facts.case.id)}
            verdict.lost += [f"{facts.case.reference} names {one}, which isn't there" for one in sorted(named - there)]
            verdict.twice += [
                f"{facts.case.reference} keeps {one}, which nothing names" for one in sorted(there - named)
            ]


# --- jobs and mail ---------------------------------------------------------------------------------------------------------


def _promises(verdict: Verdict, session: Session) -> None:
    """Each promise that was committed was kept once."""
    kept = Counter(session.scalars(select(EFFECT.c.promise_id)))
    promises = set(session.scalars(select(PROMISE.c.id)))
    verdict.effects = sum(kept.values())
    for promise in promises | set(kept):
        verdict.count(f"effect {promise}", kept[promise], int(promise in promises))


def _mail(verdict: Verdict, session: Session, delivered: Mapping[str, int]) -> None:
    """Each message left at least once, always under the same Message-ID: doubles are counted, and no fault."""
    by_id: dict[str, int] = defaultdict(int)
    for message_id, times in delivered.items():
        by_id[message_id.strip("<>").partition("@")[0]] += times
    for mail in session.scalars(select(Mail)):
        times = by_id.pop(str(mail.id), 0)
        verdict.mail_sent += times > 0
        verdict.mail_doubles += max(0, times - 1)
        if not times or mail.sent_at is None:
            verdict.lost.append(f"mail {mail.id} ({mail.name}): delivered {times} times, sent at {mail.sent_at}")
    verdict.twice += [f"mail under an unknown Message-ID {message_id}" for message_id in by_id]
