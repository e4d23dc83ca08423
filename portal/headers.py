"""The headers of every answer: what the browser may load and run, and who may keep a copy."""

from __future__ import annotations

import secrets
from typing import cast

from flask import Flask, Response, current_app, g

_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"


def nonce() -> str:
    """The random word that this answer's own inline scripts and styles carry."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return cast(str, g.nonce)


def allow_inline_styles() -> None:
    """Let this page's scripts set styles: a diagram can't be drawn otherwise."""
    g.inline_styles = True


def install(app: Flask) -> None:
    """Send the headers with every answer of `app`."""
    app.after_request(_add)
    app.context_processor(lambda: {"csp_nonce": nonce()})


def _add(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", _PERMISSIONS)
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if current_app.config["SESSION_COOKIE_SECURE"]:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    # A page says who is signed in: no copy stays on a shared computer, and going back shows what holds now.
    headers.setdefault("Cache-Control", "no-store")
    return response


def _policy() -> str:
    # A nonce and 'unsafe-inline' side by side would cancel the latter.
    styles = "'unsafe-inline'" if g.get("inline_styles") else f"'nonce-{nonce()}'"
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce()}'; style-src 'self' {styles}; img-src 'self' data:; "
        "font-src 'self'; media-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
