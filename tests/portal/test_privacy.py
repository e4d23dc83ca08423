"""«Mes données personnelles» and the deletion of one's account (B16)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine.core import audit, clock, jobs, mail, pdf
from engine.core.db import Database
from engine.handlers import HANDLERS
from engine.people import accounts
from engine.privacy import deletion
from engine.procedures.cases import Case
from tests.portal.conftest import PASSWORD, Visitor

Said = Callable[[TestResponse], str]
CLAIRE = "claire.martin@exemple.fr"
DATA = "/mon-espace/profil/donnees"
DELETION = "/mon-espace/profil/suppression"


@pytest.fixture
def claire(visitor: Visitor, account: Callable[..., Any]) -> Visitor:
    """Claire, signed in."""
    account()
    visitor.sign_in(CLAIRE)
    return visitor


def acts(data: Database) -> list[str]:
    with data.reading() as session:
        entries = session.scalars(select(audit.AuditEntry).order_by(audit.AuditEntry.id))
        return [one.action for one in entries if one.action.startswith(("account.exp", "account.del"))]


def test_the_data_are_taken_away_as_json_and_as_a_tagged_document(
    claire: Visitor, data: Database, report: Callable[..., str], said: Said
) -> None:
    """Both are attachments that no cache keeps, and both are recorded."""
    reference = report(claire, filed=True)
    page = said(claire.get(DATA))
    assert "Télécharger mes données (PDF)" in page
    answer = claire.post(f"{DATA}/json")
    told = json.loads(answer.data)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    assert any(
        row["Référence"] == reference for one in told["rubriques"] if one["table"] == "case" for row in one["lignes"]
    )
    answer = claire.post(f"{DATA}/pdf")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    with pikepdf.open(io.BytesIO(answer.data)) as document:
        assert document.Root.MarkInfo.Marked
        assert document.open_metadata()["pdfuaid:part"] == "1"
    assert acts(data) == ["account.exported", "account.exported"]


def test_without_the_library_of_documents_the_file_remains(
    claire: Visitor, data: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "_weasyprint", lambda: None)
    assert claire.post(f"{DATA}/pdf").status_code == 503
    assert acts(data) == []
    assert claire.post(f"{DATA}/json").status_code == 200


def test_exports_are_counted(claire: Visitor) -> None:
    codes = [claire.post(f"{DATA}/json").status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]


def test_an_account_is_deleted_at_once(claire: Visitor, data: Database, said: Said) -> None:
    """From the link at the foot of the profile, by password; signed out, told on the page and by a letter."""
    assert f'href="{DELETION}"' in claire.get("/mon-espace/profil").text
    assert "Aucune de vos demandes n’est en cours" in said(claire.get(DELETION))
    answer = claire.post(DELETION, {"mot_de_passe": PASSWORD, "accord": "oui"})
    assert answer.location == "/compte/supprime"
    assert "Votre compte est supprimé" in said(claire.get(answer.location))
    assert claire.get("/mon-espace").status_code == 303
    claire.get("/connexion")
    assert claire.sign_in(CLAIRE).status_code == 422
    with data.reading() as session:
        assert accounts.by_login(session, CLAIRE) is None
        assert [one.name for one in mail.outbox(session)] == ["suppression-faite"]
    assert acts(data) == ["account.deletion_asked", "account.deleted"]


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"accord": "oui"}, "mot_de_passe"),
        ({"accord": "oui", "mot_de_passe": "Faux-1987!"}, "mot_de_passe"),
        ({"mot_de_passe": PASSWORD}, "accord"),
    ],
)
def test_a_deletion_needs_the_password_and_the_box(
    claire: Visitor, data: Database, typed: dict[str, str], wrong: str
) -> None:
    page = claire.post(DELETION, typed)
    assert page.status_code == 422
    assert f'href="#{wrong}"' in page.text
    with data.reading() as session:
        assert accounts.by_login(session, CLAIRE) is not None


def test_an_open_request_is_waited_for_and_the_deletion_can_be_taken_back(
    claire: Visitor, data: Database, report: Callable[..., str], said: Said
) -> None:
    reference = report(claire, filed=True)
    assert reference in said(claire.get(DELETION))
    page = said(claire.follow(claire.post(DELETION, {"mot_de_passe": PASSWORD, "accord": "oui"})))
    assert "Elle sera faite dès que votre dernière demande en cours sera terminée" in page
    assert "Vous avez demandé le" in said(claire.get("/mon-espace/profil"))
    reminded = "vous avez demandé la suppression de votre compte"
    space = claire.get("/mon-espace")
    assert reminded in said(space)
    assert f'href="{DELETION}"' in space.text
    page = said(claire.follow(claire.post(f"{DELETION}/retrait")))
    assert reminded not in said(claire.get("/mon-espace"))
    assert "votre compte est conservé" in page
    assert "Demander la suppression de mon compte" in page
    assert acts(data) == ["account.deletion_asked", "account.deletion_withdrawn"]


def test_agents_read_of_an_erased_request_that_it_was(
    claire: Visitor,
    visitors: Callable[[], Visitor],
    account: Callable[..., Any],
    data: Database,
    report: Callable[..., str],
    said: Said,
) -> None:
    """Its history, and nothing of its person; no page stumbles over what is gone."""
    reference = report(claire, filed=True)
    account(
        "nadia@valmont.example", kind="agent", first_names="Nadia", birth_name="Cohen",
        groups_=("Propreté et espace public",),
    )  # fmt: skip
    nadia = visitors()
    nadia.sign_in("nadia@valmont.example")
    assert "Petit" in said(nadia.get(f"/agents/demandes/{reference}"))
    with data.transaction() as session:
        case = session.scalars(select(Case).where(Case.reference == reference)).one()
        case.status, case.closed_at, case.account_id = "closed", clock.now(), None
        session.flush()
        deletion.erase_request(session, case.id)
    jobs.drain(data, HANDLERS)
    for path in (f"/agents/demandes/{reference}", f"/agents/demandes/{reference}/schema"):
        page = nadia.get(path)
        assert page.status_code == 200
        assert "Petit" not in page.text
    assert "Ces informations ont été effacées le" in said(nadia.get(f"/agents/demandes/{reference}"))


def test_without_a_password_one_is_chosen_first(claire: Visitor, data: Database, said: Said) -> None:
    """An account made with FranceConnect: nothing is deleted without a fresh proof."""
    with data.transaction() as session:
        account = accounts.by_login(session, CLAIRE)
        assert account is not None
        account.password_hash = None
    assert "Choisissez-en un" in said(claire.get(DELETION))
    assert claire.post(DELETION, {"accord": "oui", "mot_de_passe": PASSWORD}).status_code == 422
