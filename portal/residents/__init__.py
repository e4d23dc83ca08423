"""What residents do: the wizard, the tracking of their requests, their space."""

from flask import Blueprint

blueprint = Blueprint("residents", __name__)

from portal.residents import documents, franceconnect, links, profile, space, tracking, waiting, wizard  # noqa: E402,F401 - they declare the routes
