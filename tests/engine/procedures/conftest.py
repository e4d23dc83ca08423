"""A small procedure with everything that a request goes through, and people to walk it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import event

from engine.core import writes
from engine.core.db import Session
from engine.people import accounts
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases, catalogue
from engine.procedures.cases import Case
from tests.engine.procedures.walking import Walk

FOLDER = Path(__file__).parent / "essai"
HOUSE = Path(__file__).parents[3]

WHO = {"prenoms": "Ada", "nom_naissance": "Lovelace", "courriel": "ada@exemple.fr"}
SMALL = {"objet": "Un banc", "montant": 10}
LARGE = {"objet": "Un pont", "montant": 1000}
SURE = {"certifie": True}


@pytest.fixture
def essai(session: Session) -> str:
    """The slug of the test procedure, deployed and published."""
    [sources] = catalogue.read_folder(FOLDER)
    catalogue.deploy(session, sources)
    return sources.slug


@pytest.fixture
def resident(session: Session) -> Actor:
    """A resident with an account."""
    account = accounts.create(session, login="ada@exemple.fr", first_names="Ada", birth_name="Lovelace")
    return Actor("resident", account.id, account.display_name)


@pytest.fixture
def agent(session: Session) -> Actor:
    """An agent of the group that the test procedure gives work to."""
    account = accounts.create(
        session, login="agent@exemple.fr", first_names="Jeanne", birth_name="Instruit", kind="agent"
    )
    return Actor("agent", account.id, account.display_name, frozenset({"Instruction"}))


@pytest.fixture
def draft(session: Session, essai: str, resident: Actor) -> Case:
    """A draft just opened by the resident."""
    return cases.open_draft(session, essai, resident)[0]


@pytest.fixture
def filed(session: Session, draft: Case, resident: Actor) -> Case:
    """A request just filed by the resident: an agent has it to examine."""
    file(session, draft, resident)
    return draft


def file(session: Session, case: Case, actor: Actor) -> None:
    """Walk the wizard to its end."""
    cases.submit_step(session, case, "mes_informations", WHO, actor)
    cases.submit_step(session, case, "ma_demande", SMALL, actor)
    cases.submit_step(session, case, "recapitulatif", SURE, actor)


def bearer(token: str) -> Actor:
    """A visitor without an account who holds a private link."""
    return ANONYMOUS.holding(frozenset({cases.link_hash(token)}))


@pytest.fixture
def statements(session: Session) -> Iterator[Callable[[], list[str]]]:
    """What was sent to the database since the fixture was made; savepoints of the test's own session left out."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK TO")):
            sent.append(statement)

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)

    def so_far() -> list[str]:
        writes.send(session.connection())  # what waits was asked for already
        return list(sent)

    yield so_far
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def walk(session: Session) -> Iterator[Callable[..., Walk]]:
    """`walk("stationnement-renouvellement")`: a request of a shipped procedure, opened by Claire of the demonstration.

    `person` is another of its people, or "" for somebody without an account; `at` is the time in Paris.
    """
    with ExitStack() as stack:

        def begin(slug: str, person: str = "claire", at: str = "2027-03-02 10:00") -> Walk:
            [sources] = catalogue.read_folder(HOUSE, [HOUSE / "processes" / f"{slug}.bpmn"])
            catalogue.deploy(session, sources)
            return Walk(session, stack, slug, person, at)

        yield begin
