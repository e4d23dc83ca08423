"""PDF documents: tagged, in French, and closed to the world (A10)."""

from __future__ import annotations

import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pikepdf
import pytest

from engine.core import pdf
from engine.core.errors import Unavailable

PAGE = (
    '<!DOCTYPE html><html lang="fr"><head><title>Accusé de réception</title>{head}</head>'
    "<body><h1>Bonjour</h1>{body}</body></html>"
)


def test_a_document_is_tagged_and_says_its_title_and_language() -> None:
    """What PDF/UA-1 asks first: a structure, a language, a title that windows show, and the claim itself."""
    made = pdf.make(PAGE.format(head="", body="<table><tr><th scope='row'>Reçue le</th><td>3 mars</td></tr></table>"))
    with pikepdf.open(io.BytesIO(made)) as document:
        root = document.Root
        assert root.MarkInfo.Marked
        assert str(root.Lang) == "fr"
        assert root.ViewerPreferences.DisplayDocTitle
        assert root.StructTreeRoot.K is not None
        with document.open_metadata() as metadata:
            assert metadata["dc:title"] == "Accusé de réception"
            assert metadata["pdfuaid:part"] == "1"
        tags = {str(one.S) for one in document.objects if isinstance(one, pikepdf.Dictionary) and "/S" in one}
        assert {"/H1", "/Table", "/TH", "/TD"} <= tags


def test_nothing_is_fetched(tmp_path: Path) -> None:
    """Neither the network nor the machine's files: only what was given along."""
    asked: list[str] = []

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    secret = tmp_path / "secret.txt"
    secret.write_text("le-secret")
    with HTTPServer(("127.0.0.1", 0), Trap) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/x"
        made = pdf.make(
            PAGE.format(
                head=f'<link rel="stylesheet" href="{address}.css"><link rel="attachment" href="file://{secret}">',
                body=f'<img alt="" src="{address}.png"><p style="background:url({address}.gif)">Texte</p>',
            )
        )
        server.shutdown()
    assert asked == []
    with pikepdf.open(io.BytesIO(made)) as document:
        assert not document.attachments


def test_a_machine_without_pango_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_weasyprint", lambda: None)
    with pytest.raises(Unavailable, match="ne peut pas être produit"):
        pdf.make(PAGE)
