"""A past request made again (A11)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.core.db import Session
from engine.core.errors import Conflict, NotFound
from engine.people import accounts
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases, catalogue, history
from engine.procedures.cases import Case
from tests.engine.procedures.conftest import SMALL, bearer, file
from tests.engine.procedures.walking import Walk


def test_the_answers_are_those_of_then_and_the_identity_that_of_today(
    session: Session, filed: Case, resident: Actor
) -> None:
    account = accounts.find(session, filed.account_id)  # type: ignore[arg-type]
    account.contact_email = "ada.nouvelle@exemple.fr"
    draft, token = cases.duplicate(session, filed, resident)
    assert (draft.status, draft.made_from, token) == ("draft", filed.id, None)
    assert cases.typed_at(draft, "ma_demande") == SMALL
    assert cases.typed_at(draft, "mes_informations") == {
        "prenoms": "Ada",
        "nom_naissance": "Lovelace",
        "courriel": "ada.nouvelle@exemple.fr",
    }
    # Nothing counts as answered: each step is looked at again, and nothing is certified.
    assert draft.document == {}
    assert cases.typed_at(draft, "recapitulatif") is None


def test_the_copy_is_filed_as_any_draft(session: Session, filed: Case, resident: Actor) -> None:
    draft, _ = cases.duplicate(session, filed, resident)
    file(session, draft, resident)
    assert draft.status == "filed"
    assert draft.typed is None
    assert [entry.kind for entry in history.of_case(session, draft.id)][:2] == ["opened", "step_completed"]


def test_a_draft_that_is_there_is_never_overwritten(session: Session, filed: Case, resident: Actor, essai: str) -> None:
    cases.open_draft(session, essai, resident)
    with pytest.raises(Conflict):
        cases.duplicate(session, filed, resident)


def test_who_has_no_account_gets_a_link_to_the_copy(session: Session, essai: str) -> None:
    case, token = cases.open_draft(session, essai, ANONYMOUS)
    assert token is not None
    file(session, case, bearer(token))
    draft, link = cases.duplicate(session, case, bearer(token))
    assert link is not None
    assert cases.of_link(session, link) is draft
    assert cases.typed_at(draft, "mes_informations") is not None


def test_what_is_no_longer_proposed_is_not_made_again(
    session: Session, filed: Case, resident: Actor, essai: str
) -> None:
    catalogue.withdraw(session, essai)
    with pytest.raises(NotFound):
        cases.duplicate(session, filed, resident)


def test_files_and_consents_are_not_taken_over(session: Session, walk: Callable[..., Walk]) -> None:
    """A proof of last year is rarely one of this year; a consent is given anew."""
    case = walk("stationnement-renouvellement")
    case.resident_submits("mes_informations")
    case.resident_submits("mon_droit", droit="SR-4127-08", duree=12, vehicule="inchange")
    case.resident_submits("mes_justificatifs", meme_adresse=True, justificatif_domicile=["facture.pdf"])
    case.resident_submits("paiement_mobile", choix="autorise")
    case.resident_submits("recapitulatif", certification=True)
    draft, _ = cases.duplicate(session, case.case, case.actor)
    assert cases.typed_at(draft, "mon_droit") == {"droit": "SR-4127-08", "duree": 12, "vehicule": "inchange"}
    assert cases.typed_at(draft, "mes_justificatifs") == {"meme_adresse": True}
