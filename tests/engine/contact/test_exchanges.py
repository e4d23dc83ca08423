"""Exchanges: threads, what is unread on each side, limits, answers that are waited for (D2)."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from engine.contact import documents, exchanges
from engine.contact.exchanges import RESIDENT, SERVICE, Exchange, Message, Side
from engine.core.db import Session
from engine.core.errors import Conflict, NotFound
from engine.people.actors import ANONYMOUS, Actor

CASE = UUID(int=1)
AGENT = Actor("agent", UUID(int=7), "Jeanne", frozenset({"Voirie"}))


@pytest.fixture
def exchange(session: Session) -> Exchange:
    return exchanges.begin(session, case_id=CASE, subject=" Où\nest-ce\x00 ? ", group="Voirie")


def write(
    session: Session, exchange: Exchange, side: Side, body: str = "Bonjour", sending: str | None = None
) -> Message:
    author = AGENT if side == SERVICE else ANONYMOUS
    return exchanges.write(session, exchange, side=side, body=body, author=author, sending=sending)


def test_a_message_is_unread_for_the_other_side_until_it_opens_the_thread(session: Session, exchange: Exchange) -> None:
    for side, other in ((RESIDENT, SERVICE), (SERVICE, RESIDENT)):
        message = write(session, exchange, side)
        assert (exchange.unread(side), exchange.unread(other)) == (0, 1)
        assert (message.unread(side), message.unread(other)) == (False, True)
        assert exchanges.read(session, exchange, side, AGENT) == 0, "one's own messages are read"
        assert exchanges.read(session, exchange, other, AGENT) == 1
        session.refresh(message)
        assert message.read_by == AGENT.account_id
        assert exchange.unread(other) == 0


def test_what_waits_is_found_by_person_and_by_service(session: Session, exchange: Exchange) -> None:
    write(session, exchange, RESIDENT)
    elsewhere = exchanges.begin(session, case_id=UUID(int=2), subject="Autre", group="Accueil")
    for _ in range(2):
        write(session, elsewhere, SERVICE)
    assert exchanges.for_groups(session, {"Voirie", "Accueil"}) == [exchange]
    assert (exchanges.count_for_groups(session, {"Voirie"}), exchanges.count_for_groups(session, set())) == (1, 0)
    assert exchanges.to_read(session, [CASE, UUID(int=2)]) == [elsewhere]
    assert exchanges.count_to_read(session, [CASE, UUID(int=2)]) == 2
    assert exchanges.count_to_read(session, []) == 0
    with pytest.raises(NotFound):
        exchanges.find(session, CASE, elsewhere.id)


def test_texts_are_cleaned_and_a_click_sends_once(session: Session, exchange: Exchange) -> None:
    assert exchange.subject == "Où est-ce ?"
    message = write(session, exchange, RESIDENT, "  Ici\x00.\n", sending="click")
    assert message.text == "Ici."
    assert exchanges.sent(session, CASE, "click") is message
    assert exchanges.sent(session, UUID(int=2), "click") is None
    with pytest.raises(IntegrityError):
        write(session, exchange, RESIDENT, sending="click")


def test_files_leave_the_form_with_the_message(session: Session, exchange: Exchange) -> None:
    place = exchanges.composing(RESIDENT, ANONYMOUS, exchange.id)
    received = documents.Received("plan.pdf", "application/pdf", 1, "0" * 64, f"none/{uuid4().hex}")
    file = documents.add(session, received, case_id=CASE, field=f"{place}.pieces", actor=ANONYMOUS)
    assert exchanges.is_composed(file.field)
    message = exchanges.write(session, exchange, side=RESIDENT, body="Voici.", author=ANONYMOUS, files=[file])
    assert message.files == [str(file.id)]
    assert not exchanges.is_composed(file.field)
    assert exchanges.composing(SERVICE, AGENT, None) != exchanges.composing(SERVICE, ANONYMOUS, None)


def test_a_thread_of_the_process_is_found_again_and_waits_as_long_as_it_does(session: Session) -> None:
    asked = exchanges.begin(session, case_id=CASE, subject="Question", group="Voirie", thread="question")
    assert exchanges.begin(session, case_id=CASE, subject="Encore", group="Voirie", thread="question") is asked
    exchanges.await_answer(asked, "reponse", asked=True)
    session.flush()
    assert exchanges.to_answer(session, [CASE]) == [asked]
    exchanges.stop_waiting(session, CASE, {"reponse", "autre"})
    assert exchanges.to_answer(session, [CASE]) == [asked]
    exchanges.stop_waiting(session, CASE, ())
    assert exchanges.to_answer(session, [CASE]) == []
    session.refresh(asked)
    assert (asked.awaits, asked.asked) == (None, False)


def test_nobody_makes_a_request_endless(session: Session, exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "EXCHANGES_MAX", 1)
    monkeypatch.setattr(exchanges, "MESSAGES_MAX", 1)
    write(session, exchange, RESIDENT, "a" * (exchanges.TEXT_MAX + 1))
    with pytest.raises(Conflict):
        write(session, exchange, RESIDENT)
    with pytest.raises(Conflict):
        exchanges.begin(session, case_id=CASE, subject="Encore", group="Voirie")


def test_erasing_a_request_erases_its_exchanges(session: Session, exchange: Exchange) -> None:
    write(session, exchange, RESIDENT)
    exchanges.erase(session, CASE)
    assert exchanges.of_case(session, CASE) == []
    assert exchanges.messages(session, [exchange.id]) == []
