"""The JSON Schema Test Suite, draft 2020-12, against the validator as forms use it.

Its cases travel in the source package of `jsonschema`, fetched once from the Python package index at the version and hash
of the lock.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from jsonschema.exceptions import _WrappedReferencingError

from engine.core.errors import DefinitionError
from engine.procedures.forms import schema

ROOT = Path(__file__).parents[4]

# Formats are rules in our forms, not notes.
FORMATS = {
    ("format.json", f"{name} format", f"invalid {name} string is only an annotation by default")
    for name in ("email", "date", "uuid")
}
# Its dialect is a remote document: refused, so its missing vocabulary isn't known.
VOCABULARY = {
    (
        "vocabulary.json",
        "schema that uses custom metaschema with with no validation vocabulary",
        "no validation: invalid number, but it still validates",
    ),
}
# Each needs a document of another server, and is refused with an error instead of an answer.
REMOTE = {"refRemote.json": 31, "dynamicRef.json": 13}
# Valid by the letter of RFC 5321, refused by us: no resident has such an address, many typing errors look like one.
ODD_ADDRESSES = {
    '"joe bloggs"@example.com',
    '"joe..bloggs"@example.com',
    '"joe@bloggs"@example.com',
    "joe.bloggs@[127.0.0.1]",
    "joe.bloggs@[IPv6:::1]",
}


@pytest.fixture(scope="module")
def suite() -> Path:
    number = version("jsonschema")
    folder = ROOT / ".cache" / "json-schema-test-suite" / number
    found = folder / f"jsonschema-{number}" / "json" / "tests" / "draft2020-12"
    if not found.exists():
        folder.mkdir(parents=True, exist_ok=True)
        options = [
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-binary",
            "jsonschema",
            "--dest",
            str(folder),
        ]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, f"jsonschema=={number}"], check=True)
        archive = folder / f"jsonschema-{number}.tar.gz"
        assert hashlib.sha256(archive.read_bytes()).hexdigest() in (ROOT / "requirements.lock").read_text()
        with tarfile.open(archive) as package:
            # Debian 12's Python has no filters yet.
            package.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # noqa: S202 - its hash was just checked
    return found


def cases(folder: Path) -> Iterator[tuple[tuple[str, str, str], Any, Any, bool]]:
    for path in sorted(folder.glob("*.json")):
        for group in json.loads(path.read_text()):
            for test in group["tests"]:
                name = (path.name, group["description"], test["description"])
                yield name, group["schema"], test["data"], test["valid"]


def test_every_case_but_those_listed(suite: Path) -> None:
    wrong, refused, run = set(), {}, 0
    for name, one, data, valid in cases(suite):
        run += 1
        try:
            if schema.validator(one).is_valid(data) != valid:
                wrong.add(name)
        except _WrappedReferencingError:
            refused[name[0]] = refused.get(name[0], 0) + 1
    assert run > 1200
    assert wrong == FORMATS | VOCABULARY
    assert refused == REMOTE


def test_following_references_keeps_the_meaning(suite: Path) -> None:
    """Forms are validated with their references replaced by what they lead to: the same answers must come out."""
    wrong, run = set(), 0
    for name, one, data, valid in cases(suite):
        text = json.dumps(one)
        # Forms ignore these words about fields that the schema doesn't name.
        if not isinstance(one, dict) or "additionalProperties" in text or "unevaluated" in text:
            continue
        try:
            expanded = schema.expand("s.json", {"s.json": one})
        except DefinitionError:
            assert "$ref" in text or "$dynamicRef" in text
            continue
        run += 1
        if schema.validator(expanded).is_valid(data) != valid:
            wrong.add(name)
    assert run > 900
    assert wrong == FORMATS | VOCABULARY


@pytest.mark.parametrize("name", ["email", "date", "uuid"])
def test_formats_are_checked_for_real(suite: Path, name: str) -> None:
    groups = json.loads((suite / "optional" / "format" / f"{name}.json").read_text())
    tests = [(group["schema"], test) for group in groups for test in group["tests"]]
    wrong = {test["data"] for one, test in tests if schema.validator(one).is_valid(test["data"]) != test["valid"]}
    assert len(tests) > 10
    assert wrong == (ODD_ADDRESSES if name == "email" else set())
