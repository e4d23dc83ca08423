"""What anybody reads: the catalogue, the procedures, signing in."""

from flask import Blueprint

blueprint = Blueprint("public", __name__)

from portal.public import (  # noqa: E402 - they declare the routes
    beneficiaries,  # noqa: F401
    captcha,  # noqa: F401
    catalogue,  # noqa: F401
    franceconnect,  # noqa: F401
    invitation,  # noqa: F401
    legal,  # noqa: F401
    lost_link,  # noqa: F401
    outbox,  # noqa: F401
    quotas,  # noqa: F401
    recovery,  # noqa: F401
    registration,  # noqa: F401
    second_factor,  # noqa: F401
    sign_in,  # noqa: F401
)
