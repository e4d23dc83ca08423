"""A file that comes in: judged by its content, encoded anew, encrypted before it is written (A19, B14)."""

from __future__ import annotations

import hashlib
import io
import random
import zlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pikepdf
import pytest
from PIL import Image

from engine.contact import documents, inspection
from engine.contact.documents import receiving
from engine.core import secrets
from engine.core.config import Settings
from engine.core.db import Session
from engine.core.errors import RefusedFile
from tests.engine.contact.documents.conftest import CASE, CLAIRE, JPEG, PDF, PNG, image, on_disk, pdf, store


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [("Photo.JPG", JPEG, "image/jpeg"), ("photo.jpeg", JPEG, "image/jpeg"), ("plan.png", PNG, "image/png"),
     ("quittance.pdf", PDF, "application/pdf")],
)  # fmt: skip
def test_a_file_is_kept_encrypted(
    session: Session, settings: Settings, name: str, content: bytes, media_type: str
) -> None:
    """B14: at rest nobody reads it without the key, nor in another place."""
    stored = store(session, settings, content, filename=name)
    kept = documents.read(settings, stored)
    assert (stored.name, stored.media_type, stored.size) == (name, media_type, len(kept))
    assert stored.sha256 == hashlib.sha256(kept).hexdigest()
    assert (stored.added_by_kind, stored.added_by) == ("resident", CLAIRE.account_id)
    with documents.open_file(settings, stored) as file:
        assert file.read() == kept
    (path,) = on_disk(settings)
    assert name not in str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    sealed = path.read_bytes()
    assert kept[:8] not in sealed
    assert stored.sealed_sha256 == hashlib.sha256(sealed).hexdigest()
    stored.case_id = UUID(int=2)
    with pytest.raises(secrets.Undecipherable):
        documents.read(settings, stored)


def test_a_pdf_is_kept_to_the_byte(session: Session, settings: Settings) -> None:
    """A signature would not outlive a change."""
    assert documents.read(settings, store(session, settings, PDF, filename="a.pdf")) == PDF


def test_an_image_is_encoded_anew(session: Session, settings: Settings) -> None:
    """B14: pixels and nothing else: upright, without place or date, without what was appended."""
    marks = Image.Exif()
    marks[0x0112], marks[0x010F] = 6, "Appareil de Claire"
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(out, "JPEG", exif=marks, icc_profile=b"profile", comment=b"secret")
    sent = out.getvalue() + b"<?php system($_GET[0]); ?>"
    kept = documents.read(settings, store(session, settings, sent, filename="a.jpg"))
    for left in (b"Appareil", b"php", b"secret", b"profile"):
        assert left in sent
        assert left not in kept
    with Image.open(io.BytesIO(kept)) as image_kept:
        assert image_kept.size == (40, 60)
        assert "exif" not in image_kept.info


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_every_kind_of_png_passes(settings: Settings, mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (9, 7)).save(out, "PNG")
    encoded = inspection.encode_image(out.getvalue(), "image/png")
    assert isinstance(encoded, bytes)
    with Image.open(io.BytesIO(encoded)) as kept:
        assert (kept.mode, kept.size) == (mode, (9, 7))


def test_a_jpeg_of_a_printer_becomes_one_for_screens(settings: Settings) -> None:
    out = io.BytesIO()
    Image.new("CMYK", (9, 7)).save(out, "JPEG")
    encoded = inspection.encode_image(out.getvalue(), "image/jpeg")
    assert isinstance(encoded, bytes)
    with Image.open(io.BytesIO(encoded)) as kept:
        assert kept.mode == "RGB"


def _script(made: pikepdf.Pdf) -> None:
    made.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")


def _attachment(made: pikepdf.Pdf) -> None:
    made.attachments["a.exe"] = b"MZ"


def _launch(made: pikepdf.Pdf) -> None:
    action = pikepdf.Dictionary(S=pikepdf.Name.Launch, F="cmd.exe")
    link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=action)
    made.pages[0].Annots = pikepdf.Array([link])


def _xfa(made: pikepdf.Pdf) -> None:
    made.Root.AcroForm = pikepdf.Dictionary(XFA="<xdp/>", Fields=[])


def _video(made: pikepdf.Pdf) -> None:
    screen = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.RichMedia, Rect=[0, 0, 9, 9])
    made.pages[0].Annots = pikepdf.Array([made.make_indirect(screen)])


def _first_page(made: pikepdf.Pdf) -> None:
    made.Root.OpenAction = pikepdf.Array([made.pages[0].obj, pikepdf.Name.Fit])


def _form(made: pikepdf.Pdf) -> None:
    made.Root.AcroForm = pikepdf.Dictionary(Fields=[])


@pytest.mark.parametrize("change", [_script, _attachment, _launch, _xfa, _video])
def test_a_pdf_that_acts_or_carries_files_is_refused(change: Callable[[pikepdf.Pdf], None]) -> None:
    """Packed into object streams too, where scanners of bytes see nothing."""
    for mode in (pikepdf.ObjectStreamMode.disable, pikepdf.ObjectStreamMode.generate):
        assert inspection.inspect_pdf(pdf(change, object_stream_mode=mode)) == inspection.ACTIVE


@pytest.mark.parametrize("change", [_first_page, _form])
def test_a_pdf_that_only_shows_itself_passes(change: Callable[[pikepdf.Pdf], None]) -> None:
    assert inspection.inspect_pdf(pdf(change)) == inspection.SOUND


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("virus.exe", b"MZ", "extension"),
        ("sans extension", PNG, "extension"),
        ("page.html", b"<script>", "extension"),
        ("dessin.svg", b"<svg/>", "extension"),
        ("vide.pdf", b"", "empty"),
        ("photo.jpg", PNG, "type"),
        ("page.pdf", b"<html><script>alert(1)</script></html>", "type"),
        ("script.png", b"#!/bin/sh\nrm -rf /\n", "type"),
        ("coupée.png", PNG[:-30], "unreadable"),
        ("coupée.jpg", JPEG[: len(JPEG) // 2], "unreadable"),
        ("coupé.pdf", b"%PDF-1.7\n" + b"x" * 500, "unreadable"),
        ("secret.pdf", pdf(encryption=pikepdf.Encryption(owner="a", user="b")), "encrypted"),
        ("programme.pdf", pdf(lambda made: _script(made)), "active"),
        ("imprimable.pdf", pdf(encryption=pikepdf.Encryption(owner="a", user="")), "encrypted"),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_its_reason_and_leaves_nothing(
    session: Session, settings: Settings, name: str, content: bytes, reason: str
) -> None:
    with pytest.raises(RefusedFile) as caught:
        store(session, settings, content, filename=name)
    assert caught.value.facts == {"reason": reason}
    assert name in caught.value.message
    assert on_disk(settings) == []
    assert documents.of_case(session, CASE) == []


def test_a_file_of_ten_megabytes_passes_and_one_more_byte_does_not(
    session: Session, settings: Settings, unchecked: None
) -> None:
    store(session, settings, PNG.ljust(documents.BYTES_MAX, b"\0"))
    with pytest.raises(RefusedFile) as caught:
        store(session, settings, PNG.ljust(documents.BYTES_MAX + 1, b"\0"))
    assert caught.value.facts == {"reason": "size"}
    assert len(on_disk(settings)) == 1


def test_an_endless_stream_is_not_read_to_its_end(settings: Settings) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"x" * size

    stream = Endless()
    with pytest.raises(RefusedFile):
        documents.receive(settings, owner=CASE, filename="a.png", stream=stream)
    assert stream.given < 2 * documents.BYTES_MAX


def test_an_image_that_would_fill_the_memory_is_refused(session: Session, settings: Settings) -> None:
    """A small file that says it is 40,000 pixels wide and high."""
    bomb = bytearray(PNG)
    bomb[16:24] = (40_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    with pytest.raises(RefusedFile) as caught:
        store(session, settings, bytes(bomb))
    assert caught.value.facts == {"reason": "pixels"}


def test_a_photograph_of_48_megapixels_passes(session: Session, settings: Settings) -> None:
    store(session, settings, image("JPEG", (8000, 6000)), filename="photo.jpg")


def test_damaged_bytes_never_pass_for_a_crash(settings: Settings) -> None:
    """Whatever the decoder does, the answer is a refusal or a file."""
    draw = random.Random(2026)
    for kind, name, content in (("png", "a.png", PNG), ("pdf", "a.pdf", PDF)):
        for _ in range(3):
            damaged = bytearray(content)
            for _ in range(20):
                damaged[draw.randrange(16, len(damaged))] = draw.randrange(256)
            try:
                received = documents.receive(settings, owner=CASE, filename=name, stream=io.BytesIO(damaged))
                assert received.name.endswith(kind)
            except RefusedFile as error:
                assert error.facts["reason"] in {"unreadable", "type", "pixels", "encrypted", "active"}  # noqa: PT017


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\Claire\\facture d’août.pdf", "facture d’août.pdf"),
        ('a"b\r\nSet-Cookie: x.pdf', "a’b Set-Cookie: x.pdf"),
        ("facture\u202efdp.exe", "facture fdp.exe"),
        ("a\x00.pdf", "a .pdf"),
        ("\ud800.pdf", "pdf"),
        ("  .pdf", "pdf"),
        ("", "fichier"),
        ("..", "fichier"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
        ("x" * 300, "x" * 150),
    ],
)
def test_a_name_is_cleaned(given: str, kept: str) -> None:
    assert documents.clean_name(given) == kept


def test_the_inspection_runs_without_our_secrets(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    class Done:
        returncode, stdout = inspection.SOUND, PNG

    def run(*_: Any, **options: Any) -> Done:
        seen.update(options)
        return Done()

    monkeypatch.setattr(receiving.subprocess, "run", run)
    documents.receive(settings, owner=CASE, filename="a.png", stream=io.BytesIO(PNG))
    assert seen["env"] == {}
