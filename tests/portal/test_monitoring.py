"""What operators see of requests: ids, lines without personal data, metrics and who may read them (G7)."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from werkzeug.test import TestResponse

from engine.core import config, jobs, logs, traces
from engine.core.db import Database, Session
from engine.core.errors import ConfigurationError, ProcessStuck, Unavailable
from engine.handlers import HANDLERS
from engine.people.accounts import Account
from tests.portal.conftest import Visitor

ROOT = Path(__file__).parents[2]
NAME = "Zygomatique"
SERVICE = "Propreté et espace public"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged at DEBUG by everybody, as JSON, wherever the root logger stands."""
    root = logging.getLogger()
    before = root.level, list(root.handlers), {name: logging.getLogger(name).level for name in root.manager.loggerDict}
    out = io.StringIO()
    logs.set_up("json", "DEBUG", out)
    root.setLevel(logging.DEBUG)
    yield out
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    for name in list(root.manager.loggerDict):
        logging.getLogger(name).setLevel(before[2].get(name, logging.NOTSET))


def parsed(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def journey(visitor: Visitor, report: Callable[..., str]) -> str:
    """A report by somebody whose name nobody else has, in every field that takes a text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(report.__globals__["INFORMATION"], "nom_naissance", NAME)
        patch.setitem(report.__globals__["INFORMATION"], "courriel", f"{NAME}@exemple.fr")
        patch.setitem(report.__globals__["REPORT"], "description", f"Chez {NAME}, un matelas sur le trottoir.")
        return report(visitor, filed=True)


def test_a_name_that_somebody_typed_is_in_no_line(
    portal: Flask, visitor: Visitor, data: Database, report: Callable[..., str], account: Callable[..., Account],
    visitors: Callable[[], Visitor], lines: io.StringIO, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A journey, a search, a sign-in that fails, mail that can't be written to, an error that quotes what it met."""
    config.use(replace(config.current(), smtp_url="smtp://127.0.0.1:1"))
    reference = journey(visitor, report)
    jobs.drain(data, HANDLERS)
    visitor.get(f"/demarches?q={NAME}", headers={"X-Request-ID": NAME, "User-Agent": NAME, "Referer": f"/{NAME}"})
    visitor.get(f"/{NAME}")
    visitor.get(f"/demandes/{NAME}")
    visitor.post("/connexion", {"identifiant": f"{NAME}@exemple.fr", "mot_de_passe": NAME})
    agent = account("jeanne@valmont.example", kind="agent", groups_=(SERVICE,))
    browser = visitors()
    browser.sign_in(agent.login)
    assert NAME.upper() in browser.get(f"/agents/corbeilles?recherche={NAME}").text

    def quoting(*_: object) -> TestResponse:
        try:
            int(NAME)
        except ValueError as error:
            raise KeyError(NAME) from error
        raise AssertionError

    monkeypatch.setitem(portal.view_functions, "public.show_catalogue", _like(portal, quoting))
    assert visitor.get("/demarches").status_code == 500

    text = lines.getvalue()
    assert NAME.lower() not in text.lower()
    found = parsed(lines)
    assert {line["case"] for line in found if "case" in line} == {reference}
    [trace] = [line["trace"] for line in found if "trace" in line and line["logger"] == "portal.errors"]
    assert "KeyError" in trace
    assert "because of" in trace
    assert "ValueError" in trace
    assert any("send_mail" in line["message"] and "again" in line["message"] for line in found)


def _like(portal: Flask, view: Callable[..., Any]) -> Callable[..., Any]:
    view.policy = portal.view_functions["public.show_catalogue"].policy  # type: ignore[attr-defined]
    return view


def test_libraries_that_tell_what_they_hold_are_kept_quiet(lines: io.StringIO) -> None:
    """SpiffWorkflow's lines under INFO carry the data of tasks; SQLAlchemy's the rows."""
    for name in ("spiff.task", "spiff.workflow", "spiff.data", "sqlalchemy.engine.Engine", "psycopg"):
        logging.getLogger(name).info(NAME)
        logging.getLogger(name).debug(NAME)
    assert lines.getvalue() == ""


def test_each_request_has_one_line(visitor: Visitor, report: Callable[..., str], lines: io.StringIO) -> None:
    reference = report(visitor)
    lines.truncate(0)
    lines.seek(0)
    answer = visitor.get(f"/demandes/{reference}/etapes/recapitulatif?jeton=secret")
    [line] = [line for line in parsed(lines) if line["logger"] == "portal.requests"]
    assert line["request"] == answer.headers["X-Request-ID"]
    assert line["case"] == reference
    assert line["method"] == "GET"
    assert line["route"] == "/demandes/<reference>/etapes/<element_id>"
    assert line["status"] == 200
    assert line["actor"] == "anonymous"
    assert 0 < line["ms"] < 10_000
    assert 1 <= line["statements"] < 12
    assert "secret" not in lines.getvalue()


def test_what_matches_no_route_is_told_without_its_address(visitor: Visitor, lines: io.StringIO) -> None:
    visitor.client.open("/nulle-part", method="PROPFIND")
    [line] = [line for line in parsed(lines) if line["logger"] == "portal.requests"]
    assert (line["method"], line["route"], line["status"]) == ("other", "none", 404)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("4f1c0a52d3b94e6f8a7b6c5d4e3f2a1b", True), ("123e4567-e89b-12d3-a456-426614174000", True), ("Claire-Martin", False),
     ("abc", False), ("a" * 65, False), ("4f1c0a52\td3b94e6f", False)],
)  # fmt: skip
def test_the_id_of_a_proxy_is_kept_when_it_can_only_be_an_id(visitor: Visitor, sent: str, kept: bool) -> None:
    answer = visitor.get("/healthz", headers={"X-Request-ID": sent})
    returned = answer.headers["X-Request-ID"]
    assert (returned == sent) is kept
    assert re.fullmatch(r"[0-9a-f-]{8,64}", returned)


def test_text_is_for_the_eye() -> None:
    out = io.StringIO()
    record = logging.LogRecord("portal.requests", logging.INFO, __file__, 1, "request", None, None)
    record.facts = {"route": "/healthz"}
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.TextFormatter())
    with logs.during(logs.Doing(request="1234abcd")):
        handler.emit(record)
    assert out.getvalue().endswith("INFO portal.requests: request [request=1234abcd route=/healthz]\n")


# --- metrics ----------------------------------------


def values(answer: TestResponse) -> dict[str, float]:
    """The samples, by name and labels."""
    assert answer.status_code == 200
    found = re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", answer.text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def test_metrics_tell_what_was_done_and_what_waits(
    visitor: Visitor, data: Database, report: Callable[..., str], portal: Flask
) -> None:
    before = values(visitor.get("/metrics"))
    journey(visitor, report)

    def stuck(_session: Session) -> None:
        raise Unavailable

    with data.transaction() as session:
        jobs.promise(session, "sweep_files")
    jobs.drain(data, {**HANDLERS, "sweep_files": lambda session, _: stuck(session)})
    after = values(visitor.get("/metrics"))

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    step = 'parvis_step_seconds_count{move="step_completed",procedure="signalement",version="1"}'
    assert grown(step) == 2
    assert grown('parvis_step_seconds_count{move="filed",procedure="signalement",version="1"}') == 1
    route = "/demandes/<reference>/etapes/<element_id>"
    assert grown(f'parvis_http_request_seconds_count{{method="POST",route="{route}",status="3xx"}}') == 3
    assert grown('parvis_job_seconds_count{kind="send_mail",outcome="done"}') == 1
    assert grown('parvis_job_seconds_count{kind="sweep_files",outcome="failed"}') == 1
    assert grown('parvis_errors_total{error="Unavailable",where="job"}') == 1
    assert after['parvis_jobs{kind="sweep_files",state="scheduled"}'] == 1
    assert after["parvis_open_incidents"] == 0
    assert after["parvis_database_up"] == 1
    assert NAME not in visitor.get("/metrics").text


def test_metrics_tell_how_long_the_oldest_job_has_waited(
    visitor: Visitor, data: Database, clock_at: Callable[[str], Any]
) -> None:
    clock_at("2027-01-31 10:00")
    with data.transaction() as session:
        jobs.promise(session, "send_mail", key="old")
    clock_at("2027-01-31 10:05")
    found = values(visitor.get("/metrics"))
    assert found['parvis_jobs{kind="send_mail",state="due"}'] == 1
    assert found['parvis_oldest_job_age_seconds{kind="send_mail"}'] == 300


def test_errors_are_counted_by_class(visitor: Visitor, portal: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck() -> None:
        raise ProcessStuck("instruction", "no branch matches")

    monkeypatch.setitem(portal.view_functions, "public.show_catalogue", _like(portal, stuck))
    name = 'parvis_errors_total{error="ProcessStuck",where="portal"}'
    before = values(visitor.get("/metrics")).get(name, 0.0)
    assert visitor.get("/demarches").status_code == 503
    assert values(visitor.get("/metrics"))[name] == before + 1


def test_a_database_that_is_away_takes_no_metrics_with_it(
    visitor: Visitor, data: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(data, "read", away)
    found = values(visitor.get("/metrics"))
    assert found["parvis_database_up"] == 0
    assert "parvis_open_incidents" not in found
    assert any(name.startswith("parvis_http_request_seconds") for name in found)


@pytest.mark.parametrize(
    ("hops", "headers", "address", "status"),
    [
        (0, {}, "127.0.0.1", 200),
        (0, {}, "::1", 200),
        (0, {}, "192.0.2.7", 404),
        (0, {}, "", 404),
        # A proxy of this machine that nobody told us of speaks for somebody else.
        (0, {"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", 404),
        (1, {"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", 200),
    ],
)
def test_without_a_token_only_this_machine_reads_metrics(
    visitor: Visitor, hops: int, headers: dict[str, str], address: str, status: int
) -> None:
    config.use(replace(config.current(), proxy_hops=hops))
    answer = visitor.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("shown", "status"),
    [("", 404), ("Bearer autre", 404), ("Bearer é", 404), ("le jeton", 404), ("Bearer le jeton", 200)],
)
def test_with_a_token_whoever_shows_it_reads_metrics(visitor: Visitor, shown: str, status: int) -> None:
    config.use(replace(config.current(), metrics_token="le jeton"))
    for address in ("127.0.0.1", "192.0.2.7"):
        answer = visitor.get("/metrics", headers={"Authorization": shown}, environ_base={"REMOTE_ADDR": address})
        assert answer.status_code == status


def test_the_dashboard_asks_for_metrics_that_exist(
    visitor: Visitor, data: Database, report: Callable[..., str]
) -> None:
    report(visitor, filed=True)
    jobs.drain(data, HANDLERS)
    visitor.get("/metrics")
    with data.transaction() as session:
        jobs.promise(session, "send_mail", key="waits")
    exposed = visitor.get("/metrics").text
    families = set(re.findall(r"^# TYPE (\w+) ", exposed, re.MULTILINE))
    samples = set(re.findall(r"^(parvis_\w+)", exposed, re.MULTILINE))
    labels = {
        name: set(re.findall(r"(\w+)=\"", line)) for line in exposed.splitlines() for name in [line.split("{")[0]]
    }
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "parvis.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(queries) >= 10
    asked = {name for query in queries for name in re.findall(r"parvis_\w+", query)}
    assert asked - samples - {"parvis_errors_total"} == set()
    assert {name for name in families if name.startswith("parvis_")} - {
        re.sub(r"_(bucket|sum|count|total)$", "", name) for name in asked
    } - asked == set(), "what no panel shows"
    for query in queries:
        (name,) = set(re.findall(r"parvis_\w+", query)) or {""}
        for grouped in re.findall(r"by \(([^)]*)\)", query):
            assert set(re.split(r",\s*", grouped)) <= labels.get(name, set()) | {"error", "where", "le"}, query


# --- traces ----------------------------------------


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    traces.start(None, SimpleSpanProcessor(kept))
    yield kept
    traces.stop()


def test_traces_go_from_the_request_to_its_statements(
    spans: InMemorySpanExporter, portal: Flask, visitors: Callable[[], Visitor], report: Callable[..., str]
) -> None:
    """Engines opened while traces are on are watched: the portal's own is opened again."""
    url = portal.extensions["database"].url
    portal.extensions["database"].close()
    portal.extensions["database"] = Database(url)
    reference = journey(visitors(), report)
    jobs.drain(portal.extensions["database"], HANDLERS)
    found = spans.get_finished_spans()
    by_id = {span.context.span_id: span for span in found}
    [move] = [span for span in found if span.name == "move submit_step" and _filed(span, found)]
    attributes = dict(move.attributes or {})
    assert attributes["procedure"] == "signalement"
    assert attributes["case"] == reference
    request = by_id[move.parent.span_id] if move.parent else None
    assert request is not None
    assert request.name == "POST /demandes/<reference>/etapes/<element_id>"
    assert dict(request.attributes or {})["http.response.status_code"] == 303
    assert request.parent is None
    asked = " ".join(_statements(move, found))
    assert "INSERT INTO history" in asked
    assert 'UPDATE "case"' in asked
    assert any(span.name == "job send_mail" for span in found)
    told = json.dumps(
        [[span.name, dict(span.attributes or {}), [dict(e.attributes or {}) for e in span.events]] for span in found]
    )
    assert NAME not in told


def _filed(move: Any, found: Any) -> bool:
    """Whether this move is the last one: it writes the acknowledgement."""
    return any("INTO mail" in statement for statement in _statements(move, found))


def _statements(move: Any, found: Any) -> list[str]:
    """What a move asked of the database, and what its request did beside it: on PostgreSQL what is written leaves with the
    commit."""
    near = {move.context.span_id, move.parent.span_id}
    return [
        span.attributes["db.statement"]
        for span in found
        if span.parent and span.parent.span_id in near and "db.statement" in span.attributes
    ]


def test_a_span_says_the_class_of_an_error_and_no_more(spans: InMemorySpanExporter) -> None:
    with pytest.raises(KeyError), traces.span("move"):
        raise KeyError(NAME)
    [span] = spans.get_finished_spans()
    assert span.status.description == "KeyError"
    assert span.events == ()


def test_without_traces_a_span_is_nothing() -> None:
    assert traces.span("one", case="a") is traces.span("two")
    traces.tell(case="a")


def test_traces_without_their_packages_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigurationError, match=r"requirements-traces\.lock"):
        traces.start("http://127.0.0.1:4318/v1/traces")
