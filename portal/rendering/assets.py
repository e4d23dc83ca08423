"""The built front-end files (see `commands/assets.py`): their addresses, which change with their content."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parents[1] / "static"


@cache
def manifest(folder: Path = STATIC) -> dict[str, str]:
    """The built files by the name that templates use; nothing when they haven't been built."""
    path = folder / "manifest.json"
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return found


def document_files() -> dict[str, bytes]:
    """What the page of a PDF may use (`engine.core.pdf`): the portal's font, as `parvis:font.woff2`, where it has been built."""
    path = STATIC / manifest().get("public-sans.woff2", "public-sans.woff2")
    return {"font.woff2": path.read_bytes()} if path.exists() else {}


def asset(name: str) -> str:
    """The address of a built file: `asset("portal.css")` gives `/static/portal-1a2b3c4d.css`."""
    return f"/static/{manifest().get(name, name)}"
