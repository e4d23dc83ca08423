"""The parts around every page that are the same on thousands of pages: drawn once for each kind of visitor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from markupsafe import Markup

from engine.core.config import City
from engine.people.actors import Actor


def skip_link() -> Markup:
    """The link that leads past what stands before the content."""
    drawn: Markup = _parts().skip_link
    return drawn


def navigation(person: Actor | None, nav: str) -> Markup:
    """The portal's own navigation, as this person sees it on a page of `nav`."""
    if person is None or not person.signed_in:
        return _navigation("anonymous", frozenset(), nav)
    return _navigation(person.kind, person.roles, nav)


# Kinds of visitors with their roles, times the entries of the navigation.
@lru_cache(maxsize=256)
def _navigation(kind: str, roles: frozenset[str], nav: str) -> Markup:
    drawn: Markup = _parts().navigation(kind, roles, nav)
    return drawn


# Of one city in each process, and of another where its settings change.
@lru_cache(maxsize=16)
def head_links(city: City) -> Markup:
    """What every page loads, in its head."""
    drawn: Markup = _parts().head_links(city)
    return drawn


@lru_cache(maxsize=16)
def home_link(city: City) -> Markup:
    """The city's mark and name, which lead to the beginning."""
    drawn: Markup = _parts().home_link(city)
    return drawn


def page_footer(city: City, further: Iterable[Mapping[str, str]], accessibility: str) -> Markup:
    """The foot of the page, with `further` links; `accessibility` is what the declaration says of itself."""
    return _footer(city, tuple((link["label"], link["href"]) for link in further), accessibility)


@lru_cache(maxsize=16)
def _footer(city: City, further: tuple[tuple[str, str], ...], accessibility: str) -> Markup:
    drawn: Markup = _parts().page_footer(city, further, accessibility)
    return drawn


@cache
def _parts() -> Any:
    from portal.rendering.templates import environment

    return environment().get_template("frame.html").module
