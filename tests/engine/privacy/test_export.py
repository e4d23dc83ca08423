"""All that is held of a person, for that person (B16)."""

from __future__ import annotations

import json
import re
from datetime import timedelta

from engine.core import clock
from engine.core.db import Session
from engine.people import accounts
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.privacy import export, wording
from engine.privacy.holdings import HOLDINGS
from engine.procedures import cases, history, tasks
from engine.procedures.cases import Case
from engine.rights import care_plans


def test_the_export_is_json_and_tells_every_table(session: Session, ada: Account, filed: Case) -> None:
    """Every declared table has its section; each says what isn't told, and why."""
    said = json.loads("".join(export.as_json(session, ada)))
    sections = {one["table"]: one for one in said["rubriques"]}
    assert set(sections) == {name for name, holding in HOLDINGS.items() if holding.told}
    (account,) = sections["account"]["lignes"]
    assert account["Courriel de connexion"] == "ada@exemple.fr"
    assert account["Téléphone mobile"] == "06 39 98 12 07"
    assert "password_hash" in sections["account"]["non_communique"]
    (case,) = sections["case"]["lignes"]
    assert case["Réponses et suite donnée"]["ma_demande"]["objet"] == "Un banc"
    assert filed.reference in sections["mail"]["lignes"][0]["Texte"]
    assert len(sections["history"]["lignes"]) >= 4


def test_an_agents_unfinished_decision_is_not_told(session: Session, ada: Account, filed: Case, agent: Actor) -> None:
    """What prepares a decision isn't the decision: only the resident's own typing is theirs to read."""
    (task,) = tasks.of_case(session, filed.id)
    assert cases.put_aside(filed, task.id, {"motif": "Plutôt non"}, agent)
    assert cases.keep_typed(filed, "a-faire", {"objet": "Un arbre"})
    session.flush()
    whole = "".join(export.as_json(session, ada))
    assert "Plutôt non" not in whole
    assert "Un arbre" in whole
    assert "en préparation" in whole
    sections = {one.title: one for one in export.as_sections(session, ada, most=9)}
    assert "Plutôt non" not in repr(sections["Demandes"])
    assert "en préparation" in sections["Demandes"].withheld["typed"]


def test_nobody_elses_rows_are_told(session: Session, ada: Account, filed: Case) -> None:
    other = accounts.create(session, login="karim@exemple.fr", first_names="Karim", birth_name="Benali")
    today = clock.today()
    care_plans.add(
        session, account_id=other.id, first_names="Karim", name="Benali", hours_per_month=2, benefits=["Repas"],
        starts_on=today, ends_on=today + timedelta(days=9),
    )  # fmt: skip
    whole = "".join(export.as_json(session, other))
    assert "ada@exemple.fr" not in whole
    assert filed.reference not in whole
    assert "Repas" in whole
    assert "Benali" not in "".join(export.as_json(session, ada))


def test_the_sections_to_read_are_bounded(session: Session, ada: Account, filed: Case) -> None:
    sections = {one.title: one for one in export.as_sections(session, ada, most=2)}
    assert len(sections["Historique de vos demandes"].rows) == 2
    assert sections["Historique de vos demandes"].more
    (account,) = sections["Votre compte"].rows
    assert ("Identité certifiée", "Non") in account
    assert ("Nom d’usage", "Non renseigné") in account
    (case,) = sections["Demandes"].rows
    told = dict(case)
    assert told["Démarche"] == "Démarche d’essai"
    assert told["État"] == "En cours"
    assert "Ma demande › Objet\u00a0: Un banc" in told["Réponses et suite donnée"].splitlines()
    assert "Droits" not in sections


def test_people_read_words_and_days(session: Session, ada: Account, filed: Case) -> None:
    """Not what the database writes: «F», «1987-03-14»."""
    ada.sex = "F"
    filed.document = {**filed.document, "essai": {"sexe": "M", "date_naissance": "1987-03-14"}}
    session.flush()
    sections = {one.title: one for one in export.as_sections(session, ada, most=9)}
    told = dict(line for section in sections.values() for row in section.rows for line in row)
    assert "Féminin" in told.values()
    assert any("Essai › Sexe\u00a0: Masculin" in text for text in told.values())
    assert any("Essai › Date de naissance\u00a0: 14/03/1987" in text for text in told.values())
    assert "1987-03-14" in "".join(export.as_json(session, ada))


def test_no_code_is_left_to_guess(session: Session, ada: Account, filed: Case) -> None:
    """What happened, to which step, by whom: as the pages say it."""
    sections = {one.title: one.rows for one in export.as_sections(session, ada, most=99)}
    happened = [dict(row) for row in sections["Historique de vos demandes"]]
    assert {one["Sorte d’auteur"] for one in happened} == {"Vous"}
    assert {"Événement": "Étape remplie", "Étape": "Ma demande"}.items() <= happened[-3].items()
    for section in ("Historique de vos demandes", "Demandes", "Votre compte"):
        for row in sections[section]:
            assert not any(re.fullmatch(r"[a-z]+_[a-z_]+", text) for _, text in row)
    assert wording.text(None) == "Non renseigné"
    assert set(wording.CODES["history", "kind"]) >= history.PUBLIC
