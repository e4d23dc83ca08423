"""What the space of a resident costs, for one with few requests and for one with many, in a city with very many.

The pages are drawn in this process, through the whole application and without a socket: «Mon espace», «Mes demandes» filtered and
not, a sector, a request's tracking with its forecast. Each is followed by a floor, the plainest page of a signed-in resident. The
database is a PostgreSQL with copies of one request that was really filed, its tasks and its history with it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from flask.testing import FlaskClient
from sqlalchemy import event

from bench.reporting import percentile, print_report
from commands import postgresql
from engine.core import config
from engine.core.config import Settings
from engine.core.db import Base, Database, Session, migrate
from engine.people import accounts, favourites, sessions
from engine.people.actors import Actor
from engine.procedures import cases, catalogue, forecast, references
from portal import access
from portal.app import create_app

HOUSE = Path(__file__).parents[1]
CASES = 200_000
CASES_AN_ACCOUNT = 4
MANY = 1_000
CLOSED = 600
ROUNDS = 60
WARM_UP = 5
FLOOR = "/mon-espace/rattacher"
PAGES = {
    "space": "/mon-espace",
    "list": "/mon-espace/demandes",
    "filtered": "/mon-espace/demandes?etat=en-cours&rubrique=cadre-de-vie",
    "sector": "/mon-espace/rubriques/cadre-de-vie",
}


def main(as_json: bool = False) -> None:
    """Fill, measure, print."""
    print_report(f"The space of a resident, {CASES} requests in all", measure(), as_json)


def measure(cases_wanted: int = CASES) -> dict[str, Any]:
    """The figures: milliseconds by page for `few` and `many` requests, their ratios, and the statements of the dearest page."""
    with postgresql.server(durable=True) as url, tempfile.TemporaryDirectory(prefix="parvis-bench-") as folder:
        settings = Settings(data=Path(folder), database_url=url, secret_key="of a bench that keeps nothing")
        config.use(settings)
        database = Database(url)
        few, many, version_id = _fill(database, url, cases_wanted)
        began = time.perf_counter()
        database.run(forecast.measure, version_id)
        report: dict[str, Any] = {
            "cases": cases_wanted,
            "requests": {"few": CASES_AN_ACCOUNT, "many": MANY},
            "measure_version_ms": round((time.perf_counter() - began) * 1000, 1),
            "ms": {},
            "ratios": {},
        }
        app = create_app(settings, database=database)
        clients = {name: _signed_in(app, database, one) for name, one in (("few", few), ("many", many))}
        statements = _counting(database)
        dearest = 0
        pages = {**PAGES, "tracking": f"/demandes/{references.complete('2345678')}/suivi"}
        for page, path in pages.items():
            _note(f"measuring {page}")
            taken: dict[str, list[float]] = {"few": [], "many": [], "floor": []}
            for number in range(WARM_UP + ROUNDS):
                for name, client in clients.items():
                    if page == "tracking" and name == "few":
                        continue
                    before = statements()
                    took = _get(client, path)
                    dearest = max(dearest, statements() - before) if number >= WARM_UP else dearest
                    if number >= WARM_UP:
                        taken[name].append(took)
                floor = _get(clients["few"], FLOOR)
                if number >= WARM_UP:
                    taken["floor"].append(floor)
            report["ms"][page] = {
                name: {"p50": round(statistics.median(values), 2), "p95": round(percentile(values, 95), 2)}
                for name, values in taken.items()
                if values
            }
            if taken["few"]:
                report["ratios"][page] = round(statistics.median(taken["many"]) / statistics.median(taken["few"]), 2)
        report["statements"] = dearest
        database.close()
    return report


def _fill(database: Database, url: str, cases_wanted: int) -> tuple[UUID, UUID, UUID]:
    """A resident with the requests of anybody, one who has many more, and the version that has closed ones."""
    migrate(url)
    [sources] = catalogue.read_folder(HOUSE, [HOUSE / "processes" / "signalement.bpmn"])
    version_id = database.run(catalogue.deploy, sources).id
    account_id, case_id = database.run(_walk)
    _note(f"copying a request {cases_wanted} times")
    with psycopg.connect(url) as connection:
        residents = cases_wanted // CASES_AN_ACCOUNT
        own = {"login": "'r' || n || '@exemple.fr'", "username": "NULL", "id": "md5('account' || n)::uuid"}
        _copy(connection, "account", "id", account_id, residents, own)
        case = "md5('case' || n)::uuid"
        whose = f"CASE WHEN n <= {MANY} THEN md5('account1')::uuid ELSE md5('account' || 2 + mod(n, {residents - 1}))::uuid END"
        closed = f"n BETWEEN {MANY + 1} AND {MANY + CLOSED}"
        own = {
            "id": case,
            "reference": "'R' || n",
            "account_id": whose,
            "opened_at": "t.opened_at - n * interval '1 minute'",
            "filed_at": "t.filed_at - n * interval '1 minute'",
            "status": f"CASE WHEN {closed} THEN 'closed' ELSE t.status END",
            # Closed without walking them: what is measured is how long they take to be read.
            "closed_at": f"CASE WHEN {closed} THEN t.filed_at + random() * interval '9 days' END",
        }
        _copy(connection, "case", "id", case_id, cases_wanted, own)
        _copy(connection, "history", "case_id", case_id, cases_wanted, {"case_id": case, "id": ""})
        own = {"id": "gen_random_uuid()", "case_id": case, "reference": "'R' || n"}
        _copy(connection, "human_task", "case_id", case_id, cases_wanted, own)
        connection.execute(
            "UPDATE \"case\" SET reference = %s WHERE id = md5('case1')::uuid", (references.complete("2345678"),)
        )
        few, many = connection.execute("SELECT md5('account2')::uuid, md5('account1')::uuid").fetchone() or ()
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
    return few, many, version_id


def _walk(session: Session) -> tuple[UUID, UUID]:
    """Somebody, and the report of a nuisance that they filed."""
    account = accounts.create(session, login="ada@exemple.fr", first_names="Ada", birth_name="Lovelace")
    actor = Actor("resident", account.id)
    case, _ = cases.open_draft(session, "signalement", actor)
    who = {"prenoms": "Ada", "nom_naissance": "Lovelace", "courriel": "ada@exemple.fr"}
    cases.submit_step(session, case, "mes_informations", who, actor)
    place = {"voie": "3 rue du Four", "code_postal": "75099", "commune": "Valmont-sur-Seine"}
    what = {"nature": "depot", "lieu": place, "description": "Un matelas.", "danger": False}
    cases.submit_step(session, case, "ma_demande", what, actor)
    cases.submit_step(session, case, "recapitulatif", {"certification": True}, actor)
    return account.id, case.id


def _copy(
    connection: psycopg.Connection[Any], table: str, key: str, value: UUID, number: int, own: Mapping[str, str]
) -> None:
    """Copy the rows of a table that are about `value`, `number` times; `own` says in SQL what differs from copy to copy, and
    leaves out what it says nothing of."""
    columns = [column.name for column in Base.metadata.tables[table].columns if own.get(column.name, " ")]
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(own.get(name, f't."{name}"') for name in columns)
    connection.execute(
        f'INSERT INTO "{table}" ({names}) SELECT {values} FROM "{table}" t, generate_series(1, {number}) n '  # noqa: S608
        f'WHERE t."{key}" = %s ORDER BY n'.encode(),
        (value,),
    )


def _signed_in(app: Any, database: Database, account_id: UUID) -> FlaskClient:
    def begin(session: Any) -> str:
        for slug in ("signalement", "coordonnees-adresse"):
            favourites.add(session, account_id, slug)
        return sessions.open(session, accounts.find(session, account_id))

    client: FlaskClient = app.test_client()
    client.set_cookie(access.cookie_name(app), database.run(begin))
    return client


def _get(client: FlaskClient, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - began) * 1000
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return took


def _counting(database: Database) -> Callable[[], int]:
    sent = 0

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal sent
        sent += not statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))

    event.listen(database.engine, "before_cursor_execute", note)
    return lambda: sent


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
