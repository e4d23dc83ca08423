"""What an e-mail about a request looks like (D3)."""

from __future__ import annotations

import pytest

from engine.contact import letters


@pytest.mark.parametrize(
    ("link", "personal"),
    [
        ("https://ville.example/suivi/abc", True),
        ("https://ville.example/suivi/abc?onglet=echanges", True),
        ("https://ville.example/demandes/ABCD-EFGH/suivi/echanges", False),
    ],
)
def test_only_a_link_that_opens_the_request_is_personal(link: str, personal: bool) -> None:
    said = "Ce lien est personnel\u00a0: ne le transmettez pas."
    assert (said in letters.text("Bonjour", reference="ABCD-EFGH", link=link)) == personal
    assert (said in letters.html("Objet", [("", "Bonjour")], reference="ABCD-EFGH", link=link)) == personal
