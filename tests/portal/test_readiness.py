"""Health and readiness are two questions: is this process to be started again, and may requests be sent to it (G1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from engine.core import db
from engine.core.db import Database


@pytest.mark.parametrize(("migrated", "status", "said"), [(True, 200, "ready\n"), (False, 503, "prepare")])
def test_it_is_ready_when_the_schema_is_that_of_the_release(
    visitor: Any, monkeypatch: pytest.MonkeyPatch, migrated: bool, status: int, said: str
) -> None:
    monkeypatch.setattr(db, "is_migrated", lambda _session: migrated)
    answer = visitor.get("/readyz")
    assert answer.status_code == status
    assert said in answer.text


def test_without_its_database_it_is_healthy_and_not_ready(portal: Flask, visitor: Any, tmp_path: Path) -> None:
    real = portal.extensions["database"]
    portal.extensions["database"] = Database(f"postgresql://nobody@/none?host={tmp_path}")
    try:
        assert visitor.get("/healthz").status_code == 200
        ready = visitor.get("/readyz")
        assert (ready.status_code, ready.text) == (503, "the database does not answer\n")
        page = visitor.get("/demarches")
        assert page.status_code == 503, "a page in plain words, no failure of ours"
        assert "momentanément indisponible" in page.text
    finally:
        portal.extensions["database"].close()
        portal.extensions["database"] = real
