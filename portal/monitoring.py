"""What operators see of requests: an id, one line each in the log, metrics at `/metrics`, a span where traces are on.

Routes are told by their pattern, never by their address: addresses hold the tokens of private links and what people search.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import re
import time
from secrets import token_hex

from flask import Flask, g, request
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from engine.core import clock, config, jobs, logs, metrics, traces
from engine.core.db import Session
from engine.core.errors import NotFound, Unavailable
from engine.core.logs import Doing
from engine.core.metrics import Gauges, Values
from engine.procedures import incidents
from portal import access

# A name of its own, so that these lines can be kept apart from the others.
log = logging.getLogger("portal.requests")

# In figures and the letters a to f, as proxies make them: no id can spell a name.
_ID = re.compile(r"[0-9a-fA-F-]{8,64}")
_METHODS = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}
_HEADER = "X-Request-ID"
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


def install(app: Flask) -> None:
    """Watch every request of `app`. Installed before whatever may refuse one, so that refusals are seen too."""
    app.before_request(_begin)
    app.after_request(_tell)
    app.teardown_request(_end)
    app.add_url_rule("/metrics", "metrics", _metrics)


def _begin() -> None:
    g.began = time.perf_counter()
    sent = request.headers.get(_HEADER, "")
    g.doing = Doing(request=sent if _ID.fullmatch(sent) else token_hex(16), address=request.remote_addr)
    logs.begin(g.doing)
    if traces.on():
        g.span = traces.span(f"{_method()} {_route()}", **{"request.id": g.doing.request})
        g.span.__enter__()


def _tell(response: Response) -> Response:
    doing: Doing = g.doing
    response.headers[_HEADER] = doing.request or ""
    took = time.perf_counter() - g.began
    method, route, status = _method(), _route(), response.status_code
    metrics.http(method, route, f"{status // 100}xx").observe(took)
    actor = g.actor.kind if "actor" in g else "unknown"
    if log.isEnabledFor(logging.INFO):
        facts = {
            "method": method,
            "route": route,
            "status": status,
            "ms": round(took * 1000, 2),
            "statements": doing.statements,
            "actor": actor,
        }
        log.info("request", extra={"facts": facts})
    if traces.on():
        traces.tell(**{"http.response.status_code": status, "case": doing.case, "actor": actor})
    return response


def _end(error: BaseException | None) -> None:
    span = g.pop("span", None)
    if span is not None:
        span.__exit__(type(error) if error else None, error, None)


def _method() -> str:
    return request.method if request.method in _METHODS else "other"


def _route() -> str:
    return request.url_rule.rule if request.url_rule else "none"


# --- /metrics ----------------------------------------


@access.monitor
@access.in_phases
def _metrics() -> Response:
    """Prometheus's reading. What the database knows is left out while it doesn't answer, and `parvis_database_up` is 0."""
    if not _may_read():
        raise NotFound
    access.admit()
    try:
        gauges = access.database().read(_gauges)
    except Unavailable:
        gauges = Gauges({"parvis_database_up": _database_up(0)})
    return FlaskResponse(metrics.exposition(gauges), content_type=metrics.CONTENT_TYPE)


def _may_read() -> bool:
    """With a token set, who shows it; without one, this machine, as long as no proxy speaks for somebody else."""
    settings = config.current()
    if settings.metrics_token is not None:
        shown = request.headers.get("Authorization", "")
        return hmac.compare_digest(shown.encode(), f"Bearer {settings.metrics_token}".encode())
    if not settings.proxy_hops and any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _gauges(session: Session) -> Gauges:
    now = clock.now()
    backlog = jobs.backlog(session)
    depth: Values = {(one.state, one.kind): float(one.jobs) for one in backlog}
    age: Values = {(one.kind,): max(0.0, (now - one.oldest).total_seconds()) for one in backlog if one.state == "due"}
    return Gauges(
        {
            "parvis_database_up": _database_up(1),
            "parvis_jobs": ("Jobs, by state (due, scheduled, failed) and kind", ("state", "kind"), depth),
            "parvis_oldest_job_age_seconds": ("How long the oldest due job of a kind has waited", ("kind",), age),
            "parvis_open_incidents": ("Cases that can't go on", (), {(): float(incidents.still_open(session))}),
        }
    )


def _database_up(value: float) -> tuple[str, tuple[str, ...], Values]:
    return ("Whether the database answers", (), {(): value})
