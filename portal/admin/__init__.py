"""What administrators do: look after agents' accounts, their groups and their roles; warn who breaks the terms."""

from flask import Blueprint

blueprint = Blueprint("admin", __name__, url_prefix="/administration")

from portal.admin import agents, groups, interruption, invitations, warnings  # noqa: E402,F401 - they declare the routes
