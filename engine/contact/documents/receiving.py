"""A file that comes in: read, judged, scanned, encrypted and written down, before any transaction.

What a file is, its content says: its extension, the signature of its first bytes and a decoder must agree, and the type that the
browser announces is never read. Nothing of it is on disk in the clear, not even for a moment.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import IO, NamedTuple
from uuid import UUID

import magic

from engine.contact import inspection
from engine.contact.documents import scanning, storage
from engine.contact.documents.scanning import State
from engine.core import secrets
from engine.core.config import Settings
from engine.core.errors import RefusedFile

BYTES_MAX = 10 * 1024 * 1024
TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}
_NAMES = {"pdf": "PDF", "jpg": "JPEG", "png": "PNG"}
PURPOSE = "document"

_CHUNK = 256 * 1024
_NAME_MAX = 150
# Each decoder may take a gigabyte: two at a time in a process, the others wait.
_DECODERS = threading.BoundedSemaphore(2)


class Origin(NamedTuple):
    """The document of somebody's space that a file was copied from, and its file there."""

    document_id: UUID
    file_id: UUID


@dataclass(frozen=True)
class Received:
    """A file that was read, checked and kept, and that nothing names yet. `sealed_sha256` is that of the encrypted content."""

    name: str
    media_type: str
    size: int
    sha256: str
    path: str
    sealed_sha256: str | None = None
    scan: State = scanning.UNSCANNED
    origin: Origin | None = None


def receive(
    settings: Settings, *, owner: UUID, filename: str, stream: IO[bytes], accept: Collection[str] = tuple(_NAMES)
) -> Received:
    """Read, check and keep one file for `owner` (a request, a document), or raise `RefusedFile` and keep nothing.

    `accept` names the kinds that are wanted: pdf, jpg, png.
    """
    name = clean_name(filename)
    media_type = TYPES.get(name.rpartition(".")[2].lower()) if "." in name else None
    if media_type is None or media_type not in {TYPES.get(kind) for kind in accept}:
        raise RefusedFile(f"«\u00a0{name}\u00a0» n’est pas un fichier {_listed(accept)}.", reason="extension")
    content = _read(name, stream)
    if magic.from_buffer(content[:4096], mime=True) != media_type:
        raise RefusedFile(
            f"Le contenu de «\u00a0{name}\u00a0» ne correspond pas à son extension\u00a0: {_listed(accept)} attendu.",
            reason="type",
        )
    # As it came, before any decoder sees it.
    scan = scanning.first_look(settings, content)
    if scan == scanning.INFECTED:
        raise RefusedFile(
            f"«\u00a0{name}\u00a0» est refusé par notre antivirus. Vérifiez votre appareil, puis joignez un autre fichier.",
            reason="infected",
        )
    return keep(
        settings, inspected(name, media_type, content), owner=owner, name=name, media_type=media_type, scan=scan
    )


def keep(
    settings: Settings,
    content: bytes,
    *,
    owner: UUID,
    name: str,
    media_type: str,
    scan: State,
    origin: Origin | None = None,
) -> Received:
    """Encrypt content that was checked and write it down for `owner`: only there can it be read."""
    path = storage.new_path()
    sealed = secrets.encrypt(PURPOSE, content, about=about(owner, path))
    storage.of(settings).put(path, sealed)
    return Received(
        name,
        media_type,
        len(content),
        hashlib.sha256(content).hexdigest(),
        path,
        sealed_sha256=hashlib.sha256(sealed).hexdigest(),
        scan=scan,
        origin=origin,
    )


def about(owner: UUID, path: str) -> bytes:
    """What an encrypted content is bound to: moved elsewhere, it can't be read."""
    return f"{owner}/{path}".encode()


def clean_name(filename: str) -> str:
    """The name of an uploaded file as it is kept and shown: no path, no sign that a terminal or a header would obey."""
    last = unicodedata.normalize("NFC", filename).replace("\\", "/").rpartition("/")[2]
    # Controls, marks that reverse the reading order («facture_fdp.exe» reversed), lone surrogates.
    visible = "".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in last)
    name = " ".join(visible.replace('"', "’").split()).strip(". ") or "fichier"
    stem, dot, extension = name.rpartition(".")
    if len(name) <= _NAME_MAX or not dot or len(extension) > 10:
        return name[:_NAME_MAX]
    return f"{stem[: _NAME_MAX - len(extension) - 1]}.{extension}"


def inspected(name: str, media_type: str, content: bytes) -> bytes:
    """The content to keep: an image encoded anew, a PDF as it is; `RefusedFile` for what can't be accepted."""
    with _DECODERS:
        try:
            done = subprocess.run(
                # -I: neither the environment nor the current folder can change what runs.
                [sys.executable, "-I", inspection.__file__, media_type],
                env={},
                input=content,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=2 * inspection.SECONDS,
                check=False,
            )
            status, encoded = done.returncode, done.stdout
        except subprocess.TimeoutExpired:
            status, encoded = inspection.UNREADABLE, b""
    if status == inspection.SOUND:
        return content if media_type == "application/pdf" else encoded
    reason, sentence = _REFUSALS.get(status, _REFUSALS[inspection.UNREADABLE])
    raise RefusedFile(sentence.format(name=name), reason=reason)


_REFUSALS = {
    inspection.UNREADABLE: ("unreadable", "«\u00a0{name}\u00a0» est endommagé ou ne peut pas être lu."),
    inspection.ENCRYPTED: (
        "encrypted",
        "«\u00a0{name}\u00a0» est protégé par un mot de passe\u00a0: enregistrez-le sans protection.",
    ),
    inspection.TOO_MANY_PIXELS: (
        "pixels",
        "L’image «\u00a0{name}\u00a0» est trop grande\u00a0: réduisez ses dimensions.",
    ),
    inspection.ACTIVE: (
        "active",
        "«\u00a0{name}\u00a0» contient des programmes ou d’autres fichiers\u00a0: imprimez-le au format "
        "PDF, puis joignez le résultat.",
    ),
}


def _listed(kinds: Collection[str]) -> str:
    names = list(dict.fromkeys(_NAMES[one] for one in kinds if one in _NAMES)) or list(_NAMES.values())
    return f"{', '.join(names[:-1])} ou {names[-1]}" if len(names) > 1 else names[0]


def _read(name: str, stream: IO[bytes]) -> bytes:
    """The whole content; refuse what is empty or too large."""
    content = bytearray()
    while chunk := stream.read(_CHUNK):
        content += chunk
        if len(content) > BYTES_MAX:
            raise RefusedFile(f"«\u00a0{name}\u00a0» dépasse 10\u00a0Mo.", reason="size")
    if not content:
        raise RefusedFile(f"«\u00a0{name}\u00a0» est vide.", reason="empty")
    return bytes(content)
