"""What agents do: their queues, the task at hand, the requests of their service."""

from flask import Blueprint

blueprint = Blueprint("agents", __name__)

from portal.agents import (  # noqa: E402,F401 - they declare the routes
    agendas,
    cases,
    errors,
    exchanges,
    exports,
    letters,
    proconnect,
    profile,
    queues,
    quotas,
    second_factors,
    tasks,
)
