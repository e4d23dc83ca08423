"""Looks inside an uploaded image or PDF, in a process of its own with little memory and little time.

    python inspection.py image/png < FILE > IMAGE

Decoders are where hostile files bite: what crashes, eats memory or never ends here takes nothing else with it. An image comes
out encoded anew on the standard output: its pixels and nothing else (no place, no date, no name of a device, nothing that was
appended). A PDF is only judged.

Exit status 0: it can be accepted; 3: it can't be read; 4: it is an encrypted PDF; 5: it is an image of too many pixels; 6: it is
a PDF that does something (scripts, programs, forms of its own) or carries other files. Imports nothing of the platform.
"""

from __future__ import annotations

import io
import resource
import sys
import warnings
from collections.abc import Iterator
from typing import Any

SOUND, UNREADABLE, ENCRYPTED, TOO_MANY_PIXELS, ACTIVE = 0, 3, 4, 5, 6

MEMORY = 1 << 30
SECONDS = 20
# A 48-megapixel photograph passes, a page scanned in colour at 600 dpi too.
PIXELS = 64_000_000
# Beyond, PNG is packed quickly rather than well.
_LARGE = 8_000_000

# What a PDF may not have, wherever it is: keys of its dictionaries, and kinds of actions, annotations and objects.
_KEYS = {"/JS", "/JavaScript", "/EmbeddedFiles", "/EmbeddedFile", "/EF", "/XFA", "/RichMedia", "/Collection"}
_KINDS = {
    "/S": {"/JavaScript", "/Launch", "/ImportData", "/GoToE", "/RichMediaExecute", "/Rendition", "/Movie", "/Sound"},
    "/Subtype": {"/FileAttachment", "/RichMedia", "/3D", "/Movie", "/Sound", "/Screen"},
    "/Type": {"/EmbeddedFile"},
}
_DEPTH = 200


def encode_image(content: bytes, media_type: str) -> bytes | int:
    """The image encoded anew, upright; or why it can't be accepted."""
    from PIL import Image, ImageFile, ImageOps

    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    kind = media_type.removeprefix("image/").upper()
    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as image:
            image.load()
            options = _as_it_was(image) if kind == "JPEG" else {"compress_level": 1 if _is_large(image) else 6}
            # Cameras turn a photograph by a mark beside the pixels: turn these, for the mark goes away.
            ImageOps.exif_transpose(image, in_place=True)
            clear = image.info.get("transparency")
            image.info = {} if clear is None else {"transparency": clear}
            upright = image.convert("RGB") if kind == "JPEG" and image.mode not in ("L", "RGB") else image
            out = io.BytesIO()
            upright.save(out, kind, icc_profile=None, **options)
            return out.getvalue()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return TOO_MANY_PIXELS
    except Exception:  # decoders raise anything on a damaged file
        return UNREADABLE


def _is_large(image: Any) -> bool:
    return bool(image.width * image.height > _LARGE)


def _as_it_was(image: Any) -> dict[str, Any]:
    """How to write a JPEG so that it loses next to nothing and takes as much room as before."""
    from PIL import JpegImagePlugin

    tables = getattr(image, "quantization", None)
    plain = tables and all(0 < value < 256 for table in tables.values() for value in table)
    if not plain or image.mode not in ("L", "RGB"):
        return {"quality": 90}
    sampling = JpegImagePlugin.get_sampling(image) if image.mode == "RGB" else -1
    return {"qtables": tables, **({"subsampling": sampling} if sampling in (0, 1, 2) else {})}


def inspect_pdf(content: bytes) -> int:
    """Open the PDF, count its pages, and look at every object for what isn't a page to read."""
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            if pdf.is_encrypted:
                return ENCRYPTED
            if not len(pdf.pages):
                return UNREADABLE
            return ACTIVE if any(_acts(one) for one in (*pdf.objects, pdf.trailer)) else SOUND
    except pikepdf.PasswordError:
        return ENCRYPTED
    except Exception:  # the parser raises anything on a damaged file
        return UNREADABLE


def _acts(thing: Any) -> bool:
    import pikepdf

    for dictionary in _dictionaries(thing, pikepdf, 0):
        keys = set(dictionary.keys())
        if keys & _KEYS:
            return True
        for key, kinds in _KINDS.items():
            if key in keys and isinstance(dictionary[key], pikepdf.Name) and str(dictionary[key]) in kinds:
                return True
    return False


def _dictionaries(thing: Any, pikepdf: Any, depth: int) -> Iterator[Any]:
    """The dictionaries in an object; those that it only refers to are objects of their own."""
    if depth > _DEPTH:
        raise ValueError("nested too deep")
    if isinstance(thing, (pikepdf.Dictionary, pikepdf.Stream)):
        yield thing
        inside = [thing[key] for key in thing.keys()]  # noqa: SIM118 - the objects of pikepdf iterate otherwise
    elif isinstance(thing, pikepdf.Array):
        inside = list(thing)
    else:
        return
    for one in inside:
        if not getattr(one, "is_indirect", False):
            yield from _dictionaries(one, pikepdf, depth + 1)


def _main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    media_type = sys.argv[1]
    content = sys.stdin.buffer.read()
    if media_type == "application/pdf":
        return inspect_pdf(content)
    found = encode_image(content, media_type)
    if isinstance(found, int):
        return found
    sys.stdout.buffer.write(found)
    return SOUND


if __name__ == "__main__":
    sys.exit(_main())
