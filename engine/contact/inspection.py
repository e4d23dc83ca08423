"""Looks inside an uploaded image or PDF, in a process of its own with little memory and little time.

    python inspection.py image/png FILE

Decoders are where hostile files bite: what crashes, eats memory or never ends here takes nothing else with it. Exit status 0: it
can be read; 3: it can't; 4: it is an encrypted PDF; 5: it is an image of too many pixels. Imports nothing of the platform.
"""

from __future__ import annotations

import resource
import sys
import warnings

SOUND, UNREADABLE, ENCRYPTED, TOO_MANY_PIXELS = 0, 3, 4, 5

MEMORY = 1 << 30
SECONDS = 20
# A 48-megapixel photograph passes, a page scanned in colour at 600 dpi too.
PIXELS = 64_000_000


def inspect_image(path: str, media_type: str) -> int:
    """Decode the whole image."""
    from PIL import Image, ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(path, formats=[media_type.removeprefix("image/").upper()]) as image:
            # JPEG decoders can read everything and keep an eighth: less memory, and every byte is still looked at.
            image.draft("RGB", (max(1, image.width // 8), max(1, image.height // 8)))
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return TOO_MANY_PIXELS
    except Exception:  # decoders raise anything on a damaged file
        return UNREADABLE
    return SOUND


def inspect_pdf(path: str) -> int:
    """Open the PDF and count its pages."""
    import pikepdf

    try:
        with pikepdf.open(path) as pdf:
            if pdf.is_encrypted:
                return ENCRYPTED
            return SOUND if len(pdf.pages) else UNREADABLE
    except pikepdf.PasswordError:
        return ENCRYPTED
    except Exception:  # the parser raises anything on a damaged file
        return UNREADABLE


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    kind, file = sys.argv[1:]
    sys.exit(inspect_pdf(file) if kind == "application/pdf" else inspect_image(file, kind))
