"""A request made without an account joins one, with proof (A11)."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import select

from engine.core import mail
from engine.core.db import Session
from engine.core.errors import Conflict, NotFound
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases, history
from engine.procedures.cases import Case
from tests.engine.procedures.conftest import WHO, bearer, file

OTHER = {**WHO, "prenoms": "Grace", "nom_naissance": "Hopper", "courriel": "grace@exemple.fr"}


@pytest.fixture
def anonymous(session: Session, essai: str) -> Case:
    """A request filed without an account, from an address that isn't the resident's."""
    case, token = cases.open_draft(session, essai, ANONYMOUS)
    assert token is not None
    actor = bearer(token)
    cases.submit_step(session, case, "mes_informations", OTHER, actor)
    file_rest(session, case, actor)
    return case


def file_rest(session: Session, case: Case, actor: Actor) -> None:
    cases.submit_step(session, case, "ma_demande", {"objet": "Un banc", "montant": 10}, actor)
    cases.submit_step(session, case, "recapitulatif", {"certifie": True}, actor)


def code_sent(session: Session) -> str:
    letter = session.scalars(select(mail.Mail).where(mail.Mail.name == "code-rattachement")).one()
    assert letter.recipient == "grace@exemple.fr"
    found = re.search(r"^(\d{4})$", letter.text, re.MULTILINE)
    assert found
    return found[1]


def test_a_filed_request_joins_as_it_was_declared(session: Session, anonymous: Case, resident: Actor) -> None:
    cases.attach(session, anonymous, resident)
    assert anonymous.account_id == resident.account_id
    assert anonymous.usager["nom_naissance"] == "Hopper"
    assert cases.find(session, anonymous.reference, resident) is anonymous
    assert [entry.kind for entry in history.of_case(session, anonymous.id, public=True)][-1] == "attached"


def test_joining_again_changes_nothing(session: Session, anonymous: Case, resident: Actor) -> None:
    cases.attach(session, anonymous, resident)
    cases.attach(session, anonymous, resident)
    assert [entry.kind for entry in history.of_case(session, anonymous.id)].count("attached") == 1


def test_what_is_somebodys_joins_nobody_else(session: Session, filed: Case, agent: Actor) -> None:
    with pytest.raises(Conflict):
        cases.attach(session, filed, Actor("resident", agent.account_id))


def test_its_links_open_nothing_once_it_has_joined(session: Session, essai: str, resident: Actor) -> None:
    """Whoever was sent one signs in: the draft isn't theirs by its link any more, filed or not."""
    case, token = cases.open_draft(session, essai, ANONYMOUS)
    assert token is not None
    holder = bearer(token)
    cases.attach(session, case, resident)
    assert cases.held(session, holder, essai) is None
    for stranger in (holder, replace(holder, kind="resident", account_id=uuid4())):
        with pytest.raises(NotFound):
            cases.find(session, case.reference, stranger)
    assert cases.of_link(session, token) is case
    assert cases.find(session, case.reference, replace(resident, links=holder.links)) is case


def test_the_letters_to_come_carry_no_key(session: Session, essai: str, resident: Actor) -> None:
    case, _ = cases.open_draft(session, essai, ANONYMOUS)
    cases.attach(session, case, resident)
    file(session, case, resident)
    for letter in session.scalars(select(mail.Mail).where(mail.Mail.case_id == case.id)):
        assert f"/demandes/{case.reference}/suivi" in letter.text
        assert "/suivi/" not in letter.text
    assert len(cases.links(session, case)) == 1


def test_links_are_ended_together(session: Session, essai: str, resident: Actor) -> None:
    case, token = cases.open_draft(session, essai, ANONYMOUS)
    assert token is not None
    other = cases.make_link(session, case)
    assert len(cases.links(session, case)) == 2
    cases.end_links(session, case, bearer(token))
    assert cases.links(session, case) == []
    for one in (token, other):
        with pytest.raises(NotFound):
            cases.of_link(session, one)
        with pytest.raises(NotFound):
            cases.find(session, case.reference, bearer(one))


def test_a_draft_takes_the_identity_of_the_account_for_the_steps_to_come(
    session: Session, essai: str, resident: Actor
) -> None:
    case, token = cases.open_draft(session, essai, ANONYMOUS)
    assert token is not None
    cases.attach(session, case, resident)
    assert case.usager["nom_naissance"] == "Lovelace"
    assert case.usager["compte"] is True
    assert cases.held(session, resident, essai) is case
    file(session, case, resident)
    assert case.status == "filed"


def test_one_draft_a_person_and_procedure_holds_here_too(
    session: Session, essai: str, draft: Case, resident: Actor
) -> None:
    other, _ = cases.open_draft(session, essai, ANONYMOUS)
    with pytest.raises(Conflict, match=draft.reference):
        cases.attach(session, other, resident)
    assert other.account_id is None


def test_a_code_sent_to_the_address_of_the_request_proves_it(
    session: Session, anonymous: Case, resident: Actor
) -> None:
    cases.send_code(session, anonymous.reference.lower(), resident)
    assert cases.attach_with_code(session, anonymous.reference, code_sent(session), resident) is anonymous
    assert anonymous.account_id == resident.account_id


def test_a_code_serves_who_asked_for_it_only(session: Session, anonymous: Case, resident: Actor, agent: Actor) -> None:
    cases.send_code(session, anonymous.reference, resident)
    somebody = Actor("resident", agent.account_id)
    assert cases.attach_with_code(session, anonymous.reference, code_sent(session), somebody) is None
    assert anonymous.account_id is None


def test_guessing_ends_after_three_tries(session: Session, anonymous: Case, resident: Actor) -> None:
    cases.send_code(session, anonymous.reference, resident)
    right = code_sent(session)
    for wrong in [f"{number:04}" for number in range(10) if f"{number:04}" != right][:3]:
        assert cases.attach_with_code(session, anonymous.reference, wrong, resident) is None
    assert cases.attach_with_code(session, anonymous.reference, right, resident) is None


@pytest.mark.parametrize("reference", ["", "pas une référence", "K7QM-4WXT"])
def test_no_code_leaves_for_what_is_not_there(session: Session, resident: Actor, reference: str) -> None:
    cases.send_code(session, reference, resident)
    assert cases.attach_with_code(session, reference, "1234", resident) is None
    assert session.scalars(select(mail.Mail)).all() == []


def test_no_code_leaves_for_a_request_of_somebodys(session: Session, filed: Case, agent: Actor) -> None:
    cases.send_code(session, filed.reference, Actor("resident", agent.account_id))
    assert session.scalars(select(mail.Mail).where(mail.Mail.name == "code-rattachement")).all() == []
