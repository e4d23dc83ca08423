"""The acknowledgement of receipt as a PDF (A10)."""

from __future__ import annotations

import io
from collections.abc import Callable

import pikepdf
import pytest

from engine.core import pdf
from portal.residents import receipts
from tests.portal.conftest import Visitor


def test_the_receipt_is_a_tagged_document_with_what_the_law_wants_said(
    visitor: Visitor, report: Callable[..., str]
) -> None:
    """Articles R112-5 and R112-11-1 CRPA: date, service and how to reach it, what silence means and from when, remedies."""
    reference = report(visitor, filed=True)
    answer = visitor.get(f"/demandes/{reference}/accuse-de-reception.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="accuse-de-reception-{reference}.pdf"'
    assert answer.headers["Cache-Control"] == "no-store"
    with pikepdf.open(io.BytesIO(answer.data)) as document:
        assert document.Root.MarkInfo.Marked
        assert str(document.Root.Lang) == "fr"
        with document.open_metadata() as metadata:
            assert metadata["dc:title"] == f"Accusé de réception de la demande {reference}"
            assert metadata["pdfuaid:part"] == "1"
        tags = [str(one.S) for one in document.objects if isinstance(one, pikepdf.Dictionary) and "/S" in one]
        assert tags.count("/H1") == 1
        assert tags.count("/TH") >= 4


def test_its_page_says_what_the_receipt_says(
    visitor: Visitor, report: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is laid out, read before the layout: the words of the law, the person, and nothing that would be fetched."""
    pages: list[str] = []

    def make(page: str, files: object = None) -> bytes:
        pages.append(page)
        return b"%PDF-1.7"

    monkeypatch.setattr(pdf, "make", make)
    reference = report(visitor, filed=True)
    visitor.get(f"/demandes/{reference}/accuse-de-reception.pdf")
    [page] = pages
    for said in (
        reference,
        "Service de la propreté et de l’espace public",
        "Téléphone",
        "votre demande sera considérée comme refusée",
        "L. 231-4",
        "tribunal administratif",
        "R. 112-5 et R. 112-11-1",
        "Petit",
    ):
        assert said in page
    assert "http" not in page.replace("https://", "http://").partition("<body>")[2]


def test_there_is_no_receipt_before_filing_nor_for_others(
    visitor: Visitor, visitors: Callable[[], Visitor], report: Callable[..., str]
) -> None:
    draft = report(visitor)
    assert visitor.get(f"/demandes/{draft}/accuse-de-reception.pdf").status_code == 404
    assert visitors().get(f"/demandes/{draft}/accuse-de-reception.pdf").status_code == 303


def test_a_machine_without_pango_says_so_and_shows_the_tracking(
    visitor: Visitor, report: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = report(visitor, filed=True)
    monkeypatch.setattr(pdf, "_weasyprint", lambda: None)
    page = visitor.follow(visitor.get(f"/demandes/{reference}/accuse-de-reception.pdf"))
    assert "Ce document ne peut pas être produit pour le moment" in page.text
    assert page.request.path == f"/demandes/{reference}/suivi"


def test_making_them_is_slowed_down(
    visitor: Visitor, report: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "make", lambda page, files=None: b"%PDF-1.7")
    reference = report(visitor, filed=True)
    statuses = [
        visitor.get(f"/demandes/{reference}/accuse-de-reception.pdf").status_code
        for _ in range(receipts.MADE.burst + 1)
    ]
    assert statuses == [200] * receipts.MADE.burst + [429]
