"""What agents do: their queues, the task at hand, the requests of their service."""

from flask import Blueprint

blueprint = Blueprint("agents", __name__)

from portal.agents import cases, errors, exchanges, letters, proconnect, profile, queues, second_factors, tasks  # noqa: E402,F401 - they declare the routes
