"""An account's second factors as a whole (E7)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from engine.core import audit, config, mail
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.core.errors import Conflict, Invalid, NotFound
from engine.people import accounts, passkeys, recovery_codes, second_factors, sessions
from engine.people.accounts import Account
from engine.people.passkeys import Site
from engine.people.second_factors import LastFactor, SecondFactor
from tests.authenticator import Authenticator

HERE = Site("localhost", "http://localhost")


def add(session: Session, account: Account, name: str = "") -> SecondFactor:
    """A passkey of the account."""
    answer = Authenticator().create(passkeys.creation_options(session, account, HERE))
    passkeys.add(session, account, HERE, answer, name)
    return second_factors.of(session, account.id)[-1]


def test_removing_one_signs_out_everywhere_else_and_tells_the_owner(session: Session, sonia: Account) -> None:
    here, there = sessions.open(session, sonia), sessions.open(session, sonia)
    factor, other = add(session, sonia, "Bureau"), add(session, sonia, "Clé USB")
    second_factors.remove(session, sonia, factor, keeping=here)
    assert second_factors.of(session, sonia.id) == [other]
    assert sessions.resolve(session, here) is not None
    assert sessions.resolve(session, there) is None
    assert "«\u00a0Bureau\u00a0»" in mail.outbox(session)[0].text
    acts = [(one.action, one.facts.get("factor")) for one in audit.listing(session)]
    assert acts[0] == ("account.second_factor_removed", "passkey")
    assert ("account.second_factor_set", "passkey") in acts


def test_the_last_one_stays_where_one_is_required(session: Session, sonia: Account, settings: Settings) -> None:
    factor = add(session, sonia)
    with pytest.raises(LastFactor):
        second_factors.remove(session, sonia, factor, keeping="")
    config.use(replace(settings, second_factor="offered"))
    second_factors.remove(session, sonia, factor, keeping="")
    assert recovery_codes.left(session, sonia.id) == 0


def test_of_the_two_last_removed_at_once_one_stays(database: Database) -> None:
    with database.transaction() as session:
        sonia = accounts.create(session, kind="agent", login="s@exemple.fr", first_names="Sonia", birth_name="Lefèvre")
        two = [add(session, sonia).id for _ in range(2)]

    def remove(factor_id: UUID) -> bool:
        def work(session: Session) -> None:
            account = accounts.find(session, sonia.id)
            second_factors.remove(session, account, second_factors.find(session, sonia.id, factor_id), keeping="")

        try:
            database.run(work)
        except LastFactor:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, two)) == [False, True]


def test_names_are_read_as_people_type_them(session: Session, sonia: Account) -> None:
    factor = add(session, sonia, "  Ordinateur\x00 du\tbureau ")
    assert factor.name == "Ordinateur du bureau"
    second_factors.rename(session, factor, " ")
    assert factor.name == "Ordinateur du bureau"
    with pytest.raises(Invalid):
        second_factors.rename(session, factor, "x" * 61)


def test_a_factor_of_somebody_else_is_not_found(session: Session, sonia: Account, claire: Account) -> None:
    factor = add(session, sonia)
    for account_id, factor_id in ((claire.id, factor.id), (sonia.id, uuid4())):
        with pytest.raises(NotFound):
            second_factors.find(session, account_id, factor_id)


def test_an_account_has_ten_at_most(session: Session, sonia: Account) -> None:
    for _ in range(10):
        add(session, sonia)
    with pytest.raises(Conflict):
        passkeys.creation_options(session, sonia, HERE)
