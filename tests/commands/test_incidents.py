"""`./parvis incidents`: a request that is stuck is seen, and goes on once its cause is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from engine.core.db import Database, Session
from engine.core.errors import OperationFailed, ProcessStuck
from engine.people import accounts
from engine.people.actors import Actor
from engine.procedures import cases, catalogue, incidents, operations, tasks

pytestmark = pytest.mark.sqlite_only
ESSAI = Path(__file__).parent.parent / "engine" / "procedures" / "essai"
STEPS = {
    "mes_informations": {"prenoms": "Ada", "nom_naissance": "Lovelace", "courriel": "ada@exemple.fr"},
    "ma_demande": {"objet": "Un banc", "montant": 10},
    "recapitulatif": {"certifie": True},
}


@pytest.fixture
def broken() -> Iterator[pytest.MonkeyPatch]:
    """Notifications can't be sent until this is undone."""
    sound = operations.REGISTRY["notifications/send"]

    def fails(*_: object, **__: object) -> None:
        raise OperationFailed("the letterbox is full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(operations.REGISTRY, sound.name, operations.Operation(**{**vars(sound), "function": fails}))
        yield patch


def get_stuck(database: Database) -> str:
    """File a request and refuse it while refusals can't be sent; the reference of the request."""

    def file(session: Session) -> tuple[str, Any, Actor]:
        account = accounts.create(session, login="ada@exemple.fr", first_names="Ada", birth_name="Lovelace")
        resident = Actor("resident", account.id, account.display_name)
        [sources] = catalogue.read_folder(ESSAI)
        catalogue.deploy(session, sources)
        case, _ = cases.open_draft(session, sources.slug, resident)
        for element_id, answers in STEPS.items():
            cases.submit_step(session, case, element_id, answers, resident)
        [task] = tasks.of_case(session, case.id)
        return case.reference, task.id, resident

    reference, task_id, _ = database.run(file)
    agent = Actor("agent", uuid4(), "Jeanne", frozenset({"Instruction"}))

    def refuse(session: Session) -> None:
        case = cases.find_for_agent(session, reference, agent)
        cases.complete_task(session, case, task_id, {"decision": "refuser", "motif": "Hors zone"}, agent)

    with pytest.raises(ProcessStuck) as raised:
        database.run(refuse)
    database.run(incidents.record, raised.value)
    return reference


def test_a_stuck_request_is_listed_and_goes_on(run: Any, installed: Database, broken: pytest.MonkeyPatch) -> None:
    reference = get_stuck(installed)
    status, said, _ = run("incidents")
    assert status == 0
    heading, line = said.splitlines()
    assert heading.split()[0] == "ID"
    incident = line.split()[0]
    assert reference in line
    assert "essai" in line
    assert "Hors zone" not in said, "what people typed stays in the database"

    status, _, complaint = run("incidents", "retry", incident)
    assert status == 1
    assert complaint.startswith("parvis: stuck again at refus: ")
    assert len(run("incidents")[1].splitlines()) == 2, "the same stop is one incident"

    broken.undo()
    assert run("incidents", "retry", incident)[0] == 0
    assert run("incidents")[1] == "no request is stuck\n"
    assert reference in run("incidents", "--solved")[1]
    assert run("incidents", "retry", incident)[0] == 1, "it is solved already"


@pytest.mark.usefixtures("installed")
def test_an_incident_that_does_not_exist_is_said(run: Any) -> None:
    status, _, complaint = run("incidents", "retry", str(uuid4()))
    assert (status, complaint.count("\n")) == (1, 1)
