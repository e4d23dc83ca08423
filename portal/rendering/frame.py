"""The parts around every page that are the same on thousands of pages: drawn once for each kind of visitor."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from markupsafe import Markup

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


@cache
def _parts() -> Any:
    from portal.rendering.templates import environment

    return environment().get_template("frame.html").module
