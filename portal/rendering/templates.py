"""What templates can use: the component macros, and the names that every page knows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, PrefixLoader

from portal.rendering import drawing
from portal.rendering.assets import asset

TEMPLATES = Path(__file__).parents[1] / "templates"


def loader() -> ChoiceLoader:
    """The portal's templates, and the components' under `govuk_frontend_jinja/`."""
    components = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    return ChoiceLoader([FileSystemLoader(TEMPLATES), components])


def prepare(app: Flask) -> None:
    """Give an application's templates what `base.html` and the macros need."""
    app.jinja_loader = loader()
    app.jinja_env.globals.update(names())


def names() -> dict[str, Any]:
    """The functions that templates call by name."""
    return {
        "asset": asset,
        "draw": drawing.draw,
        "error_list": drawing.error_list,
        "anchor": drawing.anchor,
        "is_colour": lambda text: bool(re.fullmatch(r"#[0-9a-fA-F]{6}", str(text))),
        "nbsp": "\u00a0",
    }
