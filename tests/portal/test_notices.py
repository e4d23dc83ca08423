"""What was just done is said once, in one banner a kind."""

from __future__ import annotations

import pytest
from flask import Flask, flash, render_template

pytestmark = pytest.mark.sqlite_only


def test_messages_of_a_kind_share_a_banner(application: Flask) -> None:
    with application.test_request_context("/demarches"):
        for text in ("Enregistré.", "Envoyé.", "Enregistré."):
            flash(text, "success")
        flash("Lisez ceci.", "info")
        page = render_template("notices.html")
    assert page.count("Enregistré. Envoyé.") == 1
    assert page.count('id="banner-') == 2
