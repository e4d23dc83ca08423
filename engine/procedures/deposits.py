"""A procedure that comes as a zip: one BPMN file, with the forms, tables and messages that it uses, in whatever folders (F1)."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import PurePosixPath

from engine.bpmn import model
from engine.bpmn.model import Source
from engine.core.errors import DefinitionError, Invalid
from engine.procedures import catalogue
from engine.procedures.catalogue import SourceSet

FILES_MAX = 100
ELEMENTS_MAX = 500
"""Steps, gateways and events of a process: the check takes more than its share of time with thousands."""
FILE_BYTES_MAX = 1_000_000
"""What one file may weigh once unpacked."""
BYTES_MAX = 4_000_000
"""What all of them may weigh together."""
KINDS = (".bpmn", ".dmn", ".json", ".yaml")
_PLAINLY = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class RefusedDeposit(Invalid):
    """The zip can't be read, or isn't one procedure."""

    default = "Ce fichier n’est pas une archive zip que l’on puisse lire."


def read(content: bytes) -> SourceSet:
    """The procedure of a zip, or `RefusedDeposit`. Nothing is written anywhere, and no more is unpacked than is accepted."""
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            listed = packed.infolist()
            if len(listed) > FILES_MAX:
                raise RefusedDeposit(f"L’archive contient plus de {FILES_MAX} fichiers.")
            for one in listed:
                name = PurePosixPath(one.filename).name
                # What a Mac adds begins with a dot.
                if one.is_dir() or name.startswith(".") or not name.endswith(KINDS):
                    continue
                if name in files:
                    raise RefusedDeposit(f"L’archive contient deux fichiers «\u00a0{name}\u00a0».")
                if one.compress_type not in _PLAINLY or one.flag_bits & 1:
                    raise RefusedDeposit(f"«\u00a0{name}\u00a0» est chiffré, ou compressé d’une façon peu courante.")
                files[name] = _unpacked(packed, one, name)
                if sum(map(len, files.values())) > BYTES_MAX:
                    raise RefusedDeposit(f"Les fichiers pèsent ensemble plus de {BYTES_MAX // 1_000_000}\u00a0Mo.")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise RefusedDeposit from error
    drawn = [name for name in files if name.endswith(".bpmn")]
    if len(drawn) != 1:
        raise RefusedDeposit(
            f"L’archive contient un fichier «\u00a0.bpmn\u00a0» et un seul\u00a0: il y en a {len(drawn)}."
        )
    source = Source(drawn[0], files[drawn[0]])
    if _elements(source) > ELEMENTS_MAX:
        raise RefusedDeposit(
            f"Le processus a plus de {ELEMENTS_MAX} éléments\u00a0: partagez-le en plusieurs démarches."
        )
    return catalogue.assemble(source, files)


def _elements(source: Source) -> int:
    try:
        return len(model.read(source).nodes)
    except DefinitionError:
        return 0  # the check says what is wrong with it


def _unpacked(packed: zipfile.ZipFile, one: zipfile.ZipInfo, name: str) -> bytes:
    # What a zip says of its sizes is what whoever made it wanted to say.
    with packed.open(one) as stream:
        content = stream.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise RefusedDeposit(f"«\u00a0{name}\u00a0» pèse plus de {FILE_BYTES_MAX // 1_000_000}\u00a0Mo.")
    try:
        content.decode()
    except UnicodeDecodeError:
        raise RefusedDeposit(f"«\u00a0{name}\u00a0» n’est pas écrit en UTF-8.") from None
    return content
