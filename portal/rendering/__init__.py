"""Forms on the page: fields drawn as HTML, what was posted read back, and the parts that every template shares."""

from portal.rendering.assets import asset
from portal.rendering.drawing import anchor, draw, error_list
from portal.rendering.reading import Action, act, action, read, uploads
from portal.rendering.templates import prepare

__all__ = ["Action", "act", "action", "anchor", "asset", "draw", "error_list", "prepare", "read", "uploads"]
