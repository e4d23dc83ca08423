"""Forms on the page: fields drawn as HTML, what was posted read back, and the parts that every template shares."""

from portal.rendering.assets import asset, document_files
from portal.rendering.drawing import anchor, draw, error_list
from portal.rendering.reading import PICKED, Action, accepted, accepts, act, action, picked, read, uploads
from portal.rendering.templates import prepare

__all__ = [
    "PICKED",
    "Action",
    "accepted",
    "accepts",
    "act",
    "action",
    "anchor",
    "asset",
    "document_files",
    "draw",
    "error_list",
    "picked",
    "prepare",
    "read",
    "uploads",
]
