"""Imports every module that declares a table, for whoever needs the whole schema (migrations, tests' `create_all`).

A test walks the packages of `engine` and fails when a module with a table is missing here.
"""

# ruff: noqa: F401
from engine.contact import documents, notifications
from engine.core import jobs, mail
from engine.core.db import Base
from engine.people import accounts, codes, consents, groups, kept, sessions
from engine.rights import care_plans, entitlements

metadata = Base.metadata
