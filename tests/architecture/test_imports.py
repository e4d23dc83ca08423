"""Who may import whom: the contracts of pyproject.toml, and what a start may load."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path


def test_every_import_goes_down_the_house(root: Path) -> None:
    lint_imports = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run(
        [lint_imports, "--no-cache", "--no-logo"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_help_needs_nothing_installed(root: Path) -> None:
    """Help works on a machine where nothing is set up, and every start pays for what help imports."""
    code = (
        "import sys; from commands.__main__ import build_parser; build_parser();"
        "names = {name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names;"
        "print(*sorted(names - {'commands', '__main__'}))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "."},
    )
    assert done.stdout.split() == []
