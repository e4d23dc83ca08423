"""What templates can use: the component macros, and the names that every page knows."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from functools import cache
from pathlib import Path
from typing import Any

import flask.templating
from flask import Flask
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, PrefixLoader

from portal.rendering import drawing, frame
from portal.rendering.assets import asset

TEMPLATES = Path(__file__).parents[1] / "templates"


class SharedGlobals(Environment):
    """Gives every template the environment's own globals, as one plain dict.

    Jinja makes a `ChainMap` a template and compares its keys at every import of a macro: with the dozen imports that a page
    has, a tenth of the time that drawing takes. Nothing here gives a template globals of its own.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


class PageEnvironment(SharedGlobals, flask.templating.Environment):
    """Where the portal's pages are drawn."""


def loader() -> ChoiceLoader:
    """The portal's templates, and the components' under `govuk_frontend_jinja/`."""
    components = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    return ChoiceLoader([FileSystemLoader(TEMPLATES), components])


@cache
def environment() -> Environment:
    """What draws the parts that are the same with or without a request: fields, the frame, the preview of a form."""
    alone = SharedGlobals(loader=loader(), autoescape=True, auto_reload=False, cache_size=-1)
    alone.globals.update(nbsp=drawing.NBSP, asset=asset)
    return alone


def prepare(app: Flask) -> None:
    """Give an application's templates what `base.html` and the macros need."""
    app.jinja_environment = PageEnvironment
    app.jinja_loader = loader()
    app.jinja_env.globals.update(names())


def names() -> dict[str, Any]:
    """The functions that templates call by name."""
    return {
        "asset": asset,
        "draw": drawing.draw,
        "error_list": drawing.error_list,
        "anchor": drawing.anchor,
        "skip_link": frame.skip_link,
        "navigation": frame.navigation,
        "head_links": frame.head_links,
        "home_link": frame.home_link,
        "page_footer": frame.page_footer,
        "is_colour": lambda text: bool(re.fullmatch(r"#[0-9a-fA-F]{6}", str(text))),
        "nbsp": "\u00a0",
    }
