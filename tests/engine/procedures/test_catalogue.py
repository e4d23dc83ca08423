"""Procedures, their immutable versions, and how people look for them (A1, A4, F1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from engine.bpmn.model import Source
from engine.core.db import Session
from engine.core.errors import DefinitionError, NotFound
from engine.procedures import catalogue
from engine.procedures.catalogue import Procedure, SourceSet, Version
from tests.engine.procedures.conftest import FOLDER, HOUSE


@pytest.fixture
def sources() -> SourceSet:
    [found] = catalogue.read_folder(FOLDER)
    return found


def changed(sources: SourceSet, old: str, new: str) -> SourceSet:
    """The same procedure with a change in its BPMN file."""
    text = sources.bpmn.content.decode()
    assert old in text
    return replace(sources, bpmn=Source(sources.bpmn.name, text.replace(old, new).encode()))


def renamed(sources: SourceSet, title: str) -> SourceSet:
    return changed(sources, "Démarche d’essai", title)


# --- files -------------------------------------------------


def test_a_folder_is_read_with_the_forms_that_each_procedure_uses(sources: SourceSet) -> None:
    assert sources.slug == "essai"
    assert next(iter(sources.files)) == "essai.bpmn"
    assert set(sources.forms) == {
        f"essai.{name}.json"
        for name in ("mes-informations", "ma-demande", "precisions", "recapitulatif", "instruction", "complement")
    }


def test_forms_bring_the_parts_they_include_and_decisions_their_tables() -> None:
    house = {found.slug: found for found in catalogue.read_folder(HOUSE)}
    renewal = house["stationnement-renouvellement"]
    assert "commun.informations.json" in renewal.forms
    assert [table.name for table in renewal.dmn] == ["stationnement-renouvellement.dmn"]
    assert house["signalement"].dmn == ()


def test_only_some_files_may_be_read() -> None:
    path = HOUSE / "processes" / "signalement.bpmn"
    assert [found.slug for found in catalogue.read_folder(HOUSE, [path])] == ["signalement"]


def test_an_unreadable_file_is_given_all_the_same(tmp_path: Path) -> None:
    """The checker says what is wrong with it."""
    (tmp_path / "processes").mkdir()
    (tmp_path / "processes" / "casse.bpmn").write_text("<bpmn:definitions")
    [found] = catalogue.read_folder(tmp_path)
    assert found.forms == {}
    assert catalogue.problems_of(found)


def test_a_content_hash_depends_on_every_file_and_on_names(sources: SourceSet) -> None:
    renamed_form = {**sources.forms}
    renamed_form["essai.autre.json"] = renamed_form.pop("essai.complement.json")
    others = [
        renamed(sources, "Autre titre"),
        replace(sources, forms={**sources.forms, "essai.complement.json": b"{}"}),
        replace(sources, forms=renamed_form),
        replace(sources, dmn=(Source("essai.dmn", b"<x/>"),)),
    ]
    assert len({sources.content_hash, *(other.content_hash for other in others)}) == 5
    assert replace(sources, forms=dict(reversed(sources.forms.items()))).content_hash == sources.content_hash


# --- versions ----------------------------------------------


def test_the_same_content_is_the_same_version(session: Session, sources: SourceSet) -> None:
    first = catalogue.deploy(session, sources)
    assert catalogue.deploy(session, sources).id == first.id
    assert first.number == 1
    assert [version.id for version, _ in catalogue.versions(session)] == [first.id]


def test_versions_count_up_and_the_last_deployed_is_published(session: Session, sources: SourceSet) -> None:
    first, second = catalogue.deploy(session, sources), catalogue.deploy(session, renamed(sources, "Deuxième"))
    assert (first.number, second.number) == (1, 2)
    assert [(version.number, published) for version, published in catalogue.versions(session, "essai")] == [
        (2, True),
        (1, False),
    ]
    assert catalogue.find(session, "essai").title == "Deuxième"


def test_publishing_rolls_back_and_forward(session: Session, sources: SourceSet) -> None:
    first = catalogue.deploy(session, sources)
    catalogue.deploy(session, renamed(sources, "Deuxième"))
    catalogue.publish(session, "essai", 1)
    found = catalogue.find(session, "essai")
    assert (found.version_id, found.number, found.title) == (first.id, 1, "Démarche d’essai")
    # The same content again is put forward again.
    catalogue.deploy(session, renamed(sources, "Deuxième"))
    assert catalogue.find(session, "essai").number == 2


def test_a_version_may_be_kept_without_being_published(session: Session, sources: SourceSet) -> None:
    catalogue.deploy(session, sources, publish=False)
    with pytest.raises(NotFound):
        catalogue.find(session, "essai")
    assert catalogue.published(session) == []
    assert [published for _, published in catalogue.versions(session)] == [False]


def test_a_version_that_does_not_exist_is_not_published(session: Session, sources: SourceSet) -> None:
    catalogue.deploy(session, sources)
    for slug, number in (("essai", 2), ("autre", 1)):
        with pytest.raises(NotFound):
            catalogue.publish(session, slug, number)


def test_withdrawing_takes_it_out_of_the_catalogue_and_publishing_puts_it_back(
    session: Session, sources: SourceSet
) -> None:
    catalogue.deploy(session, sources)
    catalogue.withdraw(session, "essai")
    assert catalogue.published(session) == []
    with pytest.raises(NotFound):
        catalogue.find(session, "essai")
    catalogue.publish(session, "essai", 1)
    assert [found.slug for found in catalogue.published(session)] == ["essai"]
    with pytest.raises(NotFound):
        catalogue.withdraw(session, "autre")


def test_every_problem_is_told_and_nothing_is_kept(session: Session, sources: SourceSet) -> None:
    broken = changed(sources, "total &gt; 100", "totale &gt; (")
    broken = changed(broken, "essai.complement.json", "essai.absent.json")
    with pytest.raises(DefinitionError) as raised:
        catalogue.deploy(session, broken)
    assert len(raised.value.problems) >= 2
    assert "essai.absent.json" in str(raised.value)
    assert catalogue.versions(session) == []


def test_a_version_never_changes(session: Session, sources: SourceSet) -> None:
    catalogue.deploy(session, sources)
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.execute(update(Version).values(files={}))


# --- definitions -------------------------------------------


def test_a_definition_is_parsed_once_and_shared(session: Session, sources: SourceSet) -> None:
    version = catalogue.deploy(session, sources)
    definition = catalogue.definition(session, version.id)
    assert catalogue.definition(session, version.id) is definition
    assert definition.title == "Démarche d’essai"
    assert [node.id for node in definition.steps] == ["mes_informations", "ma_demande", "precisions", "recapitulatif"]
    assert definition.groups == {"Instruction"}
    assert definition.bpmn == sources.bpmn.content.decode()
    assert definition.duration("maxDuration") == timedelta(minutes=30)
    assert definition.duration("quota") is None
    assert definition.is_yes("cancel", default=True)
    assert not definition.is_yes("exchanges", default=True)


def test_a_task_without_a_form_has_none(session: Session, sources: SourceSet) -> None:
    definition = catalogue.definition(session, catalogue.deploy(session, sources).id)
    form = definition.form_of("instruction")
    assert form is not None
    assert definition.form_of("calcul") is None


def test_an_unknown_version_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        catalogue.definition(session, uuid4())


def test_parsed_versions_do_not_pile_up(session: Session, sources: SourceSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_KEPT", 2)
    deployed = [catalogue.deploy(session, renamed(sources, f"Titre {number}")).id for number in range(4)]
    for version_id in deployed:
        catalogue.definition(session, version_id)
    assert len(catalogue._definitions) <= 2
    assert catalogue.definition(session, deployed[0]).title == "Titre 0"


# --- shown -------------------------------------------------


def procedure(title: str, **properties: str) -> Procedure:
    return Procedure(slug=title.casefold(), title=title, properties={"description": "", **properties})


def test_tiles_are_grouped_by_trade_in_alphabetical_order() -> None:
    works, address = procedure("Signaler", trade="Espace public"), procedure("Adresse", trade="Coordonnées")
    parking, vehicle = procedure("Renouveler", trade="Stationnement"), procedure("Changer", trade="Stationnement")
    groups = catalogue.by_trade([works, parking, vehicle, procedure("Autre"), address, procedure("É", trade="École")])
    assert list(groups) == ["Autres démarches", "Coordonnées", "École", "Espace public", "Stationnement"]
    assert groups["Stationnement"] == [parking, vehicle]


def test_the_catalogue_is_in_alphabetical_order_whatever_the_accents(session: Session, sources: SourceSet) -> None:
    for slug, title in (("a", "Zone"), ("b", "Écoles"), ("c", "eau")):
        again = renamed(sources, title)
        text = again.bpmn.content.decode().replace('id="essai"', f'id="{slug}"')
        catalogue.deploy(session, replace(again, bpmn=Source(f"{slug}.bpmn", text.encode())))
    assert [found.title for found in catalogue.published(session)] == ["eau", "Écoles", "Zone"]


def test_a_locked_procedure_is_known_as_such() -> None:
    assert procedure("X", audience="locked").locked
    assert not procedure("X", audience="open").locked
    assert not procedure("X").locked
