"""Imports every module that declares a table, for whoever needs the whole schema (migrations, tests' `create_all`).

A test looks for tables in the files of `engine` and fails when a module that declares one is missing here.
"""

# ruff: noqa: F401
from engine.contact import appointments, documents, exchanges, notifications, sms
from engine.core import audit, jobs, mail
from engine.core.db import Base
from engine.people import (
    account_warnings,
    accounts,
    captcha,
    codes,
    consents,
    favourites,
    groups,
    identities,
    identity_visits,
    invitations,
    kept,
    passkeys,
    pending_sign_ins,
    recovery,
    recovery_codes,
    registration,
    roles,
    second_factors,
    sessions,
    terms,
)
from engine.privacy import deletion, life_cycle
from engine.procedures import cases, catalogue, forecast, history, incidents, quotas, tasks
from engine.rights import care_plans, entitlements

metadata = Base.metadata
