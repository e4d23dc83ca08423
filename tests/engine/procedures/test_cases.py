"""Requests from draft to decision, through the engine's own verbs (A2, A7–A11, A13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from engine.bpmn.workflow import OperationFault, Workflow
from engine.core import clock, jobs, mail
from engine.core.db import Database, Session
from engine.core.errors import (
    AlreadyClaimed,
    CaseClosed,
    Forbidden,
    InvalidAnswers,
    NotCancellable,
    NotFound,
    OperationFailed,
    ProcessStuck,
    SignInRequired,
    StaleStep,
)
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases, catalogue, history, incidents, operations, quotas, tasks
from engine.procedures.cases import Case
from tests.engine.procedures.conftest import FOLDER, LARGE, SMALL, SURE, WHO, bearer, file


def open_elements(session: Session, case: Case) -> list[str]:
    return [task.element_id for task in tasks.of_case(session, case.id)]


def kinds(session: Session, case: Case) -> list[str]:
    return [entry.kind for entry in history.of_case(session, case.id)]


def mails(session: Session, case: Case) -> list[str]:
    return list(
        session.scalars(select(mail.Mail.name).where(mail.Mail.case_id == case.id).order_by(mail.Mail.written_at))
    )


# --- drafts -----------------------------------------------


def test_a_draft_opens_on_its_first_step_with_a_reference(session: Session, draft: Case) -> None:
    assert draft.status == "draft"
    assert draft.reference
    assert open_elements(session, draft) == ["mes_informations"]
    assert kinds(session, draft) == ["opened"]


def test_who_opens_a_draft_is_led_on_without_its_process_being_read_again(
    session: Session, draft: Case, resident: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Workflow, "load", None)
        assert cases.way(session, draft) == cases.Way([], {"mes_informations"})
    cases.submit_step(session, draft, "mes_informations", WHO, resident)
    assert cases.way(session, draft) == cases.Way(["mes_informations"], {"ma_demande"})
    session.flush()
    session.expire(draft)
    assert cases.way(session, draft) == cases.Way(["mes_informations"], {"ma_demande"})


def test_opening_again_gives_the_same_draft(session: Session, essai: str, draft: Case, resident: Actor) -> None:
    """A9: the existing draft is offered rather than a second one."""
    again, _ = cases.open_draft(session, essai, resident)
    assert again.id == draft.id
    assert session.scalar(select(func.count()).select_from(Case)) == 1


def test_a_visitor_without_account_gets_a_private_link(session: Session, essai: str) -> None:
    case, token = cases.open_draft(session, essai, ANONYMOUS)
    assert token is not None
    assert len(token) >= 43
    assert cases.of_link(session, token).id == case.id
    assert cases.find(session, case.reference, bearer(token)).id == case.id
    with pytest.raises(NotFound):
        cases.find(session, case.reference, ANONYMOUS)
    with pytest.raises(NotFound):
        cases.find(session, case.reference, bearer(token + "x"))


def test_a_private_link_expires(session: Session, essai: str) -> None:
    _, token = cases.open_draft(session, essai, ANONYMOUS)
    assert token is not None
    with clock.moved(cases.LINK_KEPT + timedelta(seconds=1)), pytest.raises(NotFound):
        cases.of_link(session, token)


def test_a_request_is_found_by_its_holder_only(session: Session, draft: Case, resident: Actor, agent: Actor) -> None:
    assert cases.find(session, draft.reference.lower().replace("-", " "), resident).id == draft.id
    for stranger in (ANONYMOUS, agent, Actor("resident", uuid4())):
        with pytest.raises(NotFound):
            cases.find(session, draft.reference, stranger)


# --- the wizard -------------------------------------------


def test_each_step_leads_to_the_next(session: Session, draft: Case, resident: Actor) -> None:
    assert cases.submit_step(session, draft, "mes_informations", WHO, resident).next_step == "ma_demande"
    assert cases.submit_step(session, draft, "ma_demande", LARGE, resident).next_step == "precisions"
    assert cases.submit_step(session, draft, "precisions", {"raison": "x"}, resident).next_step == "recapitulatif"
    assert draft.document["total"] == 2000
    progress = cases.submit_step(session, draft, "recapitulatif", SURE, resident)
    assert progress.filed
    assert progress.next_step is None
    assert draft.status == "filed"
    assert draft.filed_at is not None
    assert open_elements(session, draft) == ["instruction"]


def test_wrong_answers_change_nothing(session: Session, draft: Case, resident: Actor) -> None:
    with pytest.raises(InvalidAnswers) as raised:
        cases.submit_step(session, draft, "mes_informations", {"prenoms": "Ada", "courriel": "a@"}, resident)
    assert set(raised.value.errors) == {"nom_naissance", "courriel"}
    assert draft.document == {}
    assert open_elements(session, draft) == ["mes_informations"]


def test_a_step_that_is_not_open_yet_is_stale(session: Session, draft: Case, resident: Actor) -> None:
    for element in ("ma_demande", "recapitulatif", "instruction", "nulle_part"):
        with pytest.raises(StaleStep):
            cases.submit_step(session, draft, element, SURE, resident)


def test_submitting_twice_changes_nothing_the_second_time(session: Session, draft: Case, resident: Actor) -> None:
    cases.submit_step(session, draft, "mes_informations", WHO, resident)
    once = (dict(draft.document), open_elements(session, draft))
    assert cases.submit_step(session, draft, "mes_informations", WHO, resident).next_step == "ma_demande"
    assert (dict(draft.document), open_elements(session, draft)) == once


def test_going_back_with_the_same_way_returns_to_the_summary(session: Session, draft: Case, resident: Actor) -> None:
    """A2: an earlier step is reopened from the summary without losing later answers."""
    cases.submit_step(session, draft, "mes_informations", WHO, resident)
    cases.submit_step(session, draft, "ma_demande", SMALL, resident)
    changed = {**WHO, "prenoms": "Augusta"}
    assert cases.submit_step(session, draft, "mes_informations", changed, resident).next_step == "recapitulatif"
    assert draft.document["ma_demande"]["objet"] == "Un banc"
    assert draft.usager["prenoms"] == "Augusta"


def test_going_back_to_another_way_asks_the_new_question_only(session: Session, draft: Case, resident: Actor) -> None:
    cases.submit_step(session, draft, "mes_informations", WHO, resident)
    cases.submit_step(session, draft, "ma_demande", SMALL, resident)
    assert cases.submit_step(session, draft, "ma_demande", LARGE, resident).next_step == "precisions"
    assert cases.submit_step(session, draft, "precisions", {"raison": "x"}, resident).next_step == "recapitulatif"
    # And back to the short way: the question that is no longer asked blocks nothing.
    assert cases.submit_step(session, draft, "ma_demande", SMALL, resident).next_step == "recapitulatif"
    with pytest.raises(StaleStep):
        cases.submit_step(session, draft, "precisions", {"raison": "y"}, resident)


def test_the_draft_goes_on_after_a_restart(session: Session, draft: Case, resident: Actor) -> None:
    cases.submit_step(session, draft, "mes_informations", WHO, resident)
    session.expire_all()
    catalogue._definitions.clear()
    again = cases.find(session, draft.reference, resident)
    assert cases.submit_step(session, again, "ma_demande", SMALL, resident).next_step == "recapitulatif"


def test_a_locked_procedure_asks_for_an_account(session: Session, tmp_path: Path) -> None:
    """A5."""
    text = (
        (FOLDER / "processes" / "essai.bpmn")
        .read_text()
        .replace('name="audience" value="open"', 'name="audience" value="locked"')
    )
    _deploy(session, tmp_path, text)
    with pytest.raises(SignInRequired):
        cases.open_draft(session, "essai", ANONYMOUS)


# --- filing -----------------------------------------------


def test_filing_acknowledges_receipt_with_the_legal_contents(session: Session, essai: str) -> None:
    """A10: art. R112-5 and R112-11-1 CRPA."""
    with clock.frozen(datetime(2026, 11, 30, 9, 30, tzinfo=clock.PARIS)):
        case, token = cases.open_draft(session, essai, ANONYMOUS)
        assert token is not None
        file(session, case, bearer(token))
    [message] = session.scalars(select(mail.Mail).where(mail.Mail.case_id == case.id))
    assert message.name == "accuse-reception"
    assert message.recipient == "ada@exemple.fr"
    assert case.reference in message.subject
    for said in ("30 novembre 2026", "Service des essais", "01 99 00 12 34", "30 janvier 2027", "refusée", "/suivi/"):
        assert said in message.text.replace("\N{NO-BREAK SPACE}", " ")
    tracking = message.text.split("/suivi/")[1].split()[0]
    assert cases.of_link(session, tracking).id == case.id


def test_who_has_an_account_is_sent_no_key(session: Session, filed: Case) -> None:
    """A letter that is passed on opens nothing: they sign in."""
    [message] = session.scalars(select(mail.Mail).where(mail.Mail.case_id == filed.id))
    for text in (message.text, message.html or ""):
        assert f"/demandes/{filed.reference}/suivi" in text
    assert "Ce lien est personnel" not in message.text
    assert cases.links(session, filed) == []


def test_filing_is_done_once(session: Session, filed: Case, resident: Actor) -> None:
    with pytest.raises(CaseClosed):
        cases.submit_step(session, filed, "recapitulatif", SURE, resident)
    assert mails(session, filed) == ["accuse-reception"]


def test_the_queue_carries_what_agents_need(session: Session, filed: Case, agent: Actor) -> None:
    [task] = tasks.queue(session, agent).tasks
    assert (task.reference, task.applicant) == (filed.reference, "LOVELACE Ada")
    assert task.due_at is not None
    assert filed.filed_at is not None
    assert timedelta(days=4) < task.due_at - filed.filed_at < timedelta(days=6)


# --- agents -----------------------------------------------


def test_agents_find_by_either_name(session: Session, draft: Case, resident: Actor, agent: Actor) -> None:
    """Whoever is read under the name they use is also found by their name at birth."""
    draft.applicant = {**draft.applicant, "nom_usage": "King-Noël"}
    file(session, draft, resident)
    for typed in ("noel", "lovelace", "ada love"):
        (task,) = tasks.queue(session, agent, words=typed).tasks
        assert task.applicant == "KING-NOËL Ada"


def test_an_acceptance_closes_the_request(session: Session, filed: Case, agent: Actor) -> None:
    [task] = tasks.of_case(session, filed.id)
    cases.complete_task(session, filed, task.id, {"decision": "accepter"}, agent)
    assert (filed.status, filed.end_element) == ("closed", "acceptee")
    assert open_elements(session, filed) == []
    assert jobs.depth(session).get("waiting", 0) == 1, "only the acknowledgement's e-mail is left, no timer"


def test_a_refusal_tells_the_resident_why(session: Session, filed: Case, agent: Actor) -> None:
    [task] = tasks.of_case(session, filed.id)
    cases.complete_task(session, filed, task.id, {"decision": "refuser", "motif": "Hors zone"}, agent)
    assert mails(session, filed) == ["accuse-reception", "refus"]
    refusal = session.scalar(select(mail.Mail).where(mail.Mail.name == "refus"))
    assert refusal is not None
    assert "Hors zone" in refusal.text


def test_a_task_is_completed_once(session: Session, filed: Case, agent: Actor) -> None:
    [task] = tasks.of_case(session, filed.id)
    cases.complete_task(session, filed, task.id, {"decision": "completer"}, agent)
    with pytest.raises(StaleStep):
        cases.complete_task(session, filed, task.id, {"decision": "refuser", "motif": "x"}, agent)


def test_a_colleague_s_task_is_not_completed_in_their_place(session: Session, filed: Case, agent: Actor) -> None:
    [task] = tasks.of_case(session, filed.id)
    tasks.claim(session, task.id, agent)
    session.expire_all()
    colleague = Actor("agent", uuid4(), "Paul", agent.groups)
    with pytest.raises(AlreadyClaimed):
        cases.complete_task(session, filed, task.id, {"decision": "accepter"}, colleague)
    with pytest.raises(Forbidden):
        cases.complete_task(session, filed, task.id, {}, Actor("agent", uuid4(), "Luc", frozenset({"Autre"})))


def test_a_hundred_rounds_cost_what_one_does(session: Session, filed: Case, agent: Actor, resident: Actor) -> None:
    """Finished turns of a loop leave the saved state for the history."""
    sizes = []
    for _ in range(100):
        [task] = tasks.of_case(session, filed.id)
        cases.complete_task(session, filed, task.id, {"decision": "completer"}, agent)
        [task] = tasks.of_case(session, filed.id)
        cases.complete_task(session, filed, task.id, {"reponse": "voilà"}, resident)
        sizes.append(len(filed.state))
    assert max(sizes) <= sizes[0] * 1.3


# --- timers, messages, cancelling -------------------------


def test_a_timer_fires_once_at_its_time(session: Session, filed: Case) -> None:
    [job] = session.scalars(select(jobs.Job).where(jobs.Job.kind == "fire_timer"))
    key = job.payload["key"]
    cases.fire_timer(session, filed.id, key)
    assert "delai" not in mails(session, filed), "it is too early"
    with clock.frozen(job.due_at):
        cases.fire_timer(session, filed.id, key)
        cases.fire_timer(session, filed.id, key)
    assert mails(session, filed).count("delai") == 1
    assert open_elements(session, filed) == ["instruction"], "a reminder interrupts nothing"


def test_completing_the_task_takes_its_timer_back(session: Session, filed: Case, agent: Actor) -> None:
    [task] = tasks.of_case(session, filed.id)
    cases.complete_task(session, filed, task.id, {"decision": "completer"}, agent)
    assert session.scalar(select(func.count()).select_from(jobs.Job).where(jobs.Job.kind == "fire_timer")) == 0


def test_a_request_is_cancelled_while_its_process_allows_it(
    session: Session, filed: Case, resident: Actor, agent: Actor
) -> None:
    """A11."""
    [task] = tasks.of_case(session, filed.id)
    cases.complete_task(session, filed, task.id, {"decision": "completer"}, agent)
    with pytest.raises(NotCancellable):
        cases.cancel(session, filed, resident)  # the open task says no
    [task] = tasks.of_case(session, filed.id)
    cases.complete_task(session, filed, task.id, {"reponse": "voilà"}, resident)
    cases.cancel(session, filed, resident)
    assert filed.status == "cancelled"
    assert open_elements(session, filed) == []
    assert session.scalar(select(func.count()).select_from(jobs.Job).where(jobs.Job.kind == "fire_timer")) == 0
    with pytest.raises(NotCancellable):
        cases.cancel(session, filed, resident)


def test_a_draft_is_thrown_away_with_what_was_typed(session: Session, draft: Case, resident: Actor) -> None:
    cases.submit_step(session, draft, "mes_informations", WHO, resident)
    cases.cancel(session, draft, resident)
    assert draft.document == {}
    assert cases.listing(session, resident.account_id or uuid4()).rows == []


# --- history and incidents --------------------------------


def test_the_history_tells_the_whole_story_without_any_answer(session: Session, filed: Case, agent: Actor) -> None:
    """A13."""
    [task] = tasks.of_case(session, filed.id)
    cases.complete_task(session, filed, task.id, {"decision": "refuser", "motif": "secret motif"}, agent)
    entries = history.of_case(session, filed.id)
    assert [entry.kind for entry in entries] == [
        "opened", "step_completed", "step_completed", "filed", "notified", "task_opened",
        "task_completed", "notified", "closed",
    ]  # fmt: skip
    assert "secret motif" not in str([(entry.data, entry.path) for entry in entries])
    passed = [element for entry in entries for element in entry.path]
    assert passed[0] == "debut"
    assert passed[-1] == "refusee"
    assert len({entry.id for entry in entries}) == len(entries)


def test_what_stops_a_process_is_recorded_and_can_be_tried_again(
    session: Session, tmp_path: Path, resident: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    _deploy(session, tmp_path, (FOLDER / "processes" / "essai.bpmn").read_text())
    case, _ = cases.open_draft(session, "essai", resident)
    file(session, case, resident)
    [task] = tasks.of_case(session, case.id)
    agent = Actor("agent", uuid4(), "Jeanne", frozenset({"Instruction"}))
    answers = {"decision": "refuser", "motif": "Hors zone"}
    broken = operations.REGISTRY["notifications/send"]

    def fails(*_: object, **__: object) -> None:
        raise OperationFailed("no")

    monkeypatch.setitem(operations.REGISTRY, "notifications/send", replace(broken, function=fails))
    with pytest.raises(ProcessStuck) as raised, session.begin_nested():
        cases.complete_task(session, case, task.id, answers, agent)
    session.expire_all()
    assert open_elements(session, case) == ["instruction"], "the step was rolled back"
    incident = incidents.record(session, raised.value)
    assert incident is not None
    assert (incident.element_id, incident.answers) == ("refus", answers)
    again = incidents.record(session, raised.value)
    assert again is not None
    assert again.id == incident.id, "the same stop is one incident"

    monkeypatch.setitem(operations.REGISTRY, "notifications/send", broken)
    incidents.retry(session, incident.id)
    assert (case.status, case.end_element) == ("closed", "refusee")
    assert incidents.listing(session) == []
    assert incident.answers == {}


def test_a_fault_that_nothing_catches_stops_the_process(
    session: Session, filed: Case, agent: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OperationFault("nobody-expects")

    known = operations.REGISTRY["notifications/send"]
    monkeypatch.setitem(operations.REGISTRY, known.name, replace(known, function=fails))
    [task] = tasks.of_case(session, filed.id)
    with pytest.raises(ProcessStuck) as raised:
        cases.complete_task(session, filed, task.id, {"decision": "refuser", "motif": "x"}, agent)
    assert raised.value.element_id == "refus"
    assert raised.value.attempt is not None


def test_running_requests_keep_their_version(session: Session, tmp_path: Path, draft: Case, resident: Actor) -> None:
    text = (FOLDER / "processes" / "essai.bpmn").read_text().replace("total &gt; 100", "total &gt; 1")
    _deploy(session, tmp_path, text)
    cases.submit_step(session, draft, "mes_informations", WHO, resident)
    assert cases.submit_step(session, draft, "ma_demande", SMALL, resident).next_step == "recapitulatif"
    case, token = cases.open_draft(session, "essai", ANONYMOUS)
    assert token is not None
    cases.submit_step(session, case, "mes_informations", WHO, bearer(token))
    assert cases.submit_step(session, case, "ma_demande", SMALL, bearer(token)).next_step == "precisions"


def test_a_step_changes_no_column_that_an_index_of_the_requests_reads(
    session: Session, draft: Case, resident: Actor
) -> None:
    """Issue 3, point 9: PostgreSQL then writes none of them, whatever their number."""
    before = {column.name: repr(getattr(draft, column.name)) for column in Case.__table__.columns}
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        cases.submit_step(session, draft, "mes_informations", WHO, resident)
    session.expire_all()
    changed = {name for name, value in before.items() if repr(getattr(draft, name)) != value}
    assert changed == {"document", "state", "changed_at"}
    for index in Case.__table__.indexes:
        reads = f"{[column.name for column in index.columns]} {index.dialect_options['postgresql']['where']}"
        assert not any(name in reads for name in changed), index.name


def test_the_number_of_statements_of_a_step_is_small(
    session: Session, draft: Case, resident: Actor, statements: Callable[[], list[str]]
) -> None:
    cases.submit_step(session, draft, "mes_informations", WHO, resident)
    before = len(statements())
    case = cases.find(session, draft.reference, resident, lock=True)
    cases.submit_step(session, case, "ma_demande", SMALL, resident)
    assert len(statements()) - before <= 4, statements()[before:]


def test_opening_and_filing_write_each_row_once(
    session: Session, essai: str, statements: Callable[[], list[str]]
) -> None:
    before = len(statements())
    case, token = cases.open_draft(session, essai, ANONYMOUS)
    # The procedure; the request, its step, its history and its private link.
    assert len(statements()) - before <= 5, statements()[before:]
    assert token is not None
    for element_id, answers in (("mes_informations", WHO), ("ma_demande", SMALL)):
        cases.submit_step(session, case, element_id, answers, bearer(token))
    before = len(statements())
    cases.submit_step(session, case, "recapitulatif", SURE, bearer(token))
    # The request, its task, its timer and its history; the acknowledgement with its link and the job that sends it.
    assert len(statements()) - before <= 7, statements()[before:]


def test_a_move_is_found_and_written_in_few_statements(database: Database, counted: Callable[[], int]) -> None:
    """G1: on PostgreSQL a move is written in one (another job is another statement); on SQLite each costs little."""
    [sources] = catalogue.read_folder(FOLDER)
    database.run(catalogue.deploy, sources)
    token = database.run(lambda session: cases.open_draft(session, sources.slug, ANONYMOUS)[1])
    assert token is not None
    reference = database.read(lambda session: cases.of_link(session, token).reference)
    taken = []
    for element_id, answers in (("mes_informations", WHO), ("ma_demande", SMALL), ("recapitulatif", SURE)):
        counted()
        with database.transaction() as session:
            case = cases.find(session, reference, bearer(token), lock=True)
            cases.submit_step(session, case, element_id, answers, bearer(token))
        taken.append(counted())
    assert taken == ([2, 2, 3] if database.engine.dialect.name == "postgresql" else [4, 4, 8])


def test_what_an_operation_before_the_first_step_writes_finds_the_request(session: Session, tmp_path: Path) -> None:
    reserve = """<bpmn:serviceTask id="reserver" name="Réserver">
      <bpmn:extensionElements>
        <spiffworkflow:serviceTaskOperator id="quotas/hold" resultVariable="lot">
          <spiffworkflow:parameters>
            <spiffworkflow:parameter id="quota" type="str" value="&quot;essai&quot;"/>
            <spiffworkflow:parameter id="capacity" type="str" value="5"/>
          </spiffworkflow:parameters>
        </spiffworkflow:serviceTaskOperator>
      </bpmn:extensionElements>
      <bpmn:incoming>de_debut_a_reserver</bpmn:incoming>
      <bpmn:outgoing>de_debut_a_mes_informations</bpmn:outgoing>
    </bpmn:serviceTask>
    <bpmn:sequenceFlow id="de_debut_a_reserver" sourceRef="debut" targetRef="reserver"/>
    <bpmn:userTask id="mes_informations" """
    text = (FOLDER / "processes" / "essai.bpmn").read_text()
    for old, new in (
        (
            "<bpmn:outgoing>de_debut_a_mes_informations</bpmn:outgoing>",
            "<bpmn:outgoing>de_debut_a_reserver</bpmn:outgoing>",
        ),
        ('<bpmn:userTask id="mes_informations" ', reserve),
        ('id="de_debut_a_mes_informations" sourceRef="debut"', 'id="de_debut_a_mes_informations" sourceRef="reserver"'),
        (
            "<bpmn:flowNodeRef>debut</",
            "<bpmn:flowNodeRef>reserver</bpmn:flowNodeRef>\n        <bpmn:flowNodeRef>debut</",
        ),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    _deploy(session, tmp_path, text)
    case, token = cases.open_draft(session, "essai", ANONYMOUS)
    assert token is not None
    session.expire_all()
    [place] = quotas.places_of(session, case.id)
    assert (place.element_id, case.document["lot"]["held"]) == ("reserver", True)
    assert open_elements(session, case) == ["mes_informations"]
    progress = cases.submit_step(session, case, "mes_informations", WHO, bearer(token))
    assert progress.next_step == "ma_demande"


def _deploy(session: Session, folder: Path, bpmn: str) -> None:
    (folder / "processes").mkdir()
    (folder / "forms").mkdir()
    (folder / "processes" / "essai.bpmn").write_text(bpmn)
    for form in (FOLDER / "forms").iterdir():
        (folder / "forms" / form.name).write_bytes(form.read_bytes())
    [sources] = catalogue.read_folder(folder)
    catalogue.deploy(session, sources)
