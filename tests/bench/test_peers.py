"""What `./parvis bench peers` makes of its measures, and how its clients walk; the peers themselves are played."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from bench import peers
from bench.client import STEPS
from bench.load import Tally
from bench.peers import installing, processor
from bench.peers.clients import EngineResident, ViewflowResident, ViewflowResidents
from bench.peers.products import PRODUCTS, Product, has_due_jobs
from bench.wire import Answer
from commands import CommandFailed, postgresql
from commands.bench import NAMES
from engine.core import clock, jobs
from engine.core.db import Database

TASKS = [element for element, _ in STEPS]


def test_every_bench_is_a_command() -> None:
    folder = Path(peers.__file__).parent.parent
    modules = {path.stem: path for path in folder.glob("*.py")}
    modules |= {path.parent.name: path for path in folder.glob("*/__init__.py")}
    assert {name for name, path in modules.items() if "\ndef main(as_json" in path.read_text()} == set(NAMES)


# --- the report --------------------------------------------------------------------------------------------------------


def work(*rates: float, **processor: float) -> peers.Work:
    tally = Tally(submits=[1.0, 2.0, 3.0, 40.0])
    return peers.Work(tally, list(rates), {"server": 12.0, "database": 2.0, **processor}, [0.0, 0.25])


def report(**rates: tuple[float, ...]) -> dict[str, object]:
    turns = {
        (name, clients, act): work(*rates[name]) for name in rates for clients in peers.CLIENTS for act in peers.ACTS
    }
    return peers.report(turns, dict.fromkeys(rates, 4_000))


def test_each_product_has_its_figures() -> None:
    told = report(parvis=(300, 200, 250), viewflow=(100, 100, 100), bpmn_engine=(150, 150, 150))
    for name in ("parvis", "viewflow", "bpmn_engine"):
        assert set(told[name]) == {"1", "8", "stored_bytes"}
        for clients in ("1", "8"):
            assert set(told[name][clients]) == {"steps_only", "journeys"}
    assert told["parvis"]["8"]["journeys"] == {
        "submits_per_s": 250,
        "p50_ms": 2.5,
        "p95_ms": 40.0,
        "errors": 0,
        "submits": 4,
        "cpu_ms": {"server": 3.0, "database": 0.5},
        "caught_up_s": 0.25,
    }


def test_ratios_are_taken_within_a_round() -> None:
    """The machine was twice as quick in the second round: the median of the rates would say 1.5."""
    told = report(parvis=(100, 400, 150), viewflow=(50, 200, 100), bpmn_engine=(100, 100, 100))
    assert told["ratios"]["viewflow"] == {clients: {"steps_only": 2.0, "journeys": 2.0} for clients in ("1", "8")}
    assert told["ratios_by_round"]["viewflow"]["8"]["steps_only"] == [2.0, 2.0, 1.5]
    assert told["ratios"]["bpmn_engine"]["1"]["journeys"] == 1.5
    # 20.5 submits a second where Viewflow made 166.
    assert told["spiffarena"]["ratio_by_the_notes"] == 16.2


def test_the_products_take_turns_and_parvis_finishes_its_jobs_first(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    def product(name: str) -> SimpleNamespace:
        def catch_up() -> float:
            happened.append(f"{name} has caught up")
            return 0.5

        return SimpleNamespace(ports=[name], client=None, catch_up=catch_up, processor=lambda: {"server": 0.0})

    def together(
        act: object, ports: list[str], clients: int, seconds: float, into: Tally | None = None, **_: object
    ) -> float:
        happened.append(ports[0])
        if into is not None:
            into.submits += [1.0] * 6
        return 3.0

    monkeypatch.setattr(peers.load, "together", together)
    monkeypatch.setattr(peers, "ROUNDS", 2)
    turns = peers.measure({name: product(name) for name in PRODUCTS})
    assert happened[1::2] == [f"{name} has caught up" for name in happened[::2]]
    names = list(PRODUCTS)
    asked = happened[::2]
    # A warm-up and two rounds, each with one client and with eight, steps only and journeys.
    assert len(asked) == 3 * 4 * len(names)
    assert asked[4 * len(names) :][: len(names)] == names
    assert asked[-len(names) :] == [*names[1:], names[0]]
    assert turns["viewflow", 8, "journeys"].rates == [2.0, 2.0]


def test_a_product_that_does_nothing_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    def together(*arguments: object, **_: object) -> float:
        if len(arguments) == 5:
            arguments[4].first_error = "RuntimeError: 500"  # type: ignore[attr-defined]
        return 3.0

    monkeypatch.setattr(peers.load, "together", together)
    product = SimpleNamespace(ports=[1], client=None, catch_up=lambda: 0.0, processor=lambda: {"server": 0.0})
    with pytest.raises(CommandFailed, match="RuntimeError: 500"):
        peers.measure({"viewflow": product})  # type: ignore[dict-item]


def test_the_processors_time_of_all_processes_is_compared() -> None:
    turns = {
        (name, clients, act): work(1, behind=2.0) if name == "parvis" else work(1, server=38.0)
        for name in PRODUCTS
        for clients in peers.CLIENTS
        for act in peers.ACTS
    }
    told = peers.report(turns, dict.fromkeys(PRODUCTS, 4_000))
    # 12 + 2 + 2 ms by 4 submits, and 38 + 2 by 4.
    assert told["cpu_ratios"]["viewflow"]["8"] == {"steps_only": 2.5, "journeys": 2.5}


# --- the clients -------------------------------------------------------------------------------------------------------


def response(status: int, location: str = "") -> Answer:
    return Answer(status, [("Location", location)], b"")


class PlayedViewflow(ViewflowResident):
    """A browser whose site is played: each page has a token of its own, which its form must bring back."""

    def __init__(self) -> None:
        super().__init__(1, {"csrftoken": "of the cookie", "sessionid": "x"})
        self.asked: list[str] = []
        self.sent: list[dict[str, str]] = []
        self.order = [*TASKS]
        self.status = 302

    def send(self, method, path, fields=None, further=None):  # type: ignore[no-untyped-def]
        self.asked.append(f"{method} {path}")
        if method == "GET":
            return response(200), f'<input type="hidden" name="csrfmiddlewaretoken" value="of {path}">'
        self.sent.append(fields)
        self.cookies["messages"] = "Task 12 has been completed"
        task = self.order.pop(0) if self.order else ""
        return response(self.status, f"/banc/7/{task}/{len(self.sent)}/"), ""


def test_a_resident_of_viewflow_looks_at_each_form_and_sends_its_token() -> None:
    resident = PlayedViewflow()
    assert [element for element, _, _ in resident.journey()] == TASKS
    assert resident.asked[:4] == [
        "GET /banc/start/",
        "POST /banc/start/",
        "GET /banc/7/mes_informations/1/execute/",
        "POST /banc/7/mes_informations/1/execute/",
    ]
    assert len(resident.asked) == 2 * 6
    assert [fields["csrfmiddlewaretoken"] for fields in resident.sent] == [
        f"of {request.removeprefix('GET ')}" for request in resident.asked if request.startswith("GET")
    ]
    assert resident.sent[1]["prenoms"] == "Ada"
    assert resident.cookies["messages"], "the next page would show and drop them"


def test_a_program_that_asks_viewflow_keeps_no_messages() -> None:
    """They would go to the session once the cookie is full, and each step would write it."""
    resident = PlayedViewflow()
    for _ in resident.journey(pages=False):
        assert "messages" not in resident.cookies
    assert [request for request in resident.asked if request.startswith("GET")] == []
    assert {fields["csrfmiddlewaretoken"] for fields in resident.sent} == {"of the cookie"}


def test_a_walk_that_goes_astray_is_an_error() -> None:
    astray = PlayedViewflow()
    astray.order[1] = "recapitulatif"
    with pytest.raises(RuntimeError, match="ma_demande was expected at /banc/7/recapitulatif/2/"):
        list(astray.journey())
    refused = PlayedViewflow()
    refused.status = 200
    with pytest.raises(RuntimeError, match="/banc/start/: 200"):
        list(refused.journey(pages=False))


def test_residents_of_viewflow_take_the_sessions_that_were_signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    residents = ViewflowResidents([{"sessionid": "one"}, {"sessionid": "two"}])
    monkeypatch.setattr(os, "getpid", lambda: 41)
    first = residents(8000)
    assert first.cookies == {"sessionid": "two"}
    first.cookies["messages"] = "…"
    assert residents(8000).cookies == {"sessionid": "two"}, "its own copy"


class PlayedEngine(EngineResident):
    """A program whose server is played."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked: list[str] = []
        self.order = [*TASKS]

    def send(self, method, path, fields=None, further=None):  # type: ignore[no-untyped-def]
        self.asked.append(f"{method} {path}")
        if method == "GET":
            return response(200), f'["{path and self.current}"]'
        self.current = self.order.pop(0) if self.order else ""
        return response(303, f"/requests/3/{self.current}".rstrip("/")), ""


@pytest.mark.parametrize(("pages", "asked"), [(False, 6), (True, 11)])
def test_a_resident_of_bpmn_engine_goes_where_it_is_led(pages: bool, asked: int) -> None:
    resident = PlayedEngine()
    assert [element for element, _, _ in resident.journey(pages=pages)] == TASKS
    assert len(resident.asked) == asked
    assert resident.asked[0] == "POST /requests"
    assert resident.asked[-1] == "POST /requests/3/complement"


# --- what is measured around them --------------------------------------------------------------------------------------


def test_the_processors_time_includes_children_that_have_ended() -> None:
    before = processor.spent([os.getpid()])
    code = "import time\nwhile time.process_time() < 0.1: pass"
    subprocess.run([sys.executable, "-S", "-c", code], check=True)
    assert processor.spent([os.getpid()]) - before >= 90
    assert processor.spent([]) == 0


def test_a_process_may_have_any_name() -> None:
    fields = " ".join(str(number) for number in range(4, 53))
    assert processor._read(f"12 (a) b (c) S 3 {fields}") == (12, 3, 13 + 14 + 15 + 16)


def test_a_product_is_left_in_peace_until_its_jobs_are_done(database: Database) -> None:
    assert not has_due_jobs(database)
    with database.transaction() as session:
        jobs.promise(session, "send_mail", due_at=clock.now() + timedelta(hours=1))
    assert not has_due_jobs(database)
    with database.transaction() as session:
        jobs.promise(session, "send_mail")
    assert has_due_jobs(database)


def test_what_is_stored_is_all_the_rows() -> None:
    with postgresql.server() as url:
        product = Product(ports=[], client=EngineResident, database_url=url, server=[], database=0)
        with psycopg.connect(url) as connection:
            connection.execute('CREATE TABLE "Une table" (content bytea)')
        assert product.stored() == 0
        with psycopg.connect(url) as connection:
            connection.execute('INSERT INTO "Une table" SELECT sha256(n::text::bytea) FROM generate_series(1, 10) n')
        assert 10 * 32 < product.stored() < 10 * 100


# --- setting up --------------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, lock in (("VIEWFLOW", "requirements.lock"), ("BPMN_ENGINE", "package-lock.json")):
        (tmp_path / name).mkdir()
        shutil.copyfile(getattr(installing, name) / lock, tmp_path / name / lock)
        monkeypatch.setattr(installing, name, tmp_path / name)
    monkeypatch.setattr(installing, "ENVIRONMENT", tmp_path / "environment")
    return tmp_path


def test_peers_are_installed_once_for_each_lock(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def python(*command: str) -> None:
        ran.append(command[2])
        (elsewhere / "environment").mkdir(exist_ok=True)

    def npm(_path: str, *arguments: str, folder: Path) -> None:
        ran.append(f"npm {arguments[0]}")
        (folder / "node_modules").mkdir(exist_ok=True)

    monkeypatch.setattr(installing, "_run", python)
    monkeypatch.setattr(installing.node, "run", npm)
    installing.install()
    assert ran == ["venv", "pip", "npm ci"]
    installing.install()
    assert ran == ["venv", "pip", "npm ci"]
    (elsewhere / "VIEWFLOW" / "requirements.lock").write_text("another")
    installing.install()
    assert ran[3:] == ["venv", "pip"]


def test_without_a_registry_it_says_which_one_is_missing(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise CommandFailed("no route to host")

    monkeypatch.setattr(installing, "_run", fail)
    with pytest.raises(CommandFailed, match=r"Viewflow could not be installed.*PyPI(?s:.*)no route to host"):
        installing.install()
    monkeypatch.setattr(installing, "_viewflow", lambda: None)
    monkeypatch.setattr(installing.node, "run", fail)
    with pytest.raises(CommandFailed, match=r"bpmn-engine could not be installed.*npm(?s:.*)no route to host"):
        installing.install()
    assert not (elsewhere / "BPMN_ENGINE" / "node_modules").exists()
