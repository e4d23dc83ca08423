"""Analysts decide which version is offered, knowing what runs on each and what others decided (F1)."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from engine.bpmn.model import Source
from engine.core.db import Session
from engine.core.errors import DefinitionError, NotFound
from engine.people.actors import Actor
from engine.procedures import cases, catalogue, publications
from engine.procedures.catalogue import SourceSet
from engine.procedures.publications import Offer, OfferChanged
from tests.engine.procedures.conftest import FOLDER, file

ANALYST = Actor("agent", uuid4(), "Yann", roles=frozenset({"analyst"}))


@pytest.fixture
def second(session: Session, essai: str) -> SourceSet:
    """Another content of the test procedure, kept as its second version and not offered."""
    [first] = catalogue.read_folder(FOLDER)
    text = first.bpmn.content.decode().replace("Démarche d’essai", "Démarche d’essai, encore")
    sources = replace(first, bpmn=Source(first.bpmn.name, text.encode()))
    assert publications.keep(session, sources, who=ANALYST)[1]
    return sources


def told(session: Session) -> list[tuple[str, int | None, object]]:
    acts = reversed(publications.decisions(session, "essai"))
    return [(one.action.removeprefix("catalogue."), one.facts.get("number"), one.actor_id) for one in acts]


@pytest.mark.usefixtures("second")
def test_versions_tell_what_runs_on_them(session: Session, resident: Actor) -> None:
    case = cases.open_draft(session, "essai", resident)[0]
    file(session, case, resident)
    publications.publish(session, "essai", 2, who=ANALYST)
    cases.open_draft(session, "essai", resident)
    found = [(one.number, one.offered, one.running, one.drafts) for one in publications.versions(session, "essai")]
    assert found == [(2, True, 0, 1), (1, False, 1, 0)]
    [listed] = publications.listing(session)
    assert (listed.title, listed.offered, listed.versions) == ("Démarche d’essai, encore", Offer(2), 2)


def test_decisions_are_told_once(session: Session, second: SourceSet) -> None:
    """With who took them; deciding what is so already, or depositing what is known, changes nothing and says nothing."""
    assert not publications.keep(session, second, who=ANALYST)[1]
    publications.publish(session, "essai", 1, who=ANALYST)
    publications.publish(session, "essai", 2, who=ANALYST)
    publications.withdraw(session, "essai", who=ANALYST)
    publications.withdraw(session, "essai", who=ANALYST)
    by = ANALYST.account_id
    assert told(session) == [("deployed", 2, by), ("published", 2, by), ("withdrawn", None, by)]
    [listed] = publications.listing(session)
    assert listed.offered == Offer(None)
    with pytest.raises(NotFound):
        catalogue.find(session, "essai")


@pytest.mark.usefixtures("second")
def test_what_somebody_else_decided_meanwhile_is_not_undone(session: Session) -> None:
    publications.publish(session, "essai", 2, who=ANALYST, seen=Offer(1))
    with pytest.raises(OfferChanged):
        publications.publish(session, "essai", 1, who=ANALYST, seen=Offer(1))
    with pytest.raises(OfferChanged):
        publications.withdraw(session, "essai", who=ANALYST, seen=Offer(None))
    assert publications.offer(session, "essai") == Offer(2)
    publications.withdraw(session, "essai", who=ANALYST, seen=Offer(2))


def test_what_the_check_refuses_is_not_kept(session: Session, essai: str) -> None:
    [first] = catalogue.read_folder(FOLDER)
    broken = replace(first, bpmn=Source(first.bpmn.name, first.bpmn.content.replace(b"lane", b"lame")))
    with pytest.raises(DefinitionError):
        publications.keep(session, broken, who=ANALYST)
    assert len(publications.versions(session, essai)) == 1


def test_a_version_never_offered_is_listed_by_its_title(session: Session) -> None:
    [sources] = catalogue.read_folder(FOLDER)
    publications.keep(session, sources, who=ANALYST)
    [listed] = publications.listing(session)
    assert (listed.title, listed.offered, listed.latest) == ("Démarche d’essai", Offer(None), 1)


@pytest.mark.usefixtures("essai")
def test_a_version_knows_its_files_and_what_the_check_says_of_them(session: Session) -> None:
    version_id = publications.find(session, "essai", 1)
    definition = catalogue.definition(session, version_id)
    [sources] = catalogue.read_folder(FOLDER)
    assert definition.sources.content_hash == sources.content_hash
    assert definition.problems == ()
    for slug, number in (("essai", 2), ("rien", 1)):
        with pytest.raises(NotFound):
            publications.find(session, slug, number)
    with pytest.raises(NotFound):
        publications.versions(session, "rien")
