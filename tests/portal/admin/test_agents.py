"""Administrators look after agents' accounts; nobody after their own, and nobody else (E7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from werkzeug.test import TestResponse

from engine.core import audit, mail
from engine.core.db import Database
from engine.people import accounts, groups, places
from engine.people.accounts import Account
from engine.people.places import Place
from tests.portal.admin.conftest import OTHER, SERVICE
from tests.portal.conftest import PASSWORD, Visitor

# The engine's tests go through both databases.
pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
AGENTS, NEW = "/administration/agents", "/administration/invitations/nouvelle"


def test_groups_and_roles_are_changed(
    admin: Visitor, jeanne: Account, helene: Account, data: Database, said: Said, signed_in: Callable[..., Visitor]
) -> None:
    """At once, in the sessions that are open too; what was ticked is kept when it is refused."""
    working = signed_in(jeanne)
    assert working.get("/agents/corbeilles").status_code == 200
    page = f"{AGENTS}/{jeanne.id}/place"
    form = admin.get(page)
    assert re.search(rf'value="{SERVICE}" checked', form.text)
    refused = admin.post(page, {"groupe": SERVICE, "responsable": OTHER})
    assert refused.status_code == 422
    assert f"cochez aussi «\u00a0{OTHER}\u00a0»".replace("\u00a0", " ") in said(refused)
    assert re.search(rf'name="responsable" type="checkbox" value="{OTHER}" checked', refused.text)
    for wrong in ({"groupe": "Nulle part"}, {"role": "root"}, {"groupe": "Usager"}):
        assert admin.post(page, wrong).status_code == 422
    done = admin.post(page, {"groupe": [SERVICE, OTHER], "responsable": OTHER, "role": "analyst"})
    assert done.location == f"{AGENTS}/{jeanne.id}"
    assert f"{OTHER} (responsable)" in said(admin.follow(done))
    with data.reading() as session:
        place = places.of(session, jeanne.id)
        assert (place.groups, place.supervises, place.roles) == ({SERVICE, OTHER}, {OTHER}, {"analyst"})
        acts = [one for one in audit.listing(session) if one.actor_id == helene.id]
        assert {one.action for one in acts} == {"account.role_given"}
    assert working.get("/agents/corbeilles").status_code == 303


def test_what_another_administrator_saved_meanwhile_is_not_put_back(
    admin: Visitor, jeanne: Account, data: Database, said: Said
) -> None:
    """Told with what is there now; what was ticked stays, and saving again decides."""
    page = f"{AGENTS}/{jeanne.id}/place"
    mark = _mark(admin.get(page))
    data.run(lambda session: places.put(session, accounts.find(session, jeanne.id), Place([OTHER]), who=audit.OPERATOR))
    mine = {"groupe": SERVICE, "role": "analyst", "_vu": mark}
    refused = admin.post(page, mine)
    assert refused.status_code == 409
    assert "Quelqu’un d’autre a enregistré" in said(refused)
    assert f"Ce qui est enregistré maintenant : {OTHER}." in said(refused)
    assert re.search(rf'name="groupe" type="checkbox" value="{SERVICE}" checked', refused.text)
    wrong = admin.post(page, {**mine, "responsable": OTHER, "_vu": _mark(refused)})
    assert wrong.status_code == 422
    assert _mark(wrong) == _mark(refused)
    assert admin.post(page, {**mine, "_vu": _mark(wrong)}).status_code == 303
    with data.reading() as session:
        assert places.of(session, jeanne.id).groups == {SERVICE}


def _mark(answer: TestResponse) -> str:
    return re.findall(r'name="_vu" value="(\w+)"', answer.text)[0]


def test_an_account_is_closed_reopened_and_reset(admin: Visitor, jeanne: Account, data: Database, said: Said) -> None:
    page = f"{AGENTS}/{jeanne.id}"
    assert "Fermer le compte" in said(admin.get(f"{page}/fermeture"))
    assert "Compte fermé" in said(admin.follow(admin.post(f"{page}/fermeture")))
    assert "Compte fermé" not in said(admin.follow(admin.post(f"{page}/reouverture")))
    assert admin.post(f"{page}/second-facteur").location == page
    with data.reading() as session:
        assert accounts.find(session, jeanne.id).password_hash is None
        assert mail.outbox(session)[0].name == "second-facteur-reinitialise"


def test_nobody_changes_their_own_place(admin: Visitor, helene: Account, said: Said) -> None:
    page = f"{AGENTS}/{helene.id}"
    assert "C’est votre compte" in said(admin.get(page))
    assert admin.get(f"{page}/place").status_code == 409
    assert admin.post(f"{page}/place", {"groupe": SERVICE, "role": "administrator"}).status_code == 409
    for deed in ("fermeture", "second-facteur"):
        assert admin.get(f"{page}/{deed}").status_code == 409
        assert admin.post(f"{page}/{deed}").status_code == 409


def test_of_two_administrators_who_remove_one_another_one_stays(
    admin: Visitor, helene: Account, placed: Callable[..., Account], signed_in: Callable[[Account], Visitor]
) -> None:
    zoe = placed("zoe@valmont.example", "Zoé", Place(roles=["administrator"]))
    other = signed_in(zoe)
    assert other.post(f"{AGENTS}/{helene.id}/place", {"groupe": SERVICE}).status_code == 303
    assert admin.post(f"{AGENTS}/{zoe.id}/place", {"groupe": SERVICE}).status_code == 303  # to the sign-in page
    assert other.get(AGENTS).status_code == 200


def test_a_stale_proof_is_asked_for_again(
    helene: Account, jeanne: Account, signed_in: Callable[[Account], Visitor], clock_at: Callable[[str], datetime]
) -> None:
    """Before a place is changed or an account closed; looking around needs none."""
    clock_at("2027-01-11 09:00")
    admin = signed_in(helene)
    clock_at("2027-01-11 09:11")
    page = f"{AGENTS}/{jeanne.id}"
    assert admin.get(page).status_code == 200
    proof = f"/agents/profil/verification?suite={page}/place"
    assert admin.get(f"{page}/place").location == proof
    assert admin.post(f"{page}/place", {"role": "administrator"}).location == proof
    assert admin.post(f"{page}/fermeture").location.endswith("/fermeture")
    assert admin.post(NEW, {"courriel": "z@valmont.example"}).location.endswith(NEW)
    answer = admin.post("/agents/profil/verification", {"mot_de_passe": PASSWORD, "suite": f"{page}/place"})
    assert answer.location == f"{page}/place"
    assert admin.get(answer.location).status_code == 200


def test_agents_are_searched(admin: Visitor, jeanne: Account, said: Said) -> None:
    assert jeanne.login in said(admin.get(f"{AGENTS}?q=jeanne"))
    assert jeanne.login not in said(admin.get(f"{AGENTS}?role=administrator"))
    assert "Aucun agent ne répond" in said(admin.get(f"{AGENTS}?q=personne"))
    for odd in ("page=0", "page=-3", "page=x", "page=99999999999999999999", "q=%25", "groupe=%EF%BF%BF"):
        assert admin.get(f"{AGENTS}?{odd}").status_code == 200


def test_groups_tell_their_members(admin: Visitor, jeanne: Account, said: Said) -> None:
    page = admin.get("/administration/groupes")
    (link,) = re.findall(rf'href="([^"]+)">{SERVICE}<', page.text)
    assert jeanne.login in said(admin.get(link))
    (link,) = re.findall(rf'href="([^"]+)">{OTHER}<', page.text)
    assert "Aucun agent n’est de ce groupe" in said(admin.get(link))
    assert admin.get(f"/administration/groupes/{jeanne.id}").status_code == 404


def test_a_group_opened_by_mistake_is_removed(admin: Visitor, jeanne: Account, data: Database, said: Said) -> None:
    mistaken, used = data.run(lambda session: [groups.ensure(session, name).id for name in ("Voirrie", SERVICE)])
    page = f"/administration/groupes/{mistaken}"
    assert f'href="{page}/suppression"' in admin.get(page).text
    assert "rien ne se perd" in said(admin.get(f"{page}/suppression"))
    done = admin.post(f"{page}/suppression")
    assert "est supprimé" in said(admin.follow(done))
    assert "Voirrie" not in said(admin.get(f"{AGENTS}/{jeanne.id}/place"))
    assert admin.get(f"{page}/suppression").status_code == admin.post(f"{page}/suppression").status_code == 404
    kept = f"/administration/groupes/{used}/suppression"
    assert "1 agent est de ce groupe" in said(admin.get(kept))
    refused = admin.post(kept)
    assert refused.status_code == 409
    assert "ne peut pas être supprimé" in said(refused)


def test_the_pages_are_administrators_alone(
    placed: Callable[..., Account],
    account: Callable[..., Account],
    jeanne: Account,
    signed_in: Callable[[Account], Visitor],
    visitor: Visitor,
) -> None:
    """Nor do administrators read what residents confide."""
    others = [
        placed("yann@valmont.example", "Yann", Place(roles=["analyst"])),
        placed("bruno@valmont.example", "Bruno", Place([SERVICE], [SERVICE])),
        account(),
    ]
    pages = [AGENTS, f"{AGENTS}/{jeanne.id}", f"{AGENTS}/{jeanne.id}/place", NEW]
    for one in others:
        browser = signed_in(one)
        assert {browser.get(page).status_code for page in pages} <= {403, 404}
        assert browser.post(f"{AGENTS}/{jeanne.id}/fermeture").status_code in (403, 404)
    assert {visitor.get(page).status_code for page in pages} == {303}


def test_administrators_read_no_request(
    admin: Visitor, report: Callable[..., str], visitors: Callable[[], Visitor]
) -> None:
    reference = report(visitors(), filed=True)
    assert admin.get("/agents/corbeilles").status_code == 403
    assert admin.get(f"/agents/demandes/{reference}").status_code in (403, 404)


def test_a_resident_is_no_agent(admin: Visitor, account: Callable[..., Account]) -> None:
    claire = account()
    page = f"{AGENTS}/{claire.id}"
    assert admin.get(page).status_code == 404
    assert admin.get(f"{page}/place").status_code == 404
    assert admin.post(f"{page}/fermeture").status_code == 404
    assert admin.get(f"{AGENTS}/{claire.id}/autre-chose").status_code == 404


def test_each_begins_where_their_work_is(
    admin: Visitor, jeanne: Account, placed: Callable[..., Account], signed_in: Callable[[Account], Visitor]
) -> None:
    yann = placed("yann@valmont.example", "Yann", Place(roles=["analyst"]))
    places_ = [browser.get("/agents").location for browser in (admin, signed_in(jeanne), signed_in(yann))]
    assert places_ == ["/administration", "/agents/corbeilles", "/agents/demarches"]
    assert admin.get("/administration").location == AGENTS
