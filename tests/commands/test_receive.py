"""`./parvis receive`: what a mail server learns of a message it hands over (D2, D3)."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.sqlite_only


@pytest.mark.usefixtures("installed")
def test_what_is_refused_goes_back_with_a_reason(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b"From: nadia@exemple.fr\nTo: echanges@valmont.example\n\nBonjour\n"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    assert run("receive") == (77, "", "Cette adresse ne reçoit que les réponses à nos messages.\n")


@pytest.mark.usefixtures("installed")
def test_an_absence_is_ignored(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b"From: nadia@exemple.fr\nAuto-Submitted: auto-replied\n\nAbsente.\n"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    assert run("receive") == (0, "ignored\n", "")
