"""What the law wants said, and how to reach the city: legal notice, terms of use, privacy, accessibility, contact (D6, D5).

The words are the city's texts (`engine.core.texts`); these pages draw them.
"""

from __future__ import annotations

from flask import make_response, render_template
from werkzeug.wrappers import Response

from engine.core import pdf, texts
from engine.core.db import Session
from engine.core.errors import NotFound
from engine.core.texts import Text
from engine.people import terms
from engine.procedures import catalogue
from engine.procedures.catalogue import Procedure
from portal import access, rendering
from portal.access import database, reading
from portal.public import blueprint
from portal.rendering import prose

# The procedure that writes to the city, when it is published.
CONTACT = "contact"


@blueprint.get("/conditions-generales")
@access.anyone
@reading
def show_terms(session: Session) -> str:
    """The terms of use in force, with the procedures that need an account."""
    return _terms(session, texts.in_force(terms.TERMS))


@blueprint.get("/conditions-generales/versions/<version>")
@access.anyone
@reading
def show_terms_version(session: Session, version: str) -> str:
    """The terms as they were, or will be."""
    return _terms(session, _version(terms.TERMS, version))


@blueprint.get("/conditions-generales/annexe.pdf")
@access.anyone
def download_annex() -> Response:
    """The annex of the terms, to take away: the procedures that need an account."""
    with database().reading() as session:
        page = render_template(
            "public/terms_annex.html", text=texts.in_force(terms.TERMS), locked=_needing_an_account(session)
        )
    response = make_response(pdf.make(page, files=rendering.document_files()))
    response.mimetype = "application/pdf"
    response.headers["Content-Disposition"] = 'attachment; filename="annexe-conditions-generales.pdf"'
    return response


@blueprint.get("/donnees-personnelles")
@access.anyone
def show_privacy() -> str:
    """The privacy policy in force."""
    return _accepted(texts.in_force(terms.PRIVACY), "public.show_privacy_version")


@blueprint.get("/donnees-personnelles/versions/<version>")
@access.anyone
def show_privacy_version(version: str) -> str:
    """The privacy policy as it was, or will be."""
    return _accepted(_version(terms.PRIVACY, version), "public.show_privacy_version")


@blueprint.get("/mentions-legales")
@access.anyone
def show_legal_notice() -> str:
    """Who publishes, who answers for it, who hosts."""
    return _page(texts.find("mentions-legales"))


@blueprint.get("/accessibilite")
@access.anyone
def show_accessibility() -> str:
    """The accessibility statement."""
    return _page(texts.find("accessibilite"))


@blueprint.get("/compte")
@access.anyone
def show_about_account() -> str:
    """«En savoir plus sur le compte»."""
    return _page(texts.find("compte"))


@blueprint.get("/contact")
@access.anyone
@reading
def show_contact(session: Session) -> str:
    """Every way to reach the city."""
    form = next((one for one in catalogue.published(session) if one.slug == CONTACT), None)
    text = texts.find("contact")
    return render_template("public/contact.html", title=prose.title(text), body=prose.html(text), form=form)


@blueprint.get("/compte/supprime")
@access.anyone
def show_deleted() -> str:
    """The last page of who has just deleted their account."""
    return render_template("public/deleted.html")


def _terms(session: Session, text: Text) -> str:
    return _accepted(text, "public.show_terms_version", _needing_an_account(session))


def _accepted(text: Text, endpoint: str, locked: list[Procedure] | None = None) -> str:
    return render_template(
        "public/accepted_text.html",
        title=prose.title(text),
        body=prose.html(text),
        text=text,
        held=texts.in_force(text.name),
        versions=texts.versions(text.name),
        endpoint=endpoint,
        locked=locked,
    )


def _page(text: Text) -> str:
    return render_template("public/text.html", title=prose.title(text), body=prose.html(text), text=text)


def _version(name: str, version: str) -> Text:
    found = next((one for one in texts.versions(name) if one.version == version), None)
    if found is None:
        raise NotFound
    return found


def _needing_an_account(session: Session) -> list[Procedure]:
    return [procedure for procedure in catalogue.published(session) if procedure.locked]
