"""The portal over a database with the house's own procedures, and visitors who browse it as people do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import make_url
from werkzeug.test import Client, TestResponse

from engine.core import config
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.people import accounts, groups, passwords, throttle
from engine.people.accounts import Account
from engine.procedures import catalogue
from portal.app import create_app
from tests.conftest import postgresql_database

ROOT = Path(__file__).parent.parent.parent
PASSWORD = "Tilleul-1987!"


@pytest.fixture(scope="session")
def password_hash() -> str:
    return passwords.hashed(PASSWORD)


@pytest.fixture(scope="session")
def deployed(template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database with the procedures of the house, which `portal` copies."""
    with _copy(template, tmp_path_factory.mktemp("deployed")) as url:
        database = Database(url)
        for sources in catalogue.read_folder(ROOT):
            database.run(catalogue.deploy, sources)
        if database.engine.dialect.name == "sqlite":
            # Into the one file that is copied: without this they stay in the write-ahead log beside it.
            with database.engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("BEGIN")
        database.close()
        yield url


@contextmanager
def _copy(url: str, folder: Path) -> Iterator[str]:
    """The address of a copy of a database, gone after the block."""
    found = make_url(url)
    if found.get_backend_name() == "postgresql":
        with postgresql_database(template=found.database) as copy:
            yield copy
    else:
        path = folder / "parvis.sqlite3"
        shutil.copyfile(str(found.database), path)
        yield f"sqlite:///{path}"


@pytest.fixture(scope="session")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One application for all: templates are compiled once. `portal` gives it a database of the test's own."""
    folder = tmp_path_factory.mktemp("application")
    app = create_app(_settings(folder, f"sqlite:///{folder / 'parvis.sqlite3'}"))
    yield app
    app.extensions["database"].close()


@pytest.fixture
def portal(application: Flask, deployed: str, tmp_path: Path) -> Iterator[Flask]:
    """The application over a database of the test's own."""
    with _copy(deployed, tmp_path) as url:
        settings = _settings(tmp_path, url)
        config.use(settings)
        throttle.reset()
        first = application.extensions["database"]
        application.extensions["database"] = Database(url)
        yield application
        application.extensions["database"].close()
        application.extensions["database"] = first
        config.use(replace(settings, demo=False))


def _settings(folder: Path, url: str) -> Settings:
    return Settings(
        data=folder,
        database_url=url,
        secret_key="a secret key for the tests, and only for them",
        demo=True,
    )


@pytest.fixture
def data(portal: Flask) -> Database:
    """The database behind `portal`."""
    database: Database = portal.extensions["database"]
    return database


@pytest.fixture
def account(data: Database, password_hash: str) -> Callable[..., Account]:
    """`account("claire.martin@exemple.fr")` makes a resident; `kind="agent", groups=(…)` an agent."""

    def make(login: str = "claire.martin@exemple.fr", *, groups_: tuple[str, ...] = (), **more: Any) -> Account:
        facts: dict[str, Any] = {
            "first_names": "Claire",
            "birth_name": "Martin",
            "sex": "F",
            "birth_date": "1987-03-14",
            "mobile_phone": "06 39 98 12 07",
            "street": "12 rue des Tilleuls",
            "postcode": "75099",
            "town": "Valmont-sur-Seine",
            **more,
        }

        def create(session: Session) -> Account:
            made = accounts.create(session, login=login, password_hash=password_hash, **facts)
            if groups_:
                groups.assign(session, made, groups_)
            return made

        return data.run(create)

    return make


class Visitor:
    """Somebody with a browser: keeps cookies, sends the form's token along, follows nothing by itself."""

    def __init__(self, app: Flask) -> None:
        self.client: Client = app.test_client()
        self.token = ""

    def get(self, path: str, **more: Any) -> TestResponse:
        return self._seen(self.client.get(path, **more))

    def post(
        self, path: str, data: Mapping[str, Any] | None = None, *, token: bool = True, **more: Any
    ) -> TestResponse:
        fields = dict(data or {})
        if token:
            fields.setdefault("csrf_token", self.token or self._fetch_token())
        return self._seen(self.client.post(path, data=fields, **more))

    def follow(self, answer: TestResponse) -> TestResponse:
        """Go where a 303 leads, as far as it leads."""
        while answer.status_code == 303:
            answer = self.get(answer.location)
        return answer

    def sign_in(self, login: str, **more: Any) -> TestResponse:
        return self.post("/connexion", {"identifiant": login, "mot_de_passe": PASSWORD, **more})

    def _fetch_token(self) -> str:
        self.get("/demarches/signalement")
        return self.token

    def _seen(self, answer: TestResponse) -> TestResponse:
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text) if answer.mimetype == "text/html" else None
        if found:
            self.token = found[1]
        return answer


@pytest.fixture
def visitor(portal: Flask) -> Visitor:
    return Visitor(portal)


@pytest.fixture
def visitors(portal: Flask) -> Callable[[], Visitor]:
    """As many people as it takes, each with a browser of their own."""
    return lambda: Visitor(portal)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def text_of(answer: TestResponse) -> str:
    """What a page says, blanks made single."""
    parser = _Text()
    parser.feed(answer.text)
    return " ".join(" ".join(parser.parts).split())


@pytest.fixture
def said() -> Callable[[TestResponse], str]:
    return text_of


INFORMATION = {"prenoms": "Nadia", "nom_naissance": "Petit", "courriel": "nadia.petit@exemple.fr"}
REPORT = {
    "nature": "depot",
    "lieu.voie": "3 rue du Four",
    "lieu.code_postal": "75099",
    "lieu.commune": "Valmont-sur-Seine",
    "description": "Un matelas sur le trottoir.",
    "danger": "false",
}


@pytest.fixture
def report() -> Callable[..., str]:
    """`report(visitor)` fills in a report of a nuisance up to its summary and gives its reference."""

    def fill(visitor: Visitor, *, filed: bool = False) -> str:
        step = visitor.post("/demarches/signalement").location
        reference = step.split("/")[2]
        step = visitor.post(step, INFORMATION).location
        step = visitor.post(step, REPORT).location
        assert step.endswith("/recapitulatif")
        if filed:
            assert visitor.post(step, {"certification": "true"}).location.endswith("/confirmation")
        return reference

    return fill
