"""Signing in by password (B6).

    with database.reading() as session:
        proof = sign_in.authenticate(session, login, password, address=request.remote_addr)
    with database.transaction() as session:
        begun = sign_in.begin(session, proof, user_agent=…)

In two parts, because checking a password takes tens of milliseconds that no writer should wait for. Agents go on to their second
factor (`pending_sign_ins`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from engine.core import audit
from engine.core.db import Session
from engine.core.errors import Invalid
from engine.people import accounts, passwords, pending_sign_ins, second_factors, sessions, throttle
from engine.people.actors import ANONYMOUS


class WrongCredentials(Invalid):
    """No active account has this login and this password: which of the two is wrong isn't said."""

    default = "L’identifiant ou le mot de passe est incorrect."


@dataclass(frozen=True)
class Proof:
    """Somebody gave the password of this account."""

    account_id: UUID
    password_hash: str = field(repr=False)
    rehashed: str | None = field(repr=False)


@dataclass(frozen=True)
class Begun:
    """What the password gave: with `complete` the token of a session, else that of a sign-in that waits for a second factor."""

    token: str = field(repr=False)
    complete: bool


def authenticate(session: Session, login: str, password: str, *, address: str) -> Proof:
    """Proof that the login and the password go together, or `WrongCredentials`; `Throttled` after too many tries.

    Only reads the database.
    """
    network = throttle.network(address)
    throttle.take(throttle.SIGN_IN_ADDRESS, network)
    name = login.strip().lower()[:254]
    pair = f"{name} {network}"
    throttle.take(throttle.SIGN_IN_ACCOUNT, pair)
    account = accounts.by_login(session, name)
    stored = account.password_hash if account and account.active else None
    # Checked even when there is nothing to check: the time taken must not tell whether the account exists.
    right = passwords.check(password, stored)
    if account is None or stored is None or not right:
        raise WrongCredentials
    throttle.give_back(throttle.SIGN_IN_ACCOUNT, pair)
    return Proof(account.id, stored, passwords.hashed(password) if passwords.outdated(stored) else None)


def refused(session: Session, login: str) -> None:
    """Record that the login and the password did not go together: as much work whether or not there is such an account."""
    account = accounts.by_login(session, login.strip().lower()[:254])
    known = account.id if account else None
    audit.record(session, ANONYMOUS, "account.sign_in_refused", "account", known, by="password")


def begin(session: Session, proof: Proof, *, user_agent: str = "") -> Begun:
    """Open the session, or let an agent go on to their second factor; `WrongCredentials` if the password changed since the
    proof."""
    account = accounts.find(session, proof.account_id)
    if not account.active or account.password_hash != proof.password_hash:
        raise WrongCredentials
    if proof.rehashed is not None:
        account.password_hash = proof.rehashed
    if second_factors.asked_of(session, account):
        return Begun(pending_sign_ins.begin(session, account), complete=False)
    audit.record(session, account.actor, "account.signed_in", "account", account.id, by="password")
    return Begun(sessions.open(session, account, user_agent=user_agent), complete=True)
