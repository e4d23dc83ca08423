"""One request a person, where a procedure takes no more (A6)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from uuid import UUID

import pytest

from engine.core import clock
from engine.core.db import Database, Session
from engine.core.errors import AlreadyRequested
from engine.people.actors import Actor
from engine.procedures import cases, catalogue, demo
from tests.engine.procedures.walking import Walk

ROOT = Path(__file__).parents[3]
SLUG = "composteur"
Begin = Callable[..., Walk]


def filed(walk: Begin) -> Walk:
    case = walk(SLUG, at="2026-03-02")
    case.resident_submits("mes_informations")
    case.resident_submits("ma_demande", modele="jardin", quartier="tilleuls", foyer=3)
    case.resident_submits("recapitulatif", certification=True)
    return case


def again(case: Walk) -> UUID:
    return cases.open_draft(case.session, SLUG, case.actor)[0].id


def test_there_is_no_second_one_while_one_is_being_treated(walk: Begin) -> None:
    case = filed(walk)
    with pytest.raises(AlreadyRequested) as refused:
        again(case)
    assert refused.value.facts["reference"] == case.case.reference
    case.time_passes("P11M")  # whatever the year
    with pytest.raises(AlreadyRequested):
        again(case)


def test_what_was_granted_counts_until_the_next_period(walk: Begin) -> None:
    case = filed(walk)
    case.agent_completes("instruction", decision="accord")
    case.agent_completes("retire", date_remise="2026-03-02", numero="C-118")
    assert case.end == "composteur_remis"
    with pytest.raises(AlreadyRequested):
        again(case)
    case.time_passes("P10M")
    assert clock.today().year == 2027
    assert again(case) != case.case.id


def test_who_was_refused_may_ask_again(walk: Begin) -> None:
    case = filed(walk)
    case.agent_completes("instruction", decision="refus", motif="Hors de la ville.")
    assert again(case)


def test_who_cancelled_may_ask_again(walk: Begin) -> None:
    case = filed(walk)
    cases.cancel(case.session, case.case, case.actor)
    assert again(case)


def test_a_draft_begun_before_the_other_was_filed_is_not_filed(walk: Begin) -> None:
    """As when a request joins the account in between."""
    case = filed(walk)
    case.case.account_id = None
    case.session.flush()
    draft = again(case)
    case.case.account_id = case.actor.account_id
    case.session.flush()
    case.case = case.session.get_one(cases.Case, draft)
    case.resident_submits("mes_informations")
    case.resident_submits("ma_demande", modele="jardin", quartier="tilleuls", foyer=3)
    with pytest.raises(AlreadyRequested):
        case.resident_submits("recapitulatif", certification=True)


def test_two_clicks_make_one_draft_and_none_once_it_is_filed(database: Database) -> None:
    [sources] = catalogue.read_folder(ROOT, [ROOT / "processes" / f"{SLUG}.bpmn"])
    database.run(catalogue.deploy, sources)

    def person(session: Session) -> Actor:
        account = demo.add(session, "claire")
        return Actor("resident", account.id, account.display_name)

    actor = database.run(person)

    def opened(start: Barrier) -> object:
        start.wait()
        try:
            return database.run(lambda session: cases.open_draft(session, SLUG, actor)[0].id)
        except AlreadyRequested:
            return "refused"

    def race() -> set[object]:
        start = Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            return set(pool.map(opened, [start] * 4))

    (draft,) = race()
    assert isinstance(draft, UUID)

    def file(session: Session) -> None:
        case = session.get_one(cases.Case, draft)
        case.status, case.filed_at = "filed", clock.now()

    database.run(file)
    assert race() == {"refused"}
