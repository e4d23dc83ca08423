"""The city's texts as HTML: Markdown without any HTML of its own, with what the settings say of the city filled in (D6)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from engine.core import config
from engine.core.texts import Text
from portal import words

_PLACE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_CLASSES = {
    "p": "govuk-body",
    "ul": "govuk-list govuk-list--bullet",
    "ol": "govuk-list govuk-list--number",
    "a": "govuk-link",
    "h2": "govuk-heading-l",
    "h3": "govuk-heading-m",
    "table": "govuk-table",
    "th": "govuk-table__header",
    "td": "govuk-table__cell",
}


def title(text: Text) -> str:
    """The title with the city's own words."""
    return _filled(text.title, _facts(text))


def html(text: Text) -> Markup:
    """The text as HTML. A tag in it shows as it was typed; a link goes to a page, a site or an address, and runs nothing."""
    facts = _facts(text)
    return _html(text.markdown, tuple(sorted(facts.items())))


@lru_cache(maxsize=64)
def _html(markdown: str, facts: tuple[tuple[str, str], ...]) -> Markup:
    tokens = _parser().parse(_filled(markdown, dict(facts)))
    _dress(tokens)
    return Markup(_parser().renderer.render(tokens, _parser().options, {}))  # noqa: S704 - made by the parser, HTML is off


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table")


def _dress(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.nesting >= 0 and token.tag in _CLASSES:
            token.attrSet("class", _CLASSES[token.tag])
        if token.children:
            _dress(token.children)


def _filled(template: str, facts: Mapping[str, str]) -> str:
    # A name that isn't known stays as it was typed: whoever wrote it sees it on the page.
    return _PLACE.sub(lambda found: facts.get(found[1], found[0]), template)


def _facts(text: Text) -> dict[str, str]:
    settings = config.current()
    city = settings.city
    facts: dict[str, Any] = {
        "ville": city.name,
        "espace": city.space_name,
        "adresse": city.address,
        "code_postal": city.postcode,
        "commune": city.town,
        "telephone": city.phone,
        "courriel": city.email,
        "directeur": city.director,
        "hebergeur": city.host,
        "mois_conservation": settings.retention_months,
        "date": words.day(text.date),
    }
    return {name: str(value) for name, value in facts.items()}
