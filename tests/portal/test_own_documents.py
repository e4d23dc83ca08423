"""«Mes pièces»: documents kept in one's space, used in requests, added to those under way (B14, A12, A19)."""

from __future__ import annotations

import errno
import gc
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pikepdf
import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine import handlers
from engine.contact import documents
from engine.contact.documents import Document, DocumentFile, StoredFile, receiving, storage
from engine.core import clock, config, jobs, mail
from engine.core.db import Database
from engine.core.mail import Mail
from engine.people import sessions
from engine.people.accounts import Account
from engine.privacy import deletion
from engine.procedures import cases
from engine.procedures.tasks import HumanTask
from portal import attachments
from tests import clamd
from tests.portal.agents.conftest import statements  # noqa: F401 - a fixture
from tests.portal.conftest import INFORMATION, REPORT, Visitor
from tests.portal.test_documents import photo

Said = Callable[[TestResponse], str]
CARD = {"type": "identite", "titre": "Carte d’identité"}


@pytest.fixture(autouse=True)
def _unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decoders say is the affair of tests/engine/contact/documents."""
    monkeypatch.setattr(receiving, "inspected", lambda name, media_type, content: content)


@pytest.fixture
def signed_in(visitors: Callable[[], Visitor], data: Database) -> Callable[[Account], Visitor]:
    def enter(account: Account) -> Visitor:
        browser = visitors()
        browser.client.set_cookie("parvis_connexion", data.run(sessions.open, account))
        return browser

    return enter


@pytest.fixture
def claire(account: Callable[..., Account], signed_in: Callable[[Account], Visitor]) -> Visitor:
    return signed_in(account())


def form(visitor: Visitor) -> str:
    """The address of a document to be."""
    found = re.search(r'action="(/mon-espace/pieces/[0-9a-f-]{36})"', visitor.get("/mon-espace/pieces/ajouter").text)
    assert found
    return found[1]


def add(visitor: Visitor, **more: Any) -> str:
    """The address of a document with a photo."""
    address = form(visitor)
    answer = visitor.post(address, {**CARD, "fichiers-files": photo("recto.png"), **more})
    assert answer.status_code == 303, answer.text
    return address


def rows(data: Database, table: type[Any]) -> list[Any]:
    with data.reading() as session:
        return list(session.scalars(select(table).order_by(table.added_at)))


def on_disk() -> list[Path]:
    return [path for path in config.current().files.rglob("*") if path.is_file()]


def draft(visitor: Visitor) -> str:
    """The step of a report where photos are joined."""
    first = visitor.post("/demarches/signalement").location
    return str(visitor.post(first, INFORMATION).location)


def filed(visitor: Visitor, **answers: Any) -> str:
    """The reference of a filed report."""
    summary = visitor.post(draft(visitor), {**REPORT, **answers}).location
    assert visitor.post(summary, {"certification": "true"}).location.endswith("/confirmation")
    return str(summary.split("/")[2])


# --- the documents ---------------------------------------------------------------------------------------------------------


def test_a_document_is_added_and_its_files_are_its_owners_alone(
    claire: Visitor,
    account: Callable[..., Account],
    signed_in: Callable[[Account], Visitor],
    data: Database,
    said: Said,
) -> None:
    add(claire, **{"expiration-day": "2", "expiration-month": "3", "expiration-year": "2031"})
    page = claire.get("/mon-espace/pieces")
    assert "Carte d’identité" in said(page)
    assert "2 mars 2031" in said(page)
    [link] = re.findall(r'href="(/mon-espace/pieces/[^"]+/fichiers/[^"]+)"', page.text)
    answer = claire.get(link, buffered=True)
    assert answer.data[:4] == b"\x89PNG"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["Cache-Control"] == "no-store"
    karim = signed_in(account("karim@exemple.fr", first_names="Karim"))
    address = link.partition("/fichiers")[0]
    for path in (link, address, f"{address}/supprimer", f"{address}/demandes"):
        assert karim.get(path).status_code == 404
    assert karim.post(address, CARD).status_code == 404
    karim.post(f"{address}/supprimer")
    assert karim.post(f"{address}/demandes", {"demandes": "X"}).status_code == 404
    assert len(rows(data, DocumentFile)) == 1


def test_uploads_outlive_the_errors_of_the_form(claire: Visitor, data: Database, said: Said) -> None:
    address = form(claire)
    page = claire.post(address, {"type": "identite", "fichiers-files": photo("recto.png")})
    assert page.status_code == 422
    assert "Donnez un titre" in said(page)
    assert "recto.png" in said(page)
    assert "À compléter" in said(claire.get("/mon-espace/pieces"))
    assert "recto.png" in said(claire.get(address))
    [file] = rows(data, DocumentFile)
    assert claire.post(address, {**CARD, "fichiers": str(file.id)}).status_code == 303
    [document] = rows(data, Document)
    assert document.finished
    assert [one.id for one in rows(data, DocumentFile)] == [file.id]


def test_a_form_sent_twice_makes_one_document(claire: Visitor, data: Database) -> None:
    address = add(claire)
    claire.post(address, {**CARD, "fichiers": str(rows(data, DocumentFile)[0].id)})
    assert len(rows(data, Document)) == 1


def test_every_error_is_said_at_once(claire: Visitor, data: Database) -> None:
    page = claire.post(form(claire), {"fichiers-files": (io.BytesIO(b"MZ"), "virus.exe")})
    assert page.status_code == 422
    for field in ("type", "titre", "fichiers"):
        assert f'href="#f-{field}' in page.text
    assert on_disk() == []
    assert rows(data, Document) == []


def test_a_file_taken_off_goes_once_that_is_validated(claire: Visitor, data: Database, said: Said) -> None:
    address = add(claire)
    [first] = rows(data, DocumentFile)
    page = claire.post(address, {**CARD, "fichiers": str(first.id), "_action": f"remove-file:fichiers:{first.id}"})
    assert page.status_code == 200
    assert "recto.png" not in said(page)
    assert len(on_disk()) == 1
    claire.post(address, {**CARD, "fichiers-files": photo("verso.png")})
    assert [file.name for file in rows(data, DocumentFile)] == ["verso.png"]
    assert len(on_disk()) == 1


def test_four_files_a_document_and_no_more_than_the_space_holds(claire: Visitor, data: Database, said: Said) -> None:
    address = form(claire)
    for number in range(4):
        claire.post(address, {**CARD, "_action": "attach:fichiers", "fichiers-files": photo(f"{number}.png")})
    page = claire.post(address, {**CARD, "_action": "attach:fichiers", "fichiers-files": photo("5.png")})
    assert "4 fichiers au plus" in said(page)
    assert len(rows(data, DocumentFile)) == len(on_disk()) == 4
    config.use(replace(config.current(), space_megabytes=0))
    page = claire.post(form(claire), {**CARD, "fichiers-files": photo("trop.png")})
    assert page.status_code == 422
    assert "est plein" in said(page)
    assert len(on_disk()) == 4


def test_deleting_a_document_deletes_its_files_and_no_copy(claire: Visitor, data: Database, said: Said) -> None:
    address = add(claire)
    [own] = rows(data, DocumentFile)
    reference = filed(claire, **{"photos-pieces": str(own.id)})
    assert "Garder cette pièce" in said(claire.get(f"{address}/supprimer"))
    page = claire.follow(claire.post(f"{address}/supprimer"))
    assert "sont supprimés" in said(page)
    assert rows(data, Document) == rows(data, DocumentFile) == []
    assert claire.post(f"{address}/supprimer").status_code == 303
    [copy] = rows(data, StoredFile)
    assert len(on_disk()) == 1
    assert claire.get(f"/demandes/{reference}/pieces/{copy.id}", buffered=True).data[:4] == b"\x89PNG"


def test_its_owner_is_told_before_a_document_expires(claire: Visitor, data: Database) -> None:
    day = clock.today() + timedelta(days=90)
    expiry = {"expiration-day": str(day.day), "expiration-month": str(day.month), "expiration-year": str(day.year)}
    address = add(claire, **expiry)
    with clock.frozen(clock.now() + timedelta(days=61)):
        jobs.drain(data, handlers.HANDLERS)
    with data.reading() as session:
        [letter] = session.scalars(select(Mail).where(Mail.name == "expiration-piece"))
    assert "/mon-espace/pieces" in letter.text
    assert "identité" not in letter.text  # a mailbox is read by others too
    claire.post(f"{address}/supprimer")
    with data.reading() as session:
        assert [job.kind for job in jobs.listing(session)] == ["sweep_files"]


# --- used in requests ------------------------------------------------------------------------------------------------------


def test_a_document_is_chosen_in_the_wizard(claire: Visitor, data: Database, said: Said) -> None:
    """A19: a copy of its own, in the request's own keeping."""
    add(claire)
    step = draft(claire)
    page = claire.get(step)
    assert "Choisir dans Mes pièces" in said(page)
    [own] = rows(data, DocumentFile)
    page = claire.post(step, {**REPORT, "_action": "attach:photos", "photos-pieces": str(own.id)})
    [copy] = rows(data, StoredFile)
    assert f'name="photos" value="{copy.id}"' in page.text
    assert (copy.sha256, copy.document_id, copy.origin_id) == (own.sha256, own.document_id, own.id)
    assert copy.path != own.path
    assert claire.post(step, {**REPORT, "photos": str(copy.id)}).location.endswith("/recapitulatif")


def test_only_ones_own_and_what_the_field_takes_can_be_chosen(
    claire: Visitor,
    account: Callable[..., Account],
    signed_in: Callable[[Account], Visitor],
    data: Database,
    said: Said,
) -> None:
    out = io.BytesIO()
    with pikepdf.new() as made:
        made.add_blank_page()
        made.save(out)
    add(claire, **{"fichiers-files": (io.BytesIO(out.getvalue()), "carte.pdf")})
    [own] = rows(data, DocumentFile)
    page = claire.post(draft(claire), {**REPORT, "photos-pieces": str(own.id)})
    assert page.status_code == 422
    assert "n’est pas d’un format accepté ici" in said(page)
    karim = signed_in(account("karim@exemple.fr", first_names="Karim"))
    step = draft(karim)
    for one in (str(own.id), str(uuid4()), "rien"):
        page = karim.post(step, {**REPORT, "photos-pieces": one})
        assert page.status_code == 422
        assert "n’est plus dans votre espace" in said(page)
    assert rows(data, StoredFile) == []
    assert len(on_disk()) == 1


def test_nobody_without_an_account_is_offered_documents(visitor: Visitor, said: Said) -> None:
    assert "Mes pièces" not in said(visitor.get(draft(visitor)))


def test_a_new_version_is_offered_to_the_requests_under_way(claire: Visitor, data: Database, said: Said) -> None:
    """B14: replaced once; a draft takes it, a filed request keeps what was filed and has the new one beside."""
    address = add(claire)
    [own] = rows(data, DocumentFile)
    done = filed(claire, **{"photos-pieces": str(own.id)})
    step = draft(claire)
    claire.post(step, {**REPORT, "photos-pieces": str(own.id)})
    offer = claire.post(address, {**CARD, "fichiers-files": photo("nouvelle.png")})
    assert offer.location.endswith("/demandes")
    page = claire.get(offer.location)
    open_one = step.split("/")[2]
    assert done in page.text
    assert open_one in page.text
    page = claire.follow(claire.post(offer.location, {"demandes": [done, open_one]}))
    assert "ont reçu la nouvelle version" in said(page)
    with data.reading() as session:
        names = {
            case.reference: sorted(file.name for file in documents.of_case(session, case.id))
            for case in session.scalars(select(cases.Case))
        }
        [case] = session.scalars(select(cases.Case).where(cases.Case.reference == open_one))
        [kept] = [file for file in documents.of_case(session, case.id) if file.name == "nouvelle.png"]
        assert case.document["ma_demande"]["photos"] == [str(kept.id)]
    assert names[done] == ["nouvelle.png", "recto.png"]
    assert claire.get(offer.location).status_code == 303  # nothing is left to offer
    assert "version plus récente" in said(claire.get(f"/demandes/{done}/suivi"))
    assert claire.post(f"/demandes/{open_one}/etapes/recapitulatif", {"certification": "true"}).status_code == 303
    assert "nouvelle.png" in said(claire.get(f"/demandes/{open_one}/suivi/demande"))


# --- added from the tracking -----------------------------------------------------------------------------------------------


def test_documents_are_added_to_a_filed_request_while_it_is_open(
    claire: Visitor,
    account: Callable[..., Account],
    signed_in: Callable[[Account], Visitor],
    data: Database,
    said: Said,
) -> None:
    add(claire)
    [own] = rows(data, DocumentFile)
    reference = filed(claire)
    tab = f"/demandes/{reference}/suivi/pieces"
    assert "Choisir dans Mes pièces" in said(claire.get(tab))
    where = f"/demandes/{reference}/pieces"
    assert claire.post(where).status_code == 422
    page = claire.post(where, {"ajout-files": (io.BytesIO(b"MZ"), "virus.exe")})
    assert page.status_code == 422
    assert "virus.exe" in said(page)
    both = {"ajout-files": photo("devant.png"), "ajout-pieces": str(own.id)}
    page = claire.follow(claire.post(where, both))
    assert "sont ajoutées" in said(page)
    assert "devant.png" in said(page)
    assert said(claire.get(f"/demandes/{reference}/suivi")).count("Vous avez ajouté des pièces") == 1
    jeanne = signed_in(
        account("jeanne@valmont.example", kind="agent", first_names="Jeanne", groups_=("Propreté et espace public",))
    )
    with data.reading() as session:
        [task] = session.scalars(select(HumanTask))
    page = jeanne.get(f"/agents/taches/{task.id}")
    assert "Pièces ajoutées depuis le dépôt" in said(page)
    assert "devant.png" in said(page)
    [first, _] = rows(data, StoredFile)
    assert jeanne.get(f"/agents/demandes/{reference}/pieces/{first.id}", buffered=True).status_code == 200
    claire.post(f"/demandes/{reference}/annuler")
    assert claire.post(where, {"ajout-files": photo("tard.png")}).status_code == 409
    assert "Ajouter des pièces" not in said(claire.get(tab))
    assert len(on_disk()) == 3


def test_quarantine_is_said_to_both_sides_and_opens_nothing(
    claire: Visitor,
    account: Callable[..., Account],
    signed_in: Callable[[Account], Visitor],
    data: Database,
    said: Said,
    tmp_path: Path,
) -> None:
    config.use(replace(config.current(), clamd=str(tmp_path / "nobody")))
    add(claire)
    [own] = rows(data, DocumentFile)
    assert "en cours d’analyse" in said(claire.get("/mon-espace/pieces"))
    address = f"/mon-espace/pieces/{own.document_id}/fichiers/{own.id}"
    assert claire.get(address).status_code == 409
    reference = filed(claire, **{"photos-pieces": str(own.id)})
    [copy] = rows(data, StoredFile)
    assert copy.scan == documents.WAITING
    jeanne = signed_in(
        account("jeanne@valmont.example", kind="agent", first_names="Jeanne", groups_=("Propreté et espace public",))
    )
    page = jeanne.get(f"/agents/demandes/{reference}")
    assert "en cours d’analyse" in said(page)
    assert f"/pieces/{copy.id}" not in page.text
    assert jeanne.get(f"/agents/demandes/{reference}/pieces/{copy.id}").status_code == 409
    with data.transaction() as session:
        session.get_one(StoredFile, copy.id).scan = documents.INFECTED
        jobs.promise(session, "tell_refused_file", file_id=str(copy.id))
    jobs.drain(data, handlers.HANDLERS)
    with data.reading() as session:
        (letter,) = (one for one in mail.outbox(session) if one.name == "fichier-refuse")
    assert f"Le fichier « {copy.name} » joint à votre demande" in letter.text.replace("\u00a0", " ")
    assert f"/demandes/{reference}/suivi" in letter.text
    assert "refusé par notre antivirus" in said(claire.get(f"/demandes/{reference}/suivi"))
    assert "refusé par notre antivirus" in said(claire.get(f"/demandes/{reference}/suivi/pieces"))
    assert jeanne.get(f"/agents/demandes/{reference}/pieces/{copy.id}").status_code == 404


def test_a_full_disk_loses_nothing_of_what_was_typed(
    claire: Visitor, data: Database, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    step = draft(claire)
    with monkeypatch.context() as patch:
        patch.setattr(storage.os, "fsync", full)
        page = claire.post(step, {**REPORT, "photos-files": photo("a.png")})
    assert page.status_code == 422
    assert "momentanément indisponible" in said(page)
    assert REPORT["description"] in page.text
    assert on_disk() == []
    assert rows(data, StoredFile) == []


def test_whoever_sends_without_end_waits_and_loses_nothing(
    claire: Visitor, data: Database, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "SENT", replace(attachments.SENT, burst=1))
    step = draft(claire)
    page = claire.post(step, {**REPORT, "photos-files": [photo("a.png"), photo("b.png")]})
    assert page.status_code == 422
    assert "Trop d’essais rapprochés" in said(page)
    assert [file.name for file in rows(data, StoredFile)] == ["a.png"]


def test_an_infected_file_is_not_filed(claire: Visitor, data: Database, said: Said) -> None:
    """The scan may end after the step was validated."""
    step = draft(claire)
    summary = claire.post(step, {**REPORT, "photos-files": photo("virus.png")}).location
    with data.transaction() as session:
        [file] = session.scalars(select(StoredFile))
        file.scan = documents.INFECTED
    assert "refusé par notre antivirus" in said(claire.get(summary))
    page = claire.post(summary, {"certification": "true"})
    assert page.status_code == 422
    assert "Notre antivirus refuse « virus.png »" in said(page)
    page = claire.post(step, {**REPORT, "photos": str(file.id)})
    assert "n’est plus disponible" in said(page)
    claire.post(step, {**REPORT, "photos": str(file.id), "_action": f"remove-file:photos:{file.id}"})
    assert claire.post(step, REPORT).status_code == 303
    assert claire.post(summary, {"certification": "true"}).location.endswith("/confirmation")


@pytest.mark.skipif(clamd.CLAMD is None, reason=clamd.MISSING)
def test_a_virus_is_refused_on_the_page(
    claire: Visitor, data: Database, said: Said, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By a real clamd, in the wizard and in «Mes pièces»."""
    with clamd.running(tmp_path_factory.mktemp("clamd")) as address:
        config.use(replace(config.current(), clamd=address))
        infected = b"%PDF-1.4\n%" + clamd.EICAR
        page = claire.post(form(claire), {**CARD, "fichiers-files": (io.BytesIO(infected), "facture.pdf")})
        assert page.status_code == 422
        assert "« facture.pdf » est refusé par notre antivirus" in said(page)
        add(claire)
    assert [file.scan for file in rows(data, DocumentFile)] == [documents.CLEAN]


# What was read of a body that breaks off, Werkzeug leaves to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_odd_body_is_never_a_failure_of_ours(claire: Visitor, data: Database) -> None:
    """A body cut off, without its boundary, with parts that are no parts: an answer, and nothing kept."""
    step = draft(claire)
    whole = b'--b\r\nContent-Disposition: form-data; name="photos-files"; filename="a.png"\r\n\r\n\x89PNG'
    bodies = [
        ("multipart/form-data; boundary=b", whole),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--b--'),
        ("multipart/form-data", b"x" * 100),
        ("multipart/form-data; boundary=", b"--"),
        ("multipart/mixed; boundary=b", whole),
        ("application/octet-stream", b"\0" * 100),
    ]
    for address in (step, form(claire), f"/demandes/{step.split('/')[2]}/pieces"):
        for content_type, body in bodies:
            answer = claire.client.post(address, data=body, content_type=content_type)
            assert answer.status_code < 500, (address, content_type, answer.status_code)
    gc.collect()
    assert rows(data, StoredFile) == rows(data, DocumentFile) == []


def test_an_account_goes_with_its_documents(claire: Visitor, data: Database) -> None:
    """B16: neither a row nor a content stays."""
    add(claire)
    with data.transaction() as session:
        [document] = session.scalars(select(Document))
        assert deletion.erase(session, document.account_id, "asked")
    assert rows(data, Document) == rows(data, DocumentFile) == []
    assert on_disk() == []


def test_the_list_costs_the_same_however_long(claire: Visitor, statements: list[str]) -> None:  # noqa: F811
    add(claire)
    statements.clear()
    claire.get("/mon-espace/pieces")
    few = len(statements)
    for number in range(3):
        add(claire, titre=f"Pièce {number}")
    statements.clear()
    claire.get("/mon-espace/pieces")
    assert len(statements) == few <= 8, "\n".join(statements)


def test_a_document_does_not_expire_before_its_date(claire: Visitor, data: Database, said: Said) -> None:
    days = {"date-day": "3", "date-month": "4", "date-year": "2024"}
    days |= {"expiration-day": "2", "expiration-month": "4", "expiration-year": "2024"}
    page = claire.post(form(claire), {**CARD, "fichiers-files": photo("recto.png"), **days})
    assert page.status_code == 422
    assert "ne peut pas être avant la date du document" in said(page)
