"""Errors become pages: each class of `engine.core.errors` has a status, and every page says in plain words what to do next."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode

from flask import Flask, current_app, flash, g, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from engine.core import errors, logs, metrics, secrets
from engine.people.actors import ANONYMOUS
from engine.procedures import incidents
from portal import access, typed

log = logging.getLogger(__name__)

STATUSES: dict[type[errors.ParvisError], int] = {
    errors.ParvisError: 500,
    errors.BadRequest: 400,
    errors.TooLarge: 413,
    errors.Throttled: 429,
    errors.SignInRequired: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Invalid: 422,
    errors.ProcessStuck: 503,
    errors.OperationFailed: 503,
    errors.Unavailable: 503,
    errors.ConfigurationError: 500,
    secrets.Undecipherable: 503,
}
"""The status of each class; a class that isn't named has its parent's."""

TITLES = {
    400: "La demande n’a pas pu être comprise",
    401: "Connectez-vous pour continuer",
    403: "Accès réservé",
    404: "Page introuvable",
    405: "Cette action n’est pas possible ici",
    409: "La situation a changé",
    413: "L’envoi est trop volumineux",
    422: "Ces informations ne peuvent pas être acceptées",
    429: "Trop d’essais rapprochés",
    500: "Une erreur est survenue",
    503: "Le service est momentanément indisponible",
}

_ADVICE = {
    400: "Revenez à la page précédente et recommencez. Rien n’a été modifié.",
    404: "Vérifiez l’adresse de la page. Si vous l’avez collée, vérifiez qu’elle est complète.",
    405: "Revenez à la page précédente et recommencez.",
    413: "Revenez à la page précédente et joignez moins de fichiers, ou des fichiers plus légers. Rien n’a été modifié.",
    500: "Ce n’est pas de votre fait. Réessayez dans quelques minutes\u00a0; ce que vous aviez validé est enregistré.",
    503: "Réessayez dans quelques minutes\u00a0; ce que vous aviez validé est enregistré.",
}


_BY_LINK = (
    "Connectez-vous pour voir cette demande. Si vous l’avez faite sans compte, ouvrez plutôt le lien reçu par courriel avec "
    "son accusé de réception. Vous ne le retrouvez pas\u00a0? Demandez-en un autre sous «\u00a0Problèmes de connexion\u00a0»."
)


def status_of(kind: type[errors.ParvisError]) -> int:
    """The status of a class of errors: its own, or its nearest parent's."""
    return next(STATUSES[one] for one in kind.__mro__ if one in STATUSES)


def install(app: Flask) -> None:
    """Answer every error of `app` with a page."""
    app.register_error_handler(errors.ParvisError, _parvis)
    app.register_error_handler(errors.ProcessStuck, _stuck)
    app.register_error_handler(errors.SignInRequired, _sign_in)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def page(status: int, message: str, **more: Any) -> Response:
    """An error's page."""
    if status >= 500:
        # Whatever broke may break again: this page asks nothing of the database.
        g.setdefault("actor", ANONYMOUS)
    title = TITLES.get(status, TITLES[400] if status < 500 else TITLES[500])
    advice = more.pop("advice", _ADVICE.get(status, ""))
    body = render_template("errors/error.html", title=title, message=message, advice=advice, status=status, **more)
    return make_response(body, status)


def _parvis(error: errors.ParvisError) -> Response:
    metrics.count_error("portal", error)
    status = status_of(type(error))
    if status >= 500:
        log.error(logs.said_of(error))
    more = {"advice": _wait(error.retry_after)} if isinstance(error, errors.Throttled) else {}
    if isinstance(error, errors.NotFound) and request.endpoint == "residents.follow_link":
        more["lost_link"] = url_for("public.show_lost_link")
    # Some messages begin with the title of their page: it is said once.
    said = error.message.removeprefix(f"{TITLES.get(status, '')}. ") if status < 500 else ""
    answer = page(status, said, **more)
    if isinstance(error, errors.Throttled):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _wait(seconds: int) -> str:
    if seconds > 90:
        return f"Réessayez dans {-(-seconds // 60)}\u00a0minutes. Rien n’a été modifié."
    return f"Réessayez dans {seconds}\u00a0seconde{'s' if seconds > 1 else ''}. Rien n’a été modifié."


def _stuck(error: errors.ProcessStuck) -> Response:
    """The step was rolled back: record why, so that operators see it, and tell the person what became of what they typed."""
    metrics.count_error("portal", error)
    # Where it stopped and why, never the answers.
    log.error("process stuck at %s: %s", error.element_id, error.reason)
    incident = access.database().run(incidents.record, error)
    return page(
        503,
        "Nous n’avons pas pu enregistrer cette étape.",
        advice="Ce que vous avez saisi est conservé et nos services sont prévenus\u00a0: "
        "réessayez plus tard, sans tout saisir de nouveau.",
        heading="Cette étape n’a pas pu aboutir",
        incident=str(incident.id)[:8] if incident else "",
    )


def _sign_in(error: errors.SignInRequired) -> Response:
    """Lead to the sign-in page and back; what was being sent is put aside."""
    asked: dict[str, str] = {}
    if "slug" in error.facts:
        asked["demarche"] = str(error.facts["slug"])
    elif request.method in ("GET", "HEAD"):
        asked["suite"] = request.full_path.rstrip("?")
        policy = access.policy_of(current_app.view_functions.get(request.endpoint or ""))
        if policy is not None and policy.action == "case.hold":
            flash(_BY_LINK, "info")
    elif _keeps_typed():
        asked["suite"] = request.path
        if not typed.put_aside(typed.SIGN_IN_NOTICE):
            flash(typed.LOST, "info")
    return redirect(
        f"{url_for('public.show_sign_in')}?{urlencode(asked)}" if asked else url_for("public.show_sign_in"), 303
    )


def _csrf(error: CSRFError) -> Response:
    """A form of another time: shown again with what was typed. A form of another site: refused."""
    foreign = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
    if _keeps_typed() and not foreign and _nobody_is_known():
        # The page itself would ask to sign in: what was typed waits for that, and not for a page that can't be drawn.
        return _sign_in(errors.SignInRequired())
    if _keeps_typed() and not foreign and typed.put_aside(typed.NOTICE):
        return redirect(request.path, 303)
    return page(
        400,
        "La page depuis laquelle vous avez envoyé ce formulaire n’est plus valable.",
        advice="Revenez à la page précédente, rechargez-la et recommencez. Rien n’a été modifié.",
    )


def _nobody_is_known() -> bool:
    """Whether the page is somebody's, and this browser holds nothing that says whose."""
    policy = access.policy_of(current_app.view_functions.get(request.endpoint or ""))
    actor = access.current_actor()
    return policy is not None and policy.name != "anyone" and not actor.signed_in and not actor.links


def _keeps_typed() -> bool:
    return typed.keeps(current_app.view_functions.get(request.endpoint or ""))


def _http(error: HTTPException) -> Response:
    if error.code is not None and error.code < 400:
        return make_response(error.get_response())
    if error.code == 405 and request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", ""):
        # Where a form was sent, come back to by its address: a refused form leaves it in the browser.
        return redirect(_above(request.path), 303)
    if error.code == 404 and request.method in ("GET", "HEAD") and request.path.endswith("/"):
        bare = request.path.rstrip("/")
        if _is_page(bare):
            return redirect(bare, 301)
    answer = page(error.code or 500, "")
    for name, value in error.get_headers(request.environ):
        if name in ("Allow", "Retry-After"):
            answer.headers[name] = value
    return answer


def _above(path: str) -> str:
    """The nearest page above an address that isn't one."""
    while path := path.rpartition("/")[0]:
        if _is_page(path):
            return path
    return "/"


def _is_page(path: str) -> bool:
    """Whether there is a page at an address, for whom it may be."""
    pages = current_app.create_url_adapter(request)
    try:
        return pages is not None and bool(pages.match(path, method="GET"))
    except HTTPException:
        return False


def _unexpected(error: Exception) -> Response:
    metrics.count_error("portal", error)
    log.error("unexpected error on %s", request.endpoint, exc_info=error)
    return page(500, "")
