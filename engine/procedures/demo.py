"""The people of the demonstration (`demo.yaml`): residents with their rights and plans, agents with their groups.

`./parvis up` loads them where demo data is wanted; scenarios name them (`as: claire`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from engine.contact import appointments
from engine.core import audit, clock, config
from engine.core.db import Database, Session
from engine.core.errors import ConfigurationError, NotFound
from engine.people import accounts, passwords, places, terms
from engine.people.accounts import Account
from engine.people.places import Place
from engine.rights import care_plans, entitlements

# Everybody's, and printed at each start: a demonstration holds nothing secret and listens to its own machine only.
PASSWORD = "Parvis-Demo-2026"  # noqa: S105


@dataclass(frozen=True)
class Person:
    """Somebody of the demonstration: who they are and what for, in a line."""

    name: str
    login: str
    kind: str
    about: str


def load(database: Database) -> list[Person]:
    """Add whoever isn't there yet, with their rights as of today; everybody, residents first.

    `ConfigurationError` outside of a demonstration: these passwords are known to all.
    """
    if not config.current().demo:
        raise ConfigurationError("the demonstration’s people are for PARVIS_DEMO=1 only")
    with database.reading() as session:
        missing = [person for person in people() if not _there(session, person)]
    database.run(_add_files)
    if missing:
        # One hash each: equal hashes would say that passwords are equal, even here.
        hashes = {person.name: passwords.hashed(PASSWORD) for person in missing}

        def add_missing(session: Session) -> None:
            for person in missing:
                if not _there(session, person):
                    add(session, person.name, password_hash=hashes[person.name])

        database.run(add_missing)
    database.run(add_agendas)
    return people()


def add_agendas(session: Session) -> None:
    """The agendas of the demonstration that aren't there yet; those that agents changed stay as they are."""
    known = {agenda.code for agenda in appointments.everything(session)}
    for one in map(appointments.read, _read()["agendas"]):
        if one.code not in known:
            appointments.save(session, one)


@dataclass(frozen=True)
class File:
    """A beneficiary's file, as the city's letter tells of it."""

    reference: str
    first_names: str
    name: str
    birth_date: str


def files() -> list[File]:
    """The files of beneficiaries who have no account."""
    return [
        File(one["dossier"], one["prenoms"], one["nom"], one["date_naissance"]) for one in _read()["files"].values()
    ]


def _add_files(session: Session) -> None:
    today = clock.today()
    for file in _read()["files"].values():
        if not care_plans.of_file(session, file["dossier"]):
            care_plans.add(
                session,
                account_id=None,
                first_names=file["prenoms"],
                name=file["nom"],
                hours_per_month=file["heures_par_mois"],
                benefits=file["aides"],
                starts_on=today + timedelta(days=file["debut"]),
                ends_on=today + timedelta(days=file["fin"]),
                file_reference=file["dossier"],
                birth_date=file["date_naissance"],
            )


def people() -> list[Person]:
    """Everybody of the demonstration, residents first."""
    read = _read()
    return [
        *(Person(name, one["login"], "resident", one["about"]) for name, one in read["residents"].items()),
        *(Person(name, one["login"], "agent", _about(one)) for name, one in read["agents"].items()),
    ]


def _about(agent: dict[str, Any]) -> str:
    groups = ", ".join(agent["groups"])
    if supervised := agent.get("supervises"):
        return f"the supervisor of {', '.join(supervised)}"
    given = " and ".join(f"an {role}" for role in agent.get("roles", ()))
    return given or f"an agent of {groups}"


def add(session: Session, name: str, *, password_hash: str | None = None) -> Account:
    """The account of one person, new, with what they hold as of today; `NotFound` when the demonstration has nobody so named."""
    read = _read()
    if name in read["agents"]:
        return _add_agent(session, read["agents"][name], password_hash)
    if name in read["residents"]:
        return _add_resident(session, read["residents"][name], password_hash)
    raise NotFound(f"La démonstration ne connaît pas «\u00a0{name}\u00a0».", name=name)


def _there(session: Session, person: Person) -> bool:
    # Whoever tries the demonstration may change the e-mail they sign in with, or their user name: they are still there.
    read = _read()
    told = read["residents"].get(person.name) or read["agents"][person.name]
    return any(accounts.by_login(session, name) for name in (told["login"], told["username"])) or any(
        entitlements.known(session, right["numero"]) for right in told.get("entitlements", ())
    )


def _add_agent(session: Session, agent: dict[str, Any], password_hash: str | None) -> Account:
    account = accounts.create(
        session,
        kind="agent",
        login=agent["login"],
        username=agent["username"],
        first_names=agent["prenoms"],
        birth_name=agent["nom"],
        password_hash=password_hash,
    )
    place = Place(agent["groups"], agent.get("supervises", ()), agent.get("roles", ()))
    places.put(session, account, place, who=audit.OPERATOR)
    return account


def _add_resident(session: Session, resident: dict[str, Any], password_hash: str | None) -> Account:
    usager, today = resident["usager"], clock.today()
    address = usager["adresse"]
    account = accounts.create(
        session,
        login=resident["login"],
        username=resident["username"],
        password_hash=password_hash,
        contact_email=usager["courriel"],
        mobile_phone=usager["telephone_mobile"],
        landline=usager["telephone_fixe"],
        preferred_contact=usager["contact_prefere"],
        sex=usager["sexe"],
        first_names=usager["prenoms"],
        birth_name=usager["nom_naissance"],
        usage_name=usager["nom_usage"],
        birth_date=usager["date_naissance"],
        street=address["voie"],
        address_more=address["complement"],
        postcode=address["code_postal"],
        town=address["commune"],
        certified=usager["certifie"],
    )
    terms.accept(session, account.id, terms.versions())
    for right in resident.get("entitlements", ()):
        entitlements.add(
            session,
            account.id,
            numero=right["numero"],
            zone=right["zone"],
            plate=right["immatriculation"],
            starts_on=today + timedelta(days=right["debut"]),
            ends_on=today + timedelta(days=right["fin"]),
        )
    if plan := resident.get("care_plan"):
        care_plans.add(
            session,
            account_id=account.id,
            first_names=usager["prenoms"],
            name=usager["nom_usage"] or usager["nom_naissance"],
            hours_per_month=plan["heures_par_mois"],
            benefits=plan["aides"],
            starts_on=today + timedelta(days=plan["debut"]),
            ends_on=today + timedelta(days=plan["fin"]),
            file_reference=plan["dossier"],
            birth_date=usager["date_naissance"],
        )
    return account


@functools.cache
def _read() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
    return read
