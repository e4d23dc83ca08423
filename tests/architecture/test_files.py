"""What a file of the house may be called, how long it may get and what it may not say."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

# One noun a file, about 500 lines; past these it has become two nouns.
LINES_MAX = 700
TEST_LINES_MAX = 800
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "service", "services", "misc", "common"}
# Namespaces and identifiers that look like addresses, places that nobody owns (RFC 2606, RFC 6761), those of FranceConnect and
# ProConnect, whose rules prescribe a link beside their buttons and whose issuers operators declare, and that of the Défenseur des
# droits, to whom a declaration of accessibility has to lead.
HOSTS = re.compile(
    r"(www\.w3\.org|www\.omg\.org|spiffworkflow\.org|json-schema\.org|bpmn\.io|camunda\.org|www\.iso\.org|([\w-]+\.)*(dev-)?(france|pro)connect(\.gouv)?\.fr|formulaire\.defenseurdesdroits\.fr|([\w-]+\.)*ex[ae]mple(\.\w+)?"
    r"|([\w-]+\.)*(test|invalid|localhost)|127\.0\.0\.1|\[::1\]|[\w-]*)(:\w*)?"
)
ADDRESS = re.compile(r"https?://([\w.:\[\]-]*)")
# A path from the root of someone's machine, apart from those that every Debian has.
OWN_PATH = re.compile(r"(?<![\w./}-])/(work|root|home|opt|Users|mnt)/")
TEXT = {
    ".py",
    ".sh",
    ".toml",
    ".lock",
    ".json",
    ".yaml",
    ".yml",
    ".md",
    ".bpmn",
    ".dmn",
    ".html",
    ".css",
    ".js",
    ".mjs",
    "",
}


def _texts(tracked: list[Path]) -> list[tuple[Path, str]]:
    return [(path, path.read_text("utf-8")) for path in tracked if path.suffix in TEXT]


def test_no_file_is_too_long_to_be_read(tracked: list[Path]) -> None:
    lengths = {path: path.read_text().count("\n") for path in tracked if path.suffix == ".py"}
    most = {path: TEST_LINES_MAX if path.name.startswith("test_") else LINES_MAX for path in lengths}
    assert {path: lines for path, lines in lengths.items() if lines > most[path]} == {}


def test_every_file_is_named_after_its_noun(tracked: list[Path], root: Path) -> None:
    named = {
        path for path in tracked if EMPTY_NAMES & {part.lower() for part in (path.stem, *path.relative_to(root).parts)}
    }
    assert named == set()


def test_nothing_names_a_registry_or_a_machine(tracked: list[Path], root: Path) -> None:
    """Locks carry hashes and no addresses: everyone reaches the registries in their own way."""
    found = [
        f"{path.relative_to(root)}: {text}"
        for path, content in _texts(tracked)
        for text in [match[0] for match in ADDRESS.finditer(content) if not HOSTS.fullmatch(match[1])]
        + [match[0] for match in OWN_PATH.finditer(content)]
        if path != Path(__file__)
    ]
    assert found == []


def test_scripts_can_be_run(tracked: list[Path], root: Path) -> None:
    scripts = [path for path in tracked if path.suffix in ("", ".sh") and path.read_bytes().startswith(b"#!")]
    assert root / "parvis" in scripts
    assert [path for path in scripts if not os.access(path, os.X_OK)] == []
    for path in scripts:
        shell = path.read_text().partition("\n")[0].removeprefix("#!")
        if shell in ("/bin/sh", "/bin/bash"):
            subprocess.run([shell, "-n", path], check=True)
