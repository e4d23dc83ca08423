"""The headers of every answer: what the browser may load and run, and who may keep a copy."""

from __future__ import annotations

import secrets
from typing import cast

from flask import Flask, Response, current_app, g

# What a view doesn't say otherwise.
_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    # A page says who is signed in: no copy stays on a shared computer, and going back shows what holds now.
    ("Cache-Control", "no-store"),
)


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
    there = {name.lower() for name, _ in response.headers}
    for name, value in _ALWAYS:
        if name.lower() not in there:
            response.headers.add(name, value)
    if "content-security-policy" not in there:
        response.headers.add("Content-Security-Policy", _policy())
    if current_app.config["SESSION_COOKIE_SECURE"] and "strict-transport-security" not in there:
        response.headers.add("Strict-Transport-Security", "max-age=31536000")
    return response


def _policy() -> str:
    # A nonce and 'unsafe-inline' side by side would cancel the latter.
    styles = "'unsafe-inline'" if g.get("inline_styles") else f"'nonce-{nonce()}'"
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce()}'; style-src 'self' {styles}; img-src 'self' data:; "
        "font-src 'self'; media-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
