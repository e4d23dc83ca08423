"""Requests as agents consult them, and their diagram (A13, E3)."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.test import TestResponse

from tests.portal.conftest import Visitor

Said = Callable[[TestResponse], str]


def finish(jeanne: Visitor, address_of: Callable[[str], str], reference: str) -> None:
    """Send the report elsewhere, which ends it."""
    address = address_of(reference)
    jeanne.post(f"{address}/prise-en-charge")
    sent = {"suite": "orienter", "destinataire": "La SNCF", "explication": "Quai privé."}
    assert jeanne.post(address, sent).status_code == 303


def test_an_open_request_says_what_it_waits_for(
    jeanne: Visitor, reported: Callable[[], str], address_of: Callable[[str], str], said: Said
) -> None:
    reference = reported()
    page = jeanne.get(f"/agents/demandes/{reference.lower()}")
    assert page.status_code == 200
    assert "En cours" in said(page)
    assert "Examiner le signalement" in said(page)
    assert address_of(reference) in page.text


def test_a_closed_request_stays_readable(
    jeanne: Visitor, reported: Callable[[], str], address_of: Callable[[str], str], said: Said
) -> None:
    reference = reported()
    finish(jeanne, address_of, reference)
    text = said(jeanne.get(f"/agents/demandes/{reference}"))
    assert "Terminée" in text
    assert "Depuis le dépôt" in text
    assert "La SNCF" in text
    assert "Demande terminée" in text
    assert "Jeanne Instruit" in text


def test_the_history_says_who_did_what(
    jeanne: Visitor, reported: Callable[[], str], address_of: Callable[[str], str], said: Said
) -> None:
    reference = reported()
    finish(jeanne, address_of, reference)
    text = said(jeanne.get(f"/agents/demandes/{reference}"))
    lines = ("Demande commencée", "Demande déposée", "Tâche prise en charge : Examiner", "Tâche terminée : Examiner")
    places = [text.index(line) for line in lines]
    assert places == sorted(places, reverse=True), "the latest first"
    assert "Message envoyé à l’usager : accusé de réception" in text
    assert "None" not in text


def test_drafts_are_nobodys_business(
    jeanne: Visitor, report: Callable[..., str], visitors: Callable[[], Visitor]
) -> None:
    reference = report(visitors())
    assert jeanne.get(f"/agents/demandes/{reference}").status_code == 404
    assert jeanne.get(f"/agents/demandes/{reference}/schema").status_code == 404


def test_another_service_reads_nothing(zoe: Visitor, reported: Callable[[], str]) -> None:
    reference = reported()
    for path in ("", "/schema", "/schema.bpmn", "/pieces/00000000-0000-4000-8000-000000000000"):
        assert zoe.get(f"/agents/demandes/{reference}{path}").status_code == 404, path


def test_the_diagram_marks_what_is_passed_and_what_waits(
    jeanne: Visitor, reported: Callable[[], str], said: Said
) -> None:
    reference = reported()
    page = jeanne.get(f"/agents/demandes/{reference}/schema")
    assert '"current": ["qualification"]' in page.text.replace("&#34;", '"')
    assert '"recapitulatif"' in page.text.replace("&#34;", '"')
    assert "Étape en cours : Examiner le signalement" in said(page)
    assert "Demande déposée" in said(page)
    assert f"/agents/demandes/{reference}/schema.bpmn" in page.text


def test_the_diagram_of_a_finished_request(
    jeanne: Visitor, reported: Callable[[], str], address_of: Callable[[str], str], said: Said
) -> None:
    reference = reported()
    finish(jeanne, address_of, reference)
    page = jeanne.get(f"/agents/demandes/{reference}/schema")
    assert "la demande est terminée" in said(page)
    marks = page.text.replace("&#34;", '"')
    assert '"current": []' in marks
    assert '"qualification"' in marks


def test_residents_have_the_diagram_of_their_own_request(
    report: Callable[..., str], visitor: Visitor, visitors: Callable[[], Visitor], said: Said
) -> None:
    reference = report(visitor, filed=True)
    page = visitor.get(f"/mon-espace/demandes/{reference}/schema")
    assert "Vous avez déposé votre demande" in said(page)
    source = visitor.get(f"/mon-espace/demandes/{reference}/schema.bpmn")
    assert source.mimetype == "application/xml"
    assert '<bpmn:process id="signalement"' in source.text
    assert "sandbox" in source.headers["Content-Security-Policy"]
    for path in ("schema", "schema.bpmn"):
        assert visitors().get(f"/mon-espace/demandes/{reference}/{path}").status_code == 303


def test_only_the_diagram_page_allows_styles_of_scripts(jeanne: Visitor, reported: Callable[[], str]) -> None:
    reference = reported()
    diagram = jeanne.get(f"/agents/demandes/{reference}/schema").headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in diagram
    assert "unsafe" not in diagram.split("script-src")[1].split(";")[0]
    for path in ("/agents/corbeilles", f"/agents/demandes/{reference}"):
        assert "unsafe" not in jeanne.get(path).headers["Content-Security-Policy"], path
