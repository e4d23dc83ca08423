"""An installation for the commands to work on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from commands.__main__ import main
from engine.core import config
from engine.core.db import Database

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("jobs", "--failed")` as typed in a terminal, on the folder of the test: exit status, output, errors."""
    monkeypatch.setenv("PARVIS_DATA", str(tmp_path))
    monkeypatch.setattr(config, "_current", None)

    def typed(*arguments: str) -> tuple[int, str, str]:
        # A command may close the files it makes to others for as long as its process lasts: here it lasts for all tests.
        umask = os.umask(0o022)
        try:
            status = main(arguments)
        finally:
            os.umask(umask)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return typed


@pytest.fixture
def installed(template: str, tmp_path: Path) -> Iterator[Database]:
    """The empty database of an installation in the folder of the test."""
    shutil.copyfile(str(make_url(template).database), tmp_path / "parvis.sqlite3")
    database = Database(f"sqlite:///{tmp_path / 'parvis.sqlite3'}")
    yield database
    database.close()
