"""What anybody reads: the catalogue, the procedures, signing in."""

from flask import Blueprint

blueprint = Blueprint("public", __name__)

from portal.public import captcha, catalogue, franceconnect, legal, outbox, recovery, registration, sign_in  # noqa: E402,F401 - they declare the routes
