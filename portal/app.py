"""The web application, put together: settings, database, rooms, errors, headers."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, redirect, request, send_from_directory, url_for
from flask import Response as FlaskResponse
from flask.sessions import SecureCookieSessionInterface
from flask_babel import Babel
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from engine.core import config, db, jobs
from engine.core.config import Settings
from engine.core.db import Database
from engine.core.errors import Unavailable
from engine.people import throttle
from portal import (
    access,
    admin,
    agents,
    diagram,
    errors,
    headers,
    intake,
    monitoring,
    public,
    rendering,
    residents,
    studio,
    words,
)
from portal.interruption import install as announce_interruptions
from portal.rendering import assets

HERE = Path(__file__).parent


class _Answer(FlaskResponse):
    """An answer that is there as a whole goes to the server as a whole, which sends it at once; otherwise the server asks for
    piece after piece, each from another thread."""

    def get_app_iter(self, environ: dict[str, Any]) -> Iterable[bytes]:
        if not self.is_sequence or environ["REQUEST_METHOD"] == "HEAD":
            return super().get_app_iter(environ)
        pieces = list(self.iter_encoded())
        self.close()
        return pieces


class _Sessions(SecureCookieSessionInterface):
    """Flask's sessions; what signs them is made once, since the keys stay as long as the process."""

    def __init__(self) -> None:
        self._serializers: dict[Flask, Any] = {}

    def get_signing_serializer(self, app: Flask) -> Any:
        if app not in self._serializers:
            self._serializers[app] = super().get_signing_serializer(app)
        return self._serializers[app]


class _Portal(Flask):
    """Flask, without what costs and isn't used."""

    response_class = _Answer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.session_interface = _Sessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func  # no view and no hook is a coroutine


def create_app(settings: Settings | None = None, *, database: Database | None = None) -> Flask:
    """The portal over the database of `settings` (those of the process by default).

    `database` is given by who already has it open: on SQLite, writers of one process queue on the same object.
    """
    if settings is None:
        settings = config.current()
    else:
        config.use(settings)
    app = _Portal("portal", static_folder=None, template_folder=None, root_path=str(HERE))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        # Former keys still read cookies and the tokens of forms; the last one of the list signs.
        SECRET_KEY_FALLBACKS=list(settings.former_secret_keys),
        WTF_CSRF_SECRET_KEY=[*settings.former_secret_keys[::-1], settings.secret_key],
        SESSION_COOKIE_NAME="__Host-parvis" if settings.secure_cookies else "parvis",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # The token lives as long as the session's cookie: a form left open over lunch still works.
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_DEFAULT_LOCALE="fr",
        BABEL_DEFAULT_TIMEZONE="Europe/Paris",
        BABEL_TRANSLATION_DIRECTORIES=str(HERE / "translations"),
    )
    app.extensions["database"] = database or Database(settings.database_url)
    rendering.prepare(app)
    words.prepare(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    announce_interruptions(app)
    links = [{"label": "Boîte d’envoi de la démonstration", "href": "/boite-denvoi"}] if settings.outbox else []
    app.jinja_env.globals.update(at_hand=residents.menu.at_hand, menu_sectors=residents.menu.menu_sectors)
    app.context_processor(lambda: {"city": settings.city, "footer_links": links, "person": access.current_actor()})
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]

    Babel(app)
    monitoring.install(app)
    # Before CSRF protection, which reads the body.
    intake.install(app)
    CSRFProtect(app)
    headers.install(app)
    errors.install(app)
    for room in (public, residents, agents, admin, studio, diagram):
        app.register_blueprint(room.blueprint)
    app.add_url_rule("/", "home", _home)
    app.add_url_rule("/static/<path:name>", "static", _static)
    app.add_url_rule("/healthz", "health", _health)
    app.add_url_rule("/readyz", "ready", _ready)
    jobs.use_waker(settings.waker)
    throttle.use_store(settings.throttle)
    _check_policies(app)
    return app


@access.anyone
def _home() -> Response:
    return redirect(url_for("public.show_catalogue"))


@access.anyone
def _static(name: str) -> Response:
    """A built file. Its name changes with its content, so that browsers may keep it for good.

    Only these travel compressed: a page holds secrets beside what visitors type, which compression would let a listener guess.
    """
    answer = send_from_directory(assets.STATIC, name, max_age=31_536_000)
    if name.endswith((".css", ".js", ".svg")):
        answer.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"]:
            answer.close()
            answer.direct_passthrough = False
            answer.set_data(_compressed(assets.STATIC / name))
            answer.content_encoding = "gzip"
    answer.cache_control.public = True
    answer.cache_control.immutable = True
    return answer


@cache
def _compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)


@access.anyone
def _health() -> Response:
    """200 while this process answers at all: when it doesn't, starting it again helps."""
    return FlaskResponse("ok\n", mimetype="text/plain")


@access.anyone
def _ready() -> Response:
    """200 when requests can be sent here: the database answers, with what this release needs.

    Redis isn't asked: without it pages work as ever, and jobs wait.
    """
    try:
        migrated = access.database().read(db.is_migrated)
    except Unavailable:
        return FlaskResponse("the database does not answer\n", 503, mimetype="text/plain")
    if not migrated:
        return FlaskResponse("the database waits for ./parvis prepare\n", 503, mimetype="text/plain")
    return FlaskResponse("ready\n", mimetype="text/plain")


def _check_policies(app: Flask) -> None:
    """A route that says nothing of who may call it stops the application from starting."""
    bare = sorted(
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if access.policy_of(app.view_functions[rule.endpoint]) is None
    )
    if bare:
        raise RuntimeError(f"these routes declare no policy: {', '.join(bare)}")
