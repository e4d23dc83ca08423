"""What residents do: the wizard, the tracking of their requests, their space."""

from flask import Blueprint

blueprint = Blueprint("residents", __name__)

from portal.residents import (  # noqa: E402,F401 - they declare the routes
    appointments,
    attaching,
    care_plans,
    cases,
    copies,
    dashboard,
    documents,
    exchanges,
    favourites,
    franceconnect,
    joining,
    links,
    privacy,
    profile,
    receipts,
    sectors,
    space,
    tracking,
    waiting,
    wizard,
)
