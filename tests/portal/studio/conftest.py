"""An analyst, and the test procedure for them to decide of."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping

import pytest

from engine.core.db import Database, Session
from engine.people import accounts, roles, sessions
from engine.people.accounts import Account
from engine.procedures import catalogue
from tests.engine.procedures.conftest import FOLDER
from tests.portal.conftest import Visitor


@pytest.fixture
def yann(account: Callable[..., Account], data: Database) -> Account:
    """Yann, who authors procedures."""
    made = account("yann@valmont.example", kind="agent", first_names="Yann", birth_name="Dessine")
    data.run(lambda session: roles.assign(session, accounts.find(session, made.id), (roles.ANALYST,)))
    return made


@pytest.fixture
def signed_in(visitors: Callable[[], Visitor], data: Database) -> Callable[[Account], Visitor]:
    """A browser where this person is signed in."""

    def enter(account: Account) -> Visitor:
        browser = visitors()
        browser.client.set_cookie("parvis_connexion", data.run(sessions.open, account))
        return browser

    return enter


@pytest.fixture
def analyst(yann: Account, signed_in: Callable[[Account], Visitor]) -> Visitor:
    return signed_in(yann)


@pytest.fixture
def essai(data: Database) -> dict[str, str]:
    """The files of the test procedure, which is deployed, as a zip may hold them."""
    [sources] = catalogue.read_folder(FOLDER)

    def deploy(session: Session) -> None:
        catalogue.deploy(session, sources)

    data.run(deploy)
    return {f"dossier/{name}": content.decode() for name, content in sources.files.items()}


def packed(files: Mapping[str, str | bytes]) -> io.BytesIO:
    """A zip of these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    content.seek(0)
    return content
