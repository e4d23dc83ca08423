"""The outbox of a demonstration: what would have been sent, by e-mail or SMS, so that a newcomer can follow the links."""

from __future__ import annotations

import re

from flask import render_template
from markupsafe import Markup, escape

from engine.contact import sms
from engine.core import config, mail
from engine.core.db import Session
from engine.core.errors import NotFound
from portal import access
from portal.access import reading
from portal.public import blueprint

_ADDRESS = re.compile(r"https?://[^\s<>\"]+")


@blueprint.get("/boite-denvoi")
@access.anyone
@reading
def show_outbox(session: Session) -> str:
    """The messages, the latest first; only where no mail leaves and nobody else can look."""
    if not config.current().outbox:
        raise NotFound
    messages = [(message, with_links(message.text)) for message in mail.outbox(session)]
    return render_template("public/outbox.html", messages=messages)


@blueprint.get("/boite-denvoi/sms")
@access.anyone
@reading
def show_sms_outbox(session: Session) -> str:
    """The text messages, the latest first; only where none leaves and nobody else can look."""
    settings = config.current()
    if not settings.outbox or settings.sms_url is not None or settings.sms_gateway is not None:
        raise NotFound
    return render_template(
        "public/outbox_sms.html", messages=[(message, with_links(message.text)) for message in sms.outbox(session)]
    )


def with_links(text: str) -> Markup:
    """The text of a message, its addresses made into links."""
    parts: list[Markup] = []
    end = 0
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(".,;)")
        parts += [
            escape(text[end : found.start()]),
            Markup('<a class="govuk-link" href="{0}">{0}</a>').format(address),
        ]
        end = found.start() + len(address)
    return Markup("").join([*parts, escape(text[end:])])
