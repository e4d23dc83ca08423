"""`./parvis` itself: what it prepares, in which order, and what it says where it may not.

Python, apt and the like are played by scripts that write down how they were called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
VENV_PYTHON = """#!/bin/sh
echo "venv $*" >>"$CALLS"
case "$*" in *"pip install"*) [ -z "${PIP_FAILS:-}" ] || { echo "no such hash"; exit 1; } ;; esac
"""
PYTHON = f"""#!/bin/sh
case "$*" in
    *version_info*) exit "${{OLD_PYTHON:-0}}" ;;
    *ensurepip*) [ -e "$INSTALLED/python3-venv" ] ;;
    *find_library*) for name; do :; done; set -- "$INSTALLED/lib$name"*; [ -e "$1" ] ;;
    "-m venv"*) for folder; do :; done; mkdir -p "$folder/bin"; cp "$STUBS/venv-python" "$folder/bin/python" ;;
    *) exec {sys.executable} "$@" ;;
esac
"""
APT = """#!/bin/sh
echo "apt-get $*" >>"$CALLS"
for word; do touch "$INSTALLED/${word##*/}"; done
"""
TOOLS = (
    "sh",
    "cat",
    "chmod",
    "cmp",
    "cp",
    "dirname",
    "env",
    "flock",
    "ls",
    "mkdir",
    "readlink",
    "tail",
    "touch",
    "true",
)


@dataclass
class House:
    """A copy of the entry point with stubs around it."""

    root: Path
    stubs: Path
    calls: Path
    installed: Path

    def run(self, *arguments: str, cwd: Path | None = None, command: Path | None = None, **settings: str):  # type: ignore[no-untyped-def]
        self.calls.write_text("")
        return subprocess.run(
            [command or self.root / "parvis", *arguments],
            cwd=cwd or self.root,
            env={
                "PATH": str(self.stubs),
                "CALLS": str(self.calls),
                "INSTALLED": str(self.installed),
                "STUBS": str(self.stubs),
                **settings,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines()

    def stub(self, name: str, script: str) -> None:
        (self.stubs / name).write_text(script)
        (self.stubs / name).chmod(0o755)


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "a house", tmp_path / "bin", tmp_path / "calls", tmp_path / "installed")
    for folder in (house.root, house.stubs, house.installed):
        folder.mkdir()
    shutil.copy(ROOT / "parvis", house.root)
    shutil.copytree(ROOT / "commands", house.root / "commands")
    for name in ("requirements.lock", "requirements-dev.lock"):
        (house.root / name).write_text(f"{name} as first written\n")
    for tool in TOOLS:
        os.symlink(str(shutil.which(tool)), house.stubs / tool)
    house.stub("python3", PYTHON)
    house.stub("venv-python", VENV_PYTHON)
    house.stub("apt-get", APT)
    house.stub("id", "#!/bin/sh\necho ${USER_ID:-0}\n")
    return house


def installs(lock: str) -> Callable[[str], bool]:
    return lambda call: "pip install" in call and "--require-hashes" in call and call.endswith(f"/{lock}")


def test_the_first_start_prepares_everything_and_the_second_nothing(house: House) -> None:
    first = house.run("up", "--port", "1")
    assert first.returncode == 0, first.stderr
    apt_update, apt_install, *rest = house.called()
    assert apt_update == "apt-get -q update"
    assert "--no-install-recommends install python3-venv libmagic1 libpango-1.0-0" in apt_install
    assert any(map(installs("requirements.lock"), rest))
    assert rest[-1] == "venv -P -m commands up --port 1"
    assert first.stderr.count("•") == 4, "one line of progress for each long step"

    second = house.run("up", "--port", "1")
    assert (second.returncode, second.stderr) == (0, "")
    assert house.called() == ["venv -P -m commands up --port 1"]


def test_a_new_lock_is_installed_again(house: House) -> None:
    house.run("up")
    (house.root / "requirements.lock").write_text("requirements.lock as written again\n")
    house.run("up")
    assert any(map(installs("requirements.lock"), house.called()))
    assert not any(call.startswith("apt-get") for call in house.called())


def test_the_tests_bring_their_own_packages_which_hold_the_others(house: House) -> None:
    house.run("test", "-q")
    assert any(map(installs("requirements-dev.lock"), house.called()))
    assert house.called()[-1] == "venv -P -m commands test -q"
    assert {"chromium", "libatomic1", "libmagic1", "redis-server"} <= set(house.called()[1].split())
    house.run("up")
    assert house.called() == ["venv -P -m commands up"]


def test_a_cluster_brings_its_servers_and_no_browser(house: House) -> None:
    house.run("cluster")
    assert "redis-server" in house.called()[1].split()
    assert "chromium" not in house.called()[1].split()
    assert any(map(installs("requirements.lock"), house.called()))


def test_without_rights_it_says_what_to_install(house: House) -> None:
    house.stub("sudo", "#!/bin/sh\nexit 1\n")
    done = house.run("up", USER_ID="1000")
    assert done.returncode == 1
    assert "apt-get install --no-install-recommends python3-venv libmagic1" in done.stderr
    assert house.called() == []


def test_sudo_is_used_where_it_asks_nothing(house: House) -> None:
    house.stub("sudo", '#!/bin/sh\necho "sudo $*" >>"$CALLS"\nshift\nexec "$@"\n')
    assert house.run("up", USER_ID="1000").returncode == 0
    assert house.called()[0] == "sudo -n true"
    assert "sudo -n apt-get -q update" in house.called()


def test_another_system_says_what_is_missing(house: House) -> None:
    (house.stubs / "apt-get").unlink()
    done = house.run("up")
    assert done.returncode == 1
    assert "lacks what these Debian packages bring: python3-venv libmagic1" in done.stderr


def test_an_old_python_is_refused(house: House) -> None:
    done = house.run("up", OLD_PYTHON="1")
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr


def test_a_step_that_fails_shows_why_and_is_done_again(house: House) -> None:
    failed = house.run("up", PIP_FAILS="yes")
    assert failed.returncode == 1
    assert "no such hash" in failed.stderr
    assert "setup.log" in failed.stderr
    assert house.run("up").returncode == 0
    assert any(map(installs("requirements.lock"), house.called()))


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_installs_nothing(house: House, arguments: list[str]) -> None:
    done = house.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "prepare what is missing" in done.stdout
    assert house.called() == []
    assert not (house.root / ".venv").exists()


def test_it_works_through_a_link_and_from_anywhere(house: House, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "parvis"
    link.parent.mkdir()
    link.symlink_to(Path("..") / house.root.name / "parvis")
    assert house.run("up", command=link, cwd=tmp_path).returncode == 0
    assert (house.root / ".venv" / "requirements.lock").is_file()
