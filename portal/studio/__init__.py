"""What analysts do: look at the procedures that are deployed, deposit versions, and decide which one is offered (F1)."""

from flask import Blueprint

from portal import proof

blueprint = Blueprint("studio", __name__, url_prefix="/agents")
proof.install(blueprint)

from portal.studio import deposits, offers, procedures, versions  # noqa: E402,F401 - they declare the routes
