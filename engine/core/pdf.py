"""PDF documents: a page of HTML made into a tagged PDF that screen readers can follow (PDF/UA-1), and that fetches nothing.

WeasyPrint stands on Pango, a library of the system: `./parvis` sees to it on Debian. Where it is missing everything else works,
and who asks for a document reads that it can't be made for now.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from engine.core.errors import Unavailable

log = logging.getLogger(__name__)

_SCHEME = "parvis:"
_NOT_NOW = "Ce document ne peut pas être produit pour le moment. Le contenu reste lisible dans les pages du portail."


def make(html: str, *, files: Mapping[str, bytes] | None = None) -> bytes:
    """The PDF of a whole page of HTML, whose `lang` and `title` become the document's.

    `files` are what the page may use, under addresses such as `parvis:font.woff2`: nothing else is opened, on the network or
    on this machine. `Unavailable` when Pango is missing.
    """
    weasyprint = _weasyprint()
    if weasyprint is None:
        raise Unavailable(_NOT_NOW)
    given = {f"{_SCHEME}{name}": content for name, content in (files or {}).items()}
    fetcher: Any = weasyprint.urls.URLFetcher

    class Given(fetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: object = None) -> object:
            if url not in given:
                raise ValueError("a document fetches nothing")
            return weasyprint.urls.URLFetcherResponse(url, given[url])

    made: bytes = weasyprint.HTML(string=html, url_fetcher=Given()).write_pdf(
        pdf_variant="pdf/ua-1", pdf_tags=True, uncompressed_pdf=False
    )
    return made


@cache
def _weasyprint() -> Any:
    """The library, loaded when the first document is asked for: it takes half a second that most processes never need."""
    try:
        import weasyprint
    except OSError as error:
        log.error("no PDF can be made: %s. On Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0", error)
        return None
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    return weasyprint
