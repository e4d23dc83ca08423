"""Recovery codes: ten, each good once, none of them in the table (E7)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from engine.core import config
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.people import accounts, recovery_codes
from engine.people.accounts import Account
from engine.people.recovery_codes import RecoveryCode


def test_each_code_serves_once(session: Session, sonia: Account, claire: Account) -> None:
    codes = recovery_codes.generate(session, sonia.id)
    assert len(set(codes)) == 10
    assert not recovery_codes.use(session, claire.id, codes[0])
    assert recovery_codes.use(session, sonia.id, f" {codes[0].upper().replace('-', ' ')} ")
    assert not recovery_codes.use(session, sonia.id, codes[0])
    assert recovery_codes.left(session, sonia.id) == 9


def test_new_codes_end_those_before(session: Session, sonia: Account) -> None:
    before = recovery_codes.generate(session, sonia.id)
    after = recovery_codes.generate(session, sonia.id)
    assert not recovery_codes.use(session, sonia.id, before[0])
    assert recovery_codes.use(session, sonia.id, after[0])


def test_the_table_holds_no_code(session: Session, sonia: Account) -> None:
    codes = recovery_codes.generate(session, sonia.id)
    kept = " ".join(session.scalars(select(RecoveryCode.digest)))
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)


@pytest.mark.parametrize("typed", ["", "123456", "-----", "\x00" * 10, "é" * 10])
def test_what_is_no_code_is_wrong(session: Session, sonia: Account, typed: str) -> None:
    recovery_codes.generate(session, sonia.id)
    assert not recovery_codes.use(session, sonia.id, typed)


def test_codes_outlive_a_new_secret_key(session: Session, sonia: Account, settings: Settings) -> None:
    codes = recovery_codes.generate(session, sonia.id)
    config.use(replace(settings, secret_key="another", former_secret_keys=(settings.secret_key,)))
    assert recovery_codes.use(session, sonia.id, codes[0])


def test_two_browsers_with_one_code_do_not_both_come_in(database: Database) -> None:
    with database.transaction() as session:
        sonia = accounts.create(session, kind="agent", login="s@exemple.fr", first_names="Sonia", birth_name="Lefèvre")
        code = recovery_codes.generate(session, sonia.id)[0]

    def use(_: int) -> bool:
        return database.run(recovery_codes.use, sonia.id, code)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == [False, False, False, True]
